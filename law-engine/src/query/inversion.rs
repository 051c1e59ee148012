//! The value of one variable at which a law reaches a loss.

use sweep_core::fit::Interval;

use super::Fitted;
use crate::bracket;
use crate::forecast::around;

/// Decades outside the runs that were fitted in which a value is looked for. Beyond, no law of the
/// field was ever checked.
pub const REACH_DECADES: f64 = 6.0;
/// Steps of the scan that brackets the value, and halvings of the bracket.
const STEPS: u32 = 120;
const HALVINGS: u32 = 60;

/// Where a law reaches a loss, along one variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reach {
    /// At this value, the first from below.
    At(f64),
    /// Already at the lower end of the search.
    Before(f64),
    /// Not up to the upper end of the search: the loss lies below all that the law comes to.
    Never,
}

impl Reach {
    /// On the axis of the variable, with infinity for never.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Self::At(value) | Self::Before(value) => value,
            Self::Never => f64::INFINITY,
        }
    }
}

/// The value at which a loss is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inversion {
    pub best: Reach,
    /// Of the draws: its upper end is infinite where never is within the level, and its lower one is
    /// the lower end of the search where the loss is already reached there. None without draws.
    pub interval: Option<Interval>,
    /// Share of the draws that never reach the loss; zero without draws.
    pub never: f64,
    /// Ends of the search, [`REACH_DECADES`] outside the fitted values.
    pub searched: (f64, f64),
    /// The least response that the best fit comes to in the search.
    pub least: f64,
    /// Decades of the best fit's value outside the fitted ones; not a number for never.
    pub beyond: f64,
}

/// Where the response falls to `loss` along `variable`, the others as in `x`.
///
/// # Panics
/// With another number of variables than the card has, or a `variable` that is none of them.
#[must_use]
pub fn invert(fitted: &Fitted<'_>, variable: usize, x: &[f64], loss: f64, level: f64) -> Inversion {
    along(fitted, variable, x, loss, level, 1.0)
}

/// Where `sign` times the response falls to `loss`.
fn along(
    fitted: &Fitted<'_>,
    variable: usize,
    x: &[f64],
    loss: f64,
    level: f64,
    sign: f64,
) -> Inversion {
    let (smallest, largest) = fitted.spans[variable];
    let reach = 10_f64.powf(REACH_DECADES);
    // A variable that was fitted at zero begins far below its largest value.
    let floor = if smallest > 0.0 { smallest } else { largest / reach };
    let searched = (floor / reach, largest * reach);
    let mut place = x.to_vec();
    let mut along = |coefficients: &[f64], value: f64| {
        place[variable] = value;
        sign * fitted.law.predict(coefficients, &place)
    };
    let best = reached(|value| along(&fitted.estimate.coefficients, value), searched, loss);
    let mut values: Vec<f64> = fitted
        .draws
        .iter()
        .map(|draw| reached(|value| along(draw, value), searched, loss).value())
        .collect();
    let never_n = values.iter().filter(|value| value.is_infinite()).count();
    let never = if values.is_empty() { 0.0 } else { never_n as f64 / values.len() as f64 };
    let least = (0..=STEPS)
        .map(|step| along(&fitted.estimate.coefficients, stair(searched, step)))
        .fold(f64::INFINITY, f64::min);
    let interval = (!values.is_empty()).then(|| around(best.value(), &mut values, level));
    let beyond = match best {
        Reach::Never => f64::NAN,
        _ => fitted.beyond(variable, best.value()),
    };
    Inversion { best, interval, never, searched, least, beyond }
}

/// Where a response that rises along `variable` outgrows `threshold`, the others as in `x`: the size
/// at which an attention logit or a gradient norm leaves the range that trains well (Wortsman et al.,
/// arXiv 2309.14322). [`Inversion::least`] is then the largest response that the best fit comes to.
///
/// # Panics
/// As [`invert`].
#[must_use]
pub fn outgrow(
    fitted: &Fitted<'_>,
    variable: usize,
    x: &[f64],
    threshold: f64,
    level: f64,
) -> Inversion {
    let inversion = along(fitted, variable, x, -threshold, level, -1.0);
    Inversion { least: -inversion.least, ..inversion }
}

/// The first value between the ends at which `response` is no more than `loss`.
fn reached(mut response: impl FnMut(f64) -> f64, (lower, upper): (f64, f64), loss: f64) -> Reach {
    if response(lower) <= loss {
        return Reach::Before(lower);
    }
    let is_reached = |ln: f64| response(ln.exp()) <= loss;
    bracket::first(lower.ln(), upper.ln(), STEPS, HALVINGS, is_reached)
        .map_or(Reach::Never, |ln| Reach::At(ln.exp()))
}

/// A place of the scan, equally spaced in the logarithm.
fn stair((lower, upper): (f64, f64), step: u32) -> f64 {
    lower * (upper / lower).powf(f64::from(step) / f64::from(STEPS))
}
