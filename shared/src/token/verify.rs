//! Strict verification: RFC 7515, RFC 7519, RFC 8725.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::errors::ErrorKind;
use serde::Deserialize;
use serde_json::Value;
use serde_with::{MapPreventDuplicates, serde_as};
use thiserror::Error;

use super::claims::VerifiedClaims;
use crate::{
    config::TokenConfig,
    keys::{Algorithm, Key, Keys},
    secrets::{SecretCache, SecretError},
};

/// How far the clocks of issuer and verifier may differ.
const LEEWAY: Duration = Duration::from_secs(5);
/// Ours have some 300 bytes; the bound keeps every later step cheap.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

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
    /// The header asks for what is not understood here, such as another algorithm, or a
    /// member has a wrong type.
    #[error("unsupported header")]
    UnsupportedHeader,
    /// No key of that name and algorithm; it may be a new one.
    #[error("unknown key")]
    UnknownKey,
    /// Signed by nobody known.
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

/// Verifies tokens with the keys at hand, and looks for newer ones where none fits.
#[derive(Debug, Clone)]
pub struct TokenVerifier {
    keys: SecretCache<Keys>,
    config: TokenConfig,
}

impl TokenVerifier {
    /// A verifier with these keys.
    #[must_use]
    pub fn new(keys: impl Into<SecretCache<Keys>>, config: TokenConfig) -> Self {
        Self { keys: keys.into(), config }
    }

    /// The claims of `token`, if it verifies at `now`.
    ///
    /// A token that no key fits may be signed with a key that is newer than those at hand.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] if the token does not verify, or there are no keys.
    pub async fn verify(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<VerifiedClaims, VerifyError> {
        let keys = self.keys.get(now).await?;
        let mut outcome = verify(&keys, &self.config, token, now);
        if let Err(InvalidToken::UnknownKey | InvalidToken::WrongSignature) = outcome
            && let Some(newer) = self.keys.newer_than(&keys, now).await
        {
            outcome = verify(&newer, &self.config, token, now);
        }
        Ok(outcome?)
    }
}

/// The claims of `token`, if it verifies at `now` with one of `keys`.
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
) -> Result<VerifiedClaims, InvalidToken> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(InvalidToken::TooLong);
    }
    let [header, payload] = parts(token)?;
    let mut outcome = Err(InvalidToken::UnknownKey);
    for key in candidates(keys, &Members::read(&header)?)? {
        outcome = signed_claims(key, token, &payload);
        if outcome != Err(InvalidToken::WrongSignature) {
            break;
        }
    }
    let claims = outcome?;
    let payload = String::from_utf8(payload).map_err(|_| InvalidToken::NotStrictJson)?;
    check_times(&claims, now)?;
    check_names(config, &claims)?;
    let (username, admin, subject) = identity(&claims)?;
    Ok(VerifiedClaims { payload, username, admin, subject })
}

/// Header and payload, decoded from strict Base64url (RFC 7515 section 2): no padding, no blanks, no
/// stray bits.
fn parts(token: &str) -> Result<[Vec<u8>; 2], InvalidToken> {
    let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed);
    let (message, _signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(InvalidToken::Malformed)?;
    Ok([decode(header)?, decode(payload)?])
}

