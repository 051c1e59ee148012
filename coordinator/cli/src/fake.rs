//! A coordinator that plays one sweep from a script, and the client commands against it.

use std::pin::Pin;
use std::sync::Arc;

use clap::Parser as _;
use sweep_core::code::ErrorCode;
use sweep_core::forecast::ForecastView;
use sweep_core::sweep::{Preview, SweepStatus};
use sweep_proto::v1::sweep_service_server::{SweepService, SweepServiceServer};
use sweep_proto::v1::{
    ControlRequest, DecideRequest, Document, ImportRequest, ListReply, ListRequest, MetricsRequest,
    OutputRequest, PreviewRequest, ProjectsRequest, QueueRequest, SetProjectRequest, SubmitReply,
    SubmitRequest, SweepQuery, WithdrawImportRequest,
};
use sweep_proto::{WireError, document};
use tempfile::TempDir;
use tonic::codegen::tokio_stream::{self, Stream, StreamExt as _};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::args::Cli;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fixtures;
use crate::printer::Printer;

/// What a watcher is told, look by look, and the forecast.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) looks: Vec<SweepStatus>,
    pub(crate) forecast: Option<ForecastView>,
    /// After the last look the stream stays open instead of ending.
    pub(crate) never_ends: bool,
}

type Answer<T> = Result<Response<T>, Status>;
type Documents = Pin<Box<dyn Stream<Item = Result<Document, Status>> + Send>>;

struct Fake(Arc<Script>);

impl Fake {
    fn view(&self) -> Result<&ForecastView, Status> {
        let missing = || WireError::new(ErrorCode::NotFound, "no forecast yet");
        self.0.forecast.as_ref().ok_or_else(|| missing().into())
    }
}

#[tonic::async_trait]
impl SweepService for Fake {
    type PreviewStream = Documents;
    type WatchStream = Documents;
    type ForecastHistoryStream = Documents;
    type OutputStream = Documents;
    type MetricsStream = Documents;

    async fn submit(&self, _: Request<SubmitRequest>) -> Answer<SubmitReply> {
        let name = "demo".to_owned();
        Ok(Response::new(SubmitReply { sweep_id: String::new(), name, created: true }))
    }

