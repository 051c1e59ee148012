//! The global optimum of a law's objective on one arm's points.
//!
//! Variable projection finds where to start: at a fixed exponent each law of hours is linear in its
//! other parameters, so a grid over the exponent alone sees the whole landscape. [`DampedNewton`]
//! then polishes the best places of the grid, and the lowest optimum counts.

use argmin::core::{Executor, State as _, TerminationReason, TerminationStatus};
use sweep_core::fit::Convergence;

use crate::curve::Point;
use crate::law::{EXPONENT_MAX, HoursLaw, Theta};
use crate::newton::{DampedNewton, ITERATIONS_MAX, State};
use crate::objective::{Huber, Landscape, Objective};

/// Exponents of the grid: log-spaced from [`GRID_EXPONENT_MIN`] to the largest allowed.
const GRID_N: usize = 16;
const GRID_EXPONENT_MIN: f64 = 0.004;
/// Places of the grid that are polished: its lowest local minima.
const STARTS_MAX: usize = 3;

/// Descent left, relative to the objective, of an approach.
const APPROACH_TOLERANCE: f64 = 1e-6;

/// A law at its optimum.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit<const P: usize> {
    pub theta: Theta<P>,
    /// Summed Huber loss of the log residuals.
    pub objective: f64,
    pub convergence: Convergence,
}

/// Fits `law` to `points`, which must not be empty. The optimum does not depend on their order
/// beyond rounding.
#[must_use]
pub fn fit<L: HoursLaw<P>, const P: usize>(law: L, points: &[Point], huber: Huber) -> Fit<P> {
    let objective = Objective::of_logs(law, points);
    lowest(&objective, huber, &grid_minima(&objective, huber, STARTS_MAX))
}

/// [`fit`] from the grid's best place alone, for bootstrap draws: a third of the work, and the rare
/// draw that ends in a neighbouring minimum does not move a quantile.
#[must_use]
pub fn refit<L: HoursLaw<P>, const P: usize>(law: L, points: &[Point], huber: Huber) -> Fit<P> {
    let objective = Objective::of_logs(law, points);
    lowest(&objective, huber, &grid_minima(&objective, huber, 1))
}

/// The lowest local minima of the objective along a grid of exponents, lowest first.
fn grid_minima<L: HoursLaw<P>, const P: usize>(
    objective: &Objective<'_, L>,
    huber: Huber,
    count_max: usize,
) -> Vec<Theta<P>> {
    let Objective { law, points, .. } = *objective;
    let ratio = (EXPONENT_MAX / GRID_EXPONENT_MIN).powf(1.0 / (GRID_N - 1) as f64);
    let mut exponent = GRID_EXPONENT_MIN;
    let grid: [(f64, Theta<P>); GRID_N] = std::array::from_fn(|_| {
        let theta = law.project(exponent, points);
        exponent *= ratio;
        (objective.value(&theta, huber), theta)
    });
    let value = |i: usize| grid.get(i).map_or(f64::INFINITY, |(value, _)| *value);
    let mut minima: Vec<(f64, Theta<P>)> = (0..GRID_N)
        .filter(|&i| value(i) <= value(i.wrapping_sub(1)) && value(i) <= value(i + 1))
        .map(|i| grid[i])
        .collect();
    minima.sort_by(|a, b| a.0.total_cmp(&b.0));
    minima.into_iter().take(count_max).map(|(_, theta)| theta).collect()
}

fn lowest<L: HoursLaw<P>, const P: usize>(
    objective: &Objective<'_, L>,
    huber: Huber,
    starts: &[Theta<P>],
) -> Fit<P> {
    starts
        .iter()
        .map(|start| polish(objective, huber, *start))
        .min_by(|a, b| a.objective.total_cmp(&b.objective))
        .expect("a grid of numbers has a local minimum")
}

/// Runs the solver from one start.
pub(crate) fn polish<const P: usize>(
    objective: &impl Landscape<P>,
    huber: Huber,
    start: Theta<P>,
) -> Fit<P> {
    polish_within(ITERATIONS_MAX, objective, huber, start)
}

/// The same in at most `steps` steps.
pub(crate) fn polish_within<const P: usize>(
    steps: u64,
    objective: &impl Landscape<P>,
    huber: Huber,
    start: Theta<P>,
) -> Fit<P> {
    run(steps, objective, DampedNewton::new(objective.parameters(), huber), start)
}

/// The same from a start that is near an optimum: the objective asked for is descended at once.
pub(crate) fn polish_near<const P: usize>(
    objective: &impl Landscape<P>,
    huber: Huber,
    start: Theta<P>,
) -> Fit<P> {
    let solver = DampedNewton::new(objective.parameters(), huber).near();
    run(ITERATIONS_MAX, objective, solver, start)
}

/// Descends by least squares to where it is clear which optimum `start` leads to.
pub(crate) fn approach<const P: usize>(objective: &impl Landscape<P>, start: Theta<P>) -> Theta<P> {
    let solver = DampedNewton::new(objective.parameters(), Huber::LEAST_SQUARES);
    run(ITERATIONS_MAX, objective, solver.coarse(APPROACH_TOLERANCE), start).theta
}

fn run<const P: usize>(
    steps: u64,
    objective: &impl Landscape<P>,
    solver: DampedNewton<P>,
    start: Theta<P>,
) -> Fit<P> {
    let mut state = Executor::new(objective, solver)
        .configure(|state: State<P>| state.param(start).max_iters(steps))
        .ctrlc(false)
        .timer(false)
        .run()
        .expect("the solver fails only without parameters, and they were given")
        .state;
    let convergence = match state.get_termination_status() {
        TerminationStatus::Terminated(TerminationReason::SolverConverged) => Convergence::Converged,
        TerminationStatus::Terminated(reason) => {
            Convergence::NotConverged { reason: reason.text().to_lowercase() }
        }
        TerminationStatus::NotTerminated => {
            Convergence::NotConverged { reason: "the solver was cut off".to_owned() }
        }
    };
    Fit {
        theta: state.take_best_param().unwrap_or(start),
        objective: state.get_best_cost(),
        convergence,
    }
}
