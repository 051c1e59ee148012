//! Who asks. The one place where a presented token becomes somebody with rights, as the guard of the gRPC
//! services has it.

use axum::extract::{FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sweep_core::access::{Action, Actor};

use super::problem::Problem;
use crate::context::Context;
use crate::{Error, doors};

/// What somebody is called who does not say, where nobody signs in.
const LOCAL: &str = "http";

/// Whoever made a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller(Actor);

impl Caller {
    pub(super) const fn actor(&self) -> &Actor {
        &self.0
    }

    /// Whose name stands beside what is asked.
    pub(super) fn called(&self, called: Option<String>) -> String {
        let called = called.filter(|name| !name.trim().is_empty());
        self.0.called(called.unwrap_or_else(|| LOCAL.to_owned()))
    }
}

/// Lets in whoever may do what the address is for.
pub(super) async fn admit(
    context: Context,
    needs: Action,
    mut request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(AUTHORIZATION);
    let header = header.map(|value| value.to_str().unwrap_or_default().to_owned());
    match doors::enter(&context, header.as_deref(), needs).await {
        Ok(actor) => {
            request.extensions_mut().insert(Caller(actor));
            next.run(request).await
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let nobody = || Error::NotSignedIn { why: "nobody has looked who asks".to_owned() };
        parts.extensions.get::<Self>().cloned().ok_or_else(|| nobody().into())
    }
}
