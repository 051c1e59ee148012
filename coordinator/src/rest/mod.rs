//! The HTTP side: the questions of the gRPC services for whoever speaks JSON. Handlers are thin: they
//! read what is asked, call the same functions as the services of `api`, and write the answer.
//!
//! An address is added in one file: a `Route` in the `routes` of its module, which `routes` here
//! lists. Router, unknown parameters and the OpenAPI document follow from it. Read first: `route`.

mod answer;
mod body;
mod caller;
mod controls;
mod document;
mod errors;
mod events;
mod forecasts;
mod idempotency;
mod metrics;
mod origin;
mod page;
mod problem;
mod proposals;
mod query;
mod queue;
mod route;
mod runs;
mod scrape;
mod secure;
mod serve;
mod status;
mod sweeps;
#[cfg(test)]
mod tests;
mod timeline;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use sweep_core::access::Action;
use sweep_core::code::ErrorCode;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tracing::Instrument as _;

use self::idempotency::Keys;
use self::problem::Problem;
use self::route::Route;
use self::sweeps::SubmittedSweep;
use crate::context::Context;
use crate::hub::Hub;
use crate::spans;

pub(crate) use self::serve::Bound;
pub use self::serve::Options;

/// What every address begins with.
const BASE: &str = "/api/v1";
const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.1";

/// What handlers share.
#[derive(Clone)]
struct App {
    context: Context,
    keys: Arc<Mutex<Keys<SubmittedSweep>>>,
    document: Arc<Value>,
    hub: Arc<Hub>,
}

impl App {
    fn keys(&self) -> MutexGuard<'_, Keys<SubmittedSweep>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromRef<App> for Context {
    fn from_ref(app: &App) -> Self {
        app.context.clone()
    }
}

/// Every address there is.
fn routes() -> Vec<Route> {
    let about = Route::get("/openapi.json", "getDocument", "This document", told_document)
        .for_everybody()
        .gives_other(OPENAPI);
    [
        sweeps::routes(),
        runs::routes(),
        metrics::routes(),
        forecasts::routes(),
        proposals::routes(),
        controls::routes(),
        queue::routes(),
        errors::routes(),
        events::routes(),
        vec![about],
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The OpenAPI document of the HTTP side.
#[must_use]
pub fn openapi() -> Value {
    document::document(&routes())
}

async fn told_document(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENAPI)], app.document.to_string())
}

/// Answers requests about `context`. Pages of `origins` may ask too, by default none of another origin.
pub(crate) fn router(context: &Context, hub: Arc<Hub>, origins: &[HeaderValue]) -> Router {
    let routes = routes();
    let document = Arc::new(document::document(&routes));
    let app = App { context: context.clone(), keys: Arc::default(), document, hub };
    let allowed: Arc<[HeaderValue]> = origins.into();
    let guard = move |request, next| {
        let allowed = Arc::clone(&allowed);
        async move { origin::guard(&allowed, request, next).await }
    };
    let scraped = context.clone();
    let router =
        routes.into_iter().fold(Router::new(), |router, route| route.onto(router, context));
    let router = router
        .route(
            "/metrics",
            get(scrape::scrape).route_layer(from_fn(move |request, next| {
                caller::admit(scraped.clone(), Action::Read, request, next)
            })),
        )
        .fallback(no_such_address)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(answer::unless_known))
        .layer(from_fn(in_span))
        .layer(from_fn(guard))
        .layer(CompressionLayer::new());
    let router = if origins.is_empty() { router } else { router.layer(cors(origins)) };
    router.with_state(app)
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    let idempotency_key = HeaderName::from_static("idempotency-key");
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST, Method::PATCH])
        .allow_headers([
            ACCEPT_ENCODING,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_NONE_MATCH,
            idempotency_key,
        ])
        .expose_headers([ETAG])
}

/// A request that names the span it is made in has one here too.
async fn in_span(request: Request, next: Next) -> Response {
    let span = spans::of_call(request.headers(), request.uri().path());
    next.run(request).instrument(span).await
}

async fn no_such_address(uri: Uri) -> Problem {
    let known: Vec<String> = routes().iter().map(|route| format!("{BASE}{}", route.path)).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let path = uri.path();
    let problem = Problem::new(ErrorCode::NotFound, format!("there is nothing at `{path}`"));
    match sweep_core::nearest::nearest(path, &known) {
        Some(meant) => problem.with_hint(format!("did you mean `{meant}`?")),
        None => problem.with_hint(format!("{BASE}/openapi.json has every address")),
    }
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::bad_request(format!("`{}` cannot be asked with {method}", uri.path()))
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
