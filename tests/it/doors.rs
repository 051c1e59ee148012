//! A team at one coordinator: who comes in, what each may do, and that no token is told to a log.

use anyhow::{Context as _, Result, ensure};
use sweep_core::code::ErrorCode;
use sweep_core::ids::WorkerId;
use sweep_core::run::RunState;
use sweep_core::sweep::SweepPhase;
use sweep_proto::WireError;
use sweep_proto::dial::{Dial, Line};
use sweep_proto::v1::lease_reply::Work;
use sweep_proto::v1::worker_service_client::WorkerServiceClient;
use sweep_proto::v1::{HeartbeatRequest, LeaseRequest, RunAssignment, RunRef};

use crate::sandbox::{Sandbox, small_budget, until};
use crate::served::{Served, free_address, secret};

const SIGN_IN: [&str; 2] = ["--auth", "tokens"];

fn of_project(name: &str, project: &str) -> String {
    small_budget(name).replace("budget: 10 min", &format!("project: {project}\nbudget: 10 min"))
}

#[tokio::test]
async fn a_team_signs_in_and_each_does_what_its_role_may() -> Result<()> {
    let sandbox = Sandbox::new(&of_project("small", "vision"));
    let served = Served::start(&sandbox, &SIGN_IN).await?;
    let nobody = sandbox.run(&["status", "--server", &served.url]);
    let said = String::from_utf8_lossy(&nobody.stderr);
    assert_eq!(nobody.status.code(), Some(1), "{said}");
    assert!(said.contains("error[SW0012]: this coordinator wants a token"), "{said}");
    assert!(said.contains("SWEEP_TOKEN_FILE"), "{said}");

    let admin = served.bootstrap_token();
    let viewer = served.token("wall", &["--role", "viewer"]);
    let ada = served.token("ada", &["--role", "submitter", "--project", "vision"]);
    let eve = served.token("eve", &["--role", "submitter", "--project", "speech"]);
    let gpus = served.token("gpus", &["--role", "worker"]);

    // Each beyond what it may.
    for (who, asks, says) in [
        (&viewer, &["submit", "budget.yaml"][..], "its role is viewer"),
        (&eve, &["submit", "budget.yaml"], "`speech`, not `vision`"),
        (&ada, &["token", "list"], "it takes a token of the role admin"),
        (&ada, &["project", "set", "vision", "--weight", "9"], "may not set projects"),
        (&gpus, &["status"], "its role is worker"),
    ] {
        let said = served.refused_as(who, asks);
        assert!(said.contains("error[SW0013]") && said.contains(says), "{asks:?}: {said}");
    }

    let url = ["--server", &served.url];
    let worker = [&["-vvv", "worker", "--token-file", &gpus], &url[..]].concat();
    let worker_log = sandbox.path("worker.log");
    let _worker = sandbox.spawn_logged(&worker, &worker_log);
    served.succeed_as(&ada, &["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert_eq!(stored.sweep.phase, SweepPhase::Done);
    assert!(stored.runs.iter().all(|run| run.state == RunState::Succeeded));

    // For another project it does not exist: the words are the same as for one that never was.
    let there = served.refused_as(&eve, &["status", "small"]);
    let never = served.refused_as(&eve, &["status", "smoll"]);
    assert_eq!(there.replace("small", "smoll"), never);
    assert_eq!(served.refused_as(&eve, &["status"]), served.refused_as(&eve, &["forecast"]));
    assert!(!served.succeed_as(&eve, &["project", "list"]).contains("vision"));
    assert!(served.succeed_as(&viewer, &["status", "small"]).contains("small"));
    std::fs::write(sandbox.path("taken.yaml"), of_project("small", "speech"))?;
    let taken = served.refused_as(&eve, &["submit", "taken.yaml"]);
    assert!(taken.contains("taken by a sweep of another project"), "{taken}");

    // What is kept is the name of the token, whatever the client says. To raise a budget is a right of
    // its own.
    let raise =
        ["budget", "raise", "small", "--to", "1h", "--reason", "more", "--actor", "mallory"];
    assert!(served.refused_as(&ada, &raise).contains("may not raise budgets"));
    served.succeed_as(&admin, &raise);
    let events = stored.store.control_events(stored.sweep.id).await?;
    let actors: Vec<&str> = events.iter().map(|event| &*event.actor).collect();
    assert_eq!(actors, ["bootstrap"]);

    served.succeed_as(&admin, &["token", "revoke", "ada"]);
    let said = served.refused_as(&ada, &["status"]);
    assert!(said.contains("error[SW0012]: the token `ada` was revoked"), "{said}");
    no_log_tells(
        &[&served.log()?, &std::fs::read_to_string(worker_log)?],
        &[&admin, &viewer, &ada, &eve, &gpus],
    )
}

/// Logs at their most talkative, which do say something.
fn no_log_tells(logs: &[&str], tokens: &[&String]) -> Result<()> {
    for log in logs {
        ensure!(log.contains("TRACE") && log.len() > 10_000, "the log is not talkative:\n{log}");
        for file in tokens {
            let token = secret(file)?;
            let text = token.expose();
            let (begin, end) = (&text[13..29], &text[text.len() - 16..]);
            ensure!(!log.contains(begin) && !log.contains(end), "a log has the token of {file}");
        }
    }
    Ok(())
}

#[test]
fn a_door_to_the_network_stays_shut_until_people_sign_in() {
    let sandbox = Sandbox::new(&small_budget("small"));
    let refused = sandbox.run(&["serve", "--listen", "0.0.0.0:0"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("nobody has to sign in") && said.contains("--auth tokens"), "{said}");
}

async fn connect(served: &Served<'_>, token_file: &str) -> Result<WorkerServiceClient<Line>> {
    let dial = Dial { token: Some(secret(token_file)?), ..Dial::open(served.url.clone()) };
    Ok(WorkerServiceClient::new(dial.line(dial.endpoint()?.connect().await?, || None)))
}

#[tokio::test]
async fn a_worker_reports_of_its_own_attempts_alone() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let served = Served::start(&sandbox, &SIGN_IN).await?;
    let (a, b) =
        (served.token("a", &["--role", "worker"]), served.token("b", &["--role", "worker"]));
    let admin = served.bootstrap_token();
    let submit = ["submit", "budget.yaml", "--server", &served.url, "--token-file", &admin];
    let _submit = sandbox.spawn(&submit);
    let (mut ours, mut theirs) = (connect(&served, &a).await?, connect(&served, &b).await?);
    let worker_id = WorkerId::new().to_string();
    let request =
        LeaseRequest { worker_id, device: "cpu: test x1".to_owned(), trainer: "1".to_owned() };
    let mut leased = None;
    until("there is a run to lease", async || {
        let reply = ours.lease(request.clone()).await?.into_inner();
        if let Some(Work::Run(RunAssignment { run_spec, epoch, .. })) = reply.work {
            let run: sweep_core::plan::RunSpec = serde_json::from_str(&run_spec)?;
            leased = Some(RunRef { run_id: run.id.to_string(), epoch });
        }
        Ok(leased.is_some())
    })
    .await?;
    let run = leased.context("it was leased a moment ago")?;
    let beat = HeartbeatRequest { run: Some(run.clone()), used_ms: 1, ..Default::default() };
    // The other worker neither reports of it nor takes it over by the name of ours.
    for refused in [
        theirs.start(run.clone()).await.map(drop),
        theirs.heartbeat(beat.clone()).await.map(drop),
        theirs.lease(request).await.map(drop),
    ] {
        let error = WireError::of(&refused.err().context("it was let in")?);
        assert_eq!(error.code, ErrorCode::NotAllowed, "{error}");
        assert!(error.message.contains("`b` does not hold attempt 1"), "{error}");
    }
    ours.start(run).await?;
    ours.heartbeat(beat).await?;
    Ok(())
}

#[test]
fn a_free_address_can_be_taken() -> Result<()> {
    std::net::TcpListener::bind(free_address()?)?;
    Ok(())
}

#[tokio::test]
async fn a_call_too_many_is_told_when_to_come_again() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let limits = "calls-per-second = 1\ncalls-burst = 1\nsubmit-bytes-max = 100\n";
    std::fs::write(sandbox.path("sweep.toml"), limits)?;
    let served = Served::start(&sandbox, &SIGN_IN).await?;
    let admin = served.bootstrap_token();
    let worker = served.token("gpus", &["--role", "worker"]);
    let mut client = connect(&served, &worker).await?;
    let request = LeaseRequest {
        worker_id: WorkerId::new().to_string(),
        device: "cpu: test x1".to_owned(),
        trainer: "1".to_owned(),
    };
    client.lease(request.clone()).await?;
    let refused = client.lease(request).await.err().context("it was let in")?;
    assert!(refused.metadata().get("retry-after").is_some_and(|after| after == "1"));
    let error = WireError::of(&refused);
    assert_eq!(error.code, ErrorCode::TooMany);
    assert!(error.retry_after_ms.is_some_and(|ms| (1..=1000).contains(&ms)), "{error:?}");
    // The commands come again, by themselves.
    for _ in 0..2 {
        served.succeed_as(&admin, &["token", "list"]);
    }
    let said = served.refused_as(&admin, &["submit", "budget.yaml"]);
    assert!(said.contains("too long for a budget.yaml: 100 are the most"), "{said}");
    Ok(())
}
