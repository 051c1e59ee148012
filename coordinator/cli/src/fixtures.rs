//! A small sweep at three moments of its life, for tests.

pub(crate) mod proposals;

use sweep_core::clock::Timestamp;
use sweep_core::control::{self, Control, ControlEvent, Controlled, Raised, Stepped, Subject};
use sweep_core::corpus::CorpusRef;
use sweep_core::crossover::{Axis, Bound, Crossover, Outcome, Probability};
use sweep_core::fit::{ArmFits, Coefficient, Convergence, HeldOut, Interval, LawFit, LawName};
use sweep_core::forecast::{Forecast, ForecastView};
use sweep_core::ids::{ForecastId, PlanId, RunId, SweepId};
use sweep_core::ledger::Balance;
use sweep_core::metric::{Metric, Series};
use sweep_core::observation::Observation;
use sweep_core::output::OutputPart;
use sweep_core::plan::{Plan, RunSpec};
use sweep_core::project::{Project, ProjectUse, QueueView, Wait, Waiting};
use sweep_core::retry::{AttemptEnd, EndedAttempt};
use sweep_core::run::{Checkpoint, CorpusResult, FailureReason, RunResult, RunState};
use sweep_core::spec::{LawChoice, SweepSpec, parse};
use sweep_core::sweep::{Calibration, Progress, RunRecord, SweepPhase, SweepRecord, SweepStatus};
use sweep_core::throughput::{Throughput, ThroughputKey, ThroughputSource};
use sweep_core::units::{AcceleratorTime, WallTime};

/// Two arms, two sizes each, two classes, two seeds: sixteen runs, of which [`plan`] keeps the
/// first seed's.
pub(crate) const YAML: &str = "\
apiVersion: sweepctl/v1
name: demo
budget: 5 min
classes: [5s, 10s]
seeds: [1, 2]
arms:
  - name: gpt
    family: gpt
    sizes:
      - { width: 32, layers: 2 }
      - { width: 64, layers: 2, throughput: 20k tokens/s }
  - name: qlstm
    family: qlstm
    sizes:
      - { width: 32, layers: 2 }
      - { width: 64, layers: 2 }
";

pub(crate) fn spec() -> SweepSpec {
    let text = YAML.replace("seeds: [1, 2]", "seeds: [1]");
    parse(&text).unwrap()
}

pub(crate) fn corpus() -> CorpusRef {
    CorpusRef {
        name: "docs".into(),
        hash: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef".into(),
        documents_n: 1000,
        train_bytes: 10_000_000,
        validation_bytes: 1_000_000,
        ..CorpusRef::default()
    }
}

/// The same in every test: ids are shown.
fn run_id(label: &str) -> RunId {
    let parent: SweepId = "00000000-0000-0000-0000-000000000007".parse().unwrap();
    RunId::derived(parent.0, label)
}

pub(crate) fn plan(granted: AcceleratorTime) -> Plan {
    let spec = spec();
    let mut runs = Vec::new();
    for class in &spec.classes {
        for arm in &spec.arms {
            for size in arm.resolved_sizes(&spec.data) {
                let tokens_per_second = 640_000.0 / f64::from(size.model.width);
                runs.push(RunSpec {
                    id: run_id(&format!("{} {} {class}", arm.name, size.name)),
                    arm: arm.name.clone(),
                    size: size.name,
                    class: *class,
                    seed: 1,
                    steps: class.steps(tokens_per_second, 4, 128),
                    model: size.model,
                    optimiser: size.optimiser,
                    trainer: None,
                    batch: 4,
                    micro_batch: None,
                    evaluate_last: None,
                    corpus: corpus(),
                    tokens_per_second,
                });
            }
        }
    }
    Plan { id: PlanId::new(), sweep: SweepId::new(), parent: None, granted, runs }
}

/// One declared, one measured with its spread, two still unknown.
pub(crate) fn calibrations() -> Vec<Calibration> {
    let spec = spec();
    let sizes = spec.arms.iter().flat_map(|arm| {
        arm.resolved_sizes(&spec.data).into_iter().map(|size| (arm.name.clone(), size))
    });
    let all = sizes.enumerate().map(|(index, (arm, size))| Calibration {
        arm,
        key: ThroughputKey {
            model: size.model,
            batch: 4,
            micro_batch: None,
            device: "cpu: test x1".into(),
            trainer: "1".into(),
            external: None,
        },
        throughput: match (size.throughput, index) {
            (Some(declared), _) => Some(throughput(declared, ThroughputSource::Declared)),
            (None, 2) => Some(throughput(18_200.0, ThroughputSource::Measured)),
            (None, _) => None,
        },
        size: size.name,
    });
    all.collect()
}

