//! `openapi.json`: that it is OpenAPI, and that both functions do as it says. That it is current
//! is for `tools/local/tests/openapi.rs`, the page for `tools/local/tests/docs.rs`.

mod answers;
mod document;
mod schemathesis;
