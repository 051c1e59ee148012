//! Proposed runs, and what was decided of them.

use serde::Serialize;
use sweep_core::code::ErrorCode;
use sweep_core::proposal::{
    AutoApprove, Decided, Decision, Expectation, Proposal, ProposalRecord, ProposalsView,
    ProposedRuns, Quantity, Standing, Verdict,
};

use super::counted;
use super::table::{Column, draw};
use crate::failure::Failure;

/// All proposals of a sweep, and the one that is shown part by part.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct ProposalsReport {
    view: ProposalsView,
    /// Its place in the list.
    #[serde(skip)]
    shown: Option<usize>,
}

impl ProposalsReport {
    /// Shows the proposal of this number, or else the newest.
    pub(crate) fn new(view: ProposalsView, number: Option<u32>) -> Result<Self, Failure> {
        let last = view.proposals.len().checked_sub(1);
        let shown = match number {
            None => last,
            Some(number) => {
                let is_it = |record: &ProposalRecord| record.proposal.number == number;
                let place = view.proposals.iter().position(is_it);
                Some(place.ok_or_else(|| {
                    let (name, n) = (&view.sweep_name, view.proposals.len());
                    let what =
                        format!("the sweep `{name}` has no proposal #{number}: there are {n}");
                    Failure::new(ErrorCode::NotFound, what)
                })?)
            }
        };
        Ok(Self { view, shown })
    }

    pub(crate) fn render(&self) -> String {
        let ProposalsView { sweep_name, proposals, auto_approve } = &self.view;
        let Some(shown) = self.shown.map(|place| &proposals[place]) else {
            return format!("nothing was proposed for {sweep_name} yet: no law has been fitted\n");
        };
        let mut text = String::new();
        if proposals.len() > 1 {
            text += &(list(proposals) + "\n");
        }
        text += &one(sweep_name, shown);
        if let Some(auto_approve) = auto_approve {
            let AutoApprove { cap, used } = auto_approve;
            text += &format!(
                "budget.yaml approves up to {cap} without a person, of which {used} are used\n"
            );
        }
        text
    }
}

/// A line for each run of proposals that ask for the same and stand alike.
fn list(all: &[ProposalRecord]) -> String {
    let columns = [
        Column::Text("proposal"),
        Column::Text("made"),
        Column::Number("runs"),
        Column::Number("cost"),
        Column::Number("narrows"),
        Column::Text("stands"),
    ];
    let is_alike = |a: &ProposalRecord, b: &ProposalRecord| {
        a.proposal.is_same(&b.proposal)
            && a.standing == b.standing
            && a.decision.is_none()
            && b.decision.is_none()
    };
    let row = |group: &[ProposalRecord]| {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        let Proposal { number, made_at, runs, .. } = &last.proposal;
        let numbers = match first.proposal.number {
            from if from < *number => format!("#{from} to #{number}"),
            only => format!("#{only}"),
        };
        let runs_n: usize = runs.iter().map(ProposedRuns::runs_n).sum();
        vec![
            numbers,
            made_at.to_string(),
            runs_n.to_string(),
            last.proposal.cost().to_string(),
            narrows(&last.proposal).unwrap_or_else(|| "-".to_owned()),
            last.standing.to_string(),
        ]
    };
    draw(&columns, all.chunk_by(is_alike).map(row).collect())
}

/// By how much the interval of the answer becomes narrower, in per cent of its decades.
fn narrows(proposal: &Proposal) -> Option<String> {
    let (before, after) = (proposal.before?, proposal.after?);
    let share = 1.0 - after.decades() / before.decades();
    (share.is_finite() && !proposal.runs.is_empty()).then(|| format!("{:.0} %", 100.0 * share))
}

fn one(sweep_name: &str, record: &ProposalRecord) -> String {
    let ProposalRecord { proposal, decision, standing } = record;
    let mut text = format!("proposal #{} for {sweep_name}: {standing}\n", proposal.number);
    if let Some(question) = &proposal.question {
        text += &format!("question   {question}\n");
    }
    if let Some((before, after, quantity)) = expected(proposal) {
        text += &format!("now        {}\n", before.words(quantity));
        if !proposal.runs.is_empty() {
            text += &format!("then       {}\n", after.words(quantity));
        }
    }
    text += &parts(proposal);
    for remark in &proposal.remarks {
        text += &format!("note       {remark}\n");
    }
    match decision {
        Some(decision) => text += &decision_line(decision),
        None if *standing == Standing::Open => {
            text += &format!("`sweepctl approve {sweep_name}` makes them part of the plan\n");
        }
        None => {}
    }
    text
}

fn expected(proposal: &Proposal) -> Option<(Expectation, Expectation, Quantity)> {
    Some((proposal.before?, proposal.after?, proposal.quantity?))
}

