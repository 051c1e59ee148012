//! What stands before each gRPC service: it lets in whoever may call the method.

use std::convert::Infallible;
use std::task::{Context as Task, Poll};

use sweep_core::access::Actor;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;
use tonic::{Request, Status};

use super::{admit, enter, methods};
use crate::Error;
use crate::context::Context;

/// A service behind a door.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    service: S,
    context: Context,
}

impl<S> Guard<S> {
    pub(crate) fn new(context: &Context, service: S) -> Self {
        Self { service, context: context.clone() }
    }
}

impl<S: NamedService> NamedService for Guard<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B, R> Service<HttpRequest<B>> for Guard<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = HttpResponse<R>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(task)
    }

    fn call(&mut self, mut request: HttpRequest<B>) -> Self::Future {
        // The one that was polled is the one that is ready.
        let ready = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, ready);
        let context = self.context.clone();
        Box::pin(async move {
            let header = request.headers().get(AUTHORIZATION);
            let header = header.map(|value| value.to_str().unwrap_or_default());
            match let_in(&context, request.uri().path(), header).await {
                Ok(actor) => {
                    request.extensions_mut().insert(actor);
                    service.call(request).await
                }
                Err(error) => Ok(Status::from(error).into_http()),
            }
        })
    }
}

/// Lets in whoever may call the method at this path. Strangers are not told which there are.
async fn let_in(context: &Context, path: &str, header: Option<&str>) -> Result<Actor, Error> {
    match methods::needs(path) {
        Some(needs) => enter(context, header, needs).await,
        None => {
            admit(context, header).await?;
            Err(Error::NotFound { what: format!("there is no method {path}") })
        }
    }
}

/// Whom the guard has let in with a request.
///
/// # Errors
/// [`Error::NotSignedIn`] for a request that came past the guard.
pub(crate) fn actor<T>(request: &Request<T>) -> Result<Actor, Error> {
    let nobody = || Error::NotSignedIn { why: "nobody has looked who asks".to_owned() };
    request.extensions().get::<Actor>().cloned().ok_or_else(nobody)
}
