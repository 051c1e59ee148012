//! Damped Newton on a sum of Huber losses, for as many parameters as a table needs.
//!
//! The solver of [`newton`](crate::newton) knows the number of parameters when it is compiled; here
//! it grows with families and benchmarks. The same three additions make it safe: damping by the
//! reweighted least squares problem, which always descends, and continuation in delta; there are no
//! bounds. The Hessian leaves out what the residuals' own curvature adds, which is small where they
//! are. argmin's solvers for a number of parameters known only here have neither bounds of the step
//! by the majorant nor the continuation.

use nalgebra::{DMatrix, DVector};

use crate::objective::Huber;

/// Residuals at a place, and their derivatives: a row for each.
pub(super) struct Linearised {
    pub(super) residuals: DVector<f64>,
    pub(super) jacobian: DMatrix<f64>,
}

/// Where a descent ended.
pub(super) struct Lowest {
    pub(super) place: DVector<f64>,
    pub(super) objective: f64,
    pub(super) has_converged: bool,
}

/// Steps at most, over all stages.
const STEPS_MAX: u32 = 500;
const STAGE_FACTOR: f64 = 8.0;
/// Descent left, relative to the objective, at which a stage and the last of them ends.
const STAGE_TOLERANCE: f64 = 1e-2;
const FINAL_TOLERANCE: f64 = 1e-12;
/// A search that stalls below this has converged: rounding stopped it.
const STALL_TOLERANCE: f64 = 1e-8;
/// Sum of squared residuals per row that is nothing but rounding.
const ROUNDING: f64 = 1e-28;
const DAMPING_MIN: f64 = 1e-3;
const DAMPING_MAX: f64 = 1e12;
const DAMPING_RISE: f64 = 4.0;
const DAMPING_FALL: f64 = 8.0;
/// Of the mean of the diagonal: keeps a parameter solvable that no residual depends on.
const RIDGE: f64 = 1e-12;

/// Descends from `start`.
pub(super) fn descend(
    start: DVector<f64>,
    huber: Huber,
    residuals: impl Fn(&DVector<f64>) -> DVector<f64>,
    linearise: impl Fn(&DVector<f64>) -> Linearised,
) -> Lowest {
    let value = |residuals: &DVector<f64>, huber: Huber| {
        residuals.iter().map(|r| huber.value(*r)).sum::<f64>()
    };
    let mut place = start;
    let mut at = linearise(&place);
    let rounding = ROUNDING * at.residuals.len() as f64;
    let mut stage = Huber { delta: at.residuals.amax().max(huber.delta) };
    let (mut damping, mut has_converged) = (0.0, false);
    for _ in 0..STEPS_MAX {
        let now = value(&at.residuals, stage);
        let system = System::new(&at, stage);
        let left = system.descent_left();
        let is_final = stage == huber;
        let tolerance = if is_final { FINAL_TOLERANCE } else { STAGE_TOLERANCE };
        let mut moved = None;
        while left > tolerance * now + rounding && damping < DAMPING_MAX {
            if let Some(step) = system.step(damping) {
                let next = &place + step;
                if value(&residuals(&next), stage) < now {
                    moved = Some(next);
                    break;
                }
            }
            damping = (damping * DAMPING_RISE).max(DAMPING_MIN);
        }
        if let Some(next) = moved {
            place = next;
            at = linearise(&place);
            damping /= DAMPING_FALL;
            if damping < DAMPING_MIN {
                damping = 0.0;
            }
        } else if is_final {
            has_converged = left <= STALL_TOLERANCE * now + rounding;
            break;
        } else {
            stage.delta = (stage.delta / STAGE_FACTOR).max(huber.delta);
            damping = 0.0;
        }
    }
    Lowest { objective: value(&at.residuals, huber), place, has_converged }
}

/// The objective near a place.
struct System {
    gradient: DVector<f64>,
    hessian: DMatrix<f64>,
    /// Of the reweighted least squares problem: nowhere less than the Hessian.
    majorant: DMatrix<f64>,
}

impl System {
    fn new(at: &Linearised, huber: Huber) -> Self {
        let weighted = |weight: fn(Huber, f64) -> f64| {
            let mut rows = at.jacobian.clone();
            for (mut row, residual) in rows.row_iter_mut().zip(at.residuals.iter()) {
                row *= weight(huber, *residual);
            }
            at.jacobian.tr_mul(&rows)
        };
        let mut majorant = weighted(Huber::weight);
        let ridge = RIDGE * majorant.trace() / majorant.nrows() as f64;
        majorant.iter_mut().step_by(at.jacobian.ncols() + 1).for_each(|of| *of += ridge);
        Self {
            gradient: at.jacobian.tr_mul(&at.residuals.map(|r| huber.slope(r))),
            hessian: weighted(Huber::curvature),
            majorant,
        }
    }

    fn step(&self, damping: f64) -> Option<DVector<f64>> {
        let damped = &self.hessian + damping.max(1e-9) * &self.majorant;
        let solver = damped.cholesky().or_else(|| self.majorant.clone().cholesky())?;
        Some(-solver.solve(&self.gradient))
    }

    fn descent_left(&self) -> f64 {
        let solver = self.majorant.clone().cholesky();
        solver
            .map_or(f64::INFINITY, |solver| 0.5 * self.gradient.dot(&solver.solve(&self.gradient)))
    }
}
