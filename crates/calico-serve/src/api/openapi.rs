//! `GET /openapi.json`: the description of the API.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use calico_result::JSON_SCHEMA;
use serde_json::{Value, json};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

use super::App;
use crate::problem::{Kind, MEDIA_TYPE};
use crate::settings::Limits;

/// Where the schema of a result has its parts, and where the description has its own.
const PARTS: &str = "#/$defs/";
const SCHEMAS: &str = "#/components/schemas/";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Calico",
        description = "Part-focused semantic co-segmentation: send two or more pictures, and hear \
                       which object they share, which parts the objects have in common and which \
                       parts only one of them has, with the mask of every phrase in every picture."
    ),
    paths(
        super::segment::segment,
        super::export::export,
        super::chat::completions,
        super::status::models,
        super::status::healthz,
        super::status::readyz,
        super::status::metrics,
    ),
    components(schemas(Problem, Segmentation)),
    tags(
        (name = "Calico", description = "Pictures and masks"),
        (name = "Chat", description = "The same for clients of OpenAI's API"),
        (name = "Service", description = "For whoever runs it")
    ),
    modifiers(&Token)
)]
struct Api;

/// The way in which a token is sent.
struct Token;

impl Modify for Token {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = api.components.as_mut() {
            let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
            components.add_security_scheme("token", scheme);
        }
    }
}

/// Stands for the schema of `result.json`, which is written elsewhere.
pub(crate) struct Segmentation;

impl PartialSchema for Segmentation {
    fn schema() -> RefOr<Schema> {
        let example = json!({
            "schema": "calico.result/1", "model": { "name": "mini" },
            "images": [{ "index": 1, "file_name": "a.png", "width": 1, "height": 1 }],
            "answers": [], "warnings": [],
        });
        ObjectBuilder::new().examples([example]).into()
    }
}

impl ToSchema for Segmentation {
    fn name() -> Cow<'static, str> {
        "Segmentation".into()
    }
}

/// One of the server-sent events of an answer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written as text")]
pub(crate) struct ServerEvent {
    /// Its name; the events of chats have none.
    #[schema(nullable = false)]
    event: Option<String>,
    /// A JSON document.
    data: String,
}

/// What is wrong, what was expected and what to do (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written from a list of kinds")]
pub(crate) struct Problem {
    /// The address that describes this kind of problem.
    r#type: String,
    /// The kind in words.
    title: String,
    /// The code of the response.
    status: u16,
    /// What was found, what was expected and what to do.
    detail: String,
    /// When it makes sense to ask again.
    retry_after_seconds: Option<u64>,
}

/// The problems that every address of the API may answer with.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> std::collections::BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let problem = || utoipa::openapi::Ref::from_schema_name("Problem");
        let mut responses = std::collections::BTreeMap::new();
        for kind in Kind::ALL.iter().filter(|&&kind| kind != Kind::NotFound) {
            let title = kind.title();
            let described = responses.entry(kind.status().as_u16().to_string());
            let text: &mut String = described.or_default();
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(title);
        }
        let response = |text: String| {
            let content = utoipa::openapi::ContentBuilder::new().schema(Some(problem())).build();
            utoipa::openapi::ResponseBuilder::new()
                .description(text)
                .content(MEDIA_TYPE, content)
                .build()
                .into()
        };
        responses.into_iter().map(|(code, text): (String, String)| (code, response(text))).collect()
    }
}

/// The description of the API of a service with these limits, whose model has this name.
pub(super) fn document_of(model: &str, limits: &Limits) -> String {
    let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["info"]["license"] = json!({ "name": "MIT OR Apache-2.0" });
    document["x-problems"] = problems();
    add_result(&mut document);
    let schemas = &mut document["components"]["schemas"];
    schemas["SegmentForm"]["additionalProperties"] = false.into();
    for (pointer, limit) in [
        ("/SegmentRequest/properties/images/maxItems", json!(limits.images)),
        ("/SegmentForm/properties/image/maxItems", json!(limits.images)),
        ("/SegmentRequest/properties/max_new_tokens/maximum", json!(limits.answer_tokens)),
        ("/SegmentForm/properties/max_new_tokens/maximum", json!(limits.answer_tokens)),
        ("/ChatRequest/properties/max_tokens/maximum", json!(limits.answer_tokens)),
        ("/ChatRequest/properties/max_completion_tokens/maximum", json!(limits.answer_tokens)),
        // Larger than the numbers that the annotations of the types can hold.
        ("/SegmentRequest/properties/seed/maximum", json!(u64::MAX)),
        ("/SegmentForm/properties/seed/maximum", json!(u64::MAX)),
        ("/ChatRequest/properties/seed/maximum", json!(u64::MAX)),
        ("/ChatRequest/properties/model/const", json!(model)),
        ("/ChatRequest/example/model", json!(model)),
    ] {
        let (place, key) = pointer.rsplit_once('/').unwrap_or_default();
        if let Some(Value::Object(object)) = schemas.pointer_mut(place) {
            object.insert(key.to_owned(), limit);
        }
    }
    format!("{document:#}\n")
}

/// The kinds of problems, for the page that describes them.
fn problems() -> Value {
    let kind = |kind: &Kind| {
        let (name, title, status) = (kind.name(), kind.title(), kind.status().as_u16());
        json!({ "name": name, "title": title, "status": status })
    };
    Kind::ALL.iter().map(kind).collect()
}

/// Puts the schema of a result into the description, its parts beside it.
fn add_result(document: &mut Value) {
    let named = |name: &str| format!("Segmentation.{name}");
    let text = JSON_SCHEMA.replace(PARTS, &format!("{SCHEMAS}{}", named("")));
    let mut schema: Value = serde_json::from_str(&text).unwrap_or_default();
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("$schema");
    object.remove("$id");
    let schemas = &mut document["components"]["schemas"];
    object.insert("examples".into(), schemas["Segmentation"]["examples"].take());
    let parts = object.remove("$defs");
    if let Some(Value::Object(parts)) = parts {
        for (name, part) in parts {
            schemas[named(&name)] = part;
        }
    }
    schemas["Segmentation"] = schema;
}

/// The description of the API.
pub(super) async fn document(State(app): State<Arc<App>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.description.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        serde_json::from_str(&document_of("mini", &Limits::default())).unwrap()
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let references: Vec<&str> = text
            .split("\"$ref\":\"#")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert!(references.len() > 20);
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_schema_of_a_result_is_that_of_the_file() {
        let schemas = &document()["components"]["schemas"];
        assert_eq!(schemas["Segmentation"]["properties"]["schema"]["const"], "calico.result/1");
        assert!(schemas["Segmentation.answer"]["properties"]["plain_text"].is_object());
        assert_eq!(schemas["SegmentRequest"]["additionalProperties"], false);
    }

    #[test]
    fn limits_and_the_name_of_the_model_are_told() {
        let schemas = &document()["components"]["schemas"];
        for (pointer, value) in [
            ("/SegmentRequest/properties/images/maxItems", json!(8)),
            ("/SegmentForm/properties/image/maxItems", json!(8)),
            ("/SegmentForm/properties/max_new_tokens/maximum", json!(512)),
            ("/SegmentRequest/properties/max_new_tokens/maximum", json!(512)),
            ("/ChatRequest/properties/max_tokens/maximum", json!(512)),
            ("/ChatRequest/properties/seed/maximum", json!(u64::MAX)),
            ("/ChatRequest/properties/model/const", json!("mini")),
        ] {
            assert_eq!(schemas.pointer(pointer), Some(&value), "{pointer}");
        }
    }
}
