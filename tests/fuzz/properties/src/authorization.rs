//! `Authorization`: what is accepted is all that was sent.

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use shared::authorization::{BasicCredentials, bearer_token};

use crate::token;

/// Each line is the value of an `Authorization` header. User-id and password are all that was sent.
pub(crate) fn basic(input: &[u8]) {
    let Some(headers) = headers(input) else { return };
    let Some(read) = BasicCredentials::from_headers(&headers) else { return };
    let pair = format!("{}:{}", read.user_id, read.password.expose_secret());
    assert_eq!(STANDARD.encode(&pair), sent(input, "basic"), "another text means the same");
    assert!(!read.user_id.contains([':', '\0', '\n', '\u{85}']), "{:?}", read.user_id);
    assert!(bearer_token(&headers).is_none(), "two schemes at once");
}

/// Each line is the value of an `Authorization` header; the token in it is verified.
pub(crate) fn bearer(input: &[u8]) {
    let Some(headers) = headers(input) else { return };
    let Some(read) = bearer_token(&headers) else { return };
    assert_eq!(read, sent(input, "bearer"));
    assert!(BasicCredentials::from_headers(&headers).is_none(), "two schemes at once");
    token::check(read);
}

/// A request with these headers; `None` if a line cannot be one.
fn headers(lines: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

/// What stands behind the scheme in what was accepted: one value, in ASCII.
fn sent<'a>(input: &'a [u8], scheme: &str) -> &'a str {
    let text = std::str::from_utf8(input).expect("ASCII");
    assert!(text.is_ascii() && !text.contains(['\n', ',']), "{text:?}");
    let (name, rest) = text.split_once(' ').expect("a space behind the scheme");
    assert!(name.eq_ignore_ascii_case(scheme), "{name}");
    rest.trim_matches(' ')
}
