//! Damped Newton within bounds, as a solver of argmin.
//!
//! With delta = 1e-3 the objective is nearly a sum of absolute values: L-BFGS zig-zags along its
//! creases and reweighted least squares crawls, while Newton's method, exact on each smooth piece,
//! ends after a few steps. Three additions make it safe:
//!
//! - damping by the majorant of [`Expansion`]: at damping one or more a step is about one of
//!   reweighted least squares, which always descends (Levenberg's idea with a better metric);
//! - continuation in delta: begun at the largest residual, where the objective is smooth, and
//!   lowered to the one asked for;
//! - an active set: a parameter at its bound stays there while the step pushes it outwards.

use argmin::core::{Error, IterState, KV, Problem, Solver, State as _, TerminationReason};
use nalgebra::SMatrix;

use crate::law::{Parameter, Theta, clamp};
use crate::objective::{Expansion, Huber, Landscape};
use crate::symmetric::Factors;

/// argmin's state for this solver: parameters and cost; derivatives live within one step.
pub type State<const P: usize> = IterState<Theta<P>, (), (), (), (), f64>;

/// Iterations after which a fit counts as not converged. Fits take 5 to 30.
pub const ITERATIONS_MAX: u64 = 300;

/// Each stage of the continuation lowers delta by this factor.
const STAGE_FACTOR: f64 = 8.0;
/// Descent left, by the majorant and relative to the objective, at which a stage has converged.
const STAGE_TOLERANCE: f64 = 1e-2;
/// The same at the end: less cannot be seen in the objective's own digits.
const FINAL_TOLERANCE: f64 = 1e-15;
/// A stalled search still counts as converged below this: rounding stopped it.
const STALL_TOLERANCE: f64 = 1e-9;
/// Sum of squared log residuals per point that is nothing but rounding.
const ROUNDING: f64 = 1e-28;
/// Damping below this is none.
const DAMPING_MIN: f64 = 1e-3;
const DAMPING_MAX: f64 = 1e12;
/// A parameter this close to a bound stands there.
const AT_BOUND: f64 = 1e-10;
const DAMPING_RISE: f64 = 4.0;
const DAMPING_FALL: f64 = 8.0;

/// Newton's method on a [`Landscape`].
#[derive(Clone, Debug)]
pub struct DampedNewton<const P: usize> {
    parameters: [Parameter; P],
    huber: Huber,
    /// Descent left, relative to the objective, at which the search ends.
    tolerance: f64,
    /// The Huber loss of the present stage of the continuation.
    stage: Huber,
    /// Whether there are no stages before the last.
    is_near: bool,
    damping: f64,
    /// The expansion at the present parameters and stage, where the last step already made it.
    expansion: Option<Expansion<P>>,
}

impl<const P: usize> DampedNewton<P> {
    /// Minimises with `huber` within the bounds of `parameters`.
    #[must_use]
    pub fn new(parameters: [Parameter; P], huber: Huber) -> Self {
        let tolerance = FINAL_TOLERANCE;
        Self {
            parameters,
            huber,
            tolerance,
            stage: huber,
            is_near: false,
            damping: 0.0,
            expansion: None,
        }
    }

