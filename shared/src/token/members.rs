//! The members of a token's header, and of its claims.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_with::{MapPreventDuplicates, serde_as};

use super::InvalidToken;

/// The members of a JSON object, each name once (RFC 7515 section 4, RFC 7519 section 4).
#[serde_as]
#[derive(Deserialize)]
pub(super) struct Members(#[serde_as(as = "MapPreventDuplicates<_, _>")] BTreeMap<String, Member>);

impl Members {
    pub(super) fn read(json: &[u8]) -> Result<Self, InvalidToken> {
        serde_json::from_slice(json).map_err(|_| InvalidToken::NotStrictJson)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Member> {
        self.0.get(name)
    }

    /// A member that has to be a text where it is present.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, InvalidToken> {
        match self.get(name) {
            None => Ok(None),
            Some(Member::Text(text)) => Ok(Some(text)),
            Some(_) => Err(InvalidToken::Claim(name)),
        }
    }
}

/// A value, as far as it matters here. All of it is read, so that it has to be strict JSON, and
/// an object is never taken for anything else, as `serde_json::Value` does with its own `RawValue`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Member {
    Text(String),
    Number(f64),
    Bool(bool),
    /// A list of texts alone.
    Texts(#[expect(dead_code, reason = "that they are texts is all that matters")] Vec<String>),
    /// `null`, an object, or another list.
    Other(IgnoredAny),
}
