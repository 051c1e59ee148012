//! The parameters of a request's address. One that its route does not know is refused.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;
use super::route::Parameter;

/// The parameters that were given, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(uri: &Uri, known: &[Parameter]) -> Result<Self, Problem> {
        let pairs: axum::extract::Query<Vec<(String, String)>> =
            axum::extract::Query::try_from_uri(uri)
                .map_err(|error| Problem::bad_request(error.to_string()))?;
        let axum::extract::Query(pairs) = pairs;
        let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !names.contains(&name.as_str()) {
                let detail = if names.is_empty() {
                    format!("unknown parameter `{name}`: this address takes none")
                } else {
                    format!("unknown parameter `{name}`")
                };
                return Err(Problem::bad_request(detail).with_field(name).with_meant(name, &names));
            }
            if pairs[..index].iter().any(|(before, _)| before == name) {
                let detail = format!("the parameter `{name}` is given twice");
                return Err(Problem::bad_request(detail).with_field(name));
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, where it is given.
    pub(super) fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let bad = |error: T::Err| {
            Problem::bad_request(format!("the parameter `{name}` is `{text}`: {error}"))
                .with_field(name)
        };
        text.parse().map(Some).map_err(bad)
    }

    /// One of several words.
    pub(super) fn one_of<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        found.map(Some).ok_or_else(|| {
            let detail =
                format!("the parameter `{name}` is `{text}`, expected one of {}", names.join(", "));
            Problem::bad_request(detail).with_field(name).with_meant(text, &names)
        })
    }
}

/// Reads the parameters before the handler of a route, also where that looks at none.
pub(super) async fn read(
    known: &'static [Parameter],
    mut request: Request,
    next: Next,
) -> Response {
    match Query::read(request.uri(), known) {
        Ok(query) => {
            request.extensions_mut().insert(query);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
