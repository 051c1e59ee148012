//! Fitting a law of the catalogue, and what there is to say about the fit.

use std::collections::BTreeSet;

use sweep_core::fit::Convergence;

use super::Ground;
use super::card::{Card, Kind};
use super::data::{Data, Refusal};
use super::equation::{Constraints, Evaluate, Fittable, Points, Row};
use super::resample::Scheme;
use crate::curve::{Cell, Point};
use crate::fit::{Fit, approach, polish};
use crate::law::{Pull, ScalingLaw as _, Theta, clamp};
use crate::objective::{Huber, Landscape as _, Objective, Residual};
use crate::project::{Follow, projections};
use crate::share::share;

/// How to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub residual: Residual,
    pub huber: Huber,
    /// Coefficients that are given, in the paper's units.
    pub fixed: Vec<(String, f64)>,
    /// Pairs of coefficients that are one, such as `alpha` and `beta`.
    pub tied: Vec<(String, String)>,
    /// Closed bounds inside those of the card, in the paper's units: symbol, lower, upper.
    pub bounds: Vec<(String, f64, f64)>,
    pub priors: Vec<Prior>,
    /// Best places of the search that are polished; none leaves the search out.
    pub starts_n: usize,
    /// Coefficients to descend from beside those places, in the paper's units: the optima of an
    /// earlier fit, which a few more rows hardly move, or a protocol's own starts.
    pub begin: Vec<Vec<f64>>,
    /// Threads that refits are shared among, and the starts of a fit that has many. The result does
    /// not depend on it.
    pub threads_n: usize,
    /// How refits for intervals get their data.
    pub scheme: Scheme,
    /// Whether every refit searches the whole landscape anew, and not from the optima of the fit.
    pub is_cold: bool,
}

/// What is known of a coefficient before the fit: a normal distribution, of the logarithm where the
/// coefficient is an amplitude.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    pub coefficient: String,
    /// In the paper's unit.
    pub mean: f64,
    /// Standard deviation in the paper's unit; an amplitude's logarithm gets `sd / mean`.
    pub sd: f64,
    /// Standard deviation of one row's residual, by which the prior is weighed against the rows.
    pub noise: f64,
}

impl Prior {
    /// Standard deviation of the fitting coordinate.
    pub(super) fn sd_fit(&self, kind: Kind) -> f64 {
        if kind == Kind::Amplitude { self.sd / self.mean } else { self.sd }
    }

    /// The pull on the fitting coordinate.
    ///
    /// An objective of residuals r with the loss rho is -log likelihood times
    /// `lambda = E rho'(r)^2 / E rho''(r)`, the scale at which its curvature equals the information
    /// of its estimate (Huber, doi 10.1214/aoms/1177703732, section 6). For least squares that is
    /// the variance. A precision of 1 / sd^2 therefore weighs lambda / sd^2.
    fn pull(&self, kind: Kind, huber: Huber) -> Pull {
        let sd = self.sd_fit(kind);
        let stiffness = huber.information_scale(self.noise) / (sd * sd);
        Pull { towards: kind.to_fit(self.mean), stiffness }
    }
}

impl Default for Options {
    /// The field's standard: Huber loss of log residuals with delta 1e-3.
    fn default() -> Self {
        Self {
            residual: Residual::Log,
            huber: Huber::STANDARD,
            fixed: Vec::new(),
            tied: Vec::new(),
            bounds: Vec::new(),
            priors: Vec::new(),
            starts_n: 8,
            begin: Vec::new(),
            threads_n: 1,
            scheme: Scheme::default(),
            is_cold: false,
        }
    }
}

impl Options {
    /// Least squares of the given residuals.
    #[must_use]
    pub fn least_squares(residual: Residual) -> Self {
        Self { residual, huber: Huber::LEAST_SQUARES, ..Self::default() }
    }
}

