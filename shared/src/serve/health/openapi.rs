//! What an OpenAPI document says of the two paths.

use serde_json::json;
use utoipa::{
    IntoResponses, OpenApi,
    openapi::{ContentBuilder, ObjectBuilder, OpenApi as Document, RefOr, ResponseBuilder, Type},
};

use super::{ALIVE, Readiness};
use crate::respond::openapi::{Responses, allow_get, json_content, no_content};

/// The two paths, and what they answer with.
#[must_use]
pub fn document() -> Document {
    #[derive(OpenApi)]
    #[openapi(paths(super::liveness, super::readiness), components(schemas(Readiness)))]
    struct Paths;
    Paths::openapi()
}

pub(super) struct Healthz;

impl IntoResponses for Healthz {
    fn responses() -> Responses {
        let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([ALIVE]));
        let content = ContentBuilder::new().schema(Some(text)).example(Some(ALIVE.into()));
        let response =
            ResponseBuilder::new().description("It lives.").content("text/plain", content.build());
        probe([("200", response)])
    }
}

pub(super) struct Readyz;

impl IntoResponses for Readyz {
    fn responses() -> Responses {
        let response = |description, example| {
            let content = json_content::<Readiness>(example);
            ResponseBuilder::new().description(description).content("application/json", content)
        };
        let ready = json!({"status": "ready", "keys": "ok", "database": "ok"});
        let starting = json!({"status": "starting", "keys": "unreachable"});
        probe([
            ("200", response("The keys are in memory.", ready)),
            ("503", response("There are no keys yet, or SIGTERM came.", starting)),
        ])
    }
}

fn probe<const N: usize>(answers: [(&str, ResponseBuilder); N]) -> Responses {
    let answers =
        answers.into_iter().map(|(status, answer)| (status.to_owned(), RefOr::T(answer.build())));
    answers.chain(no_content()).chain(allow_get()).collect()
}
