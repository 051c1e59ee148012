//! The compute-optimal size read off the runs themselves, as a check on a law that was fitted to all
//! of them: Chinchilla's first two approaches beside the third.
//!
//! - **isoFLOP** (approach 2): runs of nearly equal compute are a slice; the bottom of the parabola
//!   of loss over ln N through a slice is its best size.
//! - **envelope** (approach 1): of many levels of compute, the size whose training curve is the
//!   lowest there.
//!
//! Either gives places `(C, N*)` and the line `ln N* = g + a ln C` through them. A parabola is no law:
//! its bottom is off where a slice is wide or off centre, even without noise (arXiv 2603.22339), and
//! runs of which checkpoints are taken before their schedule ends favour small sizes. A disagreement
//! with the law is a question, not a verdict.
//!
//! Source: Hoffmann et al., arXiv 2203.15556, sections 3.1 and 3.2.

use std::collections::BTreeMap;

use nalgebra::{Matrix3, Vector3};
use sweep_core::fit::Interval;

use super::Answer;
use crate::straight::Straight;
use crate::student;

/// One run, or one point of its training curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    pub params_n: f64,
    pub flops_c: f64,
    pub loss: f64,
    /// Which run a point belongs to.
    pub run: u64,
}

/// A level of compute with its best size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    pub flops_c: f64,
    pub params_n: f64,
    pub loss: f64,
}

/// Best sizes over compute, and the line through them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// By compute.
    pub places: Vec<Best>,
    /// Levels whose best size is the smallest or the largest one that was trained there: the best
    /// may lie outside, and they say nothing.
    pub left_out: usize,
    line: Straight,
    /// Independent levels, which are fewer than the places of an envelope.
    freedom: f64,
}

/// Runs within this factor of the least compute of a slice belong to it.
const SLICE: f64 = 1.1;
/// Different sizes that a parabola wants: one more than it has coefficients.
const SIZES_MIN: usize = 4;
/// Levels that a line and its scatter want.
const LEVELS_MIN: usize = 3;
/// Levels of compute at which training curves are compared.
const LEVELS: u32 = 200;
/// Points that make a training curve.
const POINTS_MIN: usize = 3;

/// The best size of each isoFLOP slice, of runs at their last points. None with fewer than three
/// slices that show one.
#[must_use]
pub fn isoflop(points: &[Run]) -> Option<Sizes> {
    let mut last: BTreeMap<u64, &Run> = BTreeMap::new();
    for point in points {
        let run = last.entry(point.run).or_insert(point);
        if point.flops_c > run.flops_c {
            *run = point;
        }
    }
    let mut order: Vec<&Run> = last.into_values().collect();
    order.sort_by(|a, b| a.flops_c.total_cmp(&b.flops_c));
    let mut slices: Vec<Vec<&Run>> = Vec::new();
    for run in order {
        match slices.last_mut() {
            Some(slice) if run.flops_c <= SLICE * slice[0].flops_c => slice.push(run),
            _ => slices.push(vec![run]),
        }
    }
    slices.retain(|slice| {
        let mut sizes: Vec<u64> = slice.iter().map(|run| run.params_n.to_bits()).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes.len() >= SIZES_MIN
    });
    let places: Vec<Best> = slices.iter().filter_map(|slice| bottom(slice)).collect();
    let (left_out, freedom) = (slices.len() - places.len(), places.len() as f64 - 2.0);
    Sizes::through(places, left_out, freedom)
}

/// The bottom of the parabola of a slice; None where it has none among the slice's sizes.
fn bottom(slice: &[&Run]) -> Option<Best> {
    let n = slice.len() as f64;
    let ln_c = slice.iter().map(|run| run.flops_c.ln()).sum::<f64>() / n;
    let centre = slice.iter().map(|run| run.params_n.ln()).sum::<f64>() / n;
    let (mut square, mut product) = (Matrix3::zeros(), Vector3::zeros());
    for run in slice {
        let x = run.params_n.ln() - centre;
        let row = Vector3::new(1.0, x, x * x);
        square += row * row.transpose();
        product += row * run.loss;
    }
    let [level, slope, bend]: [f64; 3] = square.cholesky()?.solve(&product).into();
    let x = -slope / (2.0 * bend);
    let is_inside = |x: f64| {
        let beyond = |above: bool| slice.iter().any(|r| (r.params_n.ln() - centre > x) == above);
        beyond(true) && beyond(false)
    };
    (bend > 0.0 && is_inside(x)).then(|| Best {
        flops_c: ln_c.exp(),
        params_n: (centre + x).exp(),
        loss: level + 0.5 * slope * x,
    })
}

