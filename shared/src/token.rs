//! Tokens: JWTs (RFC 7519) in the compact serialisation of JWS (RFC 7515).

mod claims;
mod verifier;
mod verify;

pub use verifier::TokenVerifier;
pub use verify::{InvalidToken, VerifiedToken, VerifyError, verify};

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use uuid::Uuid;

use crate::{
    config::IssueConfig,
    keys::{Keys, SigningFailed},
};

/// The user that a token is issued to.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The user's id, for `sub`.
    pub id: &'a str,
    /// The e-mail as it is stored, for `username`.
    pub username: &'a str,
    /// Whether the user is an administrator.
    pub admin: bool,
    /// Further groups of the user.
    pub groups: &'a [String],
}

/// The claims of a token of ours. The first four are those of the Flask service.
#[derive(Serialize)]
struct IssuedClaims<'a> {
    username: &'a str,
    admin: bool,
    iat: u64,
    exp: u64,
    sub: &'a str,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
}

/// A new token (RFC 7515 section 3.1), issued at `now` and signed with the first of `keys` that can.
///
/// # Errors
///
/// [`SigningFailed`] if none can, or the cryptographic library refuses to.
pub fn issue(
    keys: &Keys,
    config: &IssueConfig,
    subject: Subject<'_>,
    now: SystemTime,
) -> Result<String, SigningFailed> {
    let iat = now.duration_since(UNIX_EPOCH).map_err(|_| SigningFailed)?.as_secs();
    let claims = IssuedClaims {
        username: subject.username,
        admin: subject.admin,
        iat,
        exp: iat + config.lifetime.as_secs(),
        sub: subject.id,
        jti: Uuid::new_v4().to_string(),
        iss: config.issuer.as_deref(),
        aud: config.audience.as_deref(),
        groups: subject.groups,
    };
    keys.signing().ok_or(SigningFailed)?.encode(&claims)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;
    use crate::config::VerifyConfig;

    /// What an attacker may try is in `tests/tests/attacks/`.
    #[test]
    fn an_issued_token_says_what_the_contract_lists_and_verifies() {
        const NOW: u64 = 1_800_000_000;
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let keys = Keys::read(&"a secret for tests, of 32 bytes or more".into()).unwrap();
        let (issuer, audience) = (Some("https://issuer".into()), Some("api".into()));
        let config = IssueConfig { issuer, audience, ..IssueConfig::default() };
        let groups = ["staff".to_owned()];
        let subject =
            Subject { id: "7", username: "Ada@example.com", admin: true, groups: &groups };
        let token = issue(&keys, &config, subject, now).unwrap();
        assert_ne!(token, issue(&keys, &config, subject, now).unwrap());
        let claims = verify(&keys, &VerifyConfig::default(), &token, now).unwrap();
        assert_eq!(claims.groups, "users,admins,staff");
        assert_eq!(claims.subject.as_deref(), Some("7"));
        let payload: Value = serde_json::from_slice(&claims.payload).unwrap();
        let jti = payload["jti"].as_str().unwrap();
        assert_eq!(jti.len(), 36);
        let expected = json!({
            "username": "Ada@example.com", "admin": true, "iat": NOW, "exp": NOW + 86_400,
            "sub": "7", "jti": jti, "iss": "https://issuer", "aud": "api",
            "groups": ["staff"],
        });
        assert_eq!(payload, expected);
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
        assert!(token.starts_with(&format!("{header}.")), "{token}");
    }
}
