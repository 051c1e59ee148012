//! Refits to data that could as well have been measured, which intervals are read off.
//!
//! What is resampled is a run with all its rows: checkpoints of one run share its luck, and drawing
//! rows makes an interval of nominally 90 % cover 57 %. Three schemes:
//!
//! - *residuals*: the law at its fit, plus noise. The noise of a run is that of another: the
//!   residuals of a least squares fit with their leverage put back (a Huber fit runs through some of
//!   its points, and its own residuals would say that they have no noise), centred.
//! - *wild*: the same, but each run keeps its own residuals, with a random factor in front: where
//!   the noise is not alike everywhere (Wu, doi 10.1214/aos/1176350142; factors of Webb, doi
//!   10.1111/caje.12661, which stay varied with few runs).
//! - *runs*: runs drawn with replacement, each with its rows. Asks nothing of the noise, but a
//!   resample has fewer different runs than the data: each draw's distance from the fit is stretched
//!   by `sqrt(n / f)`, for n runs and f degrees of freedom.
//!
//! How large the noise is, is itself uncertain with few runs. Each draw scales it by
//! `sqrt(f / chi^2_f)`, so that for a law that is linear in its coefficients and normal noise the
//! draws have Student's distribution. Priors are drawn anew too: what the rows do not tell of a
//! coefficient keeps the width of its prior.
//!
//! Measured coverage: `examples/fit_coverage.rs`, docs/fit-coverage.md.

use super::data::{Data, Refusal};
use super::equation::{Evaluate, Points, Row};
use super::estimate::{Estimate, Options, Table, constraints};
use super::linear::Linear;
use super::refit::Refitter;
use crate::curve::Point;
use crate::law::{Pull, ScalingLaw as _, Theta, clamp};
use crate::random::Stream;

/// How data that could as well have been measured are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// The residuals of runs, exchanged: the one that covers at its nominal rate in simulation.
    #[default]
    Residuals,
    /// Each run's own residuals under random factors.
    Wild,
    /// Whole runs with replacement.
    Runs,
}

/// Largest noise of a row, in log loss. With one degree of freedom a draw has no bound by itself; a
/// factor of 150 in the loss is beyond any quantile that is reported.
const NOISE_MAX: f64 = 5.0;
/// Keys of a draw's own streams.
const RUNS_KEY: u64 = 0;
const SCALE_KEY: u64 = 1;
const PRIOR_KEY: u64 = 2;

/// Refits to resampled data, each begun at the optima of `estimate`: by draw, the coefficients. The
/// same seed draws the same runs for every law and every table with as many runs.
pub(crate) fn draws<const P: usize>(
    equation: &dyn Evaluate<P>,
    data: &Data,
    options: &Options,
    estimate: &Estimate,
    draws_n: u32,
    seed: u64,
) -> Result<Vec<Vec<f64>>, Refusal> {
    let constraints = constraints(equation.card(), options)?;
    let table = Table::new(equation.card(), data)?;
    let refitter = Refitter::new(equation, &constraints, &table, data, options, estimate)?;
    let noise = Noise::new(Linear::of_squares(&refitter, options)?);
    let centre = refitter.centre();
    let ln_law = |point: &Point<Row<'_>>| refitter.law.ln_predict(&centre, point.x);
    let ln_laws = refitter.points.iter().map(ln_law).collect();
    let resampler = Resampler { refitter: &refitter, noise, ln_laws, options, seed };
    let thetas = refitter.run(draws_n as usize, |draw, points| {
        resampler.fill(draw as u64, points);
        resampler.pulls(draw as u64)
    });
    let draws = thetas.into_iter().zip(0..);
    let stretched = draws.map(|(theta, draw)| resampler.stretch(theta, draw));
    Ok(stretched.map(|theta| refitter.law.natural(&theta).to_vec()).collect())
}

/// What the data say of the noise.
struct Noise {
    /// By run, the residuals of its rows at unit weight, with leverage put back and centred.
    runs: Vec<Vec<f64>>,
    /// The points of each run.
    members: Vec<Vec<usize>>,
    freedom: f64,
}

impl Noise {
    fn new(linear: Linear) -> Self {
        let corrected = linear.corrected(-0.5);
        let mean = corrected.mean();
        let run = |rows: &Vec<usize>| rows.iter().map(|row| corrected[*row] - mean).collect();
        let runs = linear.groups.iter().map(run).collect();
        let freedom = linear.freedom();
        Self { runs, members: linear.groups, freedom }
    }
}

/// Everything that a draw is made of.
struct Resampler<'r, 'a, const P: usize> {
    refitter: &'r Refitter<'a, P>,
    noise: Noise,
    /// The law at its fit, point by point.
    ln_laws: Vec<f64>,
    options: &'r Options,
    seed: u64,
}

