//! The response of a run that was not trained.

use sweep_core::fit::Interval;

use super::{Fitted, median};
use crate::forecast::{around, central};
use crate::random::Stream;

/// What a law says of one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// By the best fit.
    pub best: f64,
    /// Of the draws; the best fit's without any.
    pub median: f64,
    /// Of the law: where the mean of many runs would lie. None without draws.
    pub law: Option<Interval>,
    /// Of one run: the law's, and the noise of a run about it. None without draws, or where there
    /// are no more runs than coefficients, so that nothing is known of the noise.
    pub run: Option<Interval>,
    /// By variable, decades outside the runs that were fitted; negative below them.
    pub beyond: Vec<f64>,
}

/// What several laws say of one place together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// From the least to the largest of the best fits.
    pub best: Interval,
    /// From the lowest to the highest end of their intervals, of the laws and of one run.
    pub law: Option<Interval>,
    pub run: Option<Interval>,
}

impl Spread {
    /// The hull of `predictions`; None of none.
    #[must_use]
    pub fn of(predictions: &[Prediction]) -> Option<Self> {
        let hull = |interval: &dyn Fn(&Prediction) -> Option<Interval>| {
            let ends = predictions.iter().filter_map(interval);
            ends.reduce(|a, b| Interval {
                lower: a.lower.min(b.lower),
                upper: a.upper.max(b.upper),
            })
        };
        let point = |p: &Prediction| Some(Interval { lower: p.best, upper: p.best });
        Some(Self { best: hull(&point)?, law: hull(&|p| p.law), run: hull(&|p| p.run) })
    }
}

/// Refits of one seed share no random numbers with the noise that is added to them.
const NOISE: u64 = 0x6e6f_6973_6500;
/// Noises that are added to every draw: the interval's ends shall not be those of one dice.
const NOISES_N: usize = 8;

/// The response at `x`, the variables in the order of the card.
///
/// The noise of one run is drawn from the residuals of the fit, a run at random and then one of its
/// rows, widened by what a fit takes out of them. It is as heavy in its tails as they are.
///
/// # Panics
/// With another number of variables than the card has.
#[must_use]
pub fn predict(fitted: &Fitted<'_>, x: &[f64], level: f64) -> Prediction {
    let best = fitted.law.predict(&fitted.estimate.coefficients, x);
    let mut values: Vec<f64> =
        fitted.draws.iter().map(|draw| fitted.law.predict(draw, x)).collect();
    let inflation = fitted.inflation();
    let run = (!values.is_empty() && inflation.is_finite()).then(|| {
        let noisy = |(draw, value): (usize, &f64)| {
            let mut stream = Stream::keyed(NOISE, [draw as u64, 0, 0]);
            let value = *value;
            std::array::from_fn::<f64, NOISES_N, _>(|_| {
                let run = &fitted.residuals[stream.below(fitted.residuals.len())];
                value * (inflation * run[stream.below(run.len())]).exp()
            })
        };
        let mut runs: Vec<f64> = values.iter().enumerate().flat_map(noisy).collect();
        central(&mut runs, level)
    });
    let law = (!values.is_empty()).then(|| around(best, &mut values, level));
    let median = if values.is_empty() { best } else { median(&mut values) };
    let beyond = x.iter().enumerate().map(|(variable, x)| fitted.beyond(variable, *x)).collect();
    // A run is no surer than its law.
    let run = run.zip(law).map(|(run, law)| Interval {
        lower: run.lower.min(law.lower),
        upper: run.upper.max(law.upper),
    });
    Prediction { best, median, law, run, beyond }
}