fn throughput(tokens_per_second: f64, source: ThroughputSource) -> Throughput {
    let measured_at = Timestamp(0);
    Throughput {
        tokens_per_second,
        spread: 0.008,
        windows_n: 5,
        reference: None,
        source,
        measured_at,
    }
}

/// Before there is a plan, one throughput known.
pub(crate) fn calibrating() -> SweepStatus {
    let mut calibrations = calibrations();
    calibrations[2].throughput = None;
    SweepStatus {
        record: record(SweepPhase::Calibrating, Balance::default()),
        calibrations,
        runs: Vec::new(),
        headlines: Vec::new(),
        proposal: None,
        imports: Vec::new(),
        events: Vec::new(),
        workers_n: 2,
        problems: Vec::new(),
    }
}

fn record(phase: SweepPhase, balance: Balance) -> SweepRecord {
    let granted = AcceleratorTime::from_ms(300_000);
    SweepRecord {
        id: SweepId::new(),
        name: "demo".into(),
        yaml: YAML.into(),
        phase,
        submitted_at: Timestamp(0),
        balance: Balance { granted, ..balance },
        project: "default".into(),
        priority: 0,
        paused_at: None,
        cancelled_at: None,
    }
}

thread_local! {
    /// Every look at the sweep is at the same plan.
    static PLAN: Plan = plan(AcceleratorTime::from_ms(300_000));
}

fn runs() -> Vec<RunRecord> {
    let waiting = |spec: RunSpec| RunRecord {
        spec,
        state: RunState::Queued,
        attempts_n: 0,
        spent: AcceleratorTime::ZERO,
        checkpoint: None,
        result: None,
        failure: None,
        attempts: Vec::new(),
        not_before: None,
        stop: None,
        waiting: Some("waits for a worker".into()),
        progress: None,
    };
    PLAN.with(|plan| plan.runs.iter().cloned().map(waiting).collect())
}

fn succeed(run: &mut RunRecord, bits_per_byte: f64) {
    run.state = RunState::Succeeded;
    run.attempts_n = 1;
    run.spent = AcceleratorTime::from_ms(run.spec.class.time().ms() + 30);
    run.waiting = None;
    run.result = Some(RunResult {
        loss: bits_per_byte * std::f64::consts::LN_2,
        bits_per_byte,
        normalised_perplexity: bits_per_byte.exp2(),
        bigram_bits_per_byte: Some(3.4),
        weights_hash: "00".into(),
        tokens_per_second: 10_000.0,
        corpora: vec![CorpusResult {
            name: "docs".into(),
            tokens: run.spec.tokens_d(),
            unique_tokens: run.spec.tokens_d().min(10_000_000),
            epochs: run.spec.tokens_d() as f64 / 1e7,
            bits_per_byte,
        }],
        ..RunResult::default()
    });
}

fn fail(run: &mut RunRecord, step: u64) {
    run.state = RunState::Failed;
    run.attempts_n = 1;
    run.spent = AcceleratorTime::from_ms(1_200);
    run.waiting = None;
    run.failure = Some(FailureReason::Diverged { step, before: Vec::new() });
}

/// Two runs ended, one failed, one in its second attempt, one just leased.
pub(crate) fn running() -> SweepStatus {
    let mut runs = runs();
    succeed(&mut runs[0], 2.871);
    succeed(&mut runs[1], 3.02);
    fail(&mut runs[2], 12);
    runs[3].state = RunState::Running;
    runs[3].attempts_n = 2;
    runs[3].attempts = vec![EndedAttempt { epoch: 1, end: AttemptEnd::WorkerLost, failure: None }];
    runs[3].checkpoint = Some(Checkpoint { step: 40, path: "x".into(), hash: "y".into() });
    runs[3].progress = Some(Progress { step: 50, loss: 2.134, tokens_per_second: 9_800.0 });
    runs[4].state = RunState::Leased;
    runs[4].attempts_n = 1;
    let mut calibrations = calibrations();
    for calibration in &mut calibrations {
        let known = throughput(11_300.0, ThroughputSource::Measured);
        calibration.throughput.get_or_insert(known);
    }
    let balance = Balance {
        granted: AcceleratorTime::ZERO,
        reserved: AcceleratorTime::from_ms(14_000),
        spent: AcceleratorTime::from_ms(11_260),
    };
    SweepStatus {
        record: record(SweepPhase::Running, balance),
        calibrations,
        runs,
        headlines: vec!["no crossover forecast yet: qlstm has no run in two classes".into()],
        proposal: None,
        imports: Vec::new(),
        events: Vec::new(),
        workers_n: 2,
        problems: vec!["a worker ended with status 101".into()],
    }
}