/// A law at its optimum. Coefficients are in the order and the units of the card.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    pub coefficients: Vec<f64>,
    /// The summed loss of the residuals.
    pub objective: f64,
    pub convergence: Convergence,
    /// Different optima that were found, the best first, each with its objective.
    pub basins: Vec<(Vec<f64>, f64)>,
    /// Residuals in the order of the rows, as the objective has them.
    pub residuals: Vec<f64>,
    /// Condition number of the sensitivities to the free coefficients, each scaled to unit length.
    /// Infinite where one of them changes nothing.
    pub condition: f64,
    /// Coefficients that ended at a bound, by their place.
    pub at_bound: Vec<usize>,
    /// Coefficients that were free.
    pub free_n: usize,
}

/// Sensitivities this near to dependent are dependent: what is left is rounding.
const CONDITION_MAX: f64 = 1e7;

impl Estimate {
    /// Whether no combination of the coefficients leaves every prediction as it is.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        self.condition <= CONDITION_MAX
    }
}

/// Starts that are worth a thread.
const STARTS_PER_THREAD: usize = 64;

/// Optima closer than this, relative in every coefficient, are one.
const SAME: f64 = 1e-3;

/// Fits `equation` to `data`.
pub(crate) fn estimate<const P: usize>(
    equation: &dyn Evaluate<P>,
    data: &Data,
    options: &Options,
) -> Result<Estimate, Refusal> {
    let constraints = constraints(equation.card(), options)?;
    let table = Table::new(equation.card(), data)?;
    let free = free(&constraints);
    let (points, order) = table.points(data);
    let places = points.chunk_by(|a, b| a.x == b.x).count();
    if places <= free.len() {
        let (law, needed) = (equation.card().name, free.len() + 1);
        return Err(Refusal::TooFew { law, places, needed });
    }
    let law = Fittable { equation, constraints: &constraints };
    let objective = Objective { law, points: &points, residual: options.residual };
    let ground = Ground::new(objective);
    let fits = search(&ground, options, options.threads_n);
    let best = fits.first().ok_or(Refusal::NoStart)?.clone();
    if !best.objective.is_finite() || best.theta.iter().any(|theta| !theta.is_finite()) {
        let (law, row) = (equation.card().name, data.farthest());
        return Err(Refusal::TooFar { law, row: row + 1, value: data.response()[row] });
    }

    let mut basins: Vec<(Vec<f64>, f64)> = Vec::new();
    for fit in &fits {
        let coefficients = law.natural(&fit.theta).to_vec();
        if !basins.iter().any(|(other, _)| are_one(other, &coefficients)) {
            basins.push((coefficients, fit.objective));
        }
    }
    let mut residuals = vec![0.0; order.len()];
    for (residual, row) in objective.residuals(&best.theta).zip(&order) {
        residuals[*row] = residual;
    }
    let parameters = law.parameters();
    let at_bound = free.iter().copied().filter(|i| {
        let theta = best.theta[*i];
        theta <= parameters[*i].lower || theta >= parameters[*i].upper
    });
    Ok(Estimate {
        coefficients: law.natural(&best.theta).to_vec(),
        objective: best.objective,
        convergence: best.convergence,
        basins,
        residuals,
        condition: condition(&ground, &best.theta, &free),
        at_bound: at_bound.collect(),
        free_n: free.len(),
    })
}

/// The optima that the search finds, the best first. How many threads share the starts changes
/// nothing.
pub(super) fn search<const P: usize>(
    ground: &Ground<'_, '_, P>,
    options: &Options,
    threads_n: usize,
) -> Vec<Fit<P>> {
    let begin = options.begin.iter().filter_map(|natural| to_fit(ground, natural));
    let mut starts: Vec<Theta<P>> = begin.collect();
    if options.starts_n > 0 {
        starts.extend(approaches(ground, options));
    }
    // A few starts are done before a thread has begun.
    let threads_n = threads_n.min(starts.len() / STARTS_PER_THREAD);
    let descend = |(): &mut (), number: usize| polish(ground, options.huber, starts[number]);
    let mut fits = share(threads_n, starts.len(), || (), descend);
    fits.sort_by(|a, b| a.objective.total_cmp(&b.objective));
    fits
}

