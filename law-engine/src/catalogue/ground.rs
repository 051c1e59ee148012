//! A law against its observations, along the fast path where the law has one.

use nalgebra::SMatrix;

use super::equation::{Fittable, Row};
use crate::curve::Point;
use crate::kernel::columns::Columns;
use crate::kernel::surface::Surface;
use crate::law::{Parameter, Pull, ScalingLaw as _, Theta};
use crate::objective::{Expansion, Huber, Landscape, Objective, Residual};

/// What the search and the solver work on.
pub(crate) struct Ground<'p, 'a, const P: usize> {
    pub(crate) objective: Objective<'p, Fittable<'a, P>, Row<'a>>,
    /// The same of columns, where the law is additive.
    pub(crate) surface: Option<Surface<P>>,
}

impl<'p, 'a, const P: usize> Ground<'p, 'a, P> {
    pub(crate) fn new(objective: Objective<'p, Fittable<'a, P>, Row<'a>>) -> Self {
        let law = objective.law;
        let surface = |columns| Surface {
            columns,
            residual: objective.residual,
            parameters: law.parameters(),
            pulls: law.prior(),
        };
        let surface = Columns::new(&law, objective.points).map(surface);
        Self { objective, surface }
    }

    /// Sum over the points of the squares of the gradient of ln L.
    pub(crate) fn sensitivity(&self, theta: &Theta<P>) -> SMatrix<f64, P, P> {
        // Of least squares of logarithms it is the majorant, where nothing is weighed.
        if let Some(surface) = &self.surface
            && surface.residual == Residual::Log
            && self.objective.points.iter().all(|point| point.weight == 1.0)
            && surface.pulls.iter().all(|pull| *pull == Pull::NONE)
        {
            return surface.expand(theta, Huber::LEAST_SQUARES, Huber::LEAST_SQUARES).majorant;
        }
        let gradient = |point: &Point<Row<'a>>| self.objective.law.jet(theta, point.x).gradient;
        let squares = self.objective.points.iter().map(gradient).map(|g| g * g.transpose());
        squares.fold(SMatrix::zeros(), |sum, square| sum + square)
    }

    /// The ground of `objective`, which holds every `stride`-th point of this one's.
    pub(crate) fn sample<'q>(
        &self,
        objective: Objective<'q, Fittable<'a, P>, Row<'a>>,
        stride: usize,
    ) -> Ground<'q, 'a, P> {
        let sample = |surface: &Surface<P>| Surface {
            columns: surface.columns.sample(stride),
            ..surface.clone()
        };
        Ground { objective, surface: self.surface.as_ref().map(sample) }
    }
}

impl<const P: usize> Landscape<P> for Ground<'_, '_, P> {
    fn parameters(&self) -> [Parameter; P] {
        self.objective.law.parameters()
    }

    fn rows_n(&self) -> usize {
        self.objective.points.len()
    }

    fn largest_residual(&self, theta: &Theta<P>) -> f64 {
        match &self.surface {
            Some(surface) => surface.largest_residual(theta),
            None => self.objective.largest_residual(theta),
        }
    }

    fn value(&self, theta: &Theta<P>, huber: Huber) -> f64 {
        match &self.surface {
            Some(surface) => surface.value(theta, huber),
            None => self.objective.value(theta, huber),
        }
    }

    fn expand(&self, theta: &Theta<P>, stage: Huber, huber: Huber) -> Expansion<P> {
        match &self.surface {
            Some(surface) => surface.expand(theta, stage, huber),
            None => self.objective.expand(theta, stage, huber),
        }
    }
}
