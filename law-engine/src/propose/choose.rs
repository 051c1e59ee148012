//! Choosing a batch: run by run, then by giving back what turned out to be worth least, and beside
//! the batches that people make by hand.
//!
//! Runs that are chosen late make some of the early ones dispensable. The exchange gives back the
//! quarter of the runs that the batch would miss least for their price, spends the hours anew, and
//! keeps the outcome if it is better.

use super::Limits;
use super::account::Account;
use super::belief::Belief;
use super::designs::{Design, designs};
use super::setting::Setting;

/// Exchanges at most. Later ones find next to nothing.
const EXCHANGES: u32 = 3;
/// Share of the runs that an exchange gives back.
const GIVEN_BACK: f64 = 0.25;
/// A hand-made design that leaves so many times what the best batch leaves is dropped before what
/// remains of the budget is spent: that is less than the design itself.
const FAR: f64 = 4.0;

/// Runs to make, and where they come from.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) runs: Vec<usize>,
    pub(super) design: Design,
}

/// A batch in the making, or made.
#[derive(Clone)]
struct Draft<'a> {
    runs: Vec<usize>,
    belief: Belief<'a>,
    account: Account<'a>,
}

impl<'a> Draft<'a> {
    fn new(setting: &'a Setting<'a>, start: &Belief<'a>, limits: &'a Limits) -> Self {
        let account = Account::new(setting, limits);
        Self { runs: Vec::new(), belief: start.clone(), account }
    }

    fn take(&mut self, setting: &Setting<'_>, candidate: usize) {
        self.belief.learn(setting.point_of[candidate], setting.noise());
        self.account.spend(candidate);
        self.runs.push(candidate);
    }

    /// With some runs more.
    fn with(&self, setting: &Setting<'_>, runs: &[usize]) -> Self {
        let mut draft = self.clone();
        runs.iter().for_each(|run| draft.take(setting, *run));
        draft
    }

    /// Takes whatever is worth most for its price until nothing is affordable that says anything; a
    /// further seed is one more candidate.
    fn filled(mut self, setting: &Setting<'_>) -> Self {
        let all = 0..setting.candidates.len();
        // What the shares reserve is freed when nothing can be had within it.
        while let Some((candidate, _)) = [true, false].into_iter().find_map(|reserving| {
            let allowed = |candidate: &usize| self.account.allows(*candidate, reserving);
            best(setting, &self.belief, &self.account, all.clone().filter(allowed))
        }) {
            self.take(setting, candidate);
        }
        self
    }

    /// Share of the target's variance that is left.
    fn remains(&self, start: &Belief<'_>) -> f64 {
        self.belief.remains_of(start)
    }
}

/// The best of some candidates by the share of the target's variance that they remove for their
/// price, with that share. Among equals the first. Candidates that say nothing of the target, such
/// as those of an arm that it is not about, are nobody's choice.
pub(super) fn best(
    setting: &Setting<'_>,
    belief: &Belief<'_>,
    account: &Account<'_>,
    among: impl Iterator<Item = usize>,
) -> Option<(usize, f64)> {
    let gains = belief.gains(setting.noise());
    among
        .map(|candidate| (candidate, gains[setting.point_of[candidate]]))
        .filter(|(_, gain)| *gain > 0.0)
        .map(|(candidate, gain)| (candidate, gain, gain / account.price(candidate)))
        .reduce(|a, b| if b.2 > a.2 { b } else { a })
        .map(|(candidate, gain, _)| (candidate, gain))
}

/// The batch for a setting within limits.
pub(super) fn choose(setting: &Setting<'_>, start: &Belief<'_>, limits: &Limits) -> Batch {
    let empty = Draft::new(setting, start, limits);
    let mut best = exchanged(setting, start, &empty);
    let mut design = Design::Chosen;
    for (rival, runs) in designs(setting, &empty.account) {
        let made = empty.with(setting, &runs);
        if made.remains(start) > FAR * best.remains(start) {
            continue;
        }
        let filled = made.filled(setting);
        if filled.remains(start) < best.remains(start) {
            (best, design) = (filled, rival);
        }
    }
    Batch { runs: best.runs, design }
}

