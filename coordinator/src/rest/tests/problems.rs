//! Requests that cannot be met, each with what it is told.

use axum::http::StatusCode;
use serde_json::Value;

use super::client::{Reply, request};
use super::schema::mistakes;
use super::stage::{Stage, budget};
use crate::rest::body::BYTES_MAX;
use crate::rest::openapi;

fn problem(reply: &Reply, status: StatusCode, code: &str) -> Value {
    let problem = reply.json();
    assert_eq!(reply.status, status, "{problem}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let document = openapi();
    let wrong = mistakes(&document, &document["components"]["schemas"]["Problem"], &problem);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["type"], format!("/api/v1/errors/{code}"));
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_with_its_place() {
    let stage = Stage::set().await;
    let client = &stage.client;
    for (path, field, needle) in [
        ("/sweeps?limt=3", "limt", "did you mean `limit`?"),
        ("/queue?verbose=1", "verbose", ""),
        ("/sweeps?limit=3&limit=4", "limit", ""),
        ("/sweeps?limit=0", "limit", ""),
        ("/sweeps?limit=many", "limit", ""),
        ("/sweeps?phase=runing", "phase", "did you mean `running`?"),
        ("/sweeps?cursor=x", "cursor", "parameters of the page"),
        ("/sweeps/small/runs?sort=spend", "sort", "did you mean"),
        ("/sweeps/small/runs?class=5", "class", ""),
        ("/sweeps/small/runs?seed=-1", "seed", ""),
        (
            "/sweeps/small/runs/gpt%2Fd16x1%2F250ms%2F1/metrics/train_loss?points_max=1",
            "points_max",
            "",
        ),
    ] {
        let problem = problem(&client.get(path).await, StatusCode::BAD_REQUEST, "SW0015");
        assert_eq!(problem["field"], field, "{path}");
        let hint = problem["hint"].as_str().unwrap_or_default();
        assert!(hint.contains(needle), "{path}: {hint}");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{path}: {problem}");
    }
    for (body, field, needle) in [
        ("{", None, "EOF"),
        ("[1]", Some("[0]"), "invalid type"),
        ("{} {}", None, "trailing"),
        (r#"{"reson": "x"}"#, Some("reson"), "unknown field"),
        (r#"{"dry_run": 1}"#, Some("dry_run"), "invalid type"),
        (r#"{"to": "40h"}"#, Some("to"), "goes with raise"),
    ] {
        let reply = client.post("/sweeps/small/pause", "application/json", body).await;
        let problem = problem(&reply, StatusCode::BAD_REQUEST, "SW0015");
        assert_eq!(problem["field"].as_str(), field, "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(needle), "{body}: {problem}");
    }
    let reply = client.post("/sweeps/small/raise", "application/json", "{}").await;
    assert_eq!(problem(&reply, StatusCode::BAD_REQUEST, "SW0015")["field"], "to");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_so_is_told() {
    let stage = Stage::set().await;
    let client = &stage.client;
    let missing = StatusCode::NOT_FOUND;
    for (path, needle) in [
        ("/swepes", "did you mean `/api/v1/sweeps`?"),
        ("/api/v2/nothing-of-the-kind", "/api/v1/openapi.json"),
        ("/errors/SW9999", ""),
    ] {
        let problem = problem(&client.get(path).await, missing, "SW0003");
        assert!(problem["hint"].as_str().unwrap_or_default().contains(needle), "{problem}");
    }
    for path in [
        "/sweeps/smal",
        "/sweeps/smal/runs",
        "/sweeps/smal/forecast",
        "/sweeps/small/runs/zzzz",
        "/sweeps/small/runs/zzzz/output",
        "/sweeps/small/runs/gpt%2Fd16x1%2F250ms%2F1/metrics/nothing",
    ] {
        problem(&client.get(path).await, missing, "SW0003");
    }
    let reply = client.send(request("DELETE", "/sweeps", &[], "")).await;
    problem(&reply, StatusCode::METHOD_NOT_ALLOWED, "SW0015");
    let allowed = reply.header("allow").unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    // A budget only grows.
    let reply = client.post("/sweeps/small/raise", "application/json", r#"{"to": "1 min"}"#).await;
    problem(&reply, StatusCode::CONFLICT, "SW0011");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_cannot_be_used_names_every_mistake() {
    let stage = Stage::set().await;
    let client = &stage.client;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let wrong = budget("bad").replace("family: qlstm", "family: rnn");
    let reply = client.post("/sweeps", "application/yaml", &wrong).await;
    let told = problem(&reply, unprocessable, "SW0001");
    assert_eq!(told["field"], "arms[1].family");
    assert_eq!(told["mistakes"][0]["line"], 9, "{told}");
    let changed = budget("small").replace("10 min", "11 min");
    let reply = client.post("/sweeps", "application/yaml", &changed).await;
    let told = problem(&reply, StatusCode::CONFLICT, "SW0002");
    assert!(told["hint"].as_str().unwrap().contains("small-2"), "{told}");
    for media_type in ["text/plain", "multipart/form-data; boundary=x"] {
        let reply = client.post("/sweeps", media_type, &wrong).await;
        problem(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, "SW0015");
    }
    let reply = client.send(request("POST", "/preview", &[], &wrong)).await;
    problem(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, "SW0015");
    let large = " ".repeat(BYTES_MAX + 1);
    let reply = client.post("/preview", "application/yaml", &large).await;
    problem(&reply, StatusCode::PAYLOAD_TOO_LARGE, "SW0015");
}
