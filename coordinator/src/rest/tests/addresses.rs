//! The document and the router: each address is in both, and answers what the document says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::request;
use super::schema::mistakes;
use super::stage::{Stage, budget};
use crate::rest::answer::TIMES;
use crate::rest::{openapi, routes};

/// Bodies of those that take one, by their id.
fn body(id: &str) -> (&'static str, String) {
    let json = |value: Value| ("application/json", value.to_string());
    match id {
        "submitSweep" | "previewSweep" => ("application/yaml", budget("other")),
        "raiseSweep" => json(json!({ "to": "20 min", "actor": "ann", "reason": "more" })),
        "setProject" => json(json!({ "weight": 2.0, "hours": "5h", "running_max": null })),
        "cancelSweep" => json(json!({ "dry_run": true })),
        "decideProposal" => json(json!({ "approve": false, "reason": "good enough" })),
        _ => json(json!({ "reason": "a test" })),
    }
}

/// A parameter of each that takes some, which leaves something to see.
fn query(id: &str) -> &'static str {
    match id {
        "listRuns" => "?sort=-bits_per_byte&limit=2",
        "getMetric" => "?points_max=8",
        "listSweeps" => "?phase=running",
        _ => "",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_answers_as_the_document_says() {
    let mut stage = Stage::set().await;
    stage.still().await;
    stage.propose().await;
    let document = openapi();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(stage.client.get("/openapi.json").await.json(), document);
    let mut asked_n = 0;
    for route in routes() {
        if route.id.starts_with("stream") {
            continue;
        }
        let path = route.path.replace("{*", "{");
        let place = format!("/api/v1{path}");
        let method = route.method.as_str().to_lowercase();
        let operation = &document["paths"][&place][&method];
        assert_eq!(operation["operationId"], route.id, "{method} {place}");
        let concrete = path
            .replace("{sweep}", "small")
            .replace("{run}", &stage.ended)
            .replace("{metric}", "kurtosis/block.0.fc")
            .replace("{project}", "default")
            .replace("{code}", "SW0003");
        let (media_type, body) = body(&route.id);
        let reads = method == "get";
        let headers = if reads { vec![] } else { vec![("content-type", media_type)] };
        let concrete = concrete + query(&route.id);
        let body = if reads { "" } else { &body };
        let reply =
            stage.client.send(request(route.method.as_str(), &concrete, &headers, body)).await;
        let told = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status.is_success(), "{method} {concrete}: {} {told}", reply.status);
        let answer = &operation["responses"][reply.status.as_str()];
        assert!(answer.is_object(), "{method} {concrete}: {} is not told of", reply.status);
        if let Some(schema) = answer["content"]["application/json"].get("schema") {
            let wrong = mistakes(&document, schema, &reply.json());
            assert!(wrong.is_empty(), "{method} {concrete}: {wrong:#?}\n{told}");
        }
        asked_n += 1;
    }
    assert!(asked_n >= 25, "{asked_n}");
}

/// Times are found by the names of their fields: the names are those of the document's times, and of
/// nothing else.
#[test]
fn the_times_of_the_document_are_the_ones_that_are_written() {
    let document = openapi();
    let mut times = BTreeSet::new();
    let mut others = BTreeSet::new();
    for (_, schema) in document["components"]["schemas"].as_object().unwrap() {
        collect(schema, &mut times, &mut others);
    }
    assert_eq!(times, TIMES.into_iter().map(str::to_owned).collect());
    let both: Vec<_> = times.intersection(&others).collect();
    assert!(both.is_empty(), "{both:?}");
}

fn collect(schema: &Value, times: &mut BTreeSet<String>, others: &mut BTreeSet<String>) {
    match schema {
        Value::Object(rules) => {
            for (name, rule) in
                rules.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                let is_time = rule.to_string().contains("#/components/schemas/Timestamp");
                if is_time {
                    times.insert(name.clone())
                } else {
                    others.insert(name.clone())
                };
            }
            rules.values().for_each(|rule| collect(rule, times, others));
        }
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, times, others)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere_and_ids_are_unique() {
    let document = openapi();
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let ids: BTreeSet<String> = routes().into_iter().map(|route| route.id).collect();
    assert_eq!(ids.len(), routes().len());
}