impl<'a, const P: usize> Resampler<'_, 'a, P> {
    fn stream(&self, draw: u64, key: u64) -> Stream {
        Stream::keyed(self.seed, [draw, self.noise.runs.len() as u64, key])
    }

    /// How much a draw's noise is scaled by: `sqrt(f / chi^2_f)`.
    fn scale(&self, draw: u64) -> f64 {
        let freedom = self.noise.freedom.round().max(1.0);
        let squares = self.stream(draw, SCALE_KEY).chi_squared(freedom as usize);
        (freedom / squares.max(f64::MIN_POSITIVE)).sqrt()
    }

    /// Makes the draw's points.
    fn fill(&self, draw: u64, points: &mut Points<'a>) {
        let mut stream = self.stream(draw, RUNS_KEY);
        let Noise { runs, members, .. } = &self.noise;
        match self.options.scheme {
            Scheme::Runs => self.reweigh(&mut stream, points),
            Scheme::Wild => {
                let scale = self.scale(draw);
                for (rows, noise) in members.iter().zip(runs) {
                    self.perturb(points, rows, noise, scale * webb(&mut stream));
                }
            }
            Scheme::Residuals => {
                let scale = self.scale(draw);
                for rows in members {
                    self.perturb(points, rows, &runs[stream.below(runs.len())], scale);
                }
            }
        }
    }

    /// Weighs every run by how often it was drawn. Draws with fewer runs than coefficients fit
    /// anything and are drawn again.
    fn reweigh(&self, stream: &mut Stream, points: &mut Points<'a>) {
        let runs_n = self.noise.runs.len();
        let mut counts = vec![0_u32; runs_n];
        let different_min = runs_n.min(P + 1);
        loop {
            counts.fill(0);
            (0..runs_n).for_each(|_| counts[stream.below(runs_n)] += 1);
            if counts.iter().filter(|count| **count > 0).count() >= different_min {
                break;
            }
        }
        for (rows, count) in self.noise.members.iter().zip(counts) {
            for row in rows {
                points[*row].weight = f64::from(count) * self.refitter.points[*row].weight;
            }
        }
    }

    /// The law at `rows` plus `factor` times the noise of one run, which is stretched along the rows
    /// where it has another number of them.
    fn perturb(&self, points: &mut Points<'a>, rows: &[usize], noise: &[f64], factor: f64) {
        for (place, row) in rows.iter().enumerate() {
            let point = &self.refitter.points[*row];
            let error = factor * noise[place * noise.len() / rows.len()] / point.weight.sqrt();
            let ln_law = self.ln_laws[*row];
            let observed = self.options.residual.observed(ln_law, error);
            points[*row].ln_loss = observed.clamp(ln_law - NOISE_MAX, ln_law + NOISE_MAX);
        }
    }

    /// What priors pull with, the mean of every one drawn from it.
    fn pulls(&self, draw: u64) -> [Pull; P] {
        let constraints = self.refitter.law.constraints;
        let card = self.refitter.law.equation.card();
        let mut pulls = constraints.pulls;
        let mut stream = self.stream(draw, PRIOR_KEY);
        for prior in &self.options.priors {
            let place = card.parameters.iter().position(|p| p.symbol == prior.coefficient);
            if let Some(i) = place {
                let leader = constraints.leader[i];
                pulls[leader].towards +=
                    prior.sd_fit(card.parameters[leader].kind) * stream.normal();
            }
        }
        pulls
    }

    /// A refit to whole runs, further away from the fit as few runs want it.
    fn stretch(&self, theta: Theta<P>, draw: u64) -> Theta<P> {
        if self.options.scheme != Scheme::Runs {
            return theta;
        }
        let runs_n = self.noise.runs.len() as f64;
        let stretch = self.scale(draw) * (runs_n / self.noise.freedom).sqrt();
        let centre = self.refitter.centre();
        clamp(centre + stretch * (theta - centre), &self.refitter.law.parameters())
    }
}

/// Webb's six factors: plus and minus the roots of 1/2, 1 and 3/2, of mean zero and variance one.
fn webb(stream: &mut Stream) -> f64 {
    let sign = if stream.below(2) == 0 { 1.0 } else { -1.0 };
    sign * (0.5 * (1 + stream.below(3)) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webbs_factors_have_mean_zero_and_variance_one() {
        let mut stream = Stream::keyed(1, [0, 0, 0]);
        let factors: Vec<f64> = (0..60_000).map(|_| webb(&mut stream)).collect();
        let mean = |power: i32| factors.iter().map(|f| f.powi(power)).sum::<f64>() / 60_000.0;
        assert!(mean(1).abs() < 0.02 && (mean(2) - 1.0).abs() < 0.02, "{} {}", mean(1), mean(2));
    }
}
