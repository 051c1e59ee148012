//! The normal equations of an additive law's linear coefficients, at any place of a grid over the
//! others.
//!
//! A term's shape depends on the searched coefficients of that term alone, so each shape is computed
//! once, and a place of the grid costs no exponential.

use pulp::Simd;

use super::columns::{Column, Columns, Linear};
use super::surface::Surface;
use super::{Work, dispatch, math};
use crate::objective::Residual;
use crate::project::{Grid, Normal};

/// What a term is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Factor {
    /// A linear coefficient, by its column in the normal equations.
    Solved(usize),
    /// Coefficients that are given.
    Known,
}

/// One term at every combination of the searched coefficients that it depends on.
struct Shape {
    factor: Factor,
    /// Places of those coefficients among the searched ones, and how many values each has.
    digits: Vec<(usize, usize)>,
    /// Weighted rows, by combination.
    rows: Vec<Vec<f64>>,
}

impl Shape {
    /// The number of the combination at a place.
    fn number(&self, place: &[usize]) -> usize {
        let number =
            |number: usize, (digit, length): &(usize, usize)| number * length + place[*digit];
        self.digits.iter().fold(0, number)
    }

    fn at(&self, place: &[usize]) -> &[f64] {
        &self.rows[self.number(place)]
    }
}

/// All terms of a law at the rows of a fit, weighted as the projection weighs them.
pub(crate) struct Shapes {
    shapes: Vec<Shape>,
    target: Vec<f64>,
    columns_n: usize,
    /// Where every term is solved for: all products of their rows, made once.
    products: Option<Products>,
}

/// Products of the rows of all combinations of all terms, and of each with the target.
struct Products {
    /// Where the combinations of each term begin.
    begins: Vec<usize>,
    rows_n: usize,
    /// Those below the diagonal are zero.
    square: Vec<f64>,
    target: Vec<f64>,
    target_square: f64,
}

/// More rows than these are multiplied where they are asked for.
const PRODUCTS_MAX: usize = 128;

impl Products {
    fn new(shapes: &[Shape], target: &[f64]) -> Option<Self> {
        let rows: Vec<&Vec<f64>> = shapes.iter().flat_map(|shape| &shape.rows).collect();
        let is_solved = |shape: &Shape| shape.factor != Factor::Known;
        if !shapes.iter().all(is_solved) || rows.len() > PRODUCTS_MAX {
            return None;
        }
        let mut begins = vec![0];
        for shape in shapes {
            begins.push(begins[begins.len() - 1] + shape.rows.len());
        }
        let rows_n = rows.len();
        let mut square = vec![0.0; rows_n * rows_n];
        for (number, pair) in begins.windows(2).enumerate() {
            for i in pair[0]..pair[1] {
                square[i * rows_n + i] = dot(rows[i], rows[i]);
                for j in begins[number + 1]..rows_n {
                    square[i * rows_n + j] = dot(rows[i], rows[j]);
                }
            }
        }
        let with_target = rows.iter().map(|row| dot(row, target)).collect();
        let target_square = dot(target, target);
        Some(Self { begins, rows_n, square, target: with_target, target_square })
    }
}

impl Shapes {
    /// None where a term holds two coefficients to solve for, or one that is not its plain factor.
    pub(crate) fn new<const P: usize>(grid: &Grid<P>, surface: &Surface<P>) -> Option<Self> {
        let columns = &surface.columns;
        let weights = weights(columns, surface.residual);
        let observed = columns.ln_response.iter().zip(&weights).map(|(ln, w)| ln.exp() * w);
        let mut target: Vec<f64> = observed.collect();
        let mut shapes = Vec::new();
        let place_of = |i: usize| grid.linear.iter().position(|linear| *linear == i);
        add(&mut target, &columns.linear.constant, -1.0, &weights);
        for (i, slope) in &columns.linear.slopes {
            if let Some(column) = place_of(*i) {
                let mut rows = vec![0.0; target.len()];
                add(&mut rows, slope, 1.0, &weights);
                shapes.push(Shape {
                    factor: Factor::Solved(column),
                    digits: Vec::new(),
                    rows: vec![rows],
                });
            } else if grid.is_searched(*i) {
                return None;
            } else {
                add(&mut target, slope, -grid.fixed_fit[*i], &weights);
            }
        }
        for (sign, term) in &columns.terms {
            shapes.push(shape(grid, *sign, term, &weights)?);
        }
        let products = Products::new(&shapes, &target);
        Some(Self { shapes, target, columns_n: grid.linear.len(), products })
    }

