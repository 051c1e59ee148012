//! The live display of a terminal.

use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use sweep_core::ids::RunId;
use sweep_core::sweep::SweepStatus;

use crate::view::live::{self, RunBar};
use crate::view::status::counts;

/// More bars than this do not fit a terminal; the counts tell of the rest.
const RUN_BARS_MAX: usize = 16;

const BAR: &str = "{prefix:30} {bar:24.cyan/dim} {wide_msg}";
const LINE: &str = "{prefix:30} {wide_msg}";

/// From the top: calibration, a bar per run in progress, counts, budget, forecast.
pub(super) struct Bars {
    all: MultiProgress,
    runs: HashMap<RunId, ProgressBar>,
    calibration: Option<ProgressBar>,
    counts: ProgressBar,
    budget: ProgressBar,
    headline: ProgressBar,
}

impl Bars {
    pub(super) fn new(all: &MultiProgress) -> Self {
        let calibration = Some(all.add(line("calibration")));
        let counts = all.add(line("runs"));
        let budget = all.add(bar("budget", 1));
        let headline = all.add(line("crossover"));
        Self { all: all.clone(), runs: HashMap::new(), calibration, counts, budget, headline }
    }

    pub(super) fn update(&mut self, status: &SweepStatus) {
        match (live::calibration(status), &self.calibration) {
            (Some(text), Some(line)) => line.set_message(text),
            (None, Some(_)) => {
                if let Some(line) = self.calibration.take() {
                    self.remove(&line);
                }
            }
            (_, None) => {}
        }
        self.update_runs(status);
        self.counts.set_message(counts(&status.runs));
        let balance = status.record.balance;
        self.budget.set_length(balance.granted.ms());
        self.budget.set_position(balance.spent.ms());
        self.budget.set_message(live::budget(status));
        self.headline.set_message(live::headline(status));
    }

    fn update_runs(&mut self, status: &SweepStatus) {
        let active: Vec<_> =
            status.runs.iter().filter(|run| run.state.is_active()).take(RUN_BARS_MAX).collect();
        let is_active = |id: &RunId| active.iter().any(|run| run.spec.id == *id);
        let ended: Vec<RunId> = self.runs.keys().copied().filter(|id| !is_active(id)).collect();
        for id in ended {
            if let Some(bar) = self.runs.remove(&id) {
                self.remove(&bar);
            }
        }
        for run in active {
            let now = RunBar::of(run);
            let drawn = self.runs.entry(run.spec.id).or_insert_with(|| {
                self.all.insert_before(&self.counts, bar(&now.label, now.steps))
            });
            drawn.set_position(now.step);
            drawn.set_message(now.message);
        }
    }

    fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.all.remove(bar);
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let lines = [&self.counts, &self.budget, &self.headline];
        for bar in self.runs.values().chain(&self.calibration).chain(lines) {
            self.remove(bar);
        }
    }
}

fn bar(prefix: &str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).expect("the template is a constant that parses");
    let bar = ProgressBar::hidden().with_style(style.progress_chars("━╸─"));
    bar.set_length(length);
    bar.with_prefix(prefix.to_owned())
}

fn line(prefix: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template(LINE).expect("the template is a constant that parses");
    ProgressBar::hidden().with_style(style).with_prefix(prefix)
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;
    use crate::fixtures;

    #[test]
    fn bars_come_and_go_with_their_runs() {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut bars = Bars::new(&all);
        bars.update(&fixtures::calibrating());
        assert!(bars.calibration.is_some() && bars.runs.is_empty());

        let running = fixtures::running();
        bars.update(&running);
        assert!(bars.calibration.is_none(), "a plan ends calibration");
        let trained = &running.runs[3];
        let bar = &bars.runs[&trained.spec.id];
        assert_eq!((bar.position(), bar.length()), (50, Some(trained.spec.steps)));
        assert_eq!(bars.runs.len(), 2);
        assert_eq!((bars.budget.position(), bars.budget.length()), (11_260, Some(300_000)));

        bars.update(&fixtures::done());
        assert!(bars.runs.is_empty());
    }
}