/// The claims, if `key` has signed them.
///
/// jsonwebtoken 11 gives members types that they need not have where they mean nothing, and knows
/// `EdDSA` by its first name alone (RFC 9864): what it cannot read is verified all the same.
fn signed_claims(key: &Key, token: &str, payload: &[u8]) -> Result<Members, InvalidToken> {
    key.decode(token).or_else(|error| match error.kind() {
        ErrorKind::InvalidSignature => Err(InvalidToken::WrongSignature),
        ErrorKind::Json(_) => {
            let (message, signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
            if !key.verifies(message.as_bytes(), signature) {
                return Err(InvalidToken::WrongSignature);
            }
            Members::read(payload)
        }
        _ => Err(InvalidToken::Malformed),
    })
}

/// The members of a JSON object, each name once (RFC 7515 section 4, RFC 7519 section 4).
/// Objects within it are not looked at.
#[serde_as]
#[derive(Debug, PartialEq, Deserialize)]
struct Members(#[serde_as(as = "MapPreventDuplicates<_, _>")] BTreeMap<String, Value>);

impl Members {
    fn read(json: &[u8]) -> Result<Self, InvalidToken> {
        serde_json::from_slice(json).map_err(|_| InvalidToken::NotStrictJson)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// The keys that may have signed a token with this header.
fn candidates<'k>(
    keys: &'k Keys,
    header: &Members,
) -> Result<impl Iterator<Item = &'k Key>, InvalidToken> {
    // `crit` and `b64` change how a JWS is read (RFC 7515 section 4.1.11, RFC 7797),
    // `zip` is for JWE alone.
    if ["crit", "b64", "zip"].iter().any(|name| header.get(name).is_some()) {
        return Err(InvalidToken::UnsupportedHeader);
    }
    let text = |name| optional_text(header, name).map_err(|_| InvalidToken::UnsupportedHeader);
    text("typ")?;
    let algorithm = text("alg")?.and_then(Algorithm::from_name);
    let algorithm = algorithm.ok_or(InvalidToken::UnsupportedHeader)?;
    Ok(keys.named(text("kid")?).filter(move |key| key.algorithm() == algorithm))
}

/// `iss` and `aud` equal what is configured; every registered name has its type
/// (RFC 7519 section 4.1).
fn check_names(config: &TokenConfig, claims: &Members) -> Result<(), InvalidToken> {
    for name in ["sub", "jti"] {
        optional_text(claims, name)?;
    }
    for (name, demanded) in [("iss", &config.issuer), ("aud", &config.audience)] {
        match (demanded, claims.get(name)) {
            (Some(demanded), Some(Value::String(given))) if given == demanded => {}
            (None, None | Some(Value::String(_))) => {}
            (None, Some(Value::Array(names)))
                if name == "aud" && names.iter().all(|name| matches!(name, Value::String(_))) => {}
            _ => return Err(InvalidToken::Claim(name)),
        }
    }
    Ok(())
}

/// `exp` is a number and ahead; `nbf` and `iat`, where present, are numbers and not ahead.
fn check_times(claims: &Members, now: SystemTime) -> Result<(), InvalidToken> {
    let leeway = LEEWAY.as_secs_f64();
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let time = |name| match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(time)) => time.as_f64().map(Some).ok_or(InvalidToken::Claim(name)),
        Some(_) => Err(InvalidToken::Claim(name)),
    };
    let expiry = time("exp")?.ok_or(InvalidToken::Claim("exp"))?;
    if now >= expiry + leeway {
        return Err(InvalidToken::Expired);
    }
    for name in ["nbf", "iat"] {
        if time(name)?.is_some_and(|start| start > now + leeway) {
            return Err(InvalidToken::NotYetValid);
        }
    }
    Ok(())
}

/// The claims that identity is made of: `username`, `admin` and `sub`.
fn identity(claims: &Members) -> Result<(String, bool, Option<String>), InvalidToken> {
    let username = optional_text(claims, "username")?.unwrap_or_default();
    // As a header, a name would lose blanks around it and be another, or none.
    if username.is_empty() || username.trim() != username || username.chars().any(char::is_control)
    {
        return Err(InvalidToken::Claim("username"));
    }
    let Some(Value::Bool(admin)) = claims.get("admin") else {
        return Err(InvalidToken::Claim("admin"));
    };
    let subject = optional_text(claims, "sub")?.map(str::to_owned);
    Ok((username.to_owned(), *admin, subject))
}

/// A member that is a text where it is present.
fn optional_text<'m>(
    members: &'m Members,
    name: &'static str,
) -> Result<Option<&'m str>, InvalidToken> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(InvalidToken::Claim(name)),
    }
}
