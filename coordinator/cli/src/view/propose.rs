//! Runs that are proposed.

use law_engine::catalogue::Law;
use law_engine::propose::{Expectation, Proposal, ProposedRun, Quantity, Spread};
use serde::Serialize;
use sweep_core::fit::Interval;
use sweep_core::units::human_hours;

use super::counted;
use super::fit::{digits, size};
use super::table::{Column, draw};
use crate::place::named;

/// Everything that `sweepctl propose` says; the JSON that it prints.
#[derive(Debug, Serialize)]
pub(crate) struct ProposeReport {
    law: &'static str,
    /// What is to be known, in words.
    quantity: &'static str,
    before: Expected,
    after: Expected,
    runs: Vec<Next>,
    hours: f64,
    budget_hours: f64,
    /// Where the batch comes from.
    design: String,
    /// Standard deviation of one seed in ln loss that was assumed.
    seed_noise: f64,
}

/// The quantity by the fit, with 90 % by the coefficients.
#[derive(Debug, Serialize)]
struct Expected {
    value: f64,
    interval: Interval,
}

impl From<Expectation> for Expected {
    fn from(expectation: Expectation) -> Self {
        Self { value: expectation.value.exp(), interval: expectation.interval() }
    }
}

#[derive(Debug, Serialize)]
struct Next {
    arm: String,
    at: String,
    x: Vec<f64>,
    seeds_n: u32,
    hours: f64,
    after: Expected,
    reason: String,
}

const fn quantity(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Loss => "loss",
        Quantity::Size => "parameters of the best run",
        Quantity::Budget => "budget of the crossing",
        Quantity::LossRatio => "the first arm's loss over the second's",
    }
}

impl ProposeReport {
    pub(crate) fn new(
        proposal: &Proposal,
        arms: &[&str],
        law: &dyn Law,
        spread: &Spread,
        budget_hours: f64,
    ) -> Self {
        let card = law.card();
        let next = |run: &ProposedRun| Next {
            arm: arms[run.arm].to_owned(),
            at: named(card.variables, &run.x, &[]),
            x: run.x.clone(),
            seeds_n: run.seeds_n,
            hours: run.hours,
            after: run.after.into(),
            reason: run.reason.to_string(),
        };
        Self {
            law: card.name,
            quantity: quantity(proposal.before.quantity),
            before: proposal.before.into(),
            after: proposal.after.into(),
            runs: proposal.runs.iter().map(next).collect(),
            hours: proposal.hours,
            budget_hours,
            design: proposal.design.to_string(),
            seed_noise: spread.seed,
        }
    }

    pub(crate) fn render(&self) -> String {
        let number = |value: f64| if value < 1e5 { digits(value) } else { size(value) };
        let words = |expected: &Expected| {
            let Interval { lower, upper } = expected.interval;
            format!("{} [{}, {}]", number(expected.value), number(lower), number(upper))
        };
        let mut text = format!("{}, by {}: {}\n", self.quantity, self.law, words(&self.before));
        if self.runs.is_empty() {
            let budget = human_hours(self.budget_hours);
            return text + &format!("no run that is worth its price is affordable with {budget}\n");
        }
        let columns = [
            Column::Text("arm"),
            Column::Text("run"),
            Column::Number("seeds"),
            Column::Number("hours"),
            Column::Text("then expected"),
            Column::Text("because"),
        ];
        let row = |next: &Next| {
            vec![
                next.arm.clone(),
                next.at.clone(),
                next.seeds_n.to_string(),
                human_hours(next.hours),
                words(&next.after),
                next.reason.clone(),
            ]
        };
        text += "\n";
        text += &draw(&columns, self.runs.iter().map(row).collect());
        let seeds: u32 = self.runs.iter().map(|run| run.seeds_n).sum();
        text += &format!(
            "{} for {} of {}: {}\n",
            counted(seeds as usize, "run"),
            human_hours(self.hours),
            human_hours(self.budget_hours),
            self.design
        );
        text += &format!(
            "expected afterwards: {}\n[ ] 90 % by the coefficients, with a seed noise of {:.2} %\n",
            words(&self.after),
            100.0 * self.seed_noise
        );
        text
    }
}
