//! `login`'s part of openapi.json.

use std::time::Duration;

use shared::respond::{
    Refusal,
    openapi::{Responses, logged_in, no_content, refusals, schemas},
};
use utoipa::{
    IntoResponses, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// The path, its scheme, and what it answers with.
#[must_use]
pub fn document() -> Document {
    #[derive(OpenApi)]
    #[openapi(paths(crate::handler::login))]
    struct Paths;
    let mut document = Paths::openapi();
    let components = document.components.get_or_insert_default();
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some(
        "The e-mail as the user name, and the password (RFC 7617), both as UTF-8. E-mails match \
         regardless of ASCII case, passwords only exactly; 1,024 bytes at most.",
    ));
    components.add_security_scheme("basic", SecurityScheme::Http(basic.build()));
    components.schemas.extend(schemas());
    document
}

/// All answers of `POST /login`, and of other methods there.
pub(crate) struct Answers;

impl IntoResponses for Answers {
    fn responses() -> Responses {
        let refused = refusals(&[
            Refusal::MissingBasic,
            Refusal::InvalidCredentials,
            Refusal::MethodNotAllowed("POST"),
            Refusal::TooManyAttempts(Duration::from_secs(1)),
            Refusal::ServiceUnavailable,
        ]);
        logged_in().into_iter().chain(refused).chain(no_content()).collect()
    }
}