/// Run by run, with exchanges as long as they help.
fn exchanged<'a>(setting: &Setting<'_>, start: &Belief<'_>, empty: &Draft<'a>) -> Draft<'a> {
    let mut best = empty.clone().filled(setting);
    for _ in 0..EXCHANGES {
        let worths = best.belief.worths();
        let own = &worths[worths.len() - best.runs.len()..];
        let mut ranks: Vec<(f64, usize)> = best
            .runs
            .iter()
            .zip(own)
            .map(|(candidate, worth)| worth / empty.account.price(*candidate))
            .enumerate()
            .map(|(i, worth)| (worth, i))
            .collect();
        ranks.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let given_n = (GIVEN_BACK * ranks.len() as f64).ceil() as usize;
        let mut kept: Vec<usize> = ranks[given_n..].iter().map(|(_, i)| *i).collect();
        kept.sort_unstable();
        let kept: Vec<usize> = kept.into_iter().map(|i| best.runs[i]).collect();
        let other = empty.with(setting, &kept).filled(setting);
        if other.remains(start) >= best.remains(start) {
            break;
        }
        best = other;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;
    use crate::propose::{Arm, Run, Scale, Space, Spread, State, Target};

    /// What is left of the target's variance by the batch that is chosen, by each hand-made one, and
    /// without the exchange.
    fn remains(budget: f64, size: bool) -> (f64, Vec<(Design, f64)>, f64) {
        let law = find("chinchilla").expect("it is in the catalogue");
        let arm = Arm::new("gpt", law, law.card().published[2].coefficients);
        let grid = |sizes: u32| {
            (0..7 * sizes).map(move |i| {
                let n = 2e7 * 1.7_f64.powf(f64::from(i / 7));
                vec![n, n * 2.5 * 2_f64.powf(f64::from(i % 7))]
            })
        };
        let measured = grid(2).map(|x| Run { arm: 0, x }).collect();
        let spread = Spread::default();
        let state = State { arms: vec![arm], measured, pending: Vec::new(), spread };
        let space = Space::new(0, grid(9), |x| 0.2 + 6.0 * x[0] * x[1] / 1.44e18);
        let scale = Scale::Flops(1e24);
        let target = if size {
            Target::BestSize { arm: 0, scale }
        } else {
            Target::BestLoss { arm: 0, scale }
        };
        let limits = Limits::of_budget(budget);
        let setting = Setting::new(&state, &space, &target, &limits).expect("good input");
        let start = setting.belief().expect("a prior");
        let empty = Draft::new(&setting, &start, &limits);
        let left = |runs: &[usize]| {
            let mut belief = start.clone();
            for run in runs {
                belief.learn(setting.point_of[*run], setting.noise());
            }
            belief.remains_of(&start)
        };
        let chosen = left(&choose(&setting, &start, &limits).runs);
        let hand_made = designs(&setting, &empty.account)
            .into_iter()
            .map(|(design, runs)| {
                let mut account = empty.account.clone();
                for run in &runs {
                    assert!(account.allows(*run, false), "{design}");
                    account.spend(*run);
                }
                (design, left(&runs))
            })
            .collect();
        let greedy = empty.filled(&setting).remains(&start);
        (chosen, hand_made, greedy)
    }

    #[test]
    fn no_batch_that_people_make_by_hand_is_expected_to_be_better() {
        for (budget, size) in [(30.0, false), (300.0, false), (30.0, true), (300.0, true)] {
            let (chosen, hand_made, greedy) = remains(budget, size);
            assert!(chosen <= greedy, "the exchange made it worse: {chosen} after {greedy}");
            assert_eq!(hand_made.len(), 4, "{hand_made:?}");
            for (design, left) in hand_made {
                assert!(
                    chosen <= left,
                    "{design} at {budget} h leaves {left}, the choice {chosen}"
                );
            }
        }
    }
}
