//! From the law to the next run: proposals of real sweeps, approved by a person or by budget.yaml, trained
//! by real workers, and past forecasts scored by what came.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sweep_core::ids::PlanId;
use sweep_core::proposal::{Decider, ProposalRecord, Standing, Verdict};
use sweep_core::run::RunState;
use sweep_core::sweep::SweepPhase;
use sweep_core::units::AcceleratorTime;

use crate::sandbox::{Sandbox, Stored, kill_9, small_budget};

/// The small sweep, which costs 15 s, with `budget` and these wishes for proposals.
fn sweep_with(budget: &str, propose: &str) -> Sandbox {
    let text = small_budget("small").replace("budget: 10 min", &format!("budget: {budget}"));
    Sandbox::new(&(text + propose + "\n"))
}

async fn ended(sandbox: &Sandbox) -> Result<Stored> {
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    let balance = stored.store.balance(stored.sweep.id).await?;
    ensure!(balance.holds() && balance.reserved.ms() == 0, "{balance:?}");
    Ok(stored)
}

async fn proposals(stored: &Stored) -> Result<Vec<ProposalRecord>> {
    Ok(stored.store.proposals(stored.sweep.id).await?)
}

/// The plans that approvals made, oldest first.
fn approved(records: &[ProposalRecord], by: Decider) -> Vec<(PlanId, AcceleratorTime)> {
    let decisions = records.iter().filter_map(|record| record.decision.as_ref());
    let approvals = decisions.filter(|decision| decision.decider == by);
    let plan = |verdict: &Verdict| match verdict {
        Verdict::Approved { plan, cost, .. } => Some((*plan, *cost)),
        Verdict::Rejected => None,
    };
    approvals.filter_map(|decision| plan(&decision.verdict)).collect()
}

#[tokio::test]
async fn a_person_approves_a_part_and_the_sweep_goes_on() -> Result<()> {
    let sandbox = sweep_with("40 s", "propose: { budget: 8 s }");
    sandbox.succeed(&["submit", "budget.yaml"]);
    let before = ended(&sandbox).await?;
    assert_eq!(before.sweep.phase, SweepPhase::Done);
    let open = proposals(&before).await?.pop().context("nothing was proposed")?;
    assert_eq!(open.standing, Standing::Open, "{open:#?}");
    assert!(open.proposal.cost() <= AcceleratorTime::from_ms(8000));
    let number = open.proposal.number.to_string();
    let status = sandbox.succeed(&["status"]);
    assert!(status.contains("`sweepctl approve small`"), "{status}");
    assert_eq!(proposals(&before).await?.len(), open.proposal.number as usize);

    let dry = sandbox.succeed(&["approve", "small", "--only", "1", "--dry-run"]);
    assert!(dry.contains("nothing was changed"), "{dry}");
    let wrong = sandbox.run(&["approve", "small", "--only", "1,99"]);
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8(wrong.stderr)?;
    assert!(said.contains("part 99 is asked for") && said.contains("SW0011"), "{said}");
    let reason = ["--actor", "ada", "--reason", "it is worth it"];
    let said = sandbox.succeed(&[&["approve", "small", "--only", "1"], &reason[..]].concat());
    assert!(said.contains("are part of the plan now") || said.contains("is part"), "{said}");
    // What was decided cannot be decided again.
    let again = sandbox.run(&["reject", "small", "--number", &number]);
    assert_eq!(again.status.code(), Some(1));
    let told = String::from_utf8(again.stderr)?;
    assert!(told.contains(&format!("proposal #{number} cannot be decided: approved")), "{told}");

    sandbox.succeed(&["watch"]);
    let after = ended(&sandbox).await?;
    let part = &open.proposal.runs[0];
    assert_eq!(after.runs.len(), before.runs.len() + part.runs_n());
    assert!(after.runs.iter().all(|run| run.state == RunState::Succeeded));
    let new: AcceleratorTime =
        after.runs[before.runs.len()..].iter().map(|run| run.spec.cost()).sum();
    assert_eq!(new, part.cost());
    let plan = after.store.plan(after.sweep.id).await?.context("there is no plan")?;
    assert_eq!(plan.parent, Some(open.proposal.plan));
    let records = proposals(&after).await?;
    assert_eq!(approved(&records, Decider::Person), [(plan.id, part.cost())]);
    let seen = after.store.latest_forecast_head(after.sweep.id).await?.context("no forecast")?;
    assert_eq!(seen.observations_n as usize, after.runs.len());

    // The laws of the first three classes were held against the fourth.
    let board: Value = serde_json::from_str(&sandbox.succeed(&["scoreboard", "--json"]))?;
    let losses = board["losses"].as_array().context("no losses")?;
    let of_two = losses.iter().filter(|score| score["class"] == "2000ms" && score["arm"] == "gpt");
    ensure!(of_two.count() == 1, "{board:#}");
    let told = sandbox.succeed(&["scoreboard"]);
    assert!(told.contains("inside their 90 % intervals"), "{told}");
    Ok(())
}

#[tokio::test]
async fn what_budget_yaml_lets_through_is_run_up_to_its_cap_and_survives_a_crash() -> Result<()> {
    let cap = AcceleratorTime::from_ms(9000);
    let sandbox = sweep_with("40 s", "propose: { budget: 4 s, autoApprove: 9 s }");
    let submit = sandbox.spawn(&["submit", "budget.yaml"]);
    // Sixteen were planned.
    let extended = |stored: &Stored| stored.runs.len() > 16;
    sandbox.wait_until("proposed runs are part of the plan", extended).await?;
    kill_9(submit.pid())?;
    drop(submit);

    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = ended(&sandbox).await?;
    assert_eq!(stored.sweep.phase, SweepPhase::Done);
    assert!(stored.runs.iter().all(|run| run.state == RunState::Succeeded));
    let records = proposals(&stored).await?;
    let approved = approved(&records, Decider::Policy);
    let cost: AcceleratorTime = approved.iter().map(|(_, cost)| *cost).sum();
    let costs = format!("{approved:?}");
    assert!(!approved.is_empty() && cost <= cap, "{costs}");
    let new: AcceleratorTime = stored.runs[16..].iter().map(|run| run.spec.cost()).sum();
    assert_eq!(new, cost, "{costs}");
    let plan = stored.store.plan(stored.sweep.id).await?.context("there is no plan")?;
    assert_eq!(approved.last().map(|(plan, _)| *plan), Some(plan.id));
    // What the cap does not pay for waits for a person.
    let newest = records.last().context("nothing was proposed")?;
    let pays =
        newest.proposal.runs.first().is_some_and(|runs| runs.cost() <= cap.saturating_sub(cost));
    assert!(newest.standing != Standing::Open || !pays, "{newest:#?}");
    let status = sandbox.succeed(&["proposals"]);
    assert!(status.contains("budget.yaml approves up to 9 s without a person"), "{status}");
    Ok(())
}