    async fn preview(&self, request: Request<PreviewRequest>) -> Answer<Documents> {
        let calibrations = fixtures::calibrations();
        let plan = fixtures::plan(fixtures::spec().budget);
        let mut previews = vec![Preview { calibrations: calibrations.clone(), plan: None }];
        if request.get_ref().measure {
            previews.push(Preview { calibrations, plan: Some(plan) });
        }
        let documents: Vec<_> = previews.iter().map(|preview| Ok(Document::of(preview))).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(documents))))
    }

    async fn list(&self, _: Request<ListRequest>) -> Answer<ListReply> {
        let sweeps = self.0.looks.iter().take(1).map(|look| document::encode(&look.record));
        Ok(Response::new(ListReply { sweeps: sweeps.collect() }))
    }

    async fn status(&self, request: Request<SweepQuery>) -> Answer<Document> {
        let name = &request.get_ref().name;
        let look =
            self.0.looks.last().filter(|look| [&look.record.name, ""].contains(&name.as_str()));
        let missing = || WireError::new(ErrorCode::NotFound, format!("no sweep `{name}`"));
        Ok(Response::new(Document::of(look.ok_or_else(|| Status::from(missing()))?)))
    }

    async fn watch(&self, _: Request<SweepQuery>) -> Answer<Documents> {
        let documents: Vec<_> = self.0.looks.iter().map(|look| Ok(Document::of(look))).collect();
        let told = tokio_stream::iter(documents);
        Ok(Response::new(if self.0.never_ends {
            Box::pin(told.chain(tokio_stream::pending()))
        } else {
            Box::pin(told)
        }))
    }

    async fn forecast(&self, _: Request<SweepQuery>) -> Answer<Document> {
        Ok(Response::new(Document::of(self.view()?)))
    }

    async fn observations(&self, _: Request<SweepQuery>) -> Answer<Document> {
        let observations = self.0.looks.last().map(fixtures::observations).unwrap_or_default();
        Ok(Response::new(Document::of(&observations)))
    }

    async fn import(&self, _: Request<ImportRequest>) -> Answer<Document> {
        Err(Status::unimplemented("nothing is stored here"))
    }

    async fn withdraw_import(&self, _: Request<WithdrawImportRequest>) -> Answer<Document> {
        Err(Status::unimplemented("nothing is stored here"))
    }

    async fn control(&self, request: Request<ControlRequest>) -> Answer<Document> {
        let control = request.get_ref().asked()?;
        Ok(Response::new(Document::of(&fixtures::controlled(control))))
    }

    async fn proposals(&self, _: Request<SweepQuery>) -> Answer<Document> {
        Ok(Response::new(Document::of(&fixtures::proposals::proposals())))
    }

    async fn decide(&self, request: Request<DecideRequest>) -> Answer<Document> {
        let decided = fixtures::proposals::decided(request.get_ref().approve);
        Ok(Response::new(Document::of(&decided)))
    }

    async fn scoreboard(&self, _: Request<SweepQuery>) -> Answer<Document> {
        Ok(Response::new(Document::of(&fixtures::proposals::scoreboard())))
    }

    async fn queue(&self, _: Request<QueueRequest>) -> Answer<Document> {
        Ok(Response::new(Document::of(&fixtures::queue())))
    }

    async fn projects(&self, _: Request<ProjectsRequest>) -> Answer<Document> {
        Ok(Response::new(Document::of(&fixtures::projects())))
    }

    async fn set_project(&self, _: Request<SetProjectRequest>) -> Answer<Document> {
        Ok(Response::new(Document::of(&fixtures::projects())))
    }

    async fn output(&self, _: Request<OutputRequest>) -> Answer<Documents> {
        let parts = fixtures::output_parts();
        let documents: Vec<_> = parts.iter().map(|part| Ok(Document::of(part))).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(documents))))
    }

    async fn metrics(&self, _: Request<MetricsRequest>) -> Answer<Documents> {
        let series = fixtures::series();
        let documents: Vec<_> = series.iter().map(|series| Ok(Document::of(series))).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(documents))))
    }

    async fn forecast_history(&self, _: Request<SweepQuery>) -> Answer<Documents> {
        let document = Document::of(&self.view()?.forecast);
        Ok(Response::new(Box::pin(tokio_stream::iter([Ok(document)]))))
    }
}

/// A fake coordinator, and a folder to be used as data directory.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    url: String,
}

impl Stage {
    pub(crate) async fn set(script: Script) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = SweepServiceServer::new(Fake(Arc::new(script)));
        let served =
            Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(served);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("budget.yaml"), fixtures::YAML).unwrap();
        Self { folder, url }
    }

    /// The options of `arguments`, with this coordinator and folder.
    pub(crate) fn context(&self, arguments: &[&str]) -> (crate::args::Command, Context) {
        let data_dir = self.folder.path().to_str().unwrap();
        let common = ["sweepctl", "--quiet", "--server", &self.url, "--data-dir", data_dir];
        let cli = Cli::try_parse_from([&common, arguments].concat()).unwrap();
        let printer = Printer::new(&cli.global);
        (cli.command, Context { global: cli.global, printer })
    }

    async fn run(&self, arguments: &[&str]) -> Result<ExitStatus, Failure> {
        let (command, context) = self.context(arguments);
        crate::commands::run(command, &context).await
    }

    async fn submit(&self) -> Result<ExitStatus, Failure> {
        let file = self.folder.path().join("budget.yaml");
        self.run(&["submit", file.to_str().unwrap()]).await
    }
}

#[tokio::test]
async fn a_submitted_sweep_is_followed_to_its_figure() {
    let looks = vec![fixtures::calibrating(), fixtures::running(), fixtures::done()];
    let forecast = Some(fixtures::forecast());
    let stage = Stage::set(Script { looks, forecast, ..Script::default() }).await;
    assert_eq!(stage.submit().await.unwrap(), ExitStatus::Done);
    let figure = stage.folder.path().join("figures/demo.svg");
    assert!(std::fs::read_to_string(figure).unwrap().starts_with("<svg"));
}

