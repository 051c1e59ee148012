//! Takes a budget.yaml: once per name, the same text as often as it comes.

use sweep_core::access::Actor;
use sweep_core::ids::SweepId;
use sweep_core::spec::{self, SweepSpec};
use sweep_core::sweep::SweepRecord;
use sweep_store::fault::{self, Point};
use sweep_store::{Created, NewSweep};

use crate::context::Context;
use crate::planner::{self, PlanInput};
use crate::tasks::planning;
use crate::{Error, budget, corpora, difference};

/// A sweep that was submitted now or before.
pub(crate) struct Submitted {
    pub(crate) record: SweepRecord,
    pub(crate) created: bool,
}

/// Submits a budget.yaml.
///
/// Everything that can be refused is checked before anything is written.
pub(crate) async fn submit(
    context: &Context,
    actor: &Actor,
    yaml: &str,
) -> Result<Submitted, Error> {
    context.limiter.limits.must_fit(yaml)?;
    let spec = budget::read(yaml)?;
    actor.must_see(&spec.project)?;
    if let Some(record) = context.store.sweep_named(&spec.name).await? {
        return existing(context, actor, record, &spec).await;
    }
    let corpus = corpora::prepare(context, &spec).await?;
    let id = SweepId::new();
    if let Some(calibrations) = planning::calibrations(context, &spec).await?
        && calibrations.iter().all(|c| c.throughput.is_some())
    {
        let (spec, calibrations, corpus) = (&spec, &calibrations, &corpus);
        planner::plan(&PlanInput { sweep: id, spec, calibrations, corpus, parent: None })?;
    }
    let new = NewSweep {
        id,
        name: spec.name.clone(),
        yaml: yaml.to_owned(),
        project: spec.project.clone(),
        priority: spec.priority,
        granted: spec.budget,
        submitted_at: context.now(),
        spec: spec.clone(),
    };
    match context.store.create_sweep(&new).await? {
        Created::New(record) => {
            crate::spans::begin(context, record.id);
            fault::pass(Point::SubmitCommitted);
            context.store.set_corpus(record.id, &corpus).await?;
            fault::pass(Point::SubmitCorpus);
            context.changed();
            Ok(Submitted { record, created: true })
        }
        // Somebody else was faster.
        Created::Existing(record) => existing(context, actor, record, &spec).await,
    }
}

async fn existing(
    context: &Context,
    actor: &Actor,
    record: SweepRecord,
    asked: &SweepSpec,
) -> Result<Submitted, Error> {
    if !actor.sees(&record.project) {
        return Err(Error::TakenElsewhere { name: record.name });
    }
    let submitted = spec::parse(&record.yaml)?;
    let differences = difference::describe(&submitted, asked);
    if differences.is_empty() {
        // It may have been cut off before its corpus was noted: the planning task sees to that.
        context.changed();
        Ok(Submitted { record, created: false })
    } else {
        Err(Error::SweepChanged { name: record.name, differences })
    }
}
