//! The batches that people make by hand, from the same candidates and within the same limits: grids,
//! and runs of equal compute.

use std::fmt;

use super::account::Account;
use super::optimum::size_and_tokens;
use super::setting::Setting;

/// Where a batch comes from. What a hand-made batch leaves of the budget is spent run by run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Run by run.
    Chosen,
    /// `sizes` values of the first variable, with `lengths` runs of each, evenly spaced.
    Grid { sizes: usize, lengths: usize },
    /// `levels` values of compute, with `sizes` models of each.
    IsoFlop { levels: usize, sizes: usize },
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => write!(f, "runs chosen one by one"),
            Self::Grid { sizes, lengths } => write!(f, "a grid of {sizes} by {lengths} runs"),
            Self::IsoFlop { levels, sizes } => {
                write!(f, "{levels} levels of compute with {sizes} sizes each")
            }
        }
    }
}

/// Grids that are tried, by their side.
const GRIDS: [usize; 3] = [3, 5, 7];
const LEVELS: usize = 5;
const SIZES: usize = 7;
/// Decades of compute that the levels span, and decades of the sizes of one level.
const LEVEL_DECADES: f64 = 2.0;
const SIZE_DECADES: f64 = 1.0;

/// Each design with its runs, as large as the limits allow. A design that no candidates make is
/// left out.
pub(super) fn designs(setting: &Setting<'_>, account: &Account<'_>) -> Vec<(Design, Vec<usize>)> {
    let mut designs = Vec::new();
    let mut hours: Vec<f64> = setting.candidates.iter().map(|candidate| candidate.hours).collect();
    hours.sort_by(f64::total_cmp);
    hours.dedup();
    let mut add = |design: Design, make: &dyn Fn(&[usize]) -> Vec<usize>| {
        // The largest limit on one run under which the design is affordable.
        let under = |limit: f64| -> Option<Vec<usize>> {
            let mut runs = Vec::new();
            for arm in &setting.asked {
                let own = (0..setting.candidates.len()).filter(|candidate| {
                    let of = setting.candidates[*candidate];
                    of.arm == *arm && of.hours <= limit
                });
                runs.extend(make(&own.collect::<Vec<usize>>()));
            }
            let mut account = account.clone();
            let mut is_affordable = true;
            for run in &runs {
                is_affordable &= account.allows(*run, false);
                account.spend(*run);
            }
            is_affordable.then_some(runs)
        };
        let affordable = hours.partition_point(|limit| under(*limit).is_some());
        let largest = affordable.checked_sub(1).and_then(|i| under(hours[i]));
        if let Some(runs) = largest.filter(|runs| !runs.is_empty()) {
            designs.push((design, runs));
        }
    };
    for side in GRIDS {
        add(Design::Grid { sizes: side, lengths: side }, &|own| grid(setting, own, side));
    }
    let is_of_compute = |arm: &usize| size_and_tokens(setting.arms[*arm].law).is_some();
    if setting.asked.iter().all(is_of_compute) {
        let design = Design::IsoFlop { levels: LEVELS, sizes: SIZES };
        add(design, &|own| iso_flop(setting, own));
    }
    designs
}

/// `count` places, evenly spaced from one to another.
fn places(from: f64, to: f64, count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| from + (to - from) * i as f64 / (count - 1) as f64)
}

/// The least and the largest of some values.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
}

/// Those of `own` that are nearest to evenly spaced values of `along`, each once.
fn even(own: &[usize], count: usize, along: impl Fn(usize) -> f64) -> Vec<usize> {
    let (from, to) = span(own.iter().map(|candidate| along(*candidate)));
    let mut chosen: Vec<usize> = Vec::new();
    for place in places(from, to, count) {
        let distance = |candidate: &usize| (along(*candidate) - place).abs();
        let nearest = own.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        chosen.extend(nearest.filter(|nearest| !chosen.contains(nearest)));
    }
    chosen
}

/// Even sizes, and for each even hours.
fn grid(setting: &Setting<'_>, own: &[usize], side: usize) -> Vec<usize> {
    let size = |candidate: usize| setting.points[setting.point_of[candidate]].place.decades[0];
    let ln_hours = |candidate: usize| setting.candidates[candidate].hours.ln();
    let mut runs = Vec::new();
    for one in even(own, side, size) {
        let row = own.iter().copied().filter(|other| (size(*other) - size(one)).abs() < 1e-6);
        runs.extend(even(&row.collect::<Vec<usize>>(), side, ln_hours));
    }
    runs
}

/// Even levels of compute down from the largest, and on each even sizes about the one in the middle
/// of what the level has.
fn iso_flop(setting: &Setting<'_>, own: &[usize]) -> Vec<usize> {
    let place = |candidate: usize| {
        let place = &setting.points[setting.point_of[candidate]].place;
        let [n, d] = size_and_tokens(setting.arms[place.arm].law).unwrap_or([0, 1]);
        [place.decades[n], place.decades[d]]
    };
    let compute = |candidate: usize| place(candidate).iter().sum::<f64>();
    let ratio = |candidate: usize| place(candidate)[1] - place(candidate)[0];
    let (_, most) = span(own.iter().map(|candidate| compute(*candidate)));
    let (low, high) = span(own.iter().map(|candidate| ratio(*candidate)));
    let middle = 0.5 * (low + high);
    let mut runs: Vec<usize> = Vec::new();
    for level in places(most - LEVEL_DECADES, most, LEVELS) {
        let centre = 0.5 * (level - middle);
        for size in places(centre - 0.5 * SIZE_DECADES, centre + 0.5 * SIZE_DECADES, SIZES) {
            let distance = |candidate: &usize| {
                let [n, d] = place(*candidate);
                (n - size).powi(2) + (d - (level - size)).powi(2)
            };
            let nearest = own.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
            runs.extend(nearest.filter(|nearest| !runs.contains(nearest)));
        }
    }
    runs
}
