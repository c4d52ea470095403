//! The credentials of a request: the two schemes of the `Authorization` header
//! (RFC 9110 section 11.6.2) that this service knows. What they give is a property in tests/fuzz.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

/// An e-mail and a password, exactly as they were sent: nothing is trimmed, normalised or cut.
/// Without `Debug`, since neither belongs in a log.
pub struct BasicCredentials {
    /// What stands before the first colon: the e-mail.
    pub user_id: String,
    /// What stands behind it.
    pub password: SecretString,
}

impl BasicCredentials {
    /// Reads the one `Authorization: Basic` header (RFC 7617). `None` if it is absent, there
    /// twice, of another scheme, not padded Base64 (RFC 4648 section 4), not UTF-8 (the charset
    /// that our challenge asks for), without a colon, or has a control character in the user-id.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let decoded = STANDARD.decode(credentials(headers, "Basic")?).ok()?;
        let decoded = SecretString::from(String::from_utf8(decoded).ok()?);
        let (user_id, password) = decoded.expose_secret().split_once(':')?;
        let is_usable = !user_id.chars().any(char::is_control);
        is_usable.then(|| Self { user_id: user_id.to_owned(), password: password.into() })
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 section 2.1), not yet looked at.
/// `None` if the header is absent, there twice, of another scheme, or has nothing behind it.
#[must_use]
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "Bearer")
}

/// What stands behind `scheme` in the one `Authorization` header. Two are refused, and so is a
/// comma: it is in no credentials of these schemes, and shows that a proxy joined two headers.
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok().filter(|value| !value.contains(','))?;
    let (name, credentials) = value.split_once(' ')?;
    let credentials = credentials.trim_matches(' ');
    (name.eq_ignore_ascii_case(scheme) && !credentials.is_empty()).then_some(credentials)
}