/// The sizes of the lowest training curve over compute. None with fewer than three curves of
/// different sizes, or where fewer than three of them are ever the lowest between others.
#[must_use]
pub fn envelope(points: &[Run]) -> Option<Sizes> {
    let mut curves: BTreeMap<u64, Vec<&Run>> = BTreeMap::new();
    points.iter().for_each(|point| curves.entry(point.run).or_default().push(point));
    let mut curves: Vec<Vec<&Run>> =
        curves.into_values().filter(|curve| curve.len() >= POINTS_MIN).collect();
    curves.iter_mut().for_each(|curve| curve.sort_by(|a, b| a.flops_c.total_cmp(&b.flops_c)));
    let ends = |curve: &Vec<&Run>| Some((curve.first()?.flops_c.ln(), curve.last()?.flops_c.ln()));
    let spans: Vec<(f64, f64)> = curves.iter().filter_map(ends).collect();
    let first = spans.iter().map(|span| span.0).fold(f64::INFINITY, f64::min);
    let last = spans.iter().map(|span| span.1).fold(f64::NEG_INFINITY, f64::max);
    let (mut places, mut left_out, mut winners) = (Vec::new(), 0, Vec::new());
    for level in 0..LEVELS {
        let ln_c = first + (last - first) * f64::from(level) / f64::from(LEVELS - 1);
        let here: Vec<(f64, f64)> = curves
            .iter()
            .zip(&spans)
            .filter(|(_, span)| (span.0..=span.1).contains(&ln_c))
            .map(|(curve, _)| (curve[0].params_n, along(curve, ln_c)))
            .collect();
        let Some((size, loss)) = here.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)) else {
            continue;
        };
        let is_between = here.iter().any(|(n, _)| *n < size) && here.iter().any(|(n, _)| *n > size);
        if is_between {
            places.push(Best { flops_c: ln_c.exp(), params_n: size, loss });
            winners.push(size.to_bits());
        } else {
            left_out += 1;
        }
    }
    // Neighbouring levels have one winner: what is independent is the sizes.
    winners.sort_unstable();
    winners.dedup();
    if winners.len() < LEVELS_MIN {
        return None;
    }
    Sizes::through(places, left_out, winners.len() as f64 - 2.0)
}

/// The loss of a training curve at `ln_c`, which it reaches: linear in logarithms between points.
fn along(curve: &[&Run], ln_c: f64) -> f64 {
    let after = curve.partition_point(|point| point.flops_c.ln() < ln_c).clamp(1, curve.len() - 1);
    let (a, b) = (curve[after - 1], curve[after]);
    let width = (b.flops_c / a.flops_c).ln();
    let share = if width > 0.0 { (ln_c - a.flops_c.ln()) / width } else { 0.0 };
    (a.loss.ln() + share * (b.loss / a.loss).ln()).exp()
}

impl Sizes {
    fn through(places: Vec<Best>, left_out: usize, freedom: f64) -> Option<Self> {
        let points: Vec<(f64, f64)> =
            places.iter().map(|best| (best.flops_c.ln(), best.params_n.ln())).collect();
        let line = Straight::fit(&points);
        (places.len() >= LEVELS_MIN && line.slope.is_finite()).then_some(Self {
            places,
            left_out,
            line,
            freedom,
        })
    }

    /// What stands above sums over all places in the errors of the line: the squares of the distances
    /// from it, over the degrees of freedom of the places that are independent, which of an
    /// envelope's many are few.
    fn variance(&self) -> f64 {
        let apart = |best: &Best| best.params_n.ln() - self.line.at(best.flops_c.ln());
        let squares: f64 = self.places.iter().map(|best| apart(best).powi(2)).sum();
        squares / self.freedom
    }

    fn about(&self, best: f64, variance: f64, level: f64, of: impl Fn(f64) -> f64) -> Answer {
        let reach = (student::square(1.0 - level, self.freedom) * variance).sqrt();
        let interval = Interval { lower: of(best - reach), upper: of(best + reach) };
        Answer { best: of(best), interval: Some(interval) }
    }

    /// a, by which the best size grows with compute, with Student's interval.
    #[must_use]
    pub fn exponent(&self, level: f64) -> Answer {
        let variance = self.variance() / self.line.square;
        self.about(self.line.slope, variance, level, |a| a)
    }

