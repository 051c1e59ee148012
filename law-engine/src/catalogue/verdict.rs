//! What to beware of in a fit: said with every estimate, and never a reason to hide it.

use std::collections::BTreeSet;
use std::fmt;

use sweep_core::fit::{Convergence, Interval};

use super::card::{Card, Kind};
use super::data::Data;
use super::estimate::Estimate;
use super::influence::Influence;
use super::profile::Profile;
use crate::digits;

/// Something that a reader must know beside the coefficients.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The solver stopped before the optimum.
    NotConverged { reason: String },
    /// Some combination of coefficients changes no prediction on these data.
    Unidentified { condition: f64 },
    /// The interval of a coefficient spans this factor.
    Vague { coefficient: &'static str, factor: f64 },
    /// Another optimum is as good as the data can tell, with other coefficients.
    Rival { coefficients: Vec<f64>, worse_by: f64 },
    /// A coefficient ended at the end of its range.
    AtBound { coefficient: &'static str, value: f64 },
    /// A variable hardly varies.
    ShortSpan { variable: &'static str, decades: f64, largest: f64 },
    /// A variable has few different values.
    FewScales { variable: &'static str, scales_n: usize },
    /// Rows are points of runs before their ends.
    MidRun { rows_n: usize, of: usize },
    /// A run lies far off the law.
    Outlier {
        rows: Vec<usize>,
        residual: f64,
        times: f64,
        /// The coefficient that it moves most, with it and without.
        coefficient: &'static str,
        with: f64,
        without: f64,
    },
    /// The data bound a coefficient on one side only, whatever the others are.
    Unbounded { coefficient: &'static str, is_above: bool },
    /// The interval of refits is this many times as wide as that of the profile, or as narrow.
    Disputed { coefficient: &'static str, profile: Interval, times: f64 },
    /// One run decides about a coefficient.
    Lone { rows: Vec<usize>, coefficient: &'static str, share: f64, with: f64, without: f64 },
}

/// An exponent or a floor whose interval spans more than this factor says little.
const VAGUE_FACTOR: f64 = 3.0;
/// Relative differences of the objective below this, per observation, are noise: the likelihood of
/// normal errors cannot tell two fits apart whose squares differ by less than about two in n.
const RIVAL_SHARE: f64 = 2.0;
/// Published laws span more; below this a slope is a guess.
const DECADES_MIN: f64 = 1.0;
/// Fewer scales than this cannot show curvature and check it.
const SCALES_MIN: usize = 4;

/// The letter of training tokens.
const TOKENS: &str = "D";

/// A run this many times as far off as is typical stands out: one in 2 million normal ones would.
const OUTLIER_TIMES: f64 = 5.0;
/// Residuals below this do no harm.
const OUTLIER_MIN: f64 = 1e-3;
/// More outliers than these are no outliers.
const OUTLIERS_MAX: usize = 5;
/// A run with more than this share of a coefficient's jackknife variance decides about it.
const LONE_SHARE: f64 = 0.5;
/// Two intervals of one coefficient whose widths differ by more than this factor disagree.
const DISPUTE_TIMES: f64 = 1.5;
/// Fewer runs than this each have a large share.
const LONE_RUNS_MIN: usize = 8;

/// What single runs do to a fit that must be said, the worst first.
#[must_use]
pub fn standouts(card: &Card, estimate: &Estimate, influences: &[Influence]) -> Vec<Verdict> {
    let at = |i: usize, run: &Influence| {
        (card.parameters[i].symbol, estimate.coefficients[i], run.without[i])
    };
    let most = |run: &Influence| {
        let shares = run.shares.iter().enumerate();
        shares.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i)
    };
    let is_outlier =
        |run: &&Influence| run.times > OUTLIER_TIMES && run.residual.abs() > OUTLIER_MIN;
    let mut outliers: Vec<&Influence> = influences.iter().filter(is_outlier).collect();
    outliers.sort_by(|a, b| b.times.total_cmp(&a.times));
    outliers.truncate(OUTLIERS_MAX);
    let outlier = |run: &&Influence| {
        let (coefficient, with, without) = at(most(run), run);
        let Influence { rows, residual, times, .. } = (*run).clone();
        Verdict::Outlier { rows, residual, times, coefficient, with, without }
    };
    let lone = |run: &Influence| {
        let i = most(run);
        let (coefficient, with, without) = at(i, run);
        let Influence { rows, shares, .. } = run.clone();
        (influences.len() >= LONE_RUNS_MIN && shares[i] > LONE_SHARE).then(|| Verdict::Lone {
            rows,
            coefficient,
            share: shares[i],
            with,
            without,
        })
    };
    let lone = influences.iter().filter(|run| !is_outlier(run)).filter_map(lone);
    outliers.iter().map(outlier).chain(lone).collect()
}

/// What the profiles of coefficients say that intervals of refits do not.
#[must_use]
pub fn cross_checks(
    card: &Card,
    profiles: &[Option<Profile>],
    intervals: Option<&[Interval]>,
) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (i, parameter) in card.parameters.iter().enumerate() {
        let is_told = matches!(parameter.kind, Kind::Exponent | Kind::Floor);
        let Some(Some(profile)) = profiles.get(i).filter(|_| is_told) else { continue };
        let coefficient = parameter.symbol;
        let open = profile.is_open.iter().zip([false, true]).filter(|(is_open, _)| **is_open);
        // A floor that may be zero is open below by its nature.
        let open = open.filter(|(_, is_above)| *is_above || parameter.kind == Kind::Exponent);
        verdicts.extend(open.map(|(_, is_above)| Verdict::Unbounded { coefficient, is_above }));
        let width = |interval: &Interval| interval.upper - interval.lower;
        let Some(interval) = intervals.and_then(|intervals| intervals.get(i)) else { continue };
        let times = width(interval) / width(&profile.interval);
        let is_bounded = profile.is_open == [false; 2];
        if is_bounded && !(DISPUTE_TIMES.recip()..=DISPUTE_TIMES).contains(&times) {
            verdicts.push(Verdict::Disputed { coefficient, profile: profile.interval, times });
        }
    }
    verdicts
}

/// What there is to say about `estimate`. `intervals` are those of the coefficients, where there are
/// any.
#[must_use]
pub fn verdicts(
    card: &Card,
    data: &Data,
    estimate: &Estimate,
    intervals: Option<&[Interval]>,
) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    if let Convergence::NotConverged { reason } = &estimate.convergence {
        verdicts.push(Verdict::NotConverged { reason: reason.clone() });
    }
    if !estimate.is_identified() {
        verdicts.push(Verdict::Unidentified { condition: estimate.condition });
    }
    for (parameter, interval) in card.parameters.iter().zip(intervals.unwrap_or_default()) {
        let factor = interval.upper / interval.lower;
        if matches!(parameter.kind, Kind::Exponent | Kind::Floor) && factor > VAGUE_FACTOR {
            verdicts.push(Verdict::Vague { coefficient: parameter.symbol, factor });
        }
    }
    let noise = RIVAL_SHARE / data.rows_n() as f64;
    for (coefficients, objective) in estimate.basins.iter().skip(1) {
        let worse_by = objective / estimate.objective - 1.0;
        if worse_by < noise {
            verdicts.push(Verdict::Rival { coefficients: coefficients.clone(), worse_by });
        }
    }
    for i in &estimate.at_bound {
        let (coefficient, value) = (card.parameters[*i].symbol, estimate.coefficients[*i]);
        verdicts.push(Verdict::AtBound { coefficient, value });
    }
    if let Some(rows_n) = mid_run(card, data) {
        verdicts.push(Verdict::MidRun { rows_n, of: data.rows_n() });
    }
    for variable in card.variables {
        let Some(values) = data.column(variable.symbol) else { continue };
        let Some((smallest, largest)) = data.span(variable.symbol) else { continue };
        let decades = (largest / smallest).log10();
        let scales: BTreeSet<u64> = values.iter().map(|value| value.to_bits()).collect();
        if decades < DECADES_MIN {
            let variable = variable.symbol;
            verdicts.push(Verdict::ShortSpan { variable, decades, largest });
        }
        if scales.len() < SCALES_MIN {
            verdicts.push(Verdict::FewScales { variable: variable.symbol, scales_n: scales.len() });
        }
    }
    verdicts
}

/// Rows with fewer tokens than others of their run, where the law speaks of the tokens of a run; None
/// of none. Laws of whole curves have the learning rates so far as their variables instead.
fn mid_run(card: &Card, data: &Data) -> Option<usize> {
    let symbol = card.variables.iter().find(|variable| variable.symbol == TOKENS)?.symbol;
    let tokens = data.column(symbol)?;
    let (runs_n, run_of) = data.members();
    let mut last = vec![0.0_f64; runs_n];
    run_of.iter().zip(&tokens).for_each(|(run, d)| last[*run] = last[*run].max(*d));
    let rows_n = run_of.iter().zip(&tokens).filter(|(run, d)| **d < last[**run]).count();
    (rows_n > 0).then_some(rows_n)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConverged { reason } => write!(
                f,
                "not converged: {reason}; the coefficients and their intervals are where the search \
                 stood, and may move on at no cost to the fit"
            ),
            Self::Unidentified { condition } => write!(
                f,
                "not identified: some combination of the coefficients changes no prediction on \
                 these data (condition number {condition:.0e}); fix or tie one of them, or vary \
                 each variable on its own"
            ),
            Self::Vague { coefficient, factor } if factor.is_finite() => write!(
                f,
                "{coefficient} is hardly determined: its interval spans a factor of {}; runs at a \
                 larger scale would narrow it",
                digits::fixed(*factor, 0)
            ),
            Self::Vague { coefficient, .. } => write!(
                f,
                "{coefficient} may be zero: the data do not show it; runs at a larger scale would"
            ),
            Self::Rival { coefficients, worse_by } => write!(
                f,
                "another optimum is only {:.2} % worse, with coefficients {}",
                worse_by * 100.0,
                coefficients.iter().map(|c| digits::coefficient(*c)).collect::<Vec<_>>().join(", ")
            ),
            Self::AtBound { coefficient, value } => {
                let value = digits::given(*value);
                write!(f, "{coefficient} = {value} is the end of its range, not an optimum within")
            }
            Self::ShortSpan { variable, decades, largest } => write!(
                f,
                "{variable} spans {decades:.1} decades, and a slope wants one at least: a run at \
                 {variable} = {:.2e} would help most",
                largest * 10.0
            ),
            Self::FewScales { variable, scales_n } => write!(
                f,
                "{variable} has {scales_n} different values; {SCALES_MIN} are needed to see whether \
                 the form holds"
            ),
            Self::MidRun { rows_n, of } => write!(
                f,
                "{rows_n} of {of} rows are points of runs before their last: while the learning rate \
                 has still to decay, the loss is above that of a run which ends there"
            ),
            Self::Outlier { rows, residual, times, coefficient, with, without } => write!(
                f,
                "{} {} % {} the law, {} times the usual distance: without it {}",
                lies(rows),
                digits::fixed(100.0 * residual.exp_m1().abs(), 1),
                if *residual > 0.0 { "above" } else { "below" },
                digits::fixed(*times, 0),
                instead(coefficient, *with, *without)
            ),
            Self::Unbounded { coefficient, is_above } => write!(
                f,
                "{coefficient} has no {} end: at the end of its range the others make up for it",
                if *is_above { "upper" } else { "lower" }
            ),
            Self::Disputed { coefficient, profile: Interval { lower, upper }, times } => write!(
                f,
                "{coefficient}: its profile allows [{}, {}], and the interval of refits is {} times \
                 as wide; trust the wider one",
                digits::coefficient(*lower),
                digits::coefficient(*upper),
                digits::fixed(*times, 2)
            ),
            Self::Lone { rows, coefficient, share, with, without } => write!(
                f,
                "{} at one end of what {coefficient} is read off, with {:.0} % of its jackknife \
                 variance: without it {}",
                lies(rows),
                100.0 * share,
                instead(coefficient, *with, *without)
            ),
        }
    }
}

/// A run by its rows, as the subject of a sentence.
fn lies(rows: &[usize]) -> String {
    match rows {
        [row] => format!("row {row} lies"),
        [first, ..] => format!("the run of row {first} ({} rows) lies", rows.len()),
        [] => "a run without rows lies".to_owned(),
    }
}

fn instead(coefficient: &str, with: f64, without: f64) -> String {
    let [with, without] = [with, without].map(digits::coefficient);
    format!("{coefficient} would be {without} instead of {with}")
}
