//! `Authorization: Basic` (RFC 7617).

use std::fmt;

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

use super::{MissingCredentials, credentials};

/// An e-mail and a password, exactly as they were sent: nothing is trimmed,
/// normalised or cut.
pub struct BasicCredentials {
    user_id: String,
    password: SecretString,
}

impl BasicCredentials {
    /// Reads the credentials from the one `Authorization` header of a request.
    ///
    /// # Errors
    ///
    /// [`MissingCredentials`] if the header is absent, there twice, of another
    /// scheme, not padded Base64 (RFC 4648 section 4), not UTF-8 (the charset that
    /// our challenge asks for, RFC 7617 section 2.1), without a colon, or has a
    /// control character in the user-id (RFC 7617 section 2).
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, MissingCredentials> {
        let encoded = credentials(headers, "Basic")?;
        let decoded = STANDARD.decode(encoded).map_err(|_| MissingCredentials)?;
        let decoded =
            SecretString::from(String::from_utf8(decoded).map_err(|_| MissingCredentials)?);
        let (user_id, password) =
            decoded.expose_secret().split_once(':').ok_or(MissingCredentials)?;
        if user_id.chars().any(char::is_control) {
            return Err(MissingCredentials);
        }
        Ok(Self { user_id: user_id.to_owned(), password: password.into() })
    }

    /// What stands before the first colon: the e-mail.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// What stands behind the first colon.
    #[must_use]
    pub fn password(&self) -> &SecretString {
        &self.password
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BasicCredentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header::AUTHORIZATION};

    use super::*;

    fn read(credentials: &str) -> Option<(String, String)> {
        let value = format!("Basic {}", STANDARD.encode(credentials));
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(value).unwrap())]);
        let read = BasicCredentials::from_headers(&headers).ok()?;
        Some((read.user_id, read.password.expose_secret().to_owned()))
    }

    #[test]
    fn usable_headers_give_their_parts_unchanged() {
        for (why, sent, user_id, password) in [
            ("plain", "a@b.c:secret", "a@b.c", "secret"),
            ("the first colon splits", "a@b.c::se:cret:", "a@b.c", ":se:cret:"),
            ("blanks stay", "a@b.c: secret ", "a@b.c", " secret "),
            ("UTF-8", "ä@b.c:pässwörd", "ä@b.c", "pässwörd"),
            ("an empty password", "a@b.c:", "a@b.c", ""),
            ("an empty user-id", ":secret", "", "secret"),
            ("NUL in a password", "a@b.c:a\0b", "a@b.c", "a\0b"),
        ] {
            let expected = Some((user_id.to_owned(), password.to_owned()));
            assert_eq!(read(sent), expected, "{why}");
        }
    }

    #[test]
    fn debug_shows_neither_e_mail_nor_password() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic Y2FuYXJ5OmNhbmFyeQ=="));
        let shown = format!("{:?}", BasicCredentials::from_headers(&headers));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
