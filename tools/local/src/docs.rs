//! `openapi.json`, which describes both functions, and `/docs`, the document as a page on which one
//! logs in and validates by clicking.
//!
//! Swagger UI, all of it from this process, so that it works without a network. Here and not in the
//! functions: in production it is not needed.

use axum::{
    Router,
    http::{HeaderName, header},
    middleware::map_response,
    response::{Html, Redirect, Response},
    routing::get,
};
use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};

use crate::function::{DEMO_PASSWORD, DEMO_USER};

/// Everything from this origin. The viewer's own style sheet has pictures in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // The page is another one after the next build.
    (header::CACHE_CONTROL, "no-cache"),
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
        get(async move || ([(header::CONTENT_TYPE, media_type)], text))
    };
    Router::new()
        .route("/", get(async || Redirect::to("/docs")))
        .route("/docs", get(async move || Html(page)))
        .route("/docs/start.js", file("text/javascript", include_str!("docs/start.js")))
        .route("/docs/page.css", file("text/css", include_str!("docs/page.css")))
        .route_service("/docs/swagger-ui-bundle.js", viewer.clone())
        .route_service("/docs/swagger-ui.css", viewer)
        .route(
            "/openapi.json",
            file("application/json", include_str!("../../../docs/openapi.json")),
        )
        .layer(map_response(async |response: Response| (HEADERS, response)))
}
