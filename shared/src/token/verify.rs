//! Strict verification: RFC 7515, RFC 7519, RFC 8725.

use std::{
    sync::{Arc, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{body::Bytes, http::HeaderValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::members::{Member, Members};
use crate::{
    config::TokenConfig,
    keys::{self, Keys},
    secrets::SecretError,
};

/// How far the clocks of issuer and verifier may differ.
const LEEWAY: Duration = Duration::from_secs(5);
/// Ours have some 300 bytes; the bound keeps every later step cheap.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The claims of a token that verified. Only [`verify`] can make them, and nothing else can be
/// answered with 200.
#[non_exhaustive]
pub struct VerifiedToken {
    /// The whole payload as it was signed, a JSON object.
    pub payload: Bytes,
    /// Not empty, without blanks around it or control characters.
    pub username: HeaderValue,
    /// Whether the user is an administrator.
    pub admin: bool,
    /// The `sub` claim, where there is one: Flask's tokens have none.
    pub subject: Option<Arc<str>>,
    pub(super) validity: Validity,
    /// The keys that verified it, for the cache: none where there is none.
    pub(super) keys: Weak<Keys>,
}

/// From when to when a token is valid, in seconds since 1970.
pub(super) struct Validity {
    /// The later one of `nbf` and `iat`.
    start: f64,
    /// `exp`.
    expiry: f64,
}

/// Why a token was refused: for the log, never for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidToken {
    /// More than 8 KiB.
    #[error("too long")]
    TooLong,
    /// Not three parts of strict Base64url.
    #[error("malformed")]
    Malformed,
    /// Header or payload is not an object with unique members.
    #[error("not strict JSON")]
    NotStrictJson,
    /// The header asks for another algorithm or an extension, or a member has a wrong type.
    #[error("unsupported header")]
    UnsupportedHeader,
    /// No key of that name and algorithm; it may be a new one.
    #[error("unknown key")]
    UnknownKey,
    /// None of the keys has signed it.
    #[error("wrong signature")]
    WrongSignature,
    /// `exp` is behind.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` is ahead.
    #[error("not yet valid")]
    NotYetValid,
    /// A claim is missing, has a wrong type or another value than is demanded.
    #[error("unacceptable claim {0}")]
    Claim(&'static str),
}

/// There are no claims.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// There are no keys in memory, so that nothing can be said of the token.
    #[error(transparent)]
    Keys(#[from] SecretError),
    /// The token does not verify.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
}

/// What `token` says, if it verifies at `now` with one of `keys`.
///
/// The signature comes before the payload is looked at.
///
/// # Errors
///
/// [`InvalidToken`] is the first thing that was wrong.
pub fn verify(
    keys: &Keys,
    config: &TokenConfig,
    token: &str,
    now: SystemTime,
) -> Result<VerifiedToken, InvalidToken> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(InvalidToken::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(InvalidToken::Malformed)?;
    let (header, payload) = (decode(header)?, decode(payload)?);
    check_signature(keys, &Members::read(&header)?, message, signature)?;
    let payload = String::from_utf8(payload).map_err(|_| InvalidToken::NotStrictJson)?;
    let claims = Members::read(payload.as_bytes())?;
    let validity = Validity::read(&claims)?;
    validity.check(now)?;
    check_names(config, &claims)?;
    let (username, admin) = identity(&claims)?;
    let subject = claims.text("sub")?.map(Into::into);
    Ok(VerifiedToken {
        payload: payload.into(),
        username,
        admin,
        subject,
        validity,
        keys: Weak::new(),
    })
}

/// Strict Base64url (RFC 7515 section 2): no padding, no blanks, no stray bits.
fn decode(part: &str) -> Result<Vec<u8>, InvalidToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed)
}

/// One of the keys that the header asks for has signed the message.
fn check_signature(
    keys: &Keys,
    header: &Members,
    message: &str,
    signature: &str,
) -> Result<(), InvalidToken> {
    // `crit` and `b64` change how a JWS is read (RFC 7515 section 4.1.11, RFC 7797),
    // `zip` is for JWE alone.
    if ["crit", "b64", "zip"].iter().any(|name| header.get(name).is_some()) {
        return Err(InvalidToken::UnsupportedHeader);
    }
    let text = |name| header.text(name).map_err(|_| InvalidToken::UnsupportedHeader);
    text("typ")?;
    let algorithm = text("alg")?.and_then(keys::algorithm);
    let algorithm = algorithm.ok_or(InvalidToken::UnsupportedHeader)?;
    let mut outcome = Err(InvalidToken::UnknownKey);
    for key in keys.named(text("kid")?).filter(|key| key.algorithm == algorithm) {
        match key.verifies(message.as_bytes(), signature) {
            Ok(true) => return Ok(()),
            Ok(false) => outcome = Err(InvalidToken::WrongSignature),
            Err(_) => return Err(InvalidToken::Malformed),
        }
    }
    outcome
}

/// `iss` and `aud` are as configured; every registered name has its type (RFC 7519 section 4.1).
fn check_names(config: &TokenConfig, claims: &Members) -> Result<(), InvalidToken> {
    for name in ["sub", "jti"] {
        claims.text(name)?;
    }
    for (name, demanded) in [("iss", &config.issuer), ("aud", &config.audience)] {
        match (demanded, claims.get(name)) {
            (Some(demanded), Some(Member::Text(given))) if given == demanded => {}
            (None, None | Some(Member::Text(_))) => {}
            (None, Some(Member::Texts(_))) if name == "aud" => {}
            _ => return Err(InvalidToken::Claim(name)),
        }
    }
    Ok(())
}

impl Validity {
    /// `exp`, and `nbf` and `iat` where they are present, are numbers.
    fn read(claims: &Members) -> Result<Self, InvalidToken> {
        let time = |name| match claims.get(name) {
            None => Ok(None),
            Some(Member::Number(time)) => Ok(Some(*time)),
            Some(_) => Err(InvalidToken::Claim(name)),
        };
        let expiry = time("exp")?.ok_or(InvalidToken::Claim("exp"))?;
        let starts = [time("nbf")?, time("iat")?].into_iter().flatten();
        Ok(Self { start: starts.fold(f64::NEG_INFINITY, f64::max), expiry })
    }

    /// `exp` is ahead, and `nbf` and `iat` are not.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), InvalidToken> {
        let leeway = LEEWAY.as_secs_f64();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        if now >= self.expiry + leeway {
            return Err(InvalidToken::Expired);
        }
        if self.start > now + leeway {
            return Err(InvalidToken::NotYetValid);
        }
        Ok(())
    }
}

/// The claims `username` and `admin`.
fn identity(claims: &Members) -> Result<(HeaderValue, bool), InvalidToken> {
    let username = claims.text("username")?.unwrap_or_default();
    // As a header, a name would lose blanks around it and be another, or none.
    let fits = !username.is_empty()
        && username.trim() == username
        && !username.chars().any(char::is_control);
    let header = HeaderValue::from_str(username).ok().filter(|_| fits);
    let username = header.ok_or(InvalidToken::Claim("username"))?;
    let Some(Member::Bool(admin)) = claims.get("admin") else {
        return Err(InvalidToken::Claim("admin"));
    };
    Ok((username, *admin))
}
