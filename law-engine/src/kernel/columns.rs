//! The numbers c and z of an additive law at every row, as columns.

use std::borrow::Cow;
use std::ops::Range;

use super::pass::Slope;
use super::trace::{Form, Term};
use super::{BLOCK, dispatch};
use crate::catalogue::{Fittable, Row};
use crate::curve::Point;
use crate::law::{Pull, Theta};
use crate::objective::{Huber, Residual};

/// Rows of one of two tables: which, and from where to where.
pub(crate) type Piece = (usize, Range<usize>);

/// One number of every row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    /// The same everywhere.
    Constant(f64),
    /// One for each row, padded to whole blocks.
    Rows(Vec<f64>),
}

impl Column {
    const ZERO: Self = Self::Constant(0.0);

    /// The number of each row.
    fn rows(&self, rows_n: usize) -> Cow<'_, [f64]> {
        match self {
            Self::Constant(value) => Cow::Owned(vec![*value; rows_n]),
            Self::Rows(rows) => Cow::Borrowed(rows),
        }
    }
}

/// `constant + slopes . theta` at every row.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub(crate) constant: Column,
    /// The parameters that it depends on, each with its slope.
    pub(crate) slopes: Vec<(usize, Column)>,
}

impl Linear {
    /// The slope of a parameter that it depends on.
    fn slope(&self, parameter: usize) -> Option<&Column> {
        self.slopes.iter().find(|(i, _)| *i == parameter).map(|(_, slope)| slope)
    }
}

/// An additive law at the rows of a fit. The last block is filled up with repetitions of the last
/// row that weigh nothing.
#[derive(Clone, Debug)]
pub(crate) struct Columns<const P: usize> {
    pub(crate) rows_n: usize,
    pub(crate) linear: Linear,
    /// Each term with its sign.
    pub(crate) terms: Vec<(f64, Linear)>,
    pub(crate) ln_response: Vec<f64>,
    pub(crate) weights: Vec<f64>,
}

