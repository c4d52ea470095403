//! One document for both functions, which are usually behind one host, `openapi.json`; and `/docs`,
//! the document as a page on which one logs in and validates by clicking.
//!
//! Swagger UI, all of it from this process, so that it works without a network. Here and not in the
//! functions: in production it is not needed.

use axum::{
    Router,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::map_response,
    response::{Html, Redirect, Response},
    routing::get,
};
use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApiBuilder, tag::TagBuilder};

use crate::function::{DEMO_PASSWORD, DEMO_USER};

/// Everything from this origin. The viewer's own style sheet has pictures in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    // The page is another one after the next build.
    (CACHE_CONTROL, "no-cache"),
];

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

/// The page, to which `/` leads, what it loads, and the document.
pub(crate) fn router() -> Router {
    // Of its routes those that are files; its page has a script within it, ours has none.
    let viewer = generate_routes(ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: None,
    })
    .into_service();
    let page = include_str!("docs/page.html")
        .replace("{user}", DEMO_USER)
        .replace("{password}", DEMO_PASSWORD);
    let file = |media_type: &'static str, text: &'static str| {
        get(async move || ([(CONTENT_TYPE, media_type)], text))
    };
    let document = openapi();
    Router::new()
        .route("/", get(async || Redirect::to("/docs")))
        .route("/docs", get(async move || Html(page)))
        .route("/docs/start.js", file("text/javascript", include_str!("docs/start.js")))
        .route("/docs/page.css", file("text/css", include_str!("docs/page.css")))
        .route_service("/docs/swagger-ui-bundle.js", viewer.clone())
        .route_service("/docs/swagger-ui.css", viewer)
        .route("/openapi.json", get(async move || ([(CONTENT_TYPE, "application/json")], document)))
        .layer(map_response(async |mut response: Response| {
            let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
            response.headers_mut().extend(headers.into_iter().collect::<HeaderMap>());
            response
        }))
}

/// The whole document, each part of it from the function that answers, with a line break at its end.
pub(crate) fn openapi() -> String {
    let info = InfoBuilder::new()
        .title("auth functions")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()));
    let tags = TAGS.map(|(name, description)| {
        TagBuilder::new().name(name).description(Some(description)).build()
    });
    let document = OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags))
        .build()
        .merge_from(login::openapi::document())
        .merge_from(validate::openapi::document())
        .merge_from(shared::serve::health_document());
    let text = document.to_pretty_json();
    text.map(|text| text + "\n").expect("a document of texts and numbers is JSON")
}
