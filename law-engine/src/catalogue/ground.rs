//! A law against its observations, along the fast path where the law has one.

use super::equation::{Fittable, Row};
use crate::kernel::columns::Columns;
use crate::kernel::surface::Surface;
use crate::law::{Parameter, ScalingLaw as _, Theta};
use crate::objective::{Expansion, Huber, Landscape, Objective};

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