/// A place in fitting coordinates; none for another number of coefficients than the law has.
fn to_fit<const P: usize>(ground: &Ground<'_, '_, P>, natural: &[f64]) -> Option<Theta<P>> {
    let parameters = ground.objective.law.equation.card().parameters;
    let to_fit = |i: usize| parameters[i].kind.to_fit(natural[i]);
    (natural.len() == P).then(|| clamp(Theta::from_fn(|i, _| to_fit(i)), &ground.parameters()))
}

/// Where the real objective is descended from: the different places that least squares of a sample
/// of the points leads to from the best places of the search, and with few points the best of these
/// itself.
///
/// The solver lowers a Huber loss's delta step by step from where the objective is smooth, so starts
/// that least squares takes to one place would end at one optimum: it is enough to go there once.
fn approaches<'a, const P: usize>(ground: &Ground<'_, 'a, P>, options: &Options) -> Vec<Theta<P>> {
    let objective = &ground.objective;
    let stride = objective.points.len().div_ceil(SAMPLE_N);
    let sample: Vec<_> = objective.points.iter().step_by(stride).copied().collect();
    let law = objective.law;
    let sampled = Objective { law, points: &sample, residual: options.residual };
    let sampled = ground.sample(sampled, stride);
    // Few rows make a rugged objective, whose optima a coarse grid may not see.
    let is_rugged = objective.points.len() < RUGGED_N;
    let follow = if is_rugged { Follow::Best } else { Follow::Minima };
    let starts = projections(&sampled, options.huber, follow, options.starts_n);
    let mut approaches: Vec<Theta<P>> = Vec::new();
    approaches.extend(starts.first().filter(|_| is_rugged));
    for start in &starts {
        let theta = approach(&sampled, *start);
        let natural = law.natural(&theta);
        if !approaches.iter().any(|other| are_one(&law.natural(other), &natural)) {
            approaches.push(theta);
        }
    }
    approaches
}

/// With fewer points than this the search is more thorough.
const RUGGED_N: usize = 100;

/// Points that the search looks at: enough to see where the optima are.
const SAMPLE_N: usize = 64;

/// Whether two sets of coefficients are one optimum.
pub(super) fn are_one(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME * a.abs().max(b.abs()))
}

/// The variables of a law, with their logarithms.
pub(super) struct Table {
    variables_n: usize,
    /// Row after row.
    raw: Vec<f64>,
    ln: Vec<f64>,
}

impl Table {
    pub(super) fn new(card: &Card, data: &Data) -> Result<Self, Refusal> {
        let raw = data.rows(card.name, card.variables)?;
        let ln = raw.iter().map(|x| x.ln()).collect();
        Ok(Self { variables_n: card.variables.len(), raw, ln })
    }

    fn row(&self, row: usize) -> Row<'_> {
        let place = row * self.variables_n..(row + 1) * self.variables_n;
        Row::new(&self.raw[place.clone()], &self.ln[place])
    }

    /// The points with equal places side by side, and the row of each. The order of the rows does
    /// not change what is fitted.
    pub(super) fn points(&self, data: &Data) -> (Points<'_>, Vec<usize>) {
        let mut order: Vec<usize> = (0..data.rows_n()).collect();
        order.sort_by(|a, b| {
            self.row(*a)
                .compare(self.row(*b))
                .then_with(|| data.response()[*a].total_cmp(&data.response()[*b]))
                .then_with(|| data.weights()[*a].total_cmp(&data.weights()[*b]))
        });
        let point = |row: &usize| Point {
            cell: Cell { class: *row, seed: data.groups()[*row] },
            x: self.row(*row),
            ln_loss: data.response()[*row].ln(),
            weight: data.weights()[*row],
        };
        (order.iter().map(point).collect(), order)
    }
}

/// Refuses a value outside closed bounds.
fn within(symbol: &str, value: f64, (lower, upper): (f64, f64)) -> Result<(), Refusal> {
    if (lower..=upper).contains(&value) {
        return Ok(());
    }
    Err(Refusal::OutOfBounds { coefficient: symbol.to_owned(), value, lower, upper })
}

/// Refuses a coefficient that is named twice.
fn once<'a>(mut symbols: impl Iterator<Item = &'a String>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    match symbols.find(|symbol| !seen.insert(*symbol)) {
        Some(symbol) => Err(Refusal::GivenTwice { coefficient: symbol.clone() }),
        None => Ok(()),
    }
}

