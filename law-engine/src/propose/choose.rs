//! Choosing a batch run by run, within its limits.

use super::belief::Belief;
use super::setting::Setting;
use super::{Candidate, Limits};

/// What is spent, and what may be. Candidates are named by their place in the setting.
#[derive(Clone, Debug)]
pub(super) struct Account<'a> {
    limits: &'a Limits,
    candidates: &'a [&'a Candidate],
    seeds: Vec<u32>,
    /// Hours from which a run counts as one of the largest scale.
    large_hours: f64,
    spent: f64,
    spent_large: f64,
    spent_repeats: f64,
}

impl<'a> Account<'a> {
    pub(super) fn new(setting: &'a Setting<'a>, limits: &'a Limits) -> Self {
        let affordable = limits.budget_hours.min(limits.run_hours_max);
        let hours = setting.candidates.iter().map(|candidate| candidate.hours);
        let largest = hours.filter(|hours| *hours <= affordable).fold(0.0, f64::max);
        Self {
            limits,
            candidates: &setting.candidates,
            seeds: setting.seeds.clone(),
            large_hours: 0.5 * largest,
            spent: 0.0,
            spent_large: 0.0,
            spent_repeats: 0.0,
        }
    }

    fn is_large(&self, candidate: usize) -> bool {
        self.candidates[candidate].hours >= self.large_hours
    }

    fn is_repeat(&self, candidate: usize) -> bool {
        self.seeds[candidate] > 0
    }

    /// Whether a run is within the limits. While `reserving`, it must also leave what the shares for
    /// the largest scale and for further seeds still lack.
    fn allows(&self, candidate: usize, reserving: bool) -> bool {
        let hours = self.candidates[candidate].hours;
        let budget = self.limits.budget_hours;
        let lack = |share: f64, spent: f64, counts: bool| {
            let own = if counts { hours } else { 0.0 };
            (share * budget - spent - own).max(0.0)
        };
        let reserve = if reserving {
            lack(self.limits.largest_share, self.spent_large, self.is_large(candidate))
                + lack(self.limits.repeat_share, self.spent_repeats, self.is_repeat(candidate))
        } else {
            0.0
        };
        hours <= self.limits.run_hours_max
            && self.seeds[candidate] < self.limits.seeds_max
            && self.spent + hours + reserve <= budget
    }

    fn spend(&mut self, candidate: usize) {
        let hours = self.candidates[candidate].hours;
        self.spent += hours;
        if self.is_large(candidate) {
            self.spent_large += hours;
        }
        if self.is_repeat(candidate) {
            self.spent_repeats += hours;
        }
        self.seeds[candidate] += 1;
    }

    /// What a candidate costs to the choice: its hours and its slot.
    pub(super) fn price(&self, candidate: usize) -> f64 {
        self.candidates[candidate].hours + self.limits.slot_hours
    }
}

/// The best of some candidates by the share of the target's variance that they remove for their
/// price, with that share. Among equals the first.
pub(super) fn best(
    belief: &Belief<'_>,
    known_n: usize,
    account: &Account<'_>,
    among: impl Iterator<Item = usize>,
) -> Option<(usize, f64)> {
    among
        .map(|candidate| (candidate, belief.gain(known_n + candidate)))
        .reduce(|a, b| if b.1 / account.price(b.0) > a.1 / account.price(a.0) { b } else { a })
}

/// The candidates of a batch in the order in which they are chosen, a further seed as one more.
pub(super) fn greedy(setting: &Setting<'_>, start: &Belief<'_>, limits: &Limits) -> Vec<usize> {
    let mut belief = start.clone();
    let mut account = Account::new(setting, limits);
    let all = 0..setting.candidates.len();
    let mut batch = Vec::new();
    loop {
        // What the shares reserve is freed when nothing can be had within it.
        let choice = [true, false].into_iter().find_map(|reserving| {
            let allowed = all.clone().filter(|candidate| account.allows(*candidate, reserving));
            best(&belief, setting.known_n, &account, allowed)
        });
        let Some((candidate, _)) = choice else { return batch };
        belief.learn(setting.known_n + candidate);
        account.spend(candidate);
        batch.push(candidate);
    }
}
