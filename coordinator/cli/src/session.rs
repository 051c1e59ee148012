//! A conversation with a coordinator: the one already there, or one started in this process.

use std::time::Duration;

use coordinator::embedded::Embedded;
use serde::de::DeserializeOwned;
use sweep_core::code::ErrorCode;
use sweep_core::control::Controlled;
use sweep_core::diagnosis::ServerReport;
use sweep_core::forecast::{Forecast, ForecastView};
use sweep_core::import::{Import, Imported};
use sweep_core::metric::Series;
use sweep_core::observation::Observation;
use sweep_core::project::{ProjectUse, QueueView};
use sweep_core::proposal::{Decided, ProposalsView};
use sweep_core::scoreboard::Scoreboard;
use sweep_core::sweep::{SweepRecord, SweepStatus};
use sweep_core::token::{ApiToken, NewToken, Secret};
use sweep_proto::dial::{Dial, Line};
use sweep_proto::v1::operator_service_client::OperatorServiceClient;
use sweep_proto::v1::sweep_service_client::SweepServiceClient;
use sweep_proto::v1::{
    ControlRequest, CreateTokenRequest, DecideRequest, DiagnoseRequest, Document, ImportRequest,
    ListRequest, ListTokensRequest, MetricsRequest, OutputRequest, PreviewRequest, ProjectsRequest,
    QueueRequest, RevokeTokenRequest, SetProjectRequest, SubmitReply, SubmitRequest, SweepQuery,
    WithdrawImportRequest,
};
use sweep_proto::{TlsFault, WireError, document};
use sweep_runtime::trace;
use tonic::{Response, Status, Streaming};

use crate::context::Context;
use crate::embedded::{self, Fleet};
use crate::failure::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The status of a sweep of tens of thousands of runs is one message.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// Two commands started together both want to serve the data directory; the loser waits until
/// the winner can be reached: at most 5 s.
const RACE_ATTEMPTS_MAX: u32 = 25;
const RACE_PAUSE: Duration = Duration::from_millis(200);
/// Nobody waits longer than this for an answer without a word.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

/// What a command needs of the coordinator it may have to start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// Answers about sweeps submitted before. Starts no workers and makes no folder.
    Answers,
    /// Workers that go on with a sweep submitted before.
    WorkOn(Fleet),
    /// Workers for a new sweep; makes the data directory.
    Work(Fleet),
}

impl Need {
    const fn fleet(self) -> Fleet {
        match self {
            Self::Answers => Fleet { workers_n: 0, threads_n: 1 },
            Self::WorkOn(fleet) | Self::Work(fleet) => fleet,
        }
    }
}

/// Makes a call, as [`twice`] does.
macro_rules! ask {
    ($this:ident.$client:ident.$method:ident($request:expr)) => {
        twice(&$this.server, &mut $this.$client, $request, async |client, request| {
            client.$method(request).await
        })
        .await
    };
}

/// An open conversation.
pub(crate) struct Session {
    client: SweepServiceClient<Line>,
    operator: OperatorServiceClient<Line>,
    server: Dial,
    embedded: Option<Embedded>,
}