pub(crate) fn done() -> SweepStatus {
    let mut status = running();
    status.record.phase = SweepPhase::Done;
    let bits = [2.871, 3.02, 0.0, 2.95, 2.612, 2.701, 2.58, 2.645];
    for (run, bits) in status.runs.iter_mut().zip(bits).filter(|(_, bits)| *bits > 0.0) {
        succeed(run, bits);
    }
    status.record.balance.reserved = AcceleratorTime::ZERO;
    status.record.balance.spent = status.runs.iter().map(|run| run.spent).sum();
    status.headlines = vec![crossover().headline()];
    status.problems = Vec::new();
    status
}

/// What comes of asking something of the running sweep.
pub(crate) fn controlled(control: Control) -> Controlled {
    let status = running();
    let step = |run: &RunRecord| {
        let subject = Subject::new(run.state, run.stop, run.failure.as_ref(), true);
        let (spec, step) = (&run.spec, control::step(control, subject)?);
        Some(Stepped { run: spec.id, label: spec.label(), cost: spec.cost(), step })
    };
    let to = AcceleratorTime::from_hours(40);
    let raised = Raised { from: status.record.balance.granted, to };
    Controlled {
        sweep_name: "demo".into(),
        control,
        event: Some(ControlEvent {
            number: 1,
            at: Timestamp(1_764_000_000_000),
            control,
            actor: "ada".into(),
            reason: "more GPUs".into(),
            run: None,
            raised: (control == Control::Raise).then_some(raised),
        }),
        runs: status.runs.iter().filter_map(step).collect(),
        balance: status.record.balance,
        dry_run: false,
    }
}

/// A queue with a run for every reason to wait.
pub(crate) fn queue() -> QueueView {
    let time = AcceleratorTime::from_ms(90_000);
    let project = || "vision".to_owned();
    let waits = [
        (Some(1), Wait::NoFreeWorker, Some(0)),
        (Some(2), Wait::NoFreeWorker, Some(95_000)),
        (Some(3), Wait::Quota { project: project(), running_n: 4, running_max: 4 }, None),
        (None, Wait::ProjectHours { project: project(), free: time }, None),
        (None, Wait::Budget { free: time }, None),
        (None, Wait::BackOff { left: WallTime::from_ms(4_000) }, None),
        (None, Wait::Paused, None),
    ];
    let record = running().record;
    let waiting = |run: Option<&RunRecord>, position, wait, starts_in: Option<u64>| Waiting {
        position,
        project: "vision".into(),
        priority: 0,
        sweep: record.id,
        sweep_name: record.name.clone(),
        run: run.map(|run| run.spec.id),
        label: run.map(|run| run.spec.label()).unwrap_or_default(),
        wait,
        starts_in: starts_in.map(WallTime::from_ms),
    };
    let runs = runs();
    let all = runs.iter().zip(waits);
    let mut all: Vec<Waiting> = all
        .map(|(run, (position, wait, starts))| waiting(Some(run), position, wait, starts))
        .collect();
    all.push(waiting(None, None, Wait::Calibrating, None));
    QueueView { at: Timestamp(0), workers_n: 2, running_n: 1, waiting: all }
}

/// One project with limits and one without.
pub(crate) fn projects() -> Vec<ProjectUse> {
    let hours = AcceleratorTime::from_hours;
    let limited = Project {
        name: "vision".into(),
        weight: 2.5,
        granted: Some(hours(500)),
        running_max: Some(4),
    };
    let of = |project| ProjectUse {
        project,
        sweeps_n: 3,
        running_n: 4,
        spent: hours(120),
        reserved: hours(8),
        used_lately: hours(20),
    };
    vec![of(Project::unset("default")), of(limited)]
}