/// The runs, part by part, with what all of them cost.
fn parts(proposal: &Proposal) -> String {
    if proposal.runs.is_empty() {
        return String::new();
    }
    let columns = [
        Column::Number("part"),
        Column::Text("arm"),
        Column::Number("class"),
        Column::Text("sizes"),
        Column::Text("seeds"),
        Column::Number("runs"),
        Column::Number("cost"),
        Column::Text("why"),
    ];
    let seeds = |seeds: &[u64]| {
        let all: Vec<String> = seeds.iter().map(u64::to_string).collect();
        all.join(" ")
    };
    let row = |(place, runs): (usize, &ProposedRuns)| {
        vec![
            (place + 1).to_string(),
            runs.arm.clone(),
            runs.class.to_string(),
            runs.sizes.join(" "),
            seeds(&runs.seeds),
            runs.runs_n().to_string(),
            runs.cost().to_string(),
            runs.reason.clone(),
        ]
    };
    let table = draw(&columns, proposal.runs.iter().enumerate().map(row).collect());
    let (cost, affordable) = (proposal.cost(), proposal.affordable);
    format!("{table}together {cost}, of {affordable} that a proposal may cost\n")
}

/// `approved parts 1, 3 for 4 h by ada on 2026-12-01 12:30 UTC: before the deadline`.
fn decision_line(decision: &Decision) -> String {
    let Decision { verdict, actor, reason, at, .. } = decision;
    let what = match verdict {
        Verdict::Rejected => "rejected".to_owned(),
        Verdict::Approved { chosen, cost, .. } => {
            let places: Vec<String> = chosen.iter().map(u32::to_string).collect();
            let noun = if chosen.len() == 1 { "part" } else { "parts" };
            format!("approved {noun} {} for {cost}", places.join(", "))
        }
    };
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{what} by {actor} on {at}{why}\n")
}

/// What came of approving or rejecting.
pub(crate) fn decided(decided: &Decided) -> String {
    let Decided { sweep_name, record, runs_n, dry_run } = decided;
    let number = record.proposal.number;
    let runs = counted(*runs_n as usize, "run");
    if *dry_run {
        return format!(
            "{sweep_name}: proposal #{number} would add {runs} to the plan; nothing was changed\n"
        );
    }
    match record.decision.as_ref().map(|decision| &decision.verdict) {
        Some(Verdict::Approved { cost, .. }) => {
            format!(
                "{sweep_name}: {runs} of proposal #{number} for {cost} are part of the plan now\n"
            )
        }
        _ => format!("{sweep_name}: proposal #{number} is rejected\n"),
    }
}

/// A proposal that waits for a decision, in one sentence.
pub(crate) fn sentence(sweep_name: &str, proposal: &Proposal) -> String {
    let runs_n: usize = proposal.runs.iter().map(ProposedRuns::runs_n).sum();
    let (runs, cost) = (counted(runs_n, "run"), proposal.cost());
    let question = proposal.question.as_ref().map(|question| format!(": {question}"));
    let answer = expected(proposal).map(|(before, after, quantity)| {
        format!(", {} now and {} then", before.words(quantity), after.words(quantity))
    });
    let (question, answer) = (question.unwrap_or_default(), answer.unwrap_or_default());
    format!("{runs} for {cost}{question}{answer}; `sweepctl approve {sweep_name}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::proposals as fixtures;

    fn rendered(view: ProposalsView, number: Option<u32>) -> String {
        ProposalsReport::new(view, number).unwrap().render()
    }

    #[test]
    fn proposals_are_listed_and_the_newest_is_told_part_by_part() {
        insta::assert_snapshot!(rendered(fixtures::proposals(), None));
    }

    #[test]
    fn a_decided_one_says_who_and_why() {
        insta::assert_snapshot!(rendered(fixtures::proposals(), Some(1)));
        let missing = ProposalsReport::new(fixtures::proposals(), Some(9)).unwrap_err();
        assert_eq!(missing.code(), Some(ErrorCode::NotFound));
    }

    #[test]
    fn one_without_runs_says_why() {
        let view = fixtures::proposals();
        let mut record = view.proposals[0].clone();
        record.proposal.runs.clear();
        record.proposal.remarks = vec!["nothing can be proposed for the 0 s left".to_owned()];
        (record.decision, record.standing) = (None, Standing::Empty);
        let view = ProposalsView { proposals: vec![record], auto_approve: None, ..view };
        insta::assert_snapshot!(rendered(view.clone(), None));
        let none = ProposalsView { proposals: Vec::new(), ..view };
        assert_eq!(
            rendered(none, None),
            "nothing was proposed for demo yet: no law has been fitted\n"
        );
    }

    #[test]
    fn decisions_and_the_status_line_are_sentences() {
        let dry = Decided { dry_run: true, ..fixtures::decided(true) };
        let all = [fixtures::decided(true), dry, fixtures::decided(false)];
        let mut told: String = all.iter().map(decided).collect();
        let open = fixtures::proposals().proposals.pop().unwrap();
        told += &sentence("demo", &open.proposal);
        insta::assert_snapshot!(told);
    }
}
