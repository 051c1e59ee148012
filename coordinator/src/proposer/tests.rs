use std::collections::BTreeSet;

use law_engine::{Analysis, Request, Study};
use sweep_core::corpus::{CorpusPart, CorpusRef};
use sweep_core::ids::{ForecastId, RunId, SweepId};
use sweep_core::observation::Fitness;
use sweep_core::proposal::Question;
use sweep_core::spec;

use super::*;
use crate::calibrate::{Reference, needed};
use crate::planner::{PlanInput, plan};

pub(super) fn observation(
    arm: &str,
    size: &str,
    params_n: u64,
    hours: u64,
    seed: u64,
    bits_per_byte: f64,
) -> Observation {
    let class = ComputeClass::new(AcceleratorTime::from_hours(hours));
    Observation {
        run: RunId::new(),
        arm: arm.to_owned(),
        size: size.to_owned(),
        seed,
        class,
        params_n,
        tokens_d: 1,
        unique_tokens: None,
        flops_c: 6.0,
        hours: class.hours(),
        bits_per_byte,
        fitness: Fitness::Fit,
    }
}

/// A sweep of which everything that was planned has been run.
struct Swept {
    spec: SweepSpec,
    plan: Plan,
    runs: Vec<RunRecord>,
    observations: Vec<Observation>,
    forecast: Forecast,
    balance: Balance,
}

const SIZES: [&str; 2] = ["d32x2", "d64x2"];

fn yaml(tail: &str) -> String {
    let sizes = "[{ width: 32, layers: 2, throughput: 1000 tokens/s }, \
                 { width: 64, layers: 2, throughput: 500 tokens/s }]";
    format!(
        "apiVersion: sweepctl/v1\nname: test\nbudget: 200 h\nclasses: [1h, 2h, 4h, 8h]\nseeds: [1, 2]\n\
         law: power\narms:\n  - {{ name: gpt, family: gpt, sizes: {sizes} }}\n  \
         - {{ name: qlstm, family: qlstm, sizes: {sizes} }}\n{tail}"
    )
}

/// Loss of an arm: the qlstm falls faster and begins higher, so that they cross at some 3,000 h. The
/// small size is best up to 2 h. Seeds differ by half a percent.
fn loss(arm: &str, size: &str, hours: f64, seed: u64) -> f64 {
    let (amplitude, alpha) = if arm == "gpt" { (2.0, 0.05) } else { (2.22, 0.063) };
    let ahead = if hours < 3.0 { SIZES[0] } else { SIZES[1] };
    let behind = if size == ahead { 1.0 } else { 1.05 };
    let noise = if (seed + hours as u64).is_multiple_of(2) { 0.0025 } else { -0.0025 };
    amplitude * hours.powf(-alpha) * behind * (1.0 + noise)
}

fn swept(tail: &str) -> Swept {
    swept_on(tail, &CorpusRef::default())
}

fn swept_on(tail: &str, corpus: &CorpusRef) -> Swept {
    let spec = spec::parse(&yaml(tail)).unwrap();
    let reference = Reference { device: "cpu: test x1".into(), trainer: "1".into() };
    let calibrations = needed(&spec, &reference);
    let sweep: SweepId = "00000000-0000-0000-0000-000000000007".parse().unwrap();
    let input = PlanInput { sweep, spec: &spec, calibrations: &calibrations, corpus, parent: None };
    let plan = plan(&input).unwrap();
    let observed = |run: &sweep_core::plan::RunSpec| Observation {
        run: run.id,
        params_n: run.params_n(),
        ..observation(
            &run.arm,
            &run.size,
            1,
            run.class.hours() as u64,
            run.seed,
            loss(&run.arm, &run.size, run.class.hours(), run.seed),
        )
    };
    let observations: Vec<Observation> = plan.runs.iter().map(observed).collect();
    let forecast = forecast(&spec, sweep, &observations);
    let runs = plan.runs.iter().map(|spec| record(spec, RunState::Succeeded)).collect();
    let spent = plan.cost();
    let granted = spec.budget;
    let balance = Balance { granted, reserved: AcceleratorTime::ZERO, spent };
    Swept { spec, plan, runs, observations, forecast, balance }
}

fn forecast(spec: &SweepSpec, sweep: SweepId, observations: &[Observation]) -> Forecast {
    let id = ForecastId::derived(sweep.0, "forecast");
    let request = Request {
        forecast: id,
        law: spec.law,
        level: 0.9,
        horizon_hours: spec.horizon_hours(),
        draws_n: 50,
        seed: 0,
    };
    let arms: Vec<String> = spec.arms.iter().map(|arm| arm.name.clone()).collect();
    let Analysis { arms, crossovers, .. } =
        law_engine::analyse(&Study::new(observations, &arms), &request);
    let observations_n = observations.len() as u32;
    let made_at = Timestamp(0);
    Forecast { id, sweep, parent: None, made_at, observations_n, arms, crossovers }
}

fn record(spec: &sweep_core::plan::RunSpec, state: RunState) -> RunRecord {
    RunRecord {
        spec: spec.clone(),
        state,
        attempts_n: 1,
        spent: AcceleratorTime::ZERO,
        checkpoint: None,
        result: None,
        failure: None,
        attempts: Vec::new(),
        not_before: None,
        stop: None,
        waiting: None,
        progress: None,
    }
}

