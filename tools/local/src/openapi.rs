//! One document for both functions, which are usually behind one host: `openapi.json`.

use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, tag::TagBuilder};

const DESCRIPTION: &str = "\
`login` takes an e-mail and a password and answers a JWT. `validate` takes a JWT and answers its \
claims: it is the forward-auth endpoint that a gateway asks before it lets a request through. \
They are two functions, usually behind one host that sends `/login` to the one, `/validate` and \
`/.well-known/` to the other. On a host of its own, such as a function URL of Lambda, each answers \
on `/` as well what it answers on its path.

Errors are plain text, or `application/problem+json` (RFC 9457) for a request that accepts JSON \
and not plain text. Every path that is not here is 404, `not found`.";

const TAGS: [(&str, &str); 4] = [
    ("login", "Answered by the function `login`."),
    ("validate", "Answered by the function `validate`, for a gateway."),
    ("well-known", "Answered by the function `validate`, for who verifies tokens without asking."),
    ("health", "Answered by either function, over HTTP alone: for who runs the process."),
];

/// The whole document, each part of it from the function that answers.
pub(crate) fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("auth functions")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()));
    let tags = TAGS.map(|(name, description)| {
        TagBuilder::new().name(name).description(Some(description)).build()
    });
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags))
        .build()
        .merge_from(login::openapi::document())
        .merge_from(validate::openapi::document())
        .merge_from(shared::serve::health_document())
}

/// The same as text, with a line break at its end.
pub(crate) fn text() -> String {
    let text = document().to_pretty_json();
    text.map(|text| text + "\n").expect("a document of texts and numbers is JSON")
}