    /// The normal equations at a place of the grid.
    pub(crate) fn normal<const P: usize>(&self, place: &[usize]) -> Normal<P> {
        if let Some(products) = &self.products {
            return self.looked_up(products, place);
        }
        let mut target = self.target.clone();
        for shape in self.shapes.iter().filter(|shape| shape.factor == Factor::Known) {
            target.iter_mut().zip(shape.at(place)).for_each(|(t, row)| *t -= row);
        }
        let mut normal = Normal::zero(self.columns_n, dot(&target, &target));
        for (number, a) in self.shapes.iter().enumerate() {
            let Factor::Solved(i) = a.factor else { continue };
            let rows = a.at(place);
            normal.vector[i] += dot(rows, &target);
            for b in &self.shapes[number..] {
                let Factor::Solved(j) = b.factor else { continue };
                let product = dot(rows, b.at(place));
                normal.matrix[i][j] += product;
                if !std::ptr::eq(a, b) {
                    normal.matrix[j][i] += product;
                }
            }
        }
        normal
    }
}

impl Shapes {
    /// The normal equations by products that are known.
    fn looked_up<const P: usize>(&self, products: &Products, place: &[usize]) -> Normal<P> {
        let mut normal = Normal::zero(self.columns_n, products.target_square);
        let row = |number: usize| products.begins[number] + self.shapes[number].number(place);
        for (number, a) in self.shapes.iter().enumerate() {
            let Factor::Solved(i) = a.factor else { continue };
            let row_a = row(number);
            normal.vector[i] += products.target[row_a];
            for (other, b) in self.shapes.iter().enumerate().skip(number) {
                let Factor::Solved(j) = b.factor else { continue };
                let product = products.square[row_a * products.rows_n + row(other)];
                normal.matrix[i][j] += product;
                if other != number {
                    normal.matrix[j][i] += product;
                }
            }
        }
        normal
    }
}

/// The shape of one term.
fn shape<const P: usize>(
    grid: &Grid<P>,
    sign: f64,
    term: &Linear,
    weights: &[f64],
) -> Option<Shape> {
    let mut factor = Factor::Known;
    let mut known = vec![0.0; weights.len()];
    let unit = vec![1.0; weights.len()];
    add(&mut known, &term.constant, 1.0, &unit);
    let mut digits = Vec::new();
    let mut searched = Vec::new();
    for (i, slope) in &term.slopes {
        if let Some(column) = grid.linear.iter().position(|linear| linear == i) {
            if factor != Factor::Known || *slope != Column::Constant(1.0) {
                return None;
            }
            factor = Factor::Solved(column);
        } else if let Some(place) = grid.searched.iter().position(|(j, _)| j == i) {
            digits.push((place, grid.searched_fit[place].len()));
            searched.push((place, slope));
        } else {
            add(&mut known, slope, grid.fixed_fit[*i], &unit);
        }
    }
    let combinations: usize = digits.iter().map(|(_, length)| length).product();
    let rows = (0..combinations).map(|mut number| {
        let mut exponent = known.clone();
        for (place, slope) in searched.iter().rev() {
            let values = &grid.searched_fit[*place];
            add(&mut exponent, slope, values[number % values.len()], &unit);
            number /= values.len();
        }
        dispatch(Exponentials(&mut exponent));
        exponent.iter_mut().zip(weights).for_each(|(e, w)| *e *= sign * w);
        exponent
    });
    Some(Shape { factor, rows: rows.collect(), digits })
}

/// Replaces the numbers of a column, which is whole blocks, by their exponentials.
struct Exponentials<'a>(&'a mut [f64]);

impl Work for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, _: S) {
        self.0.as_chunks_mut().0.iter_mut().for_each(math::exp::<FMA>);
    }
}

/// The square root of each row's weight in the projection's least squares.
fn weights<const P: usize>(columns: &Columns<P>, residual: Residual) -> Vec<f64> {
    let weight = |(weight, ln): (&f64, &f64)| residual.row_scale(*weight, *ln);
    columns.weights.iter().zip(&columns.ln_response).map(weight).collect()
}

/// Adds `factor` times a column, weighted, to `rows`.
fn add(rows: &mut [f64], column: &Column, factor: f64, weights: &[f64]) {
    match column {
        Column::Constant(value) => {
            rows.iter_mut().zip(weights).for_each(|(row, w)| *row += factor * value * w);
        }
        Column::Rows(values) => {
            let values = values.iter().zip(weights);
            rows.iter_mut().zip(values).for_each(|(row, (v, w))| *row += factor * v * w);
        }
    }
}

/// The sum of products, in eight lanes.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}
