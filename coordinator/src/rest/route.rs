//! One address of the API: how it is asked, what it answers, and who does it. The router and the
//! OpenAPI document are both made from these, so that neither can know what the other does not.

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, SchemaGenerator};
use sweep_core::access::Action;

use super::{App, caller, query};
use crate::context::Context;

/// A parameter of an address, after its `?`.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) kind: Kind,
}

/// What the value of a parameter is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Integer,
    OneOf(&'static [&'static str]),
}

impl Parameter {
    pub(super) const fn text(name: &'static str, what: &'static str) -> Self {
        Self { name, what, kind: Kind::Text }
    }

    pub(super) const fn integer(name: &'static str, what: &'static str) -> Self {
        Self { name, what, kind: Kind::Integer }
    }

    pub(super) const fn one_of(
        name: &'static str,
        words: &'static [&'static str],
        what: &'static str,
    ) -> Self {
        Self { name, what, kind: Kind::OneOf(words) }
    }
}

/// The name of a type among the schemas of the document.
pub(super) type Shape = fn(&mut SchemaGenerator) -> String;

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> String {
    let schema = generator.subschema_for::<T>();
    let reference = schema.get("$ref").and_then(|reference| reference.as_str());
    let name = reference.and_then(|reference| reference.rsplit('/').next());
    name.unwrap_or_else(|| panic!("{} has a name of its own", T::schema_name())).to_owned()
}

/// The body of a request.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    Json(Shape),
    /// A budget.yaml.
    Budget,
}

/// The body of an answer.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    Json(Shape),
    /// Of a media type without a schema here.
    Other(&'static str),
}

pub(super) struct Route {
    pub(super) method: Method,
    /// Below the base, with `{names}` in braces, `{*name}` for one that may hold slashes.
    pub(super) path: String,
    /// Unique among all routes.
    pub(super) id: String,
    pub(super) summary: String,
    pub(super) parameters: &'static [Parameter],
    pub(super) takes: Takes,
    pub(super) gives: Vec<(StatusCode, Gives)>,
    /// What whoever asks has to be allowed; none for what everybody may read.
    pub(super) needs: Option<Action>,
    handler: MethodRouter<App>,
}

impl Route {
    fn new<H: Handler<T, App>, T: 'static>(
        method: Method,
        path: &str,
        id: &str,
        summary: &str,
        handler: H,
    ) -> Self {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        Self {
            method,
            path: path.to_owned(),
            id: id.to_owned(),
            summary: summary.to_owned(),
            parameters: &[],
            takes: Takes::Nothing,
            gives: Vec::new(),
            needs: Some(Action::Read),
            handler: on(filter, handler),
        }
    }

    pub(super) fn get<H: Handler<T, App>, T: 'static>(
        path: &str,
        id: &str,
        summary: &str,
        handler: H,
    ) -> Self {
        Self::new(Method::GET, path, id, summary, handler)
    }

    pub(super) fn post<H: Handler<T, App>, T: 'static>(
        path: &str,
        id: &str,
        summary: &str,
        needs: Action,
        handler: H,
    ) -> Self {
        Self { needs: Some(needs), ..Self::new(Method::POST, path, id, summary, handler) }
    }

    pub(super) fn patch<H: Handler<T, App>, T: 'static>(
        path: &str,
        id: &str,
        summary: &str,
        needs: Action,
        handler: H,
    ) -> Self {
        Self { needs: Some(needs), ..Self::new(Method::PATCH, path, id, summary, handler) }
    }

    /// Everybody may read it, signed in or not.
    pub(super) fn for_everybody(self) -> Self {
        Self { needs: None, ..self }
    }

    pub(super) fn parameters(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self { takes: Takes::Json(shape::<T>), ..self }
    }

    pub(super) fn takes_budget(self) -> Self {
        Self { takes: Takes::Budget, ..self }
    }

    pub(super) fn gives<T: JsonSchema>(self) -> Self {
        self.gives_as::<T>(StatusCode::OK)
    }

    pub(super) fn gives_as<T: JsonSchema>(mut self, status: StatusCode) -> Self {
        self.gives.push((status, Gives::Json(shape::<T>)));
        self
    }

    pub(super) fn gives_other(mut self, media_type: &'static str) -> Self {
        self.gives.push((StatusCode::OK, Gives::Other(media_type)));
        self
    }

    /// Adds the route to a router.
    pub(super) fn onto(self, router: Router<App>, context: &Context) -> Router<App> {
        let parameters = self.parameters;
        let read = from_fn(move |request, next| query::read(parameters, request, next));
        let mut handler = self.handler.route_layer(read);
        if let Some(needs) = self.needs {
            let context = context.clone();
            // Outermost: a stranger learns nothing of what parameters there are.
            handler = handler.route_layer(from_fn(move |request, next| {
                caller::admit(context.clone(), needs, request, next)
            }));
        }
        router.route(&format!("{}{}", super::BASE, self.path), handler)
    }
}