impl<const P: usize> Columns<P> {
    /// The columns of a law at `points`; none where the law is not additive there.
    pub(crate) fn new(law: &Fittable<'_, P>, points: &[Point<Row<'_>>]) -> Option<Self> {
        if !law.equation.is_additive() || points.is_empty() {
            return None;
        }
        let coefficients = law.traces();
        let mut linear: Vec<Form<P>> = Vec::with_capacity(points.len());
        let mut terms: Vec<(f64, Vec<Form<P>>)> = Vec::new();
        for (row, point) in points.iter().enumerate() {
            let trace = law.equation.trace(coefficients, point.x);
            let (form, found) = trace.parts()?;
            linear.push(*form);
            if row == 0 {
                let empty = |term: &Term<P>| (term.sign, Vec::with_capacity(points.len()));
                terms = found.iter().map(empty).collect();
            }
            if found.len() != terms.len() {
                return None;
            }
            for ((sign, forms), term) in terms.iter_mut().zip(found) {
                if *sign != term.sign {
                    return None;
                }
                forms.push(term.exponent);
            }
        }
        let padded_n = points.len().next_multiple_of(BLOCK);
        let mut weights: Vec<f64> = points.iter().map(|point| point.weight).collect();
        weights.resize(padded_n, 0.0);
        let ln_response = padded(points.iter().map(|point| point.ln_loss));
        let terms = terms.iter().map(|(sign, forms)| Some((*sign, transpose(forms)?)));
        Some(Self {
            rows_n: points.len(),
            linear: transpose(&linear)?,
            terms: terms.collect::<Option<_>>()?,
            ln_response,
            weights,
        })
    }

    /// Every `stride`-th row.
    pub(crate) fn sample(&self, stride: usize) -> Self {
        let rows: Vec<Piece> =
            (0..self.rows_n).step_by(stride).map(|row| (0, row..row + 1)).collect();
        Self::pick([self, self], &rows).expect("columns fit together with themselves")
    }

    /// Pieces of two tables; none where the terms of the tables are not the same, or nothing is
    /// picked.
    pub(crate) fn pick(tables: [&Self; 2], pieces: &[Piece]) -> Option<Self> {
        let [a, b] = tables;
        let signs =
            |columns: &Self| columns.terms.iter().map(|(sign, _)| *sign).collect::<Vec<_>>();
        let rows_n: usize = pieces.iter().map(|(_, rows)| rows.len()).sum();
        if rows_n == 0 || signs(a) != signs(b) {
            return None;
        }
        let pick = |of: [&[f64]; 2]| {
            let mut picked = Vec::with_capacity(rows_n.next_multiple_of(BLOCK));
            let pieces = pieces.iter().map(|(table, rows)| &of[*table][rows.clone()]);
            pieces.for_each(|piece| picked.extend_from_slice(piece));
            pad(&mut picked);
            picked
        };
        let column = |of: [&Column; 2]| match of {
            [Column::Constant(a), Column::Constant(b)] if a == b => Column::Constant(*a),
            _ => {
                let [a, b] = [of[0].rows(a.rows_n), of[1].rows(b.rows_n)];
                Column::Rows(pick([&a, &b]))
            }
        };
        let linear = |a: &Linear, b: &Linear| {
            let slope = |i: usize| {
                let of = |linear| Linear::slope(linear, i).unwrap_or(&Column::ZERO);
                let has = a.slope(i).is_some() || b.slope(i).is_some();
                has.then(|| (i, column([of(a), of(b)])))
            };
            let constant = column([&a.constant, &b.constant]);
            Linear { constant, slopes: (0..P).filter_map(slope).collect() }
        };
        let mut weights = pick([&a.weights, &b.weights]);
        weights[rows_n..].fill(0.0);
        let terms = a.terms.iter().zip(&b.terms);
        Some(Self {
            rows_n,
            linear: linear(&a.linear, &b.linear),
            terms: terms.map(|((sign, a), (_, b))| (*sign, linear(a, b))).collect(),
            ln_response: pick([&a.ln_response, &b.ln_response]),
            weights,
        })
    }

    /// The objective with its gradient, the pulls of a prior included.
    pub(crate) fn slope(
        &self,
        theta: &Theta<P>,
        residual: Residual,
        huber: Huber,
        pulls: &[Pull; P],
    ) -> (f64, Theta<P>) {
        let (mut value, mut gradient) = dispatch(Slope { columns: self, theta, residual, huber });
        for (i, pull) in pulls.iter().enumerate() {
            value += pull.value(theta[i]);
            gradient[i] += pull.stiffness * (theta[i] - pull.towards);
        }
        (value, gradient)
    }
}

/// The values, the last one repeated up to whole blocks.
fn padded(values: impl ExactSizeIterator<Item = f64>) -> Vec<f64> {
    let mut column: Vec<f64> = Vec::with_capacity(values.len().next_multiple_of(BLOCK));
    column.extend(values);
    pad(&mut column);
    column
}

fn pad(column: &mut Vec<f64>) {
    let last = column.last().copied().unwrap_or(0.0);
    column.resize(column.len().next_multiple_of(BLOCK), last);
}

/// The columns of a form that was written down for each row; none where a number is not finite.
fn transpose<const P: usize>(forms: &[Form<P>]) -> Option<Linear> {
    let column = |value: &dyn Fn(&Form<P>) -> f64| {
        let first = value(&forms[0]);
        if forms.iter().any(|form| !value(form).is_finite()) {
            return None;
        }
        let is_constant = forms.iter().all(|form| value(form) == first);
        Some(if is_constant {
            Column::Constant(first)
        } else {
            Column::Rows(padded(forms.iter().map(value)))
        })
    };
    let mut slopes = Vec::new();
    for i in 0..P {
        match column(&|form| form.slopes[i])? {
            Column::Constant(0.0) => {}
            slope => slopes.push((i, slope)),
        }
    }
    Some(Linear { constant: column(&|form| form.constant)?, slopes })
}
