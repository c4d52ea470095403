//! The members of a token's header, and of its claims.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;
use serde_with::{BorrowCow, MapPreventDuplicates, serde_as};

use super::InvalidToken;

/// The members of a JSON object, each name once (RFC 7515 section 4, RFC 7519 section 4).
#[serde_as]
#[derive(Deserialize)]
pub(super) struct Members<'j>(
    #[serde_as(as = "MapPreventDuplicates<BorrowCow, _>")] BTreeMap<Cow<'j, str>, Member<'j>>,
);

impl<'j> Members<'j> {
    pub(super) fn read(json: &'j [u8]) -> Result<Self, InvalidToken> {
        serde_json::from_slice(json).map_err(|_| InvalidToken::NotStrictJson)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Member<'j>> {
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
pub(super) enum Member<'j> {
    Text(Cow<'j, str>),
    Number(Number),
    Bool(bool),
    /// A list of texts alone.
    Texts,
    /// `null`, an object, or another list.
    Other,
}

impl<'de: 'j, 'j> Deserialize<'de> for Member<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Member::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Member::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Member::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(number).map_or(Member::Other, Member::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(text.to_owned().into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all_texts = true;
        while let Some(element) = list.next_element()? {
            all_texts &= matches!(element, Member::Text(_));
        }
        Ok(if all_texts { Member::Texts } else { Member::Other })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<Member<'_>, Member<'_>>()?.is_some() {}
        Ok(Member::Other)
    }
}
