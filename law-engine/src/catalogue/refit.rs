//! Refits of a law to other data at the same rows: resampled, or without one run.

use sweep_core::fit::Convergence;

use super::Ground;
use super::data::{Data, Refusal};
use super::equation::{Constraints, Evaluate, Fittable, Points};
use super::estimate::{Estimate, Options, Table, search};
use crate::fit::polish_within;
use crate::kernel::surface::Surface;
use crate::law::{Pull, Theta};
use crate::newton::ITERATIONS_MAX;
use crate::objective::Objective;
use crate::share::share;

/// Optima that a refit begins from.
const WARM_N: usize = 2;
/// Steps of a refit where the fit itself found no optimum: the data do not tell some of the
/// coefficients apart, and along the valley in which those move there is no end to be reached.
const STEPS_IN_VALLEY: u64 = 30;

/// A law with the rows of a fit, to be fitted again.
pub(super) struct Refitter<'a, const P: usize> {
    pub(super) law: Fittable<'a, P>,
    pub(super) points: Points<'a>,
    /// The group of each point, counted in the order of the groups' names.
    pub(super) group_of: Vec<usize>,
    options: &'a Options,
    /// The optima of the fit, in fitting coordinates; at least one.
    warm: Vec<Theta<P>>,
    /// Steps that a refit from one of them may take.
    steps: u64,
}

impl<'a, const P: usize> Refitter<'a, P> {
    pub(super) fn new(
        equation: &'a dyn Evaluate<P>,
        constraints: &'a Constraints<P>,
        table: &'a Table,
        data: &Data,
        options: &'a Options,
        estimate: &Estimate,
    ) -> Result<Self, Refusal> {
        let (points, order) = table.points(data);
        let (_, group_of_row) = data.members();
        let parameters = equation.card().parameters;
        let to_fit = |(natural, _): &(Vec<f64>, f64)| {
            Theta::from_fn(|i, _| parameters[i].kind.to_fit(natural[i]))
        };
        let warm: Vec<Theta<P>> = estimate.basins.iter().take(WARM_N).map(to_fit).collect();
        if warm.is_empty() {
            return Err(Refusal::Empty);
        }
        Ok(Self {
            law: Fittable { equation, constraints },
            points,
            group_of: order.iter().map(|row| group_of_row[*row]).collect(),
            options,
            warm,
            steps: match estimate.convergence {
                Convergence::Converged => ITERATIONS_MAX,
                Convergence::NotConverged { .. } => STEPS_IN_VALLEY,
            },
        })
    }

    /// The optima that refits begin from, the best first.
    pub(super) fn warm(&self) -> &[Theta<P>] {
        &self.warm
    }

    /// The optimum of the fit.
    pub(super) fn centre(&self) -> Theta<P> {
        self.warm[0]
    }

    /// The optima of `refits_n` refits. `prepare` changes responses and weights of the points for
    /// each and says what priors pull with. Refits begin at the optima of the fit, or search anew as
    /// the options have it, and are shared among threads; their number changes nothing.
    pub(super) fn run(
        &self,
        refits_n: usize,
        prepare: impl Fn(usize, &mut Points<'a>) -> [Pull; P] + Sync,
    ) -> Vec<Theta<P>> {
        let Self { law, options, .. } = self;
        let residual = options.residual;
        let surface = Ground::new(Objective { law: *law, points: &self.points, residual }).surface;
        let refit = |points: &mut Points<'a>, surface: &mut Option<Surface<P>>, number: usize| {
            let pulls = prepare(number, points);
            let constraints = Constraints { pulls, ..*law.constraints };
            if let Some(surface) = surface {
                surface.pulls = pulls;
                let columns = &mut surface.columns;
                let rows = columns.ln_response.iter_mut().zip(&mut columns.weights);
                for ((ln_response, weight), point) in rows.zip(points.iter()) {
                    (*ln_response, *weight) = (point.ln_loss, point.weight);
                }
            }
            let law = Fittable { equation: law.equation, constraints: &constraints };
            let objective = Objective { law, points: points.as_slice(), residual };
            let ground = Ground { objective, surface: surface.take() };
            let fits = if options.is_cold {
                search(&ground, options, 1)
            } else {
                let refit =
                    |start: &Theta<P>| polish_within(self.steps, &ground, options.huber, *start);
                self.warm.iter().map(refit).collect()
            };
            *surface = ground.surface;
            let best = fits.into_iter().min_by(|a, b| a.objective.total_cmp(&b.objective));
            best.map_or_else(|| self.centre(), |fit| fit.theta)
        };
        // Each thread has its own copy of the points.
        let begin = || (self.points.clone(), surface.clone());
        share(options.threads_n, refits_n, begin, |(points, surface), number| {
            refit(points, surface, number)
        })
    }
}
