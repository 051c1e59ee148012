//! The service that people and their tools ask.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use sweep_core::access::Actor;
use sweep_core::import::ImportedRun;
use sweep_core::sweep::SweepPhase;
use sweep_core::units::AcceleratorTime;
use sweep_proto::document;
use sweep_proto::v1::sweep_service_server::SweepService;
use sweep_proto::v1::{
    ControlRequest, DecideRequest, Document, ImportRequest, ListReply, ListRequest, MetricsRequest,
    OutputRequest, PreviewRequest, ProjectsRequest, QueueRequest, SetProjectRequest, SubmitReply,
    SubmitRequest, SweepQuery, WithdrawImportRequest,
};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::context::Context;
use crate::control::{self, Asked};
use crate::doors::{self, actor};
use crate::preview::{self, Look};
use crate::proposals::{self, Wanted};
use crate::queue::Change;
use crate::submit::{self, Submitted};
use crate::tasks::planning;
use crate::{Error, budget, corpora, imports, outputs, queue, read_model, reference};

pub(super) struct Sweeps {
    pub(super) context: Context,
}

type Documents = Pin<Box<dyn Stream<Item = Result<Document, Status>> + Send>>;

/// Watchers are told of changes at most this often: people cannot read faster, and every telling
/// takes time from the workers on the same cores.
const WATCH_INTERVAL: Duration = Duration::from_millis(400);
/// And looked for them at least this often: what other coordinators of the database do, nobody here
/// announces.
const WATCH_TICK: Duration = Duration::from_secs(1);

#[tonic::async_trait]
impl SweepService for Sweeps {
    type PreviewStream = Documents;
    type WatchStream = Documents;
    type ForecastHistoryStream = Documents;
    type OutputStream = Documents;
    type MetricsStream = Documents;

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitReply>, Status> {
        let actor = actor(&request)?;
        let Submitted { record, created } =
            submit::submit(&self.context, &actor, &request.into_inner().yaml).await?;
        let sweep_id = record.id.to_string();
        Ok(Response::new(SubmitReply { sweep_id, name: record.name, created }))
    }

    async fn preview(
        &self,
        request: Request<PreviewRequest>,
    ) -> Result<Response<Documents>, Status> {
        let actor = actor(&request)?;
        let PreviewRequest { yaml, measure } = request.into_inner();
        let context = self.context.clone();
        Ok(Response::new(stream(|sender| async move {
            tell_preview(&context, &actor, &yaml, measure, &sender).await
        })))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListReply>, Status> {
        let actor = actor(&request)?;
        let sweeps = read_model::sweeps(&self.context, &actor).await?;
        let sweeps = sweeps.iter().map(document::encode).collect();
        Ok(Response::new(ListReply { sweeps }))
    }

    async fn status(&self, request: Request<SweepQuery>) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let status = read_model::status(&self.context, &actor, &request.into_inner().name).await?;
        Ok(Response::new(Document::of(&status)))
    }

    async fn watch(&self, request: Request<SweepQuery>) -> Result<Response<Documents>, Status> {
        let actor = actor(&request)?;
        let name = request.into_inner().name;
        // An unknown name is an answer to the call itself; afterwards the sweep is followed by
        // the name that it has, whatever is submitted meanwhile.
        let name = read_model::find(&self.context, &actor, &name).await?.name;
        let context = self.context.clone();
        Ok(Response::new(stream(
            |sender| async move { watch(&context, &actor, &name, &sender).await },
        )))
    }

