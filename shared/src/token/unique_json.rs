//! JSON objects in which no member stands twice, at any depth.
//!
//! RFC 7515 section 4 and RFC 7519 section 4 leave it open whether a duplicate is
//! refused or the last one wins; where two readers of a token decide differently,
//! one of them can be deceived.
//!
//! Every token comes through here: so a text is borrowed from the JSON where it has no
//! escapes, and an object is one allocation.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value that was read without duplicate members.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as near as a double comes to it.
    Number(f64),
    /// A text, without its escapes.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Members<'a>),
}

/// The members of an object, in the order of their names.
#[derive(Debug, PartialEq)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

/// What an object of ours has room for before it grows: claims have eight members at most.
const USUAL_MEMBERS: usize = 8;

/// Reads one JSON object; its depth is bounded by `serde_json`, at 128.
pub(super) fn parse(json: &str) -> Result<Members<'_>, serde_json::Error> {
    match serde_json::from_str(json)? {
        Value::Object(members) => Ok(members),
        _ => Err(serde_json::Error::custom("not an object")),
    }
}

impl<'a> Members<'a> {
    /// None where a name stands twice. By order, so that many names cost little more each
    /// than few.
    fn unique(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Option<Self> {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let unique = members.windows(2).all(|pair| pair[0].0 != pair[1].0);
        unique.then_some(Self(members))
    }

    /// The member of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'a>> {
        let place = self.0.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// A name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without duplicate members")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "times and their bounds are doubles here")]
    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "times and their bounds are doubles here")]
    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element()? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut read = Vec::with_capacity(USUAL_MEMBERS);
        while let Some((Name(name), value)) = members.next_entry()? {
            read.push((name, value));
        }
        let unique = Members::unique(read).map(Value::Object);
        unique.ok_or_else(|| A::Error::custom("a member stands twice"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_as_serde_json_reads_them() {
        let json = r#"{"a":[1,-2,0.5,1e3,"x",null,true,{"b":{}}],"ä":"\u00e4\n","\u0062":"é"}"#;
        let expected: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json(Value::Object(parse(json).unwrap())), in_doubles(expected));
    }

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let members = parse(r#"{"b":"plain","a":"esc\u0061ped"}"#).unwrap();
        assert!(matches!(members.get("b"), Some(Value::Text(Cow::Borrowed("plain")))));
        assert_eq!(members.get("a"), Some(&Value::Text(Cow::Borrowed("escaped"))));
        assert_eq!(members.get("c"), None);
    }

    #[test]
    fn what_is_not_one_object_with_unique_members_is_refused() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        let names: Vec<_> = (0..1000).map(|number| format!(r#""{number}":0,"#)).collect();
        let names = names.concat();
        for json in [
            "",
            "[]",
            "1",
            "null",
            r#""a""#,
            "{}{}",
            "{},",
            "{",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"o":{"a":1,"a":2}}"#,
            r#"{"l":[{"a":1,"a":2}]}"#,
            r#"[{"a":1,"a":2}]"#,
            r#"{"a":1e400}"#,
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            "{\"a\":\"\u{1}\"}",
            &format!(r#"{{{names}"7":1}}"#),
            &deep,
        ] {
            assert!(parse(json).is_err(), "{json:.40}");
        }
        assert!(parse(&format!(r#"{{{names}"a":1}}"#)).is_ok());
    }

    fn serde_json(value: Value<'_>) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => value.into(),
            Value::Number(value) => value.into(),
            Value::Text(text) => text.into(),
            Value::Array(values) => values.into_iter().map(serde_json).collect(),
            Value::Object(Members(members)) => {
                members.into_iter().map(|(name, value)| (name, serde_json(value))).collect()
            }
        }
    }

    fn in_doubles(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Number(number) => number.as_f64().into(),
            serde_json::Value::Array(values) => values.into_iter().map(in_doubles).collect(),
            serde_json::Value::Object(members) => {
                members.into_iter().map(|(name, value)| (name, in_doubles(value))).collect()
            }
            other => other,
        }
    }
}
