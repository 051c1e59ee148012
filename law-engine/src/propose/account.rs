//! What a batch has spent, and what it may.

use super::setting::Setting;
use super::{Candidate, Limits};

/// Candidates are named by their place in the setting.
#[derive(Clone)]
pub(super) struct Account<'a> {
    limits: &'a Limits,
    candidates: &'a [&'a Candidate],
    point_of: &'a [usize],
    /// Of each point, with those that are measured or pending.
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
            point_of: &setting.point_of,
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
        self.seeds[self.point_of[candidate]] > 0
    }

    /// Hours that the shares for the largest scale and for further seeds still lack when a candidate
    /// is taken.
    fn lacks(&self, candidate: usize) -> f64 {
        let hours = self.candidates[candidate].hours;
        let lack = |share: f64, spent: f64, counts: bool| {
            let own = if counts { hours } else { 0.0 };
            (share * self.limits.budget_hours - spent - own).max(0.0)
        };
        lack(self.limits.largest_share, self.spent_large, self.is_large(candidate))
            + lack(self.limits.repeat_share, self.spent_repeats, self.is_repeat(candidate))
    }

    /// Whether a run is within the limits. While `reserving`, it must also leave what the shares
    /// lack.
    pub(super) fn allows(&self, candidate: usize, reserving: bool) -> bool {
        let hours = self.candidates[candidate].hours;
        let reserve = if reserving { self.lacks(candidate) } else { 0.0 };
        hours <= self.limits.run_hours_max
            && self.seeds[self.point_of[candidate]] < self.limits.seeds_max
            && self.spent + hours + reserve <= self.limits.budget_hours
    }

    pub(super) fn spend(&mut self, candidate: usize) {
        let hours = self.candidates[candidate].hours;
        self.spent += hours;
        if self.is_large(candidate) {
            self.spent_large += hours;
        }
        if self.is_repeat(candidate) {
            self.spent_repeats += hours;
        }
        self.seeds[self.point_of[candidate]] += 1;
    }

    /// What a candidate costs to the choice: its hours and its slot.
    pub(super) fn price(&self, candidate: usize) -> f64 {
        self.candidates[candidate].hours + self.limits.slot_hours
    }
}