/// The bounds, ties and priors that the options and the card ask for together.
pub(super) fn constraints<const P: usize>(
    card: &Card,
    options: &Options,
) -> Result<Constraints<P>, Refusal> {
    let place = |symbol: &String| {
        card.parameters.iter().position(|p| p.symbol == symbol).ok_or_else(|| {
            Refusal::NoCoefficient {
                law: card.name,
                coefficient: symbol.clone(),
                coefficients: card.parameters.iter().map(|p| p.symbol).collect(),
            }
        })
    };
    let mut constraints = Constraints {
        bounds: std::array::from_fn(|i| {
            let kind = card.parameters[i].kind;
            let (lower, upper) = kind.bounds();
            (kind.to_natural(lower), kind.to_natural(upper))
        }),
        leader: std::array::from_fn(|i| i),
        pulls: [Pull::NONE; P],
    };
    for (first, second) in &options.tied {
        if first == second {
            return Err(Refusal::TiedToItself { coefficient: first.clone() });
        }
        let (a, b) = (constraints.leader[place(first)?], constraints.leader[place(second)?]);
        constraints.leader.iter_mut().filter(|l| **l == a.max(b)).for_each(|l| *l = a.min(b));
    }
    // What is asked of a tied coefficient is asked of the one that it is tied to.
    let leader = constraints.leader;
    let place = |symbol: &String| Ok::<_, Refusal>(leader[place(symbol)?]);
    once(options.bounds.iter().map(|(symbol, ..)| symbol))?;
    once(options.fixed.iter().map(|(symbol, _)| symbol))?;
    once(options.priors.iter().map(|prior| &prior.coefficient))?;
    for (symbol, lower, upper) in &options.bounds {
        let i = place(symbol)?;
        if lower > upper {
            let (coefficient, lower, upper) = (symbol.clone(), *lower, *upper);
            return Err(Refusal::Reversed { coefficient, lower, upper });
        }
        let (least, most) = constraints.bounds[i];
        // The upper end is within the card's bounds, and the lower one within what that leaves.
        within(symbol, *upper, (least, most))?;
        within(symbol, *lower, (least, *upper))?;
        constraints.bounds[i] = (*lower, *upper);
    }
    for prior in &options.priors {
        let i = place(&prior.coefficient)?;
        let Prior { coefficient, mean, sd, noise } = prior.clone();
        within(&coefficient, mean, constraints.bounds[i])?;
        if !(sd.is_finite() && sd > 0.0 && noise.is_finite() && noise > 0.0) {
            return Err(Refusal::BadPrior { coefficient, sd, noise });
        }
        constraints.pulls[i] = prior.pull(card.parameters[i].kind, options.huber);
    }
    for (symbol, value) in &options.fixed {
        let i = place(symbol)?;
        within(symbol, *value, constraints.bounds[i])?;
        constraints.bounds[i] = (*value, *value);
    }
    Ok(constraints)
}

/// The coefficients that a fit may move.
pub(super) fn free<const P: usize>(constraints: &Constraints<P>) -> Vec<usize> {
    let moves = |i: &usize| {
        let (lower, upper) = constraints.bounds[*i];
        constraints.leader[*i] == *i && lower < upper
    };
    (0..P).filter(moves).collect()
}

/// How nearly some combination of the free coefficients changes nothing.
fn condition<const P: usize>(ground: &Ground<'_, '_, P>, theta: &Theta<P>, free: &[usize]) -> f64 {
    let squares = ground.sensitivity(theta);
    let scaled = nalgebra::DMatrix::from_fn(free.len(), free.len(), |a, b| {
        let (i, j) = (free[a], free[b]);
        squares[(i, j)] / (squares[(i, i)] * squares[(j, j)]).sqrt()
    });
    if scaled.iter().any(|entry| !entry.is_finite()) {
        return f64::INFINITY;
    }
    let eigenvalues = scaled.symmetric_eigenvalues();
    let smallest = eigenvalues.min();
    if smallest <= 0.0 { f64::INFINITY } else { (eigenvalues.max() / smallest).sqrt() }
}
