//! Readers of events: told of what changes, also after an absence; slow ones lose events and no memory.

use std::sync::Arc;

use axum::body::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::client::{Client, request};
use super::stage::{Stage, finish, lease};
use crate::changes::{Change, Kind};
use crate::context::Context;
use crate::hub::{Hub, KEPT_MAX};
use crate::rest::router;

/// Reads events from an open answer.
struct Reader {
    body: Incoming,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    id: Option<u64>,
    kind: String,
    data: serde_json::Value,
}

impl Reader {
    async fn open(client: &Client, path: &str, last: Option<u64>) -> Self {
        let last = last.map(|last| last.to_string());
        let headers = last.iter().map(|last| ("last-event-id", last.as_str()));
        let headers: Vec<_> = headers.chain([("accept-encoding", "gzip")]).collect();
        let response = client.open(request("GET", path, &headers, "")).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next block: an event, or a comment.
    async fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return block;
            }
            let frame = self.body.frame().await.expect("the stream goes on").unwrap();
            let data = frame.into_data().unwrap_or_else(|_| Bytes::new());
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn next(&mut self) -> Told {
        loop {
            let block = self.block().await;
            let field = |name: &str| {
                let lines = block.lines();
                lines.filter_map(|line| line.strip_prefix(name)).map(str::trim).next_back()
            };
            if let Some(kind) = field("event:") {
                let data = serde_json::from_str(field("data:").unwrap()).unwrap();
                let id = field("id:").map(|id| id.parse().unwrap());
                return Told { id, kind: kind.to_owned(), data };
            }
        }
    }

    /// Reads until an event of this kind comes.
    async fn until(&mut self, kind: &str) -> Told {
        loop {
            let told = self.next().await;
            if told.kind == kind {
                return told;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_told_what_happens_and_goes_on_where_it_stopped() {
    let stage = Stage::set().await;
    let mut all = Reader::open(&stage.client, "/events", None).await;
    let mut of_sweep = Reader::open(&stage.client, "/sweeps/small/events", None).await;
    for reader in [&mut all, &mut of_sweep] {
        assert_eq!(reader.until("ready").await.kind, "ready");
    }
    let pause = async |body| {
        let reply = stage.client.post("/sweeps/small/pause", "application/json", body).await;
        assert_eq!(reply.status.as_u16(), 200);
    };
    pause("{}").await;
    let told = of_sweep.until("sweep").await;
    assert_eq!(told.data["sweep"], "small");
    let running = stage.running.run.to_string();
    loop {
        let told = all.until("run").await;
        if told.data["runs"].as_array().unwrap().iter().any(|run| run == &running) {
            break;
        }
    }
    let told = all.until("queue").await;
    assert_eq!(told.data, serde_json::json!({}));
    drop((all, of_sweep));

    // While nobody reads.
    let body = r#"{"reason": "go on"}"#;
    let reply = stage.client.post("/sweeps/small/resume", "application/json", body).await;
    assert_eq!(reply.status.as_u16(), 200);
    let mut again = Reader::open(&stage.client, "/sweeps/small/events", told.id).await;
    let missed = again.next().await;
    assert_eq!(missed.kind, "sweep");
    assert!(missed.id > told.id);
    finish(&stage.context, lease(&stage.context).await).await;
    again.until("run").await;
    assert!(again.until("forecast").await.data["forecast"].is_string());

    // A number that nobody knows any more.
    let mut stranger = Reader::open(&stage.client, "/events", Some(7)).await;
    let told = stranger.next().await;
    assert_eq!(told.kind, "resync");
    assert!(told.id >= missed.id);
    let bad = stage.client.get_with("/events", &[("last-event-id", "x")]).await;
    assert_eq!((bad.status.as_u16(), bad.json()["field"].as_str()), (400, Some("last-event-id")));
    assert_eq!(stage.client.get("/sweeps/smal/events").await.status.as_u16(), 404);
}

/// A server whose events are told by the test alone.
async fn told_by_hand(context: &Context) -> (Client, Arc<Hub>, JoinSet<()>) {
    let hub = Arc::new(Hub::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client { address: listener.local_addr().unwrap() };
    let router = router(context, Arc::clone(&hub), &[]);
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (client, hub, serving)
}

fn queue_moved() -> Change {
    Change { kind: Kind::Queue, sweep: None, project: None, runs: Vec::new(), forecast: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_readers_are_told_and_one_that_does_not_read_holds_up_nobody() {
    let stage = Stage::set().await;
    let (client, hub, _serving) = told_by_hand(&stage.context).await;
    let mut deaf = Reader::open(&client, "/events", None).await;
    let mut readers = Vec::new();
    for _ in 0..200 {
        let mut reader = Reader::open(&client, "/events", None).await;
        assert_eq!(reader.next().await.kind, "ready");
        readers.push(reader);
    }
    let first = hub.follow(None).newest + 1;
    hub.tell([queue_moved()]);
    for reader in &mut readers {
        assert_eq!(reader.next().await.id, Some(first));
    }
    drop(readers);
    // More than sockets hold: most of it nobody reads.
    for _ in 0..1000 {
        hub.tell((0..250).map(|_| queue_moved()));
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.kept_n(), KEPT_MAX);
    let last = hub.follow(None).newest;
    let (mut seen_n, mut resyncs_n) = (0, 0);
    loop {
        let told = deaf.next().await;
        seen_n += 1;
        resyncs_n += u64::from(told.kind == "resync");
        if told.id == Some(last) {
            break;
        }
    }
    assert!(resyncs_n > 0 && seen_n < last - first, "{seen_n} of {}, {resyncs_n}", last - first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_shows_that_it_is_alive() {
    let stage = Stage::set().await;
    let mut context = stage.context.clone();
    context.timing.events_alive_ms = 20;
    let (client, _hub, _serving) = told_by_hand(&context).await;
    let mut reader = Reader::open(&client, "/events", None).await;
    assert_eq!(reader.next().await.kind, "ready");
    assert_eq!(reader.block().await, ": alive");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_at_once_is_told_together() {
    let mut stage = Stage::set().await;
    stage.still().await;
    let mut context = stage.context.clone();
    // Longer than between two looks: the first sign of life says that everything was told.
    context.timing.events_alive_ms = 3 * context.timing.events_ms;
    let (client, hub, mut serving) = told_by_hand(&context).await;
    let watched = context.clone();
    serving.spawn(async move { hub.watch(&watched).await });
    let mut reader = Reader::open(&client, "/events", None).await;
    assert_eq!(reader.next().await.kind, "ready");
    let begun = std::time::Instant::now();
    for control in ["pause", "resume"].into_iter().cycle().take(40) {
        let path = format!("/sweeps/small/{control}");
        let reply = client.post(&path, "application/json", "{}").await;
        assert_eq!(reply.status.as_u16(), 200);
    }
    let looks_max = begun.elapsed().as_millis() as u64 / context.timing.events_ms + 2;
    let mut told_n = 0;
    loop {
        let block = reader.block().await;
        if block == ": alive" {
            break;
        }
        told_n += u64::from(block.contains("event: sweep"));
    }
    assert!((1..=looks_max).contains(&told_n), "{told_n} of at most {looks_max}");
}
