//! What a sweep would run, and what that costs.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::class::ComputeClass;
use sweep_core::plan::Plan;
use sweep_core::spec::SweepSpec;
use sweep_core::sweep::{Calibration, SweepStatus};
use sweep_core::throughput::ThroughputSource;
use sweep_core::units::{AcceleratorTime, Share, human_count};

use super::counted;
use super::table::{Column, draw};

/// Runs listed by name before the rest is only counted.
const LISTED_MAX: usize = 8;

/// A plan in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PlanSummary {
    pub(crate) name: String,
    pub(crate) granted: AcceleratorTime,
    pub(crate) cost: AcceleratorTime,
    pub(crate) runs_n: usize,
    /// None while throughputs are missing.
    pub(crate) tokens_d: Option<u64>,
    /// Labels of the runs that the budget does not pay for, started in order.
    pub(crate) unaffordable: Vec<String>,
    pub(crate) groups: Vec<PlanGroup>,
}

/// All runs of one arm in one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PlanGroup {
    pub(crate) arm: String,
    pub(crate) class: ComputeClass,
    pub(crate) runs_n: usize,
    /// Steps of the shortest and of the longest run.
    pub(crate) steps: Option<(u64, u64)>,
    /// Training tokens of all runs together.
    pub(crate) tokens_d: Option<u64>,
    pub(crate) cost: AcceleratorTime,
}

impl PlanSummary {
    /// The summary of a complete plan.
    pub(crate) fn of(name: &str, plan: &Plan) -> Self {
        let mut order: Vec<&str> = Vec::new();
        let mut groups: BTreeMap<(usize, ComputeClass), PlanGroup> = BTreeMap::new();
        for run in &plan.runs {
            let known = order.iter().position(|arm| *arm == run.arm);
            let arm_index = known.unwrap_or_else(|| {
                order.push(&run.arm);
                order.len() - 1
            });
            let group = groups.entry((arm_index, run.class)).or_insert_with(|| PlanGroup {
                arm: run.arm.clone(),
                class: run.class,
                runs_n: 0,
                steps: Some((run.steps, run.steps)),
                tokens_d: Some(0),
                cost: AcceleratorTime::ZERO,
            });
            group.runs_n += 1;
            group.cost = run.class.time().saturating_mul(group.runs_n as u64);
            let widen = |(low, high): (u64, u64)| (low.min(run.steps), high.max(run.steps));
            group.steps = group.steps.map(widen);
            group.tokens_d = group.tokens_d.map(|tokens| tokens + run.tokens_d());
        }
        Self {
            name: name.to_owned(),
            granted: plan.granted,
            cost: plan.cost(),
            runs_n: plan.runs.len(),
            tokens_d: Some(plan.runs.iter().map(|run| run.tokens_d()).sum()),
            unaffordable: plan.unaffordable().into_iter().map(|run| run.label()).collect(),
            groups: groups.into_values().collect(),
        }
    }

    /// The summary of a submitted sweep's plan; none before it has one.
    pub(crate) fn of_status(status: &SweepStatus) -> Option<Self> {
        let runs: Vec<_> = status.runs.iter().map(|run| run.spec.clone()).collect();
        let granted = status.record.balance.granted;
        let sweep = status.record.id;
        // The name of the plan is not part of the summary.
        let plan = Plan { id: Default::default(), sweep, parent: None, granted, runs };
        (!plan.runs.is_empty()).then(|| Self::of(&status.record.name, &plan))
    }

    /// What is known without throughputs: a run costs its class, however many steps fit.
    pub(crate) fn without_throughputs(spec: &SweepSpec) -> Self {
        let groups: Vec<PlanGroup> = spec
            .arms
            .iter()
            .flat_map(|arm| {
                let runs_n = arm.sizes.len() * spec.seeds.len();
                spec.classes.iter().map(move |class| PlanGroup {
                    arm: arm.name.clone(),
                    class: *class,
                    runs_n,
                    steps: None,
                    tokens_d: None,
                    cost: class.time().saturating_mul(runs_n as u64),
                })
            })
            .collect();
        Self {
            name: spec.name.clone(),
            granted: spec.budget,
            cost: groups.iter().map(|group| group.cost).sum(),
            runs_n: groups.iter().map(|group| group.runs_n).sum(),
            tokens_d: None,
            unaffordable: Vec::new(),
            groups,
        }
    }