impl Swept {
    fn propose(&self) -> Proposal {
        propose(&self.input())
    }

    fn input(&self) -> ProposalInput<'_> {
        ProposalInput {
            spec: &self.spec,
            forecast: &self.forecast,
            observations: &self.observations,
            plan: &self.plan,
            runs: &self.runs,
            balance: self.balance,
            at: Timestamp(0),
        }
    }
}

#[test]
fn runs_that_narrow_the_crossing_are_proposed_within_the_budget() {
    let swept = swept("");
    let proposal = swept.propose();
    assert_eq!(proposal, swept.propose());
    let (leader, challenger) = ("gpt".to_owned(), "qlstm".to_owned());
    assert_eq!(proposal.question, Some(Question::Crossover { leader, challenger }));
    assert_eq!(proposal.quantity, Some(Quantity::CrossingHours));
    // 200 h less 2 arms x 2 sizes x 2 seeds x 15 h.
    assert_eq!(left(&swept.input()), AcceleratorTime::from_hours(80));
    assert_eq!(proposal.affordable, AcceleratorTime::from_hours(80).scaled(PART));
    assert!(!proposal.runs.is_empty() && proposal.cost() <= proposal.affordable, "{proposal:#?}");
    let (before, after) = (proposal.before.unwrap(), proposal.after.unwrap());
    assert!(after.decades() < 0.9 * before.decades(), "{before:?} {after:?}");
    // What is far along the axis says most about where the curves meet.
    assert!(proposal.runs.iter().any(|run| run.class.hours() > 8.0), "{proposal:#?}");
    let told = proposal.remarks.iter().filter(|remark| remark.starts_with("d64x2, the largest"));
    assert_eq!(told.count(), 2);
}

#[test]
fn proposed_runs_are_new_and_the_planner_takes_them() {
    let swept = swept("propose: { budget: 70 h }");
    let proposal = swept.propose();
    let all: Vec<u32> = (1..=proposal.runs.len() as u32).collect();
    let child = planner::extend(&swept.plan, swept.spec.budget, &further(&proposal, &all)).unwrap();
    let new = &child.runs[swept.plan.runs.len()..];
    let runs_n: usize = proposal.runs.iter().map(ProposedRuns::runs_n).sum();
    assert_eq!(new.len(), runs_n);
    assert_eq!(new.iter().map(|run| run.cost()).sum::<AcceleratorTime>(), proposal.cost());
    let ids: BTreeSet<_> = child.runs.iter().map(|run| run.id).collect();
    assert_eq!(ids.len(), child.runs.len());
    let first = further(&proposal, &[1]);
    assert_eq!(first.len(), proposal.runs[0].runs_n());
}

#[test]
fn what_waits_is_not_there_to_be_spent() {
    let mut swept = swept("");
    swept.balance.granted = AcceleratorTime::from_hours(124);
    let proposal = swept.propose();
    // A third of the rest pays for nothing of the largest class, so all of it may be spent.
    assert_eq!(proposal.affordable, AcceleratorTime::from_hours(4));
    assert!(proposal.cost() <= proposal.affordable);

    let waiting = swept.runs.iter_mut().find(|run| run.spec.class.hours() > 3.0).unwrap();
    waiting.state = RunState::Queued;
    let nothing = swept.propose();
    assert!(nothing.runs.is_empty());
    let told = "nothing can be proposed for the 0 s that the plan leaves";
    assert!(nothing.remarks.iter().any(|remark| remark == told), "{:?}", nothing.remarks);
}

#[test]
fn a_text_that_is_used_up_bounds_the_classes() {
    let part = CorpusPart { corpus: CorpusRef::default(), weight: 1.0, epochs_max: Some(1.0) };
    let train_bytes = 9 * 3600 * 1000;
    let part = CorpusPart { corpus: CorpusRef { train_bytes, ..part.corpus.clone() }, ..part };
    let corpus = CorpusRef { parts: vec![part], ..CorpusRef::default() };
    let proposal = swept_on("", &corpus).propose();
    // The large size trains half as fast: it could go on for 18 h, the small one for 9 h.
    let hours = proposal.runs.iter().map(|run| run.class.hours()).fold(0.0, f64::max);
    assert!(hours <= 18.0, "{hours}");
}

#[test]
fn without_two_laws_the_reason_is_told() {
    let mut swept = swept("");
    swept.observations.retain(|o| o.arm == "gpt");
    swept.forecast = forecast(&swept.spec, swept.plan.sweep, &swept.observations);
    let proposal = swept.propose();
    assert_eq!(proposal.question, None);
    assert_eq!(proposal.remarks, ["only gpt has a law yet, and a comparison takes two arms"]);
}

#[test]
fn other_questions_are_asked_where_budget_yaml_says_so() {
    let winner = swept("propose: { for: winner, at: 1000h }").propose();
    assert_eq!(winner.question, Some(Question::Winner { hours: 1000.0 }));
    assert_eq!(winner.quantity, Some(Quantity::LossRatio));
    let loss = swept("propose: { for: loss, at: 500h }").propose();
    assert_eq!(loss.quantity, Some(Quantity::Loss));
    assert!(loss.runs.iter().all(|run| run.arm == "gpt"), "{loss:#?}");
}
