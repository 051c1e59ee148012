//! A small sweep to test with.

use sweep_core::class::ComputeClass;
use sweep_core::clock::Timestamp;
use sweep_core::control::Control;
use sweep_core::corpus::CorpusRef;
use sweep_core::fit::Interval;
use sweep_core::ids::{ForecastId, PlanId, ProposalId, RunId, SweepId, WorkerId};
use sweep_core::import::{ImportedRun, observations};
use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::plan::{Plan, RunSpec};
use sweep_core::proposal::{Expectation, Proposal, ProposedRuns, Quantity, Question};
use sweep_core::run::{RunEvent, RunResult};
use sweep_core::spec;
use sweep_core::units::AcceleratorTime;
use sweep_core::variant::{Family, ModelSpec, OptimiserSpec, Position, Variant};

use crate::{Claim, NewImport, NewSweep, Order, Store};

const YAML: &str = "\
apiVersion: sweepctl/v1
name: sample
budget: 20 min
classes: [5s, 10s]
arms:
  - { name: gpt, family: gpt, sizes: [{ width: 32, layers: 2 }] }
";

pub(super) const NOW: Timestamp = Timestamp(1_764_000_000_123);

pub(super) fn ms(ms: u64) -> AcceleratorTime {
    AcceleratorTime::from_ms(ms)
}

pub(super) fn new_sweep(name: &str, granted_ms: u64) -> NewSweep {
    NewSweep {
        id: SweepId::new(),
        name: name.to_owned(),
        yaml: YAML.to_owned(),
        spec: spec::parse(YAML).unwrap(),
        project: "default".to_owned(),
        priority: 0,
        granted: ms(granted_ms),
        submitted_at: NOW,
    }
}

pub(super) fn corpus() -> CorpusRef {
    CorpusRef {
        name: "docs".to_owned(),
        hash: "00ff".to_owned(),
        documents_n: 3,
        train_bytes: 1000,
        validation_bytes: 100,
        ..CorpusRef::default()
    }
}

pub(super) fn model() -> ModelSpec {
    ModelSpec {
        family: Family::Gpt,
        width: 32,
        layers_n: 2,
        heads_n: 2,
        head_width: 16,
        mlp_width: 128,
        position: Some(Position::Alibi),
        vocabulary_n: 256,
        sequence: 128,
        variant: Variant::BASELINE,
    }
}

pub(super) fn run_spec(seed: u64) -> RunSpec {
    RunSpec {
        id: RunId::new(),
        arm: "gpt".to_owned(),
        size: "d32x2".to_owned(),
        class: ComputeClass::new(ms(5000)),
        seed,
        model: model(),
        optimiser: OptimiserSpec::for_width(32),
        trainer: None,
        batch: 4,
        micro_batch: None,
        evaluate_last: None,
        steps: 1234,
        corpus: corpus(),
        tokens_per_second: 126_464.123_456_789,
    }
}

pub(super) fn plan(sweep: SweepId, runs_n: u64) -> Plan {
    Plan {
        id: PlanId::new(),
        sweep,
        parent: None,
        granted: ms(1000),
        // The largest seed does not fit a signed column.
        runs: (0..runs_n).map(|n| run_spec(u64::MAX - n)).collect(),
    }
}

pub(super) fn result() -> RunResult {
    RunResult {
        loss: 1.234_567_890_123_456_7,
        bits_per_byte: 1.9,
        normalised_perplexity: 3.7,
        bigram_bits_per_byte: Some(3.3),
        weights_hash: "abcd".to_owned(),
        tokens_per_second: 1e5,
        ..RunResult::default()
    }
}

pub(super) fn point(metric: Metric, step: u64, value: f64) -> MetricPoint {
    MetricPoint { metric, step, value }
}

/// A migrated store with one sweep whose runs are all queued.
pub(super) async fn queued(store: &Store, granted_ms: u64, runs_n: u64) -> (SweepId, Vec<RunId>) {
    store.migrate().await.unwrap();
    let sweep = new_sweep("sample", granted_ms);
    store.create_sweep(&sweep).await.unwrap();
    let plan = plan(sweep.id, runs_n);
    store.put_plan(&plan).await.unwrap();
    let runs: Vec<RunId> = plan.runs.iter().map(|run| run.id).collect();
    for run in &runs {
        store.transition(*run, RunEvent::Queue).await.unwrap();
    }
    (sweep.id, runs)
}

/// A claim by a new worker, expiring a second from now.
pub(super) fn claim(run: RunId, reserve_ms: u64) -> Claim {
    Claim {
        run,
        worker: WorkerId::new(),
        reserve: ms(reserve_ms),
        token: None,
        now: NOW,
        expires_at: NOW.plus_ms(1000),
    }
}

/// Something asked of a whole sweep.
pub(super) fn order(sweep: SweepId, control: Control) -> Order {
    Order {
        sweep,
        run: None,
        control,
        actor: "ada".to_owned(),
        reason: "because".to_owned(),
        to: None,
        at: NOW,
    }
}

/// An import of one run for each of these hours.
pub(super) fn new_import(sweep: SweepId, hours: &[f64]) -> NewImport {
    let run = |hours: &f64| ImportedRun {
        arm: "gpt".to_owned(),
        name: String::new(),
        size: None,
        seed: None,
        params_n: 1_000_000,
        tokens_d: 20_000_000,
        unique_tokens: None,
        hours: *hours,
        bits_per_byte: 2.0,
    };
    let runs: Vec<ImportedRun> = hours.iter().map(run).collect();
    let observations = observations(sweep, &[], &runs);
    NewImport { sweep, source: "runs.csv".to_owned(), observations, at: NOW.plus_ms(7) }
}

/// A proposal of one run of each of these seeds.
pub(super) fn proposal(
    sweep: SweepId,
    forecast: ForecastId,
    plan: PlanId,
    seeds: &[u64],
) -> Proposal {
    let interval = Interval { lower: 1.0, upper: 10.0 };
    let after = Expectation { value: 3.0, interval };
    Proposal {
        id: ProposalId::new(),
        sweep,
        number: 0,
        forecast,
        plan,
        granted: ms(1000),
        made_at: NOW,
        affordable: ms(1000),
        question: Some(Question::Loss { arm: "gpt".to_owned(), hours: 1.0 }),
        quantity: Some(Quantity::Loss),
        before: Some(after),
        after: Some(after),
        runs: vec![ProposedRuns {
            arm: "gpt".to_owned(),
            class: ComputeClass::new(ms(5000)),
            sizes: vec!["d32x2".to_owned()],
            seeds: seeds.to_vec(),
            after,
            reason: String::new(),
        }],
        design: String::new(),
        remarks: Vec::new(),
    }
}