    /// The summary as people read it.
    pub(crate) fn render(&self) -> String {
        let columns = [
            Column::Text("arm"),
            Column::Number("class"),
            Column::Number("runs"),
            Column::Number("steps each"),
            Column::Number("tokens"),
            Column::Number("time"),
        ];
        let rows = self.groups.iter().map(PlanGroup::cells).collect();
        let mut text = format!("plan of {}\n\n{}\n", self.name, draw(&columns, rows));
        text += &self.total();
        text += &self.shortfall();
        text
    }

    fn total(&self) -> String {
        let share = Share(self.cost.ms() as f64 / (self.granted.ms() as f64).max(1.0));
        let tokens = self
            .tokens_d
            .map_or_else(String::new, |tokens| format!(", {} tokens", human_count(tokens as f64)));
        format!(
            "{}{tokens}: {} of the budget of {} ({share})\n",
            counted(self.runs_n, "run"),
            self.cost,
            self.granted,
        )
    }

    fn shortfall(&self) -> String {
        if self.cost <= self.granted {
            return String::new();
        }
        let missing = self.cost.saturating_sub(self.granted);
        let mut text = format!("\nthe budget is {missing} short");
        if !self.unaffordable.is_empty() {
            text += &format!("; {} will not be started:", counted(self.unaffordable.len(), "run"));
        }
        text.push('\n');
        for label in self.unaffordable.iter().take(LISTED_MAX) {
            text += &format!("  {label}\n");
        }
        let unlisted = self.unaffordable.len().saturating_sub(LISTED_MAX);
        if unlisted > 0 {
            text += &format!("  and {unlisted} more\n");
        }
        text
    }
}

impl PlanGroup {
    fn cells(&self) -> Vec<String> {
        let unknown = || "?".to_owned();
        let steps = self.steps.map_or_else(unknown, |(low, high)| {
            if low == high { low.to_string() } else { format!("{low} to {high}") }
        });
        vec![
            self.arm.clone(),
            self.class.to_string(),
            self.runs_n.to_string(),
            steps,
            self.tokens_d.map_or_else(unknown, |tokens| human_count(tokens as f64)),
            self.cost.to_string(),
        ]
    }
}

/// The throughputs behind a plan, and where each came from.
pub(crate) fn throughputs(calibrations: &[Calibration]) -> String {
    let columns = [
        Column::Text("arm"),
        Column::Text("size"),
        Column::Number("tokens/s"),
        Column::Text("source"),
    ];
    let rows = calibrations.iter().map(|calibration| {
        let (speed, source) = match &calibration.throughput {
            None => ("?".to_owned(), "unknown, not measured yet".to_owned()),
            Some(known) => (human_count(known.tokens_per_second), source(known)),
        };
        vec![calibration.arm.clone(), calibration.size.clone(), speed, source]
    });
    draw(&columns, rows.collect())
}

fn source(known: &sweep_core::throughput::Throughput) -> String {
    match known.source {
        ThroughputSource::Declared => "declared in the file".to_owned(),
        ThroughputSource::Measured => format!("measured, spread {}", Share(known.spread)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_plan_shows_runs_steps_tokens_and_cost() {
        let plan = fixtures::plan(AcceleratorTime::from_ms(300_000));
        insta::assert_snapshot!(PlanSummary::of("demo", &plan).render());
    }

    #[test]
    fn a_plan_says_what_the_budget_does_not_pay_for() {
        let plan = fixtures::plan(AcceleratorTime::from_ms(40_000));
        insta::assert_snapshot!(PlanSummary::of("demo", &plan).render());
    }

    #[test]
    fn without_throughputs_the_cost_is_known_and_the_steps_are_not() {
        let summary = PlanSummary::without_throughputs(&fixtures::spec());
        insta::assert_snapshot!(summary.render());
        let known = fixtures::plan(summary.granted);
        assert_eq!((summary.cost, summary.runs_n), (known.cost(), known.runs.len()));
    }

    #[test]
    fn throughputs_name_their_source() {
        insta::assert_snapshot!(throughputs(&fixtures::calibrations()));
    }
}