impl Session {
    /// Connects to `--server`, else to whoever serves the data directory, else to a coordinator
    /// started in this process.
    pub(crate) async fn open(context: &Context, need: Need) -> Result<Self, Failure> {
        if let Some(server) = context.dial()? {
            return Self::connect(server, None).await;
        }
        let data_dir = context.data_dir();
        let mut attempts_n = 0;
        loop {
            if let Some(url) = embedded::running(data_dir) {
                return Self::connect(Dial::open(url), None).await;
            }
            if !matches!(need, Need::Work(_)) && !embedded::database_path(data_dir).exists() {
                let place = data_dir.display();
                return Err(Failure::new(
                    ErrorCode::NotFound,
                    format!("nothing was submitted here yet: there is no database in `{place}`"),
                )
                .with_hint(
                    "`sweepctl submit budget.yaml` begins a sweep; `--data-dir` names the folder \
                     of another one",
                ));
            }
            match embedded::start(context, need.fleet()).await {
                Ok(embedded) => {
                    let url = embedded.url().to_owned();
                    return Self::connect(Dial::open(url), Some(embedded)).await;
                }
                Err(failure)
                    if failure.code() == Some(ErrorCode::InUse)
                        && attempts_n < RACE_ATTEMPTS_MAX =>
                {
                    attempts_n += 1;
                    tokio::time::sleep(RACE_PAUSE).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn connect(server: Dial, embedded: Option<Embedded>) -> Result<Self, Failure> {
        let url = &server.url;
        let unusable = |error: tonic::transport::Error| {
            TlsFault::of(&error).map_or_else(
                || {
                    Failure::broke(format!("no coordinator can be reached at {url}"), &error)
                        .with_hint("`sweepctl serve` starts one; without `--server` none is needed")
                },
                Failure::from,
            )
        };
        let endpoint = server.endpoint().map_err(|error| {
            Failure::refused(format!("`{url}` is not the address of a server"))
                .with_cause(error.to_string())
                .with_hint("an address looks like `http://127.0.0.1:7700`")
        })?;
        let channel =
            endpoint.connect_timeout(CONNECT_TIMEOUT).connect().await.map_err(unusable)?;
        let line = server.line(channel, trace::current);
        let operator = OperatorServiceClient::new(line.clone());
        let client = SweepServiceClient::new(line).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { client, operator, server, embedded })
    }

    /// Ends the conversation. A coordinator of this process asks its workers to write their
    /// checkpoints, and waits for them.
    pub(crate) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.shutdown().await;
        }
    }

    /// The coordinator runs in this process and ends with it.
    pub(crate) const fn is_own(&self) -> bool {
        self.embedded.is_some()
    }

    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    pub(crate) async fn submit(&mut self, yaml: String) -> Result<SubmitReply, Failure> {
        ask!(self.client.submit(SubmitRequest { yaml }))
    }

    /// The preview, which grows more complete with each document.
    pub(crate) async fn preview(
        &mut self,
        yaml: String,
        measure: bool,
    ) -> Result<Streaming<Document>, Failure> {
        ask!(self.client.preview(PreviewRequest { yaml, measure }))
    }

    /// All sweeps, newest first.
    pub(crate) async fn list(&mut self) -> Result<Vec<SweepRecord>, Failure> {
        let reply = ask!(self.client.list(ListRequest {}))?;
        let read = |json: &String| document::decode(json).map_err(|error| malformed(error.into()));
        reply.sweeps.iter().map(read).collect()
    }

    pub(crate) async fn status(&mut self, name: &str) -> Result<SweepStatus, Failure> {
        read(&ask!(self.client.status(query(name)))?)
    }

    /// The status now and after every change.
    pub(crate) async fn watch(&mut self, name: &str) -> Result<Streaming<Document>, Failure> {
        ask!(self.client.watch(query(name)))
    }

    pub(crate) async fn forecast(&mut self, name: &str) -> Result<ForecastView, Failure> {
        read(&ask!(self.client.forecast(query(name)))?)
    }

    /// Every observation of a sweep, those of imported runs last.
    pub(crate) async fn observations(&mut self, name: &str) -> Result<Vec<Observation>, Failure> {
        read(&ask!(self.client.observations(query(name)))?)
    }

    pub(crate) async fn import(&mut self, request: ImportRequest) -> Result<Imported, Failure> {
        read(&ask!(self.client.import(request))?)
    }

    /// Takes an import back.
    pub(crate) async fn withdraw(&mut self, import_id: String) -> Result<Import, Failure> {
        let request = WithdrawImportRequest { import_id };
        read(&ask!(self.client.withdraw_import(request))?)
    }

    /// Asks something of a sweep or of one of its runs.
    pub(crate) async fn control(&mut self, request: ControlRequest) -> Result<Controlled, Failure> {
        read(&ask!(self.client.control(request))?)
    }

    /// Runs that were proposed, and what was decided.
    pub(crate) async fn proposals(&mut self, name: &str) -> Result<ProposalsView, Failure> {
        read(&ask!(self.client.proposals(query(name)))?)
    }

    /// Approves or rejects a proposal.
    pub(crate) async fn decide(&mut self, request: DecideRequest) -> Result<Decided, Failure> {
        read(&ask!(self.client.decide(request))?)
    }

    /// Past forecasts beside what came.
    pub(crate) async fn scoreboard(&mut self, name: &str) -> Result<Scoreboard, Failure> {
        read(&ask!(self.client.scoreboard(query(name)))?)
    }

    /// What waits in all sweeps.
    pub(crate) async fn queue(&mut self) -> Result<QueueView, Failure> {
        read(&ask!(self.client.queue(QueueRequest {}))?)
    }

    pub(crate) async fn projects(&mut self) -> Result<Vec<ProjectUse>, Failure> {
        read(&ask!(self.client.projects(ProjectsRequest {}))?)
    }

    /// Sets what a project may have; all projects afterwards.
    pub(crate) async fn set_project(
        &mut self,
        request: SetProjectRequest,
    ) -> Result<Vec<ProjectUse>, Failure> {
        read(&ask!(self.client.set_project(request))?)
    }

    /// How the coordinator is.
    pub(crate) async fn diagnose(&mut self) -> Result<ServerReport, Failure> {
        read(&ask!(self.operator.diagnose(DiagnoseRequest {}))?)
    }

    /// Makes a token: its text is told this once.
    pub(crate) async fn create_token(
        &mut self,
        request: CreateTokenRequest,
    ) -> Result<NewToken, Failure> {
        let reply = ask!(self.operator.create_token(request))?;
        let token = document::decode(&reply.token).map_err(|error| malformed(error.into()))?;
        Ok(NewToken { token, secret: Secret::new(reply.secret) })
    }

    /// Every token that was ever made, oldest first.
    pub(crate) async fn tokens(&mut self) -> Result<Vec<ApiToken>, Failure> {
        read(&ask!(self.operator.list_tokens(ListTokensRequest {}))?)
    }

    pub(crate) async fn revoke_token(
        &mut self,
        request: RevokeTokenRequest,
    ) -> Result<ApiToken, Failure> {
        read(&ask!(self.operator.revoke_token(request))?)
    }

    /// What the attempts of a run have printed.
    pub(crate) async fn output(
        &mut self,
        request: OutputRequest,
    ) -> Result<Streaming<Document>, Failure> {
        ask!(self.client.output(request))
    }

    /// The points of a metric of a run, or of all.
    pub(crate) async fn metrics(
        &mut self,
        request: MetricsRequest,
    ) -> Result<Vec<Series>, Failure> {
        let mut stream = ask!(self.client.metrics(request))?;
        let mut all = Vec::new();
        while let Some(document) = stream.message().await? {
            all.push(read(&document)?);
        }
        Ok(all)
    }

    /// Every forecast made so far, oldest first.
    pub(crate) async fn forecast_history(&mut self, name: &str) -> Result<Vec<Forecast>, Failure> {
        let mut stream = ask!(self.client.forecast_history(query(name)))?;
        let mut forecasts = Vec::new();
        while let Some(document) = stream.message().await? {
            forecasts.push(read(&document)?);
        }
        Ok(forecasts)
    }
}

/// Makes a call, and makes it once more where the coordinator says when.
async fn twice<C, R: Clone, T>(
    server: &Dial,
    client: &mut C,
    request: R,
    call: impl AsyncFn(&mut C, R) -> Result<Response<T>, Status>,
) -> Result<T, Failure> {
    let refused = match call(client, request.clone()).await {
        Ok(response) => return Ok(response.into_inner()),
        Err(status) => status,
    };
    let Some(ms) = WireError::of(&refused).retry_after_ms else {
        let is_answer = !refused.details().is_empty();
        let is_misunderstood = !is_answer && server.speaks_tls().await;
        return Err(if is_misunderstood { TlsFault::SpeaksTls.into() } else { refused.into() });
    };
    tokio::time::sleep(Duration::from_millis(ms).min(RETRY_AFTER_MAX)).await;
    Ok(call(client, request).await?.into_inner())
}

/// Reads a document of the coordinator's.
pub(crate) fn read<T: DeserializeOwned>(document: &Document) -> Result<T, Failure> {
    document.read().map_err(|error| malformed(error.into()))
}

fn malformed(error: WireError) -> Failure {
    error.into()
}

fn query(name: &str) -> SweepQuery {
    SweepQuery { name: name.to_owned() }
}
