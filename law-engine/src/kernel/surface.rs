//! An additive law against its observations, as the solver sees it.

use super::columns::Columns;
use super::dispatch;
use super::pass::{Expand, Largest, Value};
use crate::law::{Parameter, Pull, Theta};
use crate::objective::{Expansion, Huber, Landscape, Residual};

/// As [`Objective`](crate::objective::Objective), of columns.
#[derive(Clone, Debug)]
pub(crate) struct Surface<const P: usize> {
    pub(crate) columns: Columns<P>,
    pub(crate) residual: Residual,
    pub(crate) parameters: [Parameter; P],
    pub(crate) pulls: [Pull; P],
}

impl<const P: usize> Landscape<P> for Surface<P> {
    fn parameters(&self) -> [Parameter; P] {
        self.parameters
    }

    fn rows_n(&self) -> usize {
        self.columns.rows_n
    }

    fn largest_residual(&self, theta: &Theta<P>) -> f64 {
        let (columns, residual) = (&self.columns, self.residual);
        dispatch(Largest { columns, theta, residual })
    }

    fn value(&self, theta: &Theta<P>, huber: Huber) -> f64 {
        let (columns, residual) = (&self.columns, self.residual);
        let pulls = self.pulls.iter().zip(theta.iter()).map(|(pull, t)| pull.value(*t));
        dispatch(Value { columns, theta, residual, huber }) + pulls.sum::<f64>()
    }

    fn expand(&self, theta: &Theta<P>, stage: Huber, huber: Huber) -> Expansion<P> {
        let (columns, residual) = (&self.columns, self.residual);
        let mut expansion = dispatch(Expand { columns, theta, residual, stage, huber });
        expansion.add_pulls(&self.pulls, theta);
        expansion
    }
}
