//! The `Authorization` header (RFC 9110 section 11.6.2), with the schemes Basic and Bearer. What it is
//! parsed into is a property in tests/fuzz.

use axum::http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, COOKIE},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use cookie::Cookie;
use secrecy::{ExposeSecret, SecretString};

/// An e-mail and a password, exactly as sent: not trimmed, normalised or truncated. Without `Debug`,
/// since neither may be logged.
pub struct BasicCredentials {
    /// The part before the first colon, which RFC 7617 calls the user-id.
    pub email: String,
    /// The part after it.
    pub password: SecretString,
}

impl BasicCredentials {
    /// Parses the `Authorization: Basic` header (RFC 7617). `None` if it is absent, repeated, of
    /// another scheme, not padded Base64 (RFC 4648 section 4), not UTF-8 (the charset of our
    /// challenge), without a colon, or has a control character in the user-id.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let decoded = STANDARD.decode(credentials(headers, "Basic")?).ok()?;
        let decoded = SecretString::from(String::from_utf8(decoded).ok()?);
        let (email, password) = decoded.expose_secret().split_once(':')?;
        let is_usable = !email.chars().any(char::is_control);
        is_usable.then(|| Self { email: email.to_owned(), password: password.into() })
    }
}

/// The unverified token of the `Authorization: Bearer` header (RFC 6750 section 2.1). `None` if the
/// header is absent, repeated, of another scheme, or has no token.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "Bearer")
}

/// The unverified token in the only cookie of this name (RFC 6265 section 4.2). `None` for a request
/// with an `Authorization` header or with two such cookies: another host of the site can set one.
pub fn cookie_token<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    // Caddy sends an empty header where a client sent none.
    if !headers.get_all(AUTHORIZATION).iter().all(HeaderValue::is_empty) {
        return None;
    }
    let texts = headers.get_all(COOKIE).iter().map(|value| str::from_utf8(value.as_bytes()));
    let texts: Vec<_> = texts.collect::<Result<_, _>>().ok()?;
    let cookies = texts.into_iter().flat_map(Cookie::split_parse).flatten();
    let mut values = cookies.filter(|it| it.name() == name).filter_map(|it| it.value_raw());
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    Some(value).filter(|value| !value.is_empty())
}

/// The credentials after `scheme` in the only `Authorization` header. A comma is refused like a
/// second header: no credentials contain one, and a proxy may join two headers with it.
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok().filter(|value| !value.contains(','))?;
    let (name, credentials) = value.split_once(' ')?;
    let credentials = credentials.trim_matches(' ');
    (name.eq_ignore_ascii_case(scheme) && !credentials.is_empty()).then_some(credentials)
}
