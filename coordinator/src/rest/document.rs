//! The OpenAPI document, made from the routes.

use axum::http::Method;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder, Paths, Ref, Required, Response,
    ResponseBuilder,
};

use super::problem;
use super::route::{Gives, Kind, Route, Shape, Takes};
use super::{BASE, body};

/// What names in braces stand for, in every path.
const PLACES: [(&str, &str); 5] = [
    ("sweep", "Name or id of the sweep."),
    ("run", "Id of the run, its beginning, or `arm/size/class/seed` with each `/` written `%2F`."),
    ("metric", "Name of the metric, e.g. `train_loss`; it may hold slashes."),
    ("project", "Name of the project."),
    ("code", "An error code such as `SW0003`."),
];

/// The document of these routes.
pub(super) fn document(routes: &[Route]) -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut read = settings().for_deserialize().into_generator();
    let mut written = settings().for_serialize().into_generator();
    let mut paths = Paths::new();
    for route in routes {
        let operation = operation(route, &mut read, &mut written);
        let path = format!("{BASE}{}", route.path.replace("{*", "{"));
        paths.add_path_operation(path, vec![http_method(&route.method)], operation);
    }
    let info = InfoBuilder::new()
        .title("sweepctl")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Sweeps, their runs, metrics and forecasts. Amounts of accelerator time are text with its \
             unit, such as `20000ms`; times are RFC 3339; failures are RFC 9457.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
        .build();
    let document = OpenApiBuilder::new().info(info).paths(paths).build();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["components"] = json!({ "schemas": schemas(read, written) });
    document
}

fn schemas(mut read: SchemaGenerator, mut written: SchemaGenerator) -> Map<String, Value> {
    let mut all = read.take_definitions(true);
    all.extend(written.take_definitions(true));
    if let Some(time) = all.get_mut("Timestamp") {
        *time = json!({ "type": "string", "format": "date-time", "description": "RFC 3339." });
    }
    all
}

fn operation(
    route: &Route,
    read: &mut SchemaGenerator,
    written: &mut SchemaGenerator,
) -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(&route.id))
        .summary(Some(&route.summary))
        .request_body(request_body(route.takes, read));
    for name in names(&route.path) {
        let what = PLACES.iter().find(|(place, _)| *place == name).map(|(_, what)| *what);
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(what)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation = operation.parameter(parameter);
    }
    for parameter in route.parameters {
        let schema = match parameter.kind {
            Kind::Text => ObjectBuilder::new().schema_type(Type::String),
            Kind::Integer => ObjectBuilder::new().schema_type(Type::Integer),
            Kind::OneOf(words) => ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(words.iter().copied())),
        };
        let parameter = ParameterBuilder::new()
            .name(parameter.name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(parameter.what))
            .schema(Some(schema));
        operation = operation.parameter(parameter);
    }
    for (status, gives) in &route.gives {
        let response = match gives {
            Gives::Json(shape) => response("The answer.", body::JSON, Some(shape(written))),
            Gives::Other(media_type) => response("The answer.", media_type, None),
        };
        operation = operation.response(status.as_str(), response);
    }
    let problem: Shape = |generator| {
        generator.subschema_for::<problem::Content>();
        "Problem".to_owned()
    };
    let failure = response("What went wrong.", problem::MEDIA_TYPE, Some(problem(written)));
    operation.response("default", failure).build()
}

fn response(what: &str, media_type: &str, schema: Option<String>) -> Response {
    let content = ContentBuilder::new().schema(schema.map(Ref::from_schema_name)).build();
    ResponseBuilder::new().description(what).content(media_type, content).build()
}

fn request_body(takes: Takes, read: &mut SchemaGenerator) -> Option<RequestBody> {
    let body = match takes {
        Takes::Nothing => return None,
        Takes::Json(shape) => {
            let schema = Ref::from_schema_name(shape(read));
            RequestBodyBuilder::new()
                .content(body::JSON, ContentBuilder::new().schema(Some(schema)).build())
                .required(Some(Required::False))
        }
        Takes::Budget => {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let object = ObjectBuilder::new().schema_type(Type::Object);
            RequestBodyBuilder::new()
                .description(Some("A budget.yaml, as YAML or as JSON: docs/budget.schema.json."))
                .content(body::YAML[0], ContentBuilder::new().schema(Some(text)).build())
                .content(body::JSON, ContentBuilder::new().schema(Some(object)).build())
                .required(Some(Required::True))
        }
    };
    Some(body.build())
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PATCH => HttpMethod::Patch,
        _ => HttpMethod::Get,
    }
}

/// The names in braces of a path.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.trim_start_matches('*'))
    })
}
