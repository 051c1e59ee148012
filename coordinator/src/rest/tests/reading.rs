//! Lists page by page, metrics in few points, and answers that need not be sent again.

use std::io::Read as _;

use serde_json::Value;

use super::client::{raw, request};
use super::stage::{POINTS_N, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_filtered_sorted_and_paged() {
    let mut stage = Stage::set().await;
    stage.still().await;
    let get =
        async |query: &str| stage.client.get(&format!("/sweeps/small/runs{query}")).await.json();
    let all = get("").await;
    assert_eq!((all["total_n"].as_u64(), all["next_cursor"].is_null()), (Some(12), true));
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|run| run["spec"]["id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, total_n) in [
        ("?state=succeeded", 1),
        ("?state=running", 1),
        ("?arm=gpt", 6),
        ("?arm=gpt&seed=1", 3),
        ("?class=250ms", 4),
        ("?class=0.25%20s&arm=qlstm&seed=2", 1),
        ("?size=d16x1", 12),
        ("?size=nothing", 0),
    ] {
        assert_eq!(get(query).await["total_n"], total_n, "{query}");
    }
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(&format!("?sort=-class&limit=5{cursor}")).await;
        paged.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, ids(&get("?sort=-class").await));
    let mut plan = ids(&all);
    plan.reverse();
    assert_eq!(ids(&get("?sort=-plan").await), plan);
    assert_eq!(ids(&get("?sort=bits_per_byte").await)[0], stage.ended);
    assert_eq!(ids(&get("?sort=-bits_per_byte").await)[0], stage.ended);
    let running = get("?state=running").await["items"][0].clone();
    assert_eq!(running["progress"]["step"], 7, "{running}");
    assert_eq!(running["spec"]["id"], stage.running.run.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_with_its_history() {
    let stage = Stage::set().await;
    let run = stage.client.get(&format!("/sweeps/small/runs/{}", stage.ended)).await.json();
    let kinds: Vec<&str> = run["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|moment| moment["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["leased", "charged", "given_back"]);
    assert_eq!(run["timeline"][1]["amount"], "240ms");
    assert_eq!(run["run"]["attempts"][0]["end"], "succeeded");
    assert_eq!(run["run"]["spec"]["model"]["width"], 16);
    let path = format!("/sweeps/small/runs/{}/output", &stage.ended[..13]);
    assert_eq!(stage.client.get(&path).await.json()["parts"][0]["text"], "epoch 1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_shown_in_as_few_points_as_asked_for() {
    let stage = Stage::set().await;
    let path = format!("/sweeps/small/runs/{}/metrics", stage.ended);
    let list = stage.client.get(&path).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    for (query, expected) in [("", POINTS_N), ("?points_max=40", 40)] {
        let series = stage.client.get(&format!("{path}/train_loss{query}")).await.json();
        let steps = series["steps"].as_array().unwrap();
        assert_eq!(series["points_n"], POINTS_N);
        assert!(steps.len() as u64 <= expected && steps.len() > 15, "{}", steps.len());
        assert_eq!(steps.last().unwrap(), POINTS_N - 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_known_is_not_sent_again() {
    let mut stage = Stage::set().await;
    stage.still().await;
    for path in ["/sweeps/small/forecast", "/sweeps/small", "/projects"] {
        let first = stage.client.get(path).await;
        let tag = first.header("etag").unwrap().to_owned();
        let again = stage.client.get_with(path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(&*tag));
        let other = stage.client.get_with(path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!((other.status.as_u16(), &other.body), (200, &first.body), "{path}");
    }
    let before = stage.client.get("/sweeps/small").await;
    let body = r#"{"reason": "lunch"}"#;
    let paused = stage.client.post("/sweeps/small/pause", "application/json", body).await;
    assert_eq!(paused.json()["event"]["actor"], "http");
    let tag = before.header("etag").unwrap();
    let after = stage.client.get_with("/sweeps/small", &[("if-none-match", tag)]).await;
    assert_eq!(after.status.as_u16(), 200);
    assert_eq!(after.json()["events"][0]["reason"], "lunch");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_for_whoever_can_read_that() {
    let mut stage = Stage::set().await;
    stage.still().await;
    let plain = stage.client.get("/sweeps/small").await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = stage.client.get_with("/sweeps/small", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 4 < plain.body.len());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
    assert_eq!(packed.header("etag"), plain.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_ask_only_where_that_is_allowed() {
    let ours = "https://sweeps.example";
    let header = "access-control-allow-origin";
    let closed = Stage::set().await;
    let asked = closed.client.get_with("/projects", &[("origin", ours)]).await;
    assert_eq!(asked.header(header), None);
    let open = Stage::with_origins(&[ours]).await;
    let asked = open.client.get_with("/projects", &[("origin", ours)]).await;
    assert_eq!(asked.header(header), Some(ours));
    let stranger = open.client.get_with("/projects", &[("origin", "https://other.example")]).await;
    assert_eq!(stranger.header(header), None);
    // What a browser would send without asking first.
    for (origin, status) in
        [("https://other.example", 403), ("null", 403), (ours, 200), ("http://localhost", 200)]
    {
        let ask = request("POST", "/sweeps/small/pause", &[("origin", origin)], "");
        assert_eq!(open.client.send(ask).await.status.as_u16(), status, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_what_the_database_says() {
    let mut stage = Stage::set().await;
    stage.still().await;
    let reply = stage.client.send(raw("/metrics")).await;
    assert!(reply.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    for line in [
        "sweepctl_runs{state=\"running\"} 1",
        "sweepctl_runs{state=\"succeeded\"} 1",
        "sweepctl_runs{state=\"failed\"} 0",
        "sweepctl_queue_length 10",
        "sweepctl_leases 1",
        "sweepctl_workers 2",
        "sweepctl_claims_total 2",
        "sweepctl_claim_duration_seconds_count 2",
        "sweepctl_heartbeats_total 1",
        "sweepctl_metric_points_total 1000",
        "sweepctl_refit_duration_seconds_count 1",
        // 240 ms of the run that has ended and 20 ms of the one in progress.
        "sweepctl_ledger_spent_hours{project=\"default\"} 0.00007222222222222222",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    assert!(text.contains("sweepctl_database_connections{state=\"idle\"}"), "{text}");
}
