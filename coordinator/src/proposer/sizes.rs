//! Which sizes of an arm are worth a run of a compute class. Pure.
//!
//! An arm's curve is its best size of each class. How that size grows is read off the sizes that won so
//! far: their parameters are a power of the hours, as in approach 1 of Hoffmann et al. (arXiv 2203.15556).

use std::collections::BTreeMap;

use sweep_core::class::ComputeClass;
use sweep_core::observation::{Observation, lower_envelope};

/// Of a decade of hours, by how many the parameters of the best size grow where one class says nothing
/// of it: half of the compute goes into them (Hoffmann et al., table 2).
const GROWTH: f64 = 0.5;
/// Within this share of the way to the next size the nearer one is run alone.
const CLOSE: f64 = 0.25;

/// The sizes of an arm and how the best of them grows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sizes {
    /// ln N and name, the smallest first.
    known: Vec<(f64, String)>,
    /// Of ln N = `at` + `growth` (ln h - `ln_hours`).
    at: f64,
    growth: f64,
    ln_hours: f64,
    /// The largest size won at the largest class: a larger one may do better there.
    pub(super) is_largest_best: bool,
}

impl Sizes {
    /// None where no run of `names` can be used.
    pub(super) fn new(observations: &[Observation], arm: &str, names: &[String]) -> Option<Self> {
        let of_arm = observations.iter().filter(|o| o.arm == arm && names.contains(&o.size));
        let params: BTreeMap<&str, u64> = of_arm.map(|o| (&*o.size, o.params_n.max(1))).collect();
        let mut known: Vec<(f64, String)> =
            params.iter().map(|(name, n)| ((*n as f64).ln(), (*name).to_owned())).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));

        let mut by_class: BTreeMap<ComputeClass, Vec<f64>> = BTreeMap::new();
        for best in lower_envelope(observations, arm) {
            if let Some(n) = params.get(&*best.size) {
                by_class.entry(best.class).or_default().push((*n as f64).ln());
            }
        }
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let winners: Vec<(f64, f64)> =
            by_class.iter().map(|(class, ln_n)| (class.hours().ln(), mean(ln_n))).collect();
        let (_, last) = winners.last()?;
        let xs: Vec<f64> = winners.iter().map(|(x, _)| *x).collect();
        let ys: Vec<f64> = winners.iter().map(|(_, y)| *y).collect();
        let (ln_hours, at) = (mean(&xs), mean(&ys));
        let square: f64 = xs.iter().map(|x| (x - ln_hours).powi(2)).sum();
        let product: f64 = winners.iter().map(|(x, y)| (x - ln_hours) * (y - at)).sum();
        // More compute never asks for a smaller model, nor for one that grows faster than it.
        let growth = if square > 0.0 { (product / square).clamp(0.0, 1.0) } else { GROWTH };
        let is_largest_best = known.last().is_some_and(|(largest, _)| *last >= *largest);
        Some(Self { known, at, growth, ln_hours, is_largest_best })
    }

    /// The sizes among which the best of `class` is expected: one, or the two around it.
    pub(super) fn at(&self, class: ComputeClass) -> Vec<String> {
        let ln_n = self.at + self.growth * (class.hours().ln() - self.ln_hours);
        let above = self.known.partition_point(|(known, _)| *known < ln_n);
        let name = |place: usize| self.known[place].1.clone();
        if above == 0 {
            return vec![name(0)];
        }
        if above == self.known.len() {
            return vec![name(above - 1)];
        }
        let (below, next) = (self.known[above - 1].0, self.known[above].0);
        let way = (ln_n - below) / (next - below);
        if way < CLOSE {
            vec![name(above - 1)]
        } else if way > 1.0 - CLOSE {
            vec![name(above)]
        } else {
            vec![name(above - 1), name(above)]
        }
    }

    /// The largest of them.
    pub(super) fn largest(&self) -> Option<&str> {
        self.known.last().map(|(_, name)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proposer::tests::observation;
    use sweep_core::units::AcceleratorTime;

    fn class(hours: u64) -> ComputeClass {
        ComputeClass::new(AcceleratorTime::from_hours(hours))
    }

    fn names() -> Vec<String> {
        ["small", "medium", "large"].map(str::to_owned).to_vec()
    }

    /// The best size grows tenfold over a hundred times the hours.
    fn grown() -> Vec<Observation> {
        let of = |size, params_n, hours, loss| observation("gpt", size, params_n, hours, 1, loss);
        vec![
            of("small", 1_000_000, 1, 2.0),
            of("medium", 10_000_000, 1, 2.2),
            of("small", 1_000_000, 100, 1.9),
            of("medium", 10_000_000, 100, 1.6),
            of("large", 100_000_000, 100, 1.8),
        ]
    }

    #[test]
    fn the_best_size_grows_as_it_did() {
        let sizes = Sizes::new(&grown(), "gpt", &names()).unwrap();
        assert_eq!(sizes.at(class(1)), ["small"]);
        assert_eq!(sizes.at(class(10)), ["small", "medium"]);
        assert_eq!(sizes.at(class(100)), ["medium"]);
        assert_eq!(sizes.at(class(1000)), ["medium", "large"]);
        assert_eq!(sizes.at(class(1_000_000)), ["large"]);
        assert!(!sizes.is_largest_best);
    }

    #[test]
    fn sizes_that_the_plan_does_not_have_are_left_out() {
        let mut all = grown();
        all.push(observation("gpt", "imported", 1_000_000_000, 100, 2, 1.5));
        let sizes = Sizes::new(&all, "gpt", &names()).unwrap();
        assert_eq!(sizes.at(class(1_000_000)), ["large"]);
        assert_eq!(Sizes::new(&all, "qlstm", &names()), None);
    }

    #[test]
    fn a_largest_size_that_wins_is_told() {
        let one = [observation("gpt", "small", 1_000_000, 1, 1, 2.0)];
        let sizes = Sizes::new(&one, "gpt", &names()).unwrap();
        assert!(sizes.is_largest_best);
        assert_eq!(
            (sizes.at(class(50)), sizes.largest()),
            (vec!["small".to_owned()], Some("small"))
        );
    }
}