    /// The best size at `flops_c` by the line, with Student's interval.
    #[must_use]
    pub fn params_n(&self, flops_c: f64, level: f64) -> Answer {
        let ln_c = flops_c.ln();
        let leverage = (self.places.len() as f64).recip()
            + (ln_c - self.line.centre).powi(2) / self.line.square;
        let variance = self.variance() * leverage;
        self.about(self.line.at(ln_c), variance, level, f64::exp)
    }

    /// How far the places are from the sizes that `law` gives their compute: the root mean square of
    /// the difference of ln N*. None where the law has no best size at one of them.
    pub fn apart(&self, law: impl Fn(f64) -> Option<f64>) -> Option<f64> {
        let square = |best: &Best| Some((best.params_n / law(best.flops_c)?).ln().powi(2));
        let squares: Option<f64> = self.places.iter().map(square).sum();
        Some((squares? / self.places.len() as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::frontier::Frontier;

    const TRUTH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];

    fn loss(params_n: f64, flops_c: f64) -> f64 {
        let [e, a, b, alpha, beta] = TRUTH;
        e + a * params_n.powf(-alpha) + b * (flops_c / (6.0 * params_n)).powf(-beta)
    }

    /// Slices of seven sizes about the best one, moved by `shift` in ln N.
    fn slices(width: f64, shift: f64) -> Vec<Run> {
        let frontier = Frontier::new(TRUTH);
        let mut runs = Vec::new();
        for flops_c in [1e18, 1e19, 1e20, 1e21] {
            let best = frontier.at(flops_c).params_n;
            for step in -3_i32..=3 {
                let params_n = best * (shift + width * f64::from(step) / 3.0).exp();
                let run = runs.len() as u64;
                runs.push(Run { params_n, flops_c, loss: loss(params_n, flops_c), run });
            }
        }
        runs
    }

    #[test]
    fn narrow_slices_show_the_laws_own_sizes() {
        let found = isoflop(&slices(0.3, 0.0)).expect("four slices");
        assert_eq!((found.places.len(), found.left_out), (4, 0));
        let frontier = Frontier::new(TRUTH);
        let exponent = found.exponent(0.9);
        assert!((exponent.best / frontier.size_exponent - 1.0).abs() < 1e-3, "{exponent:?}");
        let size = found.params_n(1e23, 0.9).best / frontier.at(1e23).params_n;
        assert!((size.ln()).abs() < 0.01, "{size}");
        let apart = found.apart(|c| Some(frontier.at(c).params_n)).expect("it has them all");
        assert!(apart < 0.01, "{apart}");
        assert_eq!(found.apart(|_| None), None);
    }

    /// A slice about something else than the best size has the bottom of its parabola elsewhere,
    /// without any noise.
    #[test]
    fn off_centre_slices_are_biased_and_slices_without_a_bottom_left_out() {
        let truth = |c: f64| Some(Frontier::new(TRUTH).at(c).params_n);
        let biased = isoflop(&slices(2.5, 1.2)).expect("four slices");
        let (centred, apart) = (slices(2.5, 0.0), biased.apart(truth).expect("sizes"));
        let centred = isoflop(&centred).expect("four slices").apart(truth).expect("sizes");
        assert!(apart > 0.03 && centred < 0.5 * apart, "{apart} {centred}");
        assert_eq!(isoflop(&slices(0.5, 3.0)), None);
        let mut few = slices(0.5, 0.0);
        few.retain(|run| run.flops_c < 1e20);
        assert_eq!(isoflop(&few), None);
    }

    /// Training curves of constant schedules, whose points are as good as runs of their own.
    #[test]
    fn the_envelope_of_curves_shows_the_best_sizes() {
        let mut points = Vec::new();
        for run in 0..16_u64 {
            let params_n = 1e7 * 2_f64.powf(run as f64 / 2.0);
            for step in 0..60_i32 {
                let flops_c = 1e16 * (f64::from(step) * 0.22).exp();
                points.push(Run { params_n, flops_c, loss: loss(params_n, flops_c), run });
            }
        }
        let found = envelope(&points).expect("many curves");
        let frontier = Frontier::new(TRUTH);
        let exponent = found.exponent(0.9);
        assert!((exponent.best - frontier.size_exponent).abs() < 0.03, "{exponent:?}");
        let interval = exponent.interval.expect("there is one");
        assert!(interval.lower < frontier.size_exponent && frontier.size_exponent < interval.upper);
        assert!(found.left_out > 0);
        assert_eq!(envelope(&points[..119]), None);
    }
}
