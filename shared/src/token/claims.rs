//! The header of a token and its claims, read strictly.
#![expect(clippy::zero_sized_map_values, reason = "serde_with knows doubled names of maps alone")]

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_with::{OneOrMany, rust::maps_duplicate_key_is_error, serde_as};

use super::InvalidToken;

/// A JOSE header (RFC 7515 section 4), each name once.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    pub(super) typ: Member<String>,
    pub(super) alg: Member<String>,
    pub(super) kid: Member<String>,
    pub(super) crit: Member<IgnoredAny>,
    pub(super) b64: Member<IgnoredAny>,
    pub(super) zip: Member<IgnoredAny>,
    #[serde(flatten, deserialize_with = "maps_duplicate_key_is_error::deserialize")]
    _others: BTreeMap<String, IgnoredAny>,
}

/// The claims of a token (RFC 7519 section 4), each name once.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    pub(super) username: Member<String>,
    pub(super) admin: Member<bool>,
    pub(super) exp: Member<f64>,
    pub(super) nbf: Member<f64>,
    pub(super) iat: Member<f64>,
    pub(super) iss: Member<String>,
    pub(super) aud: Member<Audience>,
    pub(super) sub: Member<String>,
    pub(super) jti: Member<String>,
    pub(super) groups: Member<Vec<String>>,
    #[serde(flatten, deserialize_with = "maps_duplicate_key_is_error::deserialize")]
    _others: BTreeMap<String, IgnoredAny>,
}

/// The `aud` claim: one text or a list (RFC 7519 section 4.1.3).
#[serde_as]
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Audience(#[serde_as(as = "OneOrMany<_>")] pub(super) Vec<String>);

/// A member of a JSON object. One of another type does not end the parsing, so that the reason of a
/// refusal can name it.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Member<T> {
    Typed(T),
    OtherType(IgnoredAny),
    #[default]
    #[serde(skip)]
    Absent,
}

impl<T> Member<T> {
    /// The value, if the member is present; an error if it has another type.
    pub(super) fn optional(self, name: &'static str) -> Result<Option<T>, InvalidToken> {
        match self {
            Self::Typed(value) => Ok(Some(value)),
            Self::OtherType(_) => Err(InvalidToken::Claim(name)),
            Self::Absent => Ok(None),
        }
    }

    /// As [`Self::optional`], for a claim that each token has.
    pub(super) fn required(self, name: &'static str) -> Result<T, InvalidToken> {
        self.optional(name)?.ok_or(InvalidToken::Claim(name))
    }
    pub(super) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}