    /// Ends where the objective can still fall by the share `tolerance`: for a search that only
    /// wants to know which optimum it is near.
    #[must_use]
    pub const fn coarse(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Leaves the continuation out: for a start near an optimum.
    #[must_use]
    pub const fn near(self) -> Self {
        Self { is_near: true, ..self }
    }

    /// Solves `(hessian + damping majorant) step = -gradient` with parameters frozen at bounds that
    /// the step would leave. Where the matrix is not positive definite, the majorant takes the place
    /// of the Hessian, damped by its own diagonal: along a direction that hardly changes any residual
    /// no multiple of the majorant would outweigh a negative curvature.
    fn step(&self, theta: &Theta<P>, at: &Expansion<P>, damping: f64) -> Option<Theta<P>> {
        let mut frozen = self.pushed_out(theta, &-at.gradient);
        loop {
            let damped =
                if damping > 0.0 { at.hessian + damping * at.majorant } else { at.hessian };
            let (matrix, gradient) = reduce(damped, at, &frozen);
            let factors = Factors::new(&matrix).or_else(|| {
                let diagonal = SMatrix::from_diagonal(&at.majorant.diagonal());
                let damped = at.majorant + damping.max(DAMPING_MIN) * diagonal;
                Factors::new(&reduce(damped, at, &frozen).0)
            });
            let step = -factors?.solve(&gradient);
            let outwards = self.pushed_out(theta, &step);
            if (0..P).all(|i| frozen[i] || !outwards[i]) {
                return Some(step);
            }
            (0..P).for_each(|i| frozen[i] |= outwards[i]);
        }
    }

    /// The place within the bounds; parameters that nearly stand at one are put there, since nothing
    /// that they have left to gain can be seen in the objective.
    fn within(&self, theta: Theta<P>) -> Theta<P> {
        let theta = clamp(theta, &self.parameters);
        Theta::from_fn(|i, _| {
            let (Parameter { lower, upper, .. }, near) =
                (self.parameters[i], AT_BOUND * (1.0 + theta[i].abs()));
            match theta[i] {
                at if at <= lower + near => lower,
                at if at >= upper - near => upper,
                at => at,
            }
        })
    }

    /// Which parameters stand at a bound that `direction` leaves.
    fn pushed_out(&self, theta: &Theta<P>, direction: &Theta<P>) -> [bool; P] {
        std::array::from_fn(|i| {
            let Parameter { lower, upper, .. } = self.parameters[i];
            (theta[i] <= lower && direction[i] < 0.0) || (theta[i] >= upper && direction[i] > 0.0)
        })
    }

    /// How far the majorant says the objective can still fall.
    fn descent_left(&self, theta: &Theta<P>, at: &Expansion<P>) -> f64 {
        let frozen = self.pushed_out(theta, &-at.gradient);
        let (matrix, gradient) = reduce(at.majorant, at, &frozen);
        Factors::new(&matrix).map_or(f64::INFINITY, |factors| 0.5 * factors.square(&gradient))
    }
}

/// The system of the parameters that are free; a frozen one keeps a unit row and no gradient. A
/// trace of ridge keeps a parameter that no residual depends on (alpha when A vanishes) solvable.
fn reduce<const P: usize>(
    mut matrix: SMatrix<f64, P, P>,
    at: &Expansion<P>,
    frozen: &[bool; P],
) -> (SMatrix<f64, P, P>, Theta<P>) {
    let ridge = 1e-14 * at.majorant.trace();
    let mut gradient = at.gradient;
    for i in 0..P {
        matrix[(i, i)] += ridge;
        if frozen[i] {
            matrix.row_mut(i).fill(0.0);
            matrix.column_mut(i).fill(0.0);
            matrix[(i, i)] = 1.0;
            gradient[i] = 0.0;
        }
    }
    (matrix, gradient)
}

/// What one iteration came to.
enum Advance<const P: usize> {
    Moved { theta: Theta<P>, cost: f64 },
    StageEnded,
    Stopped(TerminationReason),
}

impl<const P: usize> DampedNewton<P> {
    fn advance(&mut self, objective: &impl Landscape<P>, theta: &Theta<P>) -> Advance<P> {
        let at = self
            .expansion
            .take()
            .unwrap_or_else(|| objective.expand(theta, self.stage, self.huber));
        let is_final = self.stage == self.huber;
        let tolerance = if is_final { self.tolerance } else { STAGE_TOLERANCE };
        let rounding = ROUNDING * objective.rows_n() as f64;
        let left = self.descent_left(theta, &at);
        if left > tolerance * at.value + rounding
            && let Some((theta, next)) = self.search(objective, theta, &at)
        {
            self.expansion = Some(next);
            return Advance::Moved { theta, cost: next.cost };
        }
        if !is_final {
            self.stage.delta = (self.stage.delta / STAGE_FACTOR).max(self.huber.delta);
            self.damping = 0.0;
            return Advance::StageEnded;
        }
        Advance::Stopped(if left <= STALL_TOLERANCE.max(tolerance) * at.value + rounding {
            TerminationReason::SolverConverged
        } else {
            TerminationReason::SolverExit("no step lowers the objective".to_owned())
        })
    }

    /// The first step, with growing damping, that lowers the objective; None when rounding leaves
    /// nothing to gain.
    fn search(
        &mut self,
        objective: &impl Landscape<P>,
        theta: &Theta<P>,
        at: &Expansion<P>,
    ) -> Option<(Theta<P>, Expansion<P>)> {
        while self.damping < DAMPING_MAX {
            if let Some(step) = self.step(theta, at, self.damping) {
                let theta_next = self.within(theta + step);
                if theta_next == *theta {
                    return None;
                }
                let next = objective.expand(&theta_next, self.stage, self.huber);
                if next.value < at.value {
                    self.damping /= DAMPING_FALL;
                    if self.damping < DAMPING_MIN {
                        self.damping = 0.0;
                    }
                    return Some((theta_next, next));
                }
            }
            self.damping = (self.damping * DAMPING_RISE).max(DAMPING_MIN);
        }
        None
    }
}

impl<O: Landscape<P>, const P: usize> Solver<O, State<P>> for DampedNewton<P> {
    fn name(&self) -> &'static str {
        "damped Newton"
    }

    fn init(
        &mut self,
        problem: &mut Problem<O>,
        mut state: State<P>,
    ) -> Result<(State<P>, Option<KV>), Error> {
        let theta = clamp(take_theta(&mut state)?, &self.parameters);
        if self.is_near {
            let at = problem.problem("expansion_count", |objective| {
                Ok(objective.expand(&theta, self.huber, self.huber))
            })?;
            self.expansion = Some(at);
            return Ok((state.param(theta).cost(at.cost), None));
        }
        let (largest, cost) = problem.problem("cost_count", |objective| {
            Ok((objective.largest_residual(&theta), objective.value(&theta, self.huber)))
        })?;
        self.stage = Huber { delta: largest.max(self.huber.delta) };
        Ok((state.param(theta).cost(cost), None))
    }

    /// The cost reported is that of the delta asked for, also during the continuation, so that
    /// argmin's best parameters are the best of the real objective.
    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        mut state: State<P>,
    ) -> Result<(State<P>, Option<KV>), Error> {
        let theta = take_theta(&mut state)?;
        let advance =
            problem.problem("expansion_count", |objective| Ok(self.advance(objective, &theta)))?;
        let cost = state.cost;
        let state = match advance {
            Advance::Moved { theta, cost } => state.param(theta).cost(cost),
            Advance::StageEnded => state.param(theta).cost(cost),
            Advance::Stopped(reason) => state.param(theta).cost(cost).terminate_with(reason),
        };
        Ok((state, None))
    }
}

fn take_theta<const P: usize>(state: &mut State<P>) -> Result<Theta<P>, Error> {
    state.take_param().ok_or_else(|| Error::msg("the solver was started without parameters"))
}
