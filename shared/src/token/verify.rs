//! Strict verification: RFC 7515, RFC 7519, RFC 8725.

use std::{
    sync::{Arc, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{body::Bytes, http::HeaderValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::errors::{Error, ErrorKind};

use super::claims::{Audience, Claims, Header, Member};
use crate::{
    config::VerifyConfig,
    groups,
    keys::{self, Key, Keys},
    secrets::SecretError,
};

/// Ours have some 300 bytes; the bound keeps every later step cheap.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The claims of a token that verified. Only [`verify`] can make them, and nothing else can be
/// answered with 200.
pub struct VerifiedToken {
    /// The whole payload as it was signed, a JSON object.
    pub payload: Bytes,
    /// Not empty, without blanks around it or control characters.
    pub username: HeaderValue,
    /// The groups of the user, separated by commas: `users`, `admins` for an administrator, and
    /// those of the `groups` claim.
    pub groups: HeaderValue,
    /// The `sub` claim, where there is one: Flask's tokens have none.
    pub subject: Option<Arc<str>>,
    pub(super) validity: Validity,
    /// The keys that verified it. Set by the cache.
    pub(super) keys: Weak<Keys>,
}

/// From when to when a token is valid: `exp`, `nbf` and `iat`, in seconds since 1970.
pub(super) struct Validity {
    expiry: f64,
    not_before: Option<f64>,
    issued_at: Option<f64>,
}

/// Why a token was refused: for the log, not for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
    /// The header names another algorithm or an extension, or a member has a wrong type.
    #[error("unsupported header")]
    UnsupportedHeader,
    /// No key has this `kid` and algorithm; it may be a new one.
    #[error("unknown key")]
    UnknownKey,
    /// None of the keys has signed it.
    #[error("wrong signature")]
    WrongSignature,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("not yet valid")]
    NotYetValid,
    /// A claim is missing, has a wrong type, or not the required value.
    #[error("unacceptable claim {0}")]
    Claim(&'static str),
}

/// Why a token was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The keys are missing, so the token cannot be verified.
    #[error(transparent)]
    Keys(#[from] SecretError),
    /// The token does not verify.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
}

/// The claims of `token`, if it verifies at `now` with one of `keys`.
///
/// The payload is parsed only after the signature was verified.
///
/// # Errors
///
/// [`InvalidToken`] is the first thing that was wrong.
pub fn verify(
    keys: &Keys,
    config: &VerifyConfig,
    token: &str,
    now: SystemTime,
) -> Result<VerifiedToken, InvalidToken> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(InvalidToken::TooLong);
    }
    let (message, _signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(InvalidToken::Malformed)?;
    // Strict Base64url (RFC 7515 section 2): no padding, no blanks, no stray bits.
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed);
    let (header, payload) = (decode(header)?, decode(payload)?);
    let claims = signed_claims(keys, &header, token)?;
    let payload = String::from_utf8(payload).map_err(|_| InvalidToken::NotStrictJson)?;
    let validity = Validity {
        expiry: claims.exp.required("exp")?,
        not_before: claims.nbf.optional("nbf")?,
        issued_at: claims.iat.optional("iat")?,
    };
    validity.check(now, config.leeway)?;
    let issuer = claims.iss.optional("iss")?;
    if config.issuer.is_some() && issuer != config.issuer {
        return Err(InvalidToken::Claim("iss"));
    }
    let audience = claims.aud.optional("aud")?;
    let is_for = |name: &String| audience.is_some_and(|Audience(names)| names.contains(name));
    if !config.audience.as_ref().is_none_or(is_for) {
        return Err(InvalidToken::Claim("aud"));
    }
    claims.jti.optional("jti")?;
    Ok(VerifiedToken {
        payload: payload.into(),
        username: header_value(&claims.username.required("username")?)?,
        groups: groups_header(claims.admin.required("admin")?, claims.groups),
        subject: claims.sub.optional("sub")?.map(Into::into),
        validity,
        keys: Weak::new(),
    })
}

/// The claims, if one of the keys that the header names has signed them.
fn signed_claims(keys: &Keys, header: &[u8], token: &str) -> Result<Claims, InvalidToken> {
    let header: Header = serde_json::from_slice(header).map_err(|_| InvalidToken::NotStrictJson)?;
    // `crit` and `b64` change how a JWS is read (RFC 7515 section 4.1.11, RFC 7797),
    // `zip` is for JWE alone.
    if header.crit.is_present() || header.b64.is_present() || header.zip.is_present() {
        return Err(InvalidToken::UnsupportedHeader);
    }
    let unsupported = |_| InvalidToken::UnsupportedHeader;
    header.typ.optional("typ").map_err(unsupported)?;
    let kid = header.kid.optional("kid").map_err(unsupported)?;
    let algorithm = keys::algorithm(&header.alg.required("alg").map_err(unsupported)?);
    let algorithm = algorithm.ok_or(InvalidToken::UnsupportedHeader)?;
    let mut refusal = InvalidToken::UnknownKey;
    let is_meant = |key: &&Key| kid.is_none() || kid == key.id;
    for key in keys.iter().filter(|key| key.algorithm == algorithm).filter(is_meant) {
        match key.decode(token).map_err(Error::into_kind) {
            Ok(claims) => return Ok(claims),
            Err(ErrorKind::InvalidSignature) => refusal = InvalidToken::WrongSignature,
            Err(ErrorKind::Json(_)) => return Err(InvalidToken::NotStrictJson),
            Err(_) => return Err(InvalidToken::Malformed),
        }
    }
    Err(refusal)
}

impl Validity {
    /// `exp` is in the future, and `nbf` and `iat` are not, on clocks that differ by up to `leeway`.
    pub(super) fn check(&self, now: SystemTime, leeway: Duration) -> Result<(), InvalidToken> {
        let leeway = leeway.as_secs_f64();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        if now >= self.expiry + leeway {
            return Err(InvalidToken::Expired);
        }
        let mut starts = self.not_before.into_iter().chain(self.issued_at);
        if starts.any(|start| start > now + leeway) {
            return Err(InvalidToken::NotYetValid);
        }
        Ok(())
    }
}

/// The username as a header's value. Without blanks around it and control characters: a header would
/// lose them and name another user, or none.
fn header_value(username: &str) -> Result<HeaderValue, InvalidToken> {
    let fits = !username.is_empty()
        && username.trim() == username
        && !username.chars().any(char::is_control);
    let value = HeaderValue::from_str(username).ok().filter(|_| fits);
    value.ok_or(InvalidToken::Claim("username"))
}

/// A claim of another type or with a malformed name grants no groups: other systems may give it
/// another form (RFC 9068 section 2.2.3.1).
fn groups_header(admin: bool, claim: Member<Vec<String>>) -> HeaderValue {
    let own = if admin { "users,admins" } else { "users" };
    let names = if let Member::Typed(names) = claim { names } else { Vec::new() };
    let further = groups::without_reserved(names.iter().map(String::as_str)).unwrap_or_default();
    let all = further.iter().fold(own.to_owned(), |all, name| all + "," + name);
    HeaderValue::try_from(all).unwrap_or(HeaderValue::from_static(own))
}
