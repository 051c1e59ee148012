//! The words around a crossover figure.

use sweep_core::crossover::{Bound, Crossover, Outcome};
use sweep_core::fit::{Convergence, Interval, LawFit};
use sweep_core::units::three_digits;
use sweep_core::words::counted;

use super::comparison::Comparison;

/// More than this many further crossovers or caveats are counted, not printed.
const LISTED_N: usize = 3;
/// Laws that differ by more than this at their crossing are reported.
const AGREEMENT: f64 = 0.005;

pub(super) fn title(comparison: &Comparison<'_>, headline: Option<&Crossover>) -> String {
    match (headline, comparison.arms) {
        (Some(crossover), _) => crossover.headline(),
        (None, _) if comparison.points_n() == 0 => {
            format!("{}: no observations yet", comparison.name)
        }
        (None, [only]) => {
            format!("{} alone has been measured; a crossover needs two arms", only.arm)
        }
        (None, _) => "no crossover forecast yet; a crossover needs two arms with a law each".into(),
    }
}

pub(super) fn description(comparison: &Comparison<'_>, headline: Option<&Crossover>) -> String {
    let mut text = format!(
        "{}. {} over {} in {}, both axes logarithmic; {}.",
        comparison.name,
        capitalised(comparison.loss),
        comparison.axis.title(),
        comparison.unit,
        observations(comparison),
    );
    if let Some(crossover) = headline {
        text.push_str(&format!(" Forecast: {}.", crossover.headline()));
    }
    text
}

fn observations(comparison: &Comparison<'_>) -> String {
    counted(comparison.points_n(), "observation")
}

/// What a reader must know to judge the figure, the most important first.
pub(super) fn notes(
    comparison: &Comparison<'_>,
    headline: Option<&Crossover>,
    fits: &[Option<&LawFit>],
    window: Interval,
) -> Vec<String> {
    let mut notes = vec![basis(comparison, headline, fits)];
    notes.extend(headline.and_then(|crossover| cut(crossover, window)));
    notes.extend(headline.and_then(|crossover| disagreement(crossover, fits)));
    notes.extend(headline.and_then(|crossover| crossover.other_law.clone()));
    let rest = comparison.crossovers.iter().skip(1);
    notes.extend(listed("further crossovers", rest.map(Crossover::headline).collect()));
    let caveats = fits.iter().flatten().flat_map(|fit| caveats(fit)).collect();
    notes.extend(listed("further caveats", caveats));
    notes.iter().map(|note| sentence(note)).collect()
}

/// Law, number of observations and what the bootstrap draws did.
fn basis(
    comparison: &Comparison<'_>,
    headline: Option<&Crossover>,
    fits: &[Option<&LawFit>],
) -> String {
    let law =
        headline.map_or_else(|| fits.iter().flatten().next().map(|fit| fit.law), |c| Some(c.law));
    let determined =
        headline.filter(|c| !matches!(c.outcome, Outcome::Undetermined { .. }) && c.draws_n > 0);
    let mut text = comparison.name.clone();
    if let Some(law) = law.filter(|_| fits.iter().any(Option::is_some)) {
        text.push_str(&format!(" · {law} law, {}", law.equation(comparison.axis.letter())));
    }
    text.push_str(&format!(" · {}", observations(comparison)));
    if let Some(crossover) = determined {
        text.push_str(&format!(
            " · no overtaking within {} in {} of {} bootstrap draws",
            crossover.axis.quantity(crossover.horizon_hours),
            crossover.percent_never(),
            crossover.draws_n,
        ));
    }
    text
}

/// Says so where the frame ends before the forecast does.
fn cut(crossover: &Crossover, window: Interval) -> Option<String> {
    let end = crossover.axis.quantity(window.upper);
    match &crossover.outcome {
        Outcome::At { upper, .. } | Outcome::Passed { upper, .. } => match upper {
            Bound::Hours(hours) if *hours > window.upper => Some(format!(
                "The interval continues to {} beyond the frame, which ends at {end}",
                crossover.axis.quantity(*hours)
            )),
            Bound::Never if crossover.horizon_hours > window.upper * 1.05 => Some(format!(
                "The interval has no upper end within {}; the frame ends at {end}",
                crossover.axis.quantity(crossover.horizon_hours)
            )),
            Bound::Hours(_) | Bound::Never => None,
        },
        Outcome::None { .. } if crossover.horizon_hours > window.upper * 1.05 => Some(format!(
            "Looked as far as {}; the frame ends at {end}",
            crossover.axis.quantity(crossover.horizon_hours)
        )),
        Outcome::None { .. } | Outcome::Undetermined { .. } => None,
    }
}

/// A crossing at which the drawn laws differ would be a lie of the picture: say it.
fn disagreement(crossover: &Crossover, fits: &[Option<&LawFit>]) -> Option<String> {
    let (Outcome::At { hours, .. } | Outcome::Passed { hours, .. }) = &crossover.outcome else {
        return None;
    };
    let law = |arm: &str| fits.iter().flatten().find(|fit| fit.arm == arm);
    let (leader, challenger) = (law(&crossover.leader)?, law(&crossover.challenger)?);
    let ratio = leader.predict(*hours) / challenger.predict(*hours);
    let difference = (ratio - 1.0).abs();
    (difference > AGREEMENT).then(|| {
        format!("The two laws differ by {} % at the mark", three_digits(difference * 100.0))
    })
}

fn caveats(fit: &LawFit) -> Vec<String> {
    let mut caveats: Vec<String> =
        fit.caveats.iter().map(|caveat| format!("{}: {caveat}", fit.arm)).collect();
    if let Convergence::NotConverged { reason } = &fit.convergence {
        caveats.push(format!("{}: the fit did not converge: {reason}", fit.arm));
    }
    caveats
}

fn listed(what: &str, mut items: Vec<String>) -> Vec<String> {
    let hidden = items.len().saturating_sub(LISTED_N);
    items.truncate(LISTED_N);
    if hidden > 0 {
        items.push(format!("{hidden} {what} not shown"));
    }
    items
}

/// Full stop at the end; the beginning stays, since it often is the name of an arm.
fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    format!("{text}.")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
