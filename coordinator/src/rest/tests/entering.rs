//! Tokens at the door of the HTTP side: no address is forgotten.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::http::StatusCode;
use sweep_core::access::{Action, Actor, Role};
use sweep_core::clock::SystemClock;
use sweep_core::token::TokenOrder;
use sweep_store::Store;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::client::{Client, raw, request};
use super::stage::budget;
use crate::context::Context;
use crate::doors::{self, Auth, Limits};
use crate::rest::{Bound, Options, routes};
use crate::submit;

/// A coordinator that wants a token, with a sweep of the project `default`.
struct Closed {
    client: Client,
    context: Context,
    _serving: JoinSet<()>,
    _folder: TempDir,
}

impl Closed {
    async fn set(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = sweep_store::sqlite_url(&folder.path().join("sweep.db"));
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let context = Context::new(store, Arc::new(SystemClock), folder.path());
        let context = context.with_auth(Auth::Tokens).with_limits(limits);
        submit::submit(&context, &Actor::anybody(), &budget("small")).await.unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bound = Bound::new(&Options { listen, origins: Vec::new() }).await.unwrap();
        let client = Client { address: bound.address() };
        let serving = bound.serve(&context);
        Self { client, context, _serving: serving, _folder: folder }
    }

    /// The header of a new token.
    async fn token(&self, name: &str, role: Role, project: Option<&str>) -> String {
        let project = project.map(str::to_owned);
        let order = TokenOrder { name: name.to_owned(), role, project, expires_in: None };
        let by = "ada".to_owned();
        let made = doors::create(&self.context, &Actor::anybody(), order, by).await.unwrap();
        format!("Bearer {}", made.secret.expose())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_asks_who_comes_and_whether_they_may() {
    let closed = Closed::set(Limits { calls_burst: 1000, ..Limits::default() }).await;
    let worker = closed.token("gpu-1", Role::Worker, None).await;
    let viewer = closed.token("ada", Role::Viewer, None).await;
    for route in routes() {
        let path = route.path.replace("{code}", "SW0003").replace("{*", "{");
        let method = route.method.as_str();
        let ask = async |headers: &[(&str, &str)]| {
            closed.client.open(request(method, &path, headers, "")).await.status()
        };
        let nobody = ask(&[]).await;
        let Some(needs) = route.needs else {
            assert_eq!(nobody, StatusCode::OK, "{method} {path}");
            continue;
        };
        // Those who change something need more than to look.
        assert_eq!(method == "GET", needs == Action::Read, "{method} {path}");
        assert_eq!(nobody, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(ask(&[("authorization", "Bearer swp_x")]).await, StatusCode::UNAUTHORIZED);
        assert_eq!(ask(&[("authorization", &worker)]).await, StatusCode::FORBIDDEN, "{path}");
        let may_look = ask(&[("authorization", &viewer)]).await != StatusCode::FORBIDDEN;
        assert_eq!(may_look, needs == Action::Read, "{method} {path}");
    }
    let scraped = closed.client.open(raw("/metrics")).await;
    assert_eq!(scraped.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(scraped.headers()["www-authenticate"], "Bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_project_sees_nothing_of_others() {
    let closed = Closed::set(Limits::default()).await;
    let own = closed.token("own", Role::Submitter, Some("default")).await;
    let other = closed.token("other", Role::Submitter, Some("vision")).await;
    let get = async |path: &str, token: &str| {
        closed.client.get_with(path, &[("authorization", token)]).await
    };
    let seen = get("/sweeps", &own).await.json();
    assert_eq!(seen["items"].as_array().map(Vec::len), Some(1), "{seen}");
    let hidden = get("/sweeps", &other).await.json();
    assert_eq!(hidden["items"].as_array().map(Vec::len), Some(0), "{hidden}");
    assert_eq!(get("/sweeps/small/runs", &own).await.status, StatusCode::OK);
    for path in ["/sweeps/small", "/sweeps/small/events", "/sweeps/small/proposals"] {
        assert_eq!(get(path, &other).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let text = budget("mine");
    let headers = [("authorization", &*other), ("content-type", "application/yaml")];
    for path in ["/sweeps", "/preview"] {
        let elsewhere = closed.client.send(request("POST", path, &headers, &text)).await;
        assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_too_many_says_when_to_come_again() {
    let limits = Limits { calls_per_second: 1, calls_burst: 2, ..Limits::default() };
    let closed = Closed::set(limits).await;
    let token = closed.token("eager", Role::Viewer, None).await;
    let mut refused = None;
    for _ in 0..4 {
        let reply = closed.client.get_with("/projects", &[("authorization", &token)]).await;
        refused = Some(reply).filter(|reply| reply.status == StatusCode::TOO_MANY_REQUESTS);
    }
    let refused = refused.expect("four calls at once are more than two");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let told = refused.json();
    assert!(told["code"] == "SW0014" && told["retry_after_ms"].as_u64() > Some(0), "{told}");
}