#[tokio::test]
async fn a_sweep_of_failed_runs_is_refused() {
    let script = Script { looks: vec![fixtures::all_failed()], ..Script::default() };
    let failure = Stage::set(script).await.submit().await.unwrap_err();
    assert_eq!(failure.status(), ExitStatus::Refused);
}

#[tokio::test]
async fn a_coordinator_that_goes_away_is_a_fault() {
    let script = Script { looks: vec![fixtures::running()], ..Script::default() };
    let failure = Stage::set(script).await.submit().await.unwrap_err();
    assert_eq!(failure.status(), ExitStatus::Broken);
    assert!(failure.render(false).contains("goes on where it stopped"));
}

#[tokio::test]
async fn every_question_is_answered() {
    let (looks, forecast) = (vec![fixtures::done()], Some(fixtures::forecast()));
    let stage = Stage::set(Script { looks, forecast, ..Script::default() }).await;
    let file = stage.folder.path().join("budget.yaml");
    let svg = stage.folder.path().join("own.svg");
    let (file, svg) = (file.to_str().unwrap(), svg.to_str().unwrap());
    let questions: [&[&str]; 45] = [
        &["plan", file],
        &["submit", file, "--detach"],
        &["submit", file, "--detach", "--json"],
        &["plan", file, "--no-measure", "--json"],
        &["status"],
        &["status", "demo", "--json"],
        &["status", "--all"],
        &["watch", "--json"],
        &["runs"],
        &["runs", "--json"],
        &["metrics", "gpt/d32x2/5s/1"],
        &["metrics", "gpt/d32x2/5s/1", "train_loss"],
        &["metrics", "gpt/d32x2/5s/1", "--json"],
        &["logs", "gpt/d32x2/5s/1"],
        &["logs", "gpt/d32x2/5s/1", "--sweep", "demo", "--json"],
        &["logs", "gpt/d32x2/5s/1", "--follow"],
        &["pause"],
        &["resume", "demo", "--json"],
        &["cancel", "demo", "--run", "gpt/d32x2/5s/1", "--reason", "too slow"],
        &["retry", "--dry-run"],
        &["retry", "demo", "--json"],
        &["queue"],
        &["queue", "--project", "vision", "--json"],
        &["project", "list"],
        &["project", "list", "--json"],
        &["project", "set", "vision", "--hours", "none", "--running", "4"],
        &["proposals"],
        &["proposals", "demo", "--number", "1", "--json"],
        &["approve", "demo", "--only", "1,2", "--dry-run"],
        &["reject", "demo", "--number", "3", "--reason", "good enough"],
        &["scoreboard"],
        &["scoreboard", "demo", "--json"],
        &["budget", "show"],
        &["budget", "show", "demo", "--json"],
        &["budget", "raise", "demo", "--to", "40h", "--reason", "more GPUs"],
        &["laws"],
        &["laws", "--json"],
        &["forecast"],
        &["forecast", "--history"],
        &["forecast", "--json"],
        &["plot"],
        &["plot", "-o", svg],
        &["check", "sweep:demo"],
        &["fit", "sweep:", "--law", "kaplan-d", "--bootstrap", "20"],
        &["fit", "sweep:demo", "--law", "kaplan-d", "--where", "arm=gpt", "--json"],
    ];
    for question in questions {
        assert_eq!(stage.run(question).await.unwrap(), ExitStatus::Done, "{question:?}");
    }
    assert!(std::fs::exists(svg).unwrap());
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let script = Script { looks: vec![fixtures::running()], ..Script::default() };
    let stage = Stage::set(script).await;
    let questions: [&[&str]; 6] = [
        &["status", "other"],
        &["watch", "other"],
        &["check", "sweep:other"],
        &["laws"],
        &["forecast", "--history"],
        &["plot"],
    ];
    for question in questions {
        let failure = stage.run(question).await.unwrap_err();
        assert_eq!(failure.code(), Some(ErrorCode::NotFound), "{question:?}");
    }
}
