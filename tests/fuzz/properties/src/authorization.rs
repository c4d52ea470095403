//! `Authorization`: what is accepted is all that was sent, and nothing else is.

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use shared::authorization::{BasicCredentials, bearer_token};

use crate::token;

/// Each line is the value of an `Authorization` header. Then the input as a whole is a
/// user-id and a password: they must come back unchanged, or have been unusable.
pub(crate) fn basic(input: &[u8]) {
    if let Some(headers) = headers(input)
        && let Some(read) = BasicCredentials::from_headers(&headers)
    {
        let encoded = credentials(input, "basic").expect("one header of this scheme");
        let pair = format!("{}:{}", read.user_id, read.password.expose_secret());
        assert_eq!(STANDARD.encode(&pair), encoded, "another text means the same");
        assert!(usable(pair.as_bytes()).is_some(), "accepted, though unusable");
        assert!(bearer_token(&headers).is_none(), "two schemes at once");
    }

    let sent = format!("bAsIc {}", STANDARD.encode(input));
    let value = HeaderValue::from_str(&sent).expect("Base64 fits a header");
    let read = BasicCredentials::from_headers(&HeaderMap::from_iter([(AUTHORIZATION, value)]));
    let read = read.as_ref().map(|read| (&*read.user_id, read.password.expose_secret()));
    assert_eq!(read, usable(input));
}

/// Each line is the value of an `Authorization` header; the token in it is verified.
pub(crate) fn bearer(input: &[u8]) {
    let Some(headers) = headers(input) else { return };
    let read = bearer_token(&headers);
    assert_eq!(read, credentials(input, "bearer"));
    if let Some(sent) = read {
        assert!(BasicCredentials::from_headers(&headers).is_none(), "two schemes at once");
        token::check(sent);
    }
}

/// A request with these headers; `None` if a line cannot be one.
fn headers(lines: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

/// What one header of this scheme must be read as: RFC 9110 section 11.6.2.
fn credentials<'a>(input: &'a [u8], scheme: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(input).ok()?;
    let plain = text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~') && byte != b',');
    let (name, rest) = text.split_at_checked(scheme.len())?;
    let usable = plain && name.to_ascii_lowercase() == scheme && rest.starts_with(' ');
    Some(rest.trim_matches(' ')).filter(|rest| usable && !rest.is_empty())
}

/// User-id and password, where RFC 7617 section 2 allows them.
fn usable(pair: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(pair).ok()?;
    let colon = text.find(':')?;
    let (user_id, password) = (&text[..colon], &text[colon + 1..]);
    (!user_id.contains(char::is_control)).then_some((user_id, password))
}
