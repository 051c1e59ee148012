//! The numbers c and z of an additive law at every row, as columns.

use super::BLOCK;
use super::trace::{Form, Term};
use crate::catalogue::{Fittable, Row};
use crate::curve::Point;

/// One number of every row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    /// The same everywhere.
    Constant(f64),
    /// One for each row, padded to whole blocks.
    Rows(Vec<f64>),
}

/// `constant + slopes . theta` at every row.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub(crate) constant: Column,
    /// The parameters that it depends on, each with its slope.
    pub(crate) slopes: Vec<(usize, Column)>,
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
        let rows_n = self.rows_n.div_ceil(stride);
        let pick = |values: &[f64]| padded((0..rows_n).map(|row| values[row * stride]));
        let pick_column = |column: &Column| match column {
            Column::Constant(value) => Column::Constant(*value),
            Column::Rows(values) => Column::Rows(pick(values)),
        };
        let pick_linear = |linear: &Linear| Linear {
            constant: pick_column(&linear.constant),
            slopes: linear.slopes.iter().map(|(i, column)| (*i, pick_column(column))).collect(),
        };
        let mut weights = pick(&self.weights);
        weights[rows_n..].fill(0.0);
        Self {
            rows_n,
            linear: pick_linear(&self.linear),
            terms: self.terms.iter().map(|(sign, term)| (*sign, pick_linear(term))).collect(),
            ln_response: pick(&self.ln_response),
            weights,
        }
    }
}

/// The values, the last one repeated up to whole blocks.
fn padded(values: impl ExactSizeIterator<Item = f64>) -> Vec<f64> {
    let padded_n = values.len().next_multiple_of(BLOCK);
    let mut column: Vec<f64> = Vec::with_capacity(padded_n);
    column.extend(values);
    let last = column.last().copied().unwrap_or(0.0);
    column.resize(padded_n, last);
    column
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
