//! `validate`'s part of openapi.json.

use shared::respond::{
    Refusal,
    openapi::{self, Responses, no_content, refusals, schemas},
};
use utoipa::{
    IntoResponses, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{handler, router::WELL_KNOWN_METHODS};

/// The paths, their scheme, and what they answer with.
#[must_use]
pub fn document() -> Document {
    #[derive(OpenApi)]
    #[openapi(paths(
        handler::validate,
        below_validate,
        handler::key_set,
        handler::openid_configuration
    ))]
    struct Paths;
    let mut document = Paths::openapi();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let bearer = bearer.description(Some("The token that `POST /login` answered (RFC 6750)."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components.schemas.extend(schemas());
    document
}

/// The same for a gateway that appends its client's path
///
/// Envoy and Istio do. What is behind `/validate/`, slashes included, means nothing here, and
/// neither does the method.
#[utoipa::path(
    get, path = "/validate/{path}", tag = "validate", operation_id = "validateBelow",
    params(("path" = String, Path, description = "The client's path, of any number of segments.",
            example = "orders")),
    security(("bearer" = [])), responses(Validated)
)]
#[expect(dead_code, reason = "the router gives this path to `validate`")]
const fn below_validate() {}

/// All answers of `/validate`.
pub(crate) struct Validated;

impl IntoResponses for Validated {
    fn responses() -> Responses {
        let refused = [Refusal::MissingBearer, Refusal::NotAuthorized, Refusal::ServiceUnavailable];
        answers(openapi::verified(), &refused)
    }
}

/// All answers of the JWK Set's path.
pub(crate) struct KeySet;

impl IntoResponses for KeySet {
    fn responses() -> Responses {
        let methods = Refusal::MethodNotAllowed(WELL_KNOWN_METHODS);
        answers(openapi::key_set(), &[methods, Refusal::ServiceUnavailable])
    }
}

/// All answers of the metadata's path.
pub(crate) struct Metadata;

impl IntoResponses for Metadata {
    fn responses() -> Responses {
        let methods = Refusal::MethodNotAllowed(WELL_KNOWN_METHODS);
        let refused = [Refusal::NotFound, methods, Refusal::ServiceUnavailable];
        answers(openapi::openid_configuration(), &refused)
    }
}

fn answers(success: Responses, refused: &[Refusal]) -> Responses {
    success.into_iter().chain(refusals(refused)).chain(no_content()).collect()
}