    async fn forecast(&self, request: Request<SweepQuery>) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let view = read_model::forecast(&self.context, &actor, &request.into_inner().name).await?;
        Ok(Response::new(Document::of(&view)))
    }

    async fn forecast_history(
        &self,
        request: Request<SweepQuery>,
    ) -> Result<Response<Documents>, Status> {
        let actor = actor(&request)?;
        let sweep = read_model::find(&self.context, &actor, &request.into_inner().name).await?;
        let forecasts = self.context.store.forecasts(sweep.id).await.map_err(Error::from)?;
        let documents: Vec<_> = forecasts.iter().map(|f| Ok(Document::of(f))).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(documents))))
    }

    async fn observations(
        &self,
        request: Request<SweepQuery>,
    ) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let sweep = read_model::find(&self.context, &actor, &request.into_inner().name).await?;
        let all = self.context.store.observations(sweep.id).await.map_err(Error::from)?;
        Ok(Response::new(Document::of(&all)))
    }

    async fn import(&self, request: Request<ImportRequest>) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let ImportRequest { name, source, runs, dry_run } = request.into_inner();
        let runs: Result<Vec<ImportedRun>, _> =
            runs.iter().map(|run| document::decode(run)).collect();
        let imported =
            imports::import(&self.context, &actor, &name, &source, &runs?, dry_run).await?;
        Ok(Response::new(Document::of(&imported)))
    }

    async fn withdraw_import(
        &self,
        request: Request<WithdrawImportRequest>,
    ) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let id = request.into_inner().import()?;
        let import = imports::withdraw(&self.context, &actor, id).await?;
        Ok(Response::new(Document::of(&import)))
    }

    async fn control(
        &self,
        request: Request<ControlRequest>,
    ) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let request = request.into_inner();
        let asked = Asked {
            control: request.asked()?,
            sweep: request.name,
            run: request.run,
            actor: request.actor,
            reason: request.reason,
            to: request.to_ms.map(AcceleratorTime::from_ms),
            dry_run: request.dry_run,
        };
        let controlled = control::control(&self.context, &actor, asked).await?;
        Ok(Response::new(Document::of(&controlled)))
    }

    async fn proposals(&self, request: Request<SweepQuery>) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let view = proposals::view(&self.context, &actor, &request.into_inner().name).await?;
        Ok(Response::new(Document::of(&view)))
    }

    async fn decide(&self, request: Request<DecideRequest>) -> Result<Response<Document>, Status> {
        let by = actor(&request)?;
        let DecideRequest { name, number, approve, only, actor, reason, dry_run } =
            request.into_inner();
        let wanted = Wanted { sweep: name, number, approve, only, actor, reason, dry_run };
        Ok(Response::new(Document::of(&proposals::decide(&self.context, &by, wanted).await?)))
    }

    async fn scoreboard(&self, request: Request<SweepQuery>) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let board =
            proposals::scoreboard(&self.context, &actor, &request.into_inner().name).await?;
        Ok(Response::new(Document::of(&board)))
    }

    async fn queue(&self, request: Request<QueueRequest>) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        Ok(Response::new(Document::of(&queue::view(&self.context, &actor).await?)))
    }

    async fn projects(
        &self,
        request: Request<ProjectsRequest>,
    ) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        Ok(Response::new(Document::of(&queue::projects(&self.context, &actor).await?)))
    }

    async fn set_project(
        &self,
        request: Request<SetProjectRequest>,
    ) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let request = request.into_inner();
        let hours = request.hours_ms.map(AcceleratorTime::from_ms);
        let change = Change {
            name: request.name,
            weight: request.weight,
            granted: if request.no_hours { Some(None) } else { hours.map(Some) },
            running_max: if request.no_running { Some(None) } else { request.running.map(Some) },
            actor: request.actor,
            reason: request.reason,
        };
        Ok(Response::new(Document::of(&queue::set_project(&self.context, &actor, change).await?)))
    }

    async fn output(&self, request: Request<OutputRequest>) -> Result<Response<Documents>, Status> {
        let actor = actor(&request)?;
        let OutputRequest { name, run, follow } = request.into_inner();
        // An unknown run is an answer to the call itself.
        let run = reference::run_of(&self.context, &actor, &name, &run).await?;
        let context = self.context.clone();
        Ok(Response::new(stream(|sender| async move {
            outputs::tell(&context, &actor, run, follow, &sender).await
        })))
    }

    async fn metrics(
        &self,
        request: Request<MetricsRequest>,
    ) -> Result<Response<Documents>, Status> {
        let actor = actor(&request)?;
        let MetricsRequest { name, run, metric } = request.into_inner();
        let run = reference::run_of(&self.context, &actor, &name, &run).await?;
        let all = self.context.store.all_metrics(run).await.map_err(Error::from)?;
        let asked = reference::find_series(&all, &metric)?;
        let documents: Vec<_> = asked.iter().map(|series| Ok(Document::of(series))).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(documents))))
    }
}

pub(crate) type Sender = mpsc::Sender<Result<Document, Status>>;

/// A stream of documents that `source` sends; its error, if any, ends the stream.
fn stream<Fut>(source: impl FnOnce(Sender) -> Fut) -> Documents
where
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(4);
    let documents = source(sender.clone());
    tokio::spawn(async move {
        if let Err(error) = documents.await {
            // The receiver is gone only if nobody listens any more.
            let _ = sender.send(Err(error.into())).await;
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

async fn watch(context: &Context, actor: &Actor, name: &str, sender: &Sender) -> Result<(), Error> {
    let mut changes = context.watch();
    let mut told = None;
    loop {
        changes.mark_unchanged();
        context.must_be_open()?;
        doors::must_still_be_in(context, actor).await?;
        let status = read_model::status(context, actor, name).await?;
        let done = status.record.phase == SweepPhase::Done;
        let is_new = told.as_ref() != Some(&status);
        if is_new && sender.send(Ok(Document::of(&status))).await.is_err() {
            return Ok(());
        }
        if done || sender.is_closed() {
            return Ok(());
        }
        told = Some(status);
        tokio::time::sleep(WATCH_INTERVAL).await;
        // Whoever sends changes lives as long as the context that is borrowed here.
        let _ = tokio::time::timeout(WATCH_TICK, changes.changed()).await;
    }
}

async fn tell_preview(
    context: &Context,
    actor: &Actor,
    yaml: &str,
    measure: bool,
    sender: &Sender,
) -> Result<(), Error> {
    context.limiter.limits.must_fit(yaml)?;
    let spec = budget::read(yaml)?;
    actor.must_see(&spec.project)?;
    let corpus = corpora::prepare(context, &spec).await?;
    let mut changes = context.watch();
    loop {
        changes.mark_unchanged();
        context.must_be_open()?;
        doors::must_still_be_in(context, actor).await?;
        let Look { preview, is_known } = preview::look(context, &spec, &corpus).await?;
        let is_complete = preview.plan.is_some();
        if measure && is_known {
            planning::request_missing(context, &preview.calibrations);
        }
        let listening = sender.send(Ok(Document::of(&preview))).await.is_ok();
        if !listening || is_complete || !measure {
            return Ok(());
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}