/// What two attempts of a command have printed.
pub(crate) fn output_parts() -> Vec<OutputPart> {
    let part = |epoch, text: &str, skipped_n| OutputPart { epoch, text: text.into(), skipped_n };
    vec![part(1, "step 1\nKilled\n", 0), part(2, "step 2\n", 70_000)]
}

/// What the law engine sees of the finished runs.
pub(crate) fn observations(status: &SweepStatus) -> Vec<Observation> {
    let finished = status.runs.iter().filter_map(|run| Some((&run.spec, run.result.as_ref()?)));
    finished.map(|(spec, result)| Observation::from_run(spec, result)).collect()
}

pub(crate) fn all_failed() -> SweepStatus {
    let mut status = running();
    status.record.phase = SweepPhase::Done;
    let last = status.runs.len() - 1;
    for (index, run) in status.runs.iter_mut().enumerate() {
        fail(run, if index == last { 3 } else { 12 });
    }
    status.problems = Vec::new();
    status
}

fn crossover() -> Crossover {
    let names = ["gpt", "qlstm"].map(str::to_owned);
    Crossover {
        outcome: Outcome::At { hours: 0.021, lower: 0.008, upper: Bound::Never },
        hours_measured: Interval { lower: 5.0 / 3600.0, upper: 10.0 / 3600.0 },
        horizon_hours: 27.8,
        probability: Probability { passed: 0.08, ahead: 0.81, never: 0.11, several: 0.02 },
        draws_n: 4000,
        other_law: Some("power: qlstm overtakes gpt at 42 s (90 %: 20 s to 4 min)".into()),
        ..Crossover::undetermined(names, LawName::PowerFloor, Axis::Hours, String::new())
    }
}

fn fit(arm: &str, law: LawName, coefficients: &[(&str, f64)], forecast: f64) -> LawFit {
    let coefficient = |(name, value): &(&str, f64)| Coefficient {
        name: (*name).into(),
        value: *value,
        interval: Interval { lower: value * 0.9, upper: value * 1.12 },
    };
    LawFit {
        id: Default::default(),
        arm: arm.into(),
        law,
        coefficients: coefficients.iter().map(coefficient).collect(),
        level: 0.9,
        observations_n: 4,
        classes_n: 2,
        hours_measured: Interval { lower: 5.0 / 3600.0, upper: 10.0 / 3600.0 },
        objective: 1e-5,
        residual_rms: 0.004,
        convergence: Convergence::Converged,
        held_out: Some(HeldOut { hours: 10.0 / 3600.0, observed: 2.6, forecast }),
        curve: Vec::new(),
        caveats: Vec::new(),
    }
}

pub(crate) fn forecast() -> ForecastView {
    let arm = |name: &str, alpha: f64| {
        let floor = [("E", 1.21), ("A", 0.3412), ("alpha", alpha)];
        let power = [("A", 1.34), ("alpha", alpha / 3.0)];
        ArmFits {
            arm: name.into(),
            fits: vec![
                fit(name, LawName::Power, &power, 2.68),
                fit(name, LawName::PowerFloor, &floor, 2.59),
            ],
            chosen: LawName::PowerFloor,
            choice: LawChoice::Auto,
        }
    };
    let mut arms = vec![arm("gpt", 0.251), arm("qlstm", 0.0312)];
    arms[1].fits[1].caveats = vec!["the floor is not identified by these classes".into()];
    arms[1].fits[0].convergence = Convergence::NotConverged { reason: "500 iterations".into() };
    ForecastView {
        sweep_name: "demo".into(),
        hours_unit: "CPU core hours".into(),
        observations: Vec::new(),
        forecast: Forecast {
            id: ForecastId::new(),
            sweep: SweepId::new(),
            parent: None,
            made_at: Timestamp(0),
            observations_n: 7,
            arms,
            crossovers: vec![crossover()],
        },
    }
}

/// What a run has reported: a loss that was not finite once, and a small rate.
pub(crate) fn series() -> Vec<Series> {
    let steps = vec![1, 50, 100, 150];
    let loss = vec![Some(5.545_177_444_479_562), Some(2.5), None, Some(1.75)];
    let rate = vec![Some(1.2e-5), Some(0.0012), Some(0.0006), Some(0.0)];
    vec![
        Series { metric: Metric::TrainLoss, steps: steps.clone(), values: loss },
        Series { metric: Metric::LearningRate, steps, values: rate },
    ]
}
