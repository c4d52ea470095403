//! `openapi.json`, which describes both functions, and `/docs`, a page of Swagger UI from which a
//! user can log in and validate a token.
//!
//! This process serves all files of the page, so that it works without a network. The functions do
//! not have the page, since production does not need it.

use axum::{
    Router,
    http::{HeaderName, header},
    middleware::map_response,
    response::{Html, Redirect, Response},
    routing::get,
};
use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};

use crate::function::{DEMO_PASSWORD, DEMO_USER};

/// Allows this origin only. Swagger UI's style sheet contains images as data.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // The page may change with the next build.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The page with its files, a redirect from `/`, and the document.
pub(crate) fn router() -> Router {
    // Only its files are used: unlike ours, its page has an inline script.
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
