//! Submitting, once and again, as YAML and as JSON.

use super::client::{Reply, request};
use super::stage::{Stage, budget};

async fn submit(stage: &Stage, key: &str, body: &str) -> Reply {
    let headers = [("content-type", "application/yaml"), ("idempotency-key", key)];
    stage.client.send(request("POST", "/sweeps", &headers, body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_is_repeated_is_answered_as_before() {
    let stage = Stage::set().await;
    let first = submit(&stage, "k1", &budget("mine")).await;
    assert_eq!(first.status.as_u16(), 201);
    let place = first.header("location").unwrap();
    assert_eq!(stage.client.get(place).await.json()["record"]["name"], "mine");
    let again = submit(&stage, "k1", &budget("mine")).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    // Without its key it is a sweep that was there already.
    let known = stage.client.post("/sweeps", "application/yaml", &budget("mine")).await;
    assert_eq!((known.status.as_u16(), known.json()["created"].as_bool()), (200, Some(false)));
    assert_eq!(known.json()["id"], first.json()["id"]);
    // The key of another request.
    let other = submit(&stage, "k1", &budget("another")).await;
    assert_eq!(other.status.as_u16(), 422);
    assert_eq!(other.json()["field"], "idempotency-key");
    assert_eq!(stage.client.get("/sweeps/another").await.status.as_u16(), 404);
    assert_eq!(submit(&stage, "", &budget("another")).await.status.as_u16(), 400);
    // What was refused is not remembered.
    assert_eq!(submit(&stage, "k2", "name: x").await.status.as_u16(), 422);
    assert_eq!(submit(&stage, "k2", &budget("another")).await.status.as_u16(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_may_be_json() {
    let stage = Stage::set().await;
    let corpus =
        budget("x").split("corpus: ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let json = serde_json::json!({
        "apiVersion": "sweepctl/v1",
        "name": "as-json",
        "budget": "10 min",
        "classes": ["1 s"],
        "data": { "corpus": corpus, "sequence": "32 tokens", "batch": "4 sequences" },
        "arms": [{
            "name": "gpt", "family": "gpt",
            "sizes": [{ "width": 16, "layers": 1, "throughput": "20k tokens/s" }],
        }],
    });
    let plan = stage.client.post("/preview", "application/json", &json.to_string()).await;
    assert_eq!(plan.json()["plan"]["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(stage.client.get("/sweeps/as-json").await.status.as_u16(), 404);
    let reply =
        stage.client.post("/sweeps", "application/json; charset=utf-8", &json.to_string()).await;
    assert_eq!(reply.status.as_u16(), 201, "{}", reply.json());
}
