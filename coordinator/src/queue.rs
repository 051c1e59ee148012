//! The queue of all sweeps, read from the database: what the next free worker gets, and what people see
//! of it. And the projects that share the workers.

use sweep_core::access::Actor;
use sweep_core::clock::Timestamp;
use sweep_core::project::{Project, ProjectUse, QueueView, Waiting};
use sweep_core::sweep::{RunRecord, SweepPhase, SweepRecord};
use sweep_core::units::AcceleratorTime;
use sweep_store::ProjectOrder;

use crate::Error;
use crate::context::Context;
use crate::scheduler::explain::{Look, explain, line};
use crate::scheduler::queue::{Queue, Started};

/// A queue with the state of the world that it was read from.
pub(crate) struct KnownQueue {
    revision: u64,
    read_at: Timestamp,
    queue: Queue,
}

/// A queue is read again after this long whatever this process knows of changes: back-offs end, and
/// other coordinators may serve the same database. What it misses until then starts a second later; a
/// claim is judged by the database.
const QUEUE_AGE_MAX_MS: i64 = 1000;

impl KnownQueue {
    fn is_fresh(&self, context: &Context) -> bool {
        let age_ms = context.now().0.saturating_sub(self.read_at.0);
        self.revision == context.revision() && (0..QUEUE_AGE_MAX_MS).contains(&age_ms)
    }
}

/// The run that a free worker gets. Workers that ask at the same time get different ones.
pub(crate) async fn next(context: &Context) -> Result<Option<Started>, Error> {
    let mut known = context.queue.lock().await;
    match &mut *known {
        Some(known) if known.is_fresh(context) => Ok(known.queue.start_next()),
        _ => {
            // Before it is read: what changes meanwhile is newer than the queue.
            let (revision, read_at) = (context.revision(), context.now());
            let mut queue = read(context).await?;
            let next = queue.start_next();
            *known = Some(KnownQueue { revision, read_at, queue });
            Ok(next)
        }
    }
}

/// A run could not be started after all: what it would have reserved is free.
pub(crate) async fn not_started(context: &Context, Started { sweep, reserve, .. }: Started) {
    if let Some(known) = &mut *context.queue.lock().await {
        known.queue.ended(sweep, reserve, AcceleratorTime::ZERO);
    }
}

/// The runs that workers may take now.
async fn read(context: &Context) -> Result<Queue, Error> {
    let now = context.now();
    let mut lines = Vec::new();
    for sweep in context.store.sweeps().await?.iter().filter(|sweep| sweep.starts_runs()) {
        let runs = context.store.runs(sweep.id).await?;
        lines.extend(line(Look { sweep, runs: &runs }, now));
    }
    let projects = context.store.projects(now).await?;
    Ok(Queue::new(&projects, &lines))
}

/// Everything that waits, and exists for whoever asks. Its place is that among all.
pub(crate) async fn view(context: &Context, actor: &Actor) -> Result<QueueView, Error> {
    let sweeps = with_runs(context).await?;
    let seen = sweeps.iter().filter(|(sweep, _)| actor.sees(&sweep.project));
    let active = seen.flat_map(|(_, runs)| runs).filter(|run| run.state.is_active());
    let running_n = u32::try_from(active.count()).unwrap_or(u32::MAX);
    let workers_n = u32::try_from(context.live().workers.len()).unwrap_or(u32::MAX);
    let mut waiting = waiting(context, &sweeps).await?;
    waiting.retain(|waiting| actor.sees(&waiting.project));
    Ok(QueueView { at: context.now(), workers_n, running_n, waiting })
}

/// What waits in these sweeps.
async fn waiting(
    context: &Context,
    sweeps: &[(SweepRecord, Vec<RunRecord>)],
) -> Result<Vec<Waiting>, Error> {
    let now = context.now();
    let projects = context.store.projects(now).await?;
    let workers_n = u32::try_from(context.live().workers.len()).unwrap_or(u32::MAX);
    let looks: Vec<Look<'_>> = sweeps.iter().map(|(sweep, runs)| Look { sweep, runs }).collect();
    Ok(explain(&projects, &looks, workers_n, now))
}

/// What waits in all sweeps.
pub(crate) async fn all_waiting(context: &Context) -> Result<Vec<Waiting>, Error> {
    let sweeps = with_runs(context).await?;
    waiting(context, &sweeps).await
}

/// The sweeps that are not done, with their runs as their workers last told of them.
async fn with_runs(context: &Context) -> Result<Vec<(SweepRecord, Vec<RunRecord>)>, Error> {
    let mut all = Vec::new();
    for sweep in context.store.sweeps().await? {
        if sweep.phase == SweepPhase::Done {
            continue;
        }
        let mut runs = context.store.runs(sweep.id).await?;
        let live = context.live();
        for run in &mut runs {
            run.progress = live.progress.get(&run.spec.id).copied();
        }
        drop(live);
        all.push((sweep, runs));
    }
    Ok(all)
}

/// What is to be changed of a project; what is none stays as it is.
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) weight: Option<f64>,
    pub(crate) granted: Option<Option<AcceleratorTime>>,
    pub(crate) running_max: Option<Option<u32>>,
    pub(crate) actor: String,
    pub(crate) reason: String,
}

/// The projects that exist for whoever asks.
pub(crate) async fn projects(context: &Context, actor: &Actor) -> Result<Vec<ProjectUse>, Error> {
    let mut projects = context.store.projects(context.now()).await?;
    projects.retain(|known| actor.sees(&known.project.name));
    Ok(projects)
}

/// Sets what a project may have; all projects afterwards.
pub(crate) async fn set_project(
    context: &Context,
    caller: &Actor,
    change: Change,
) -> Result<Vec<ProjectUse>, Error> {
    let Change { name, weight, granted, running_max, actor, reason } = change;
    let mistakes = sweep_core::spec::project_mistake(&name).into_iter();
    let bad_weight = weight.filter(|weight| !(weight.is_finite() && *weight >= 0.001));
    let mistakes = mistakes.chain(
        bad_weight
            .map(|weight| format!("a weight of {weight} is out of range, expected 0.001 or more")),
    );
    if let Some(mistake) = mistakes.into_iter().next() {
        return Err(Error::BadProject { mistake });
    }
    let known =
        projects(context, caller).await?.into_iter().find(|known| known.project.name == name);
    let before = known.map_or_else(|| Project::unset(&name), |known| known.project);
    let project = Project {
        name,
        weight: weight.unwrap_or(before.weight),
        granted: granted.unwrap_or(before.granted),
        running_max: running_max.unwrap_or(before.running_max),
    };
    let actor = caller.called(actor);
    let order = ProjectOrder { project, actor, reason, at: context.now() };
    context.store.set_project(&order).await?;
    context.changed();
    projects(context, caller).await
}
