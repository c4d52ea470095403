//! Which key of a set is meant, and what it is called.

use shared::keys::{JwkSet, Key};

use crate::{
    answer::{Failure, shown},
    cli::WhichKey,
};

/// Which of several keys without a kid is meant. New keys stand before old ones.
#[derive(Debug, Clone, Copy)]
pub(super) enum Among {
    /// The first: it is to sign.
    Newest,
    /// The last: it is to go.
    Oldest,
}

/// The position of the key that signs.
pub(super) fn signing(set: &JwkSet) -> Option<usize> {
    set.keys().iter().position(Key::can_sign)
}

/// The position of the key that is meant.
pub(super) fn find(set: &JwkSet, which: &WhichKey, among: Among) -> Result<usize, Failure> {
    let found = match &which.kid {
        Some(kid) => set.keys().iter().position(|key| key.id() == Some(kid)),
        None => without_kid(set, among),
    };
    found.ok_or_else(|| {
        Failure::because(match &which.kid {
            Some(kid) => format!("there is no key with the kid {}", shown(kid)),
            None => "there is no key without a kid".to_owned(),
        })
    })
}

/// A key without a kid; the one that signs only if there is no other.
fn without_kid(set: &JwkSet, among: Among) -> Option<usize> {
    let signing = signing(set);
    let nameless: Vec<usize> = set
        .keys()
        .iter()
        .enumerate()
        .filter_map(|(index, key)| key.id().is_none().then_some(index))
        .collect();
    let mut others = nameless.iter().copied().filter(|index| Some(*index) != signing);
    let other = match among {
        Among::Newest => others.next(),
        Among::Oldest => others.next_back(),
    };
    other.or(nameless.first().copied())
}

/// What a key is called in a message.
pub(super) fn name(key: &Key) -> String {
    let name = key.id().map_or("the key without a kid".to_owned(), shown);
    format!("{name} ({})", key.algorithm().name())
}

/// What a key is called on the command line, for a shell that it is pasted into.
pub(super) fn argument(key: &Key) -> String {
    key.id().map_or("--without-kid".to_owned(), |id| quoted(&shown(id)))
}

/// Between single quotes, in which a shell obeys nothing, unless it is a plain word.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(kids: &[Option<&str>]) -> JwkSet {
        let letters = ["a", "b", "c", "d"].map(|letter| letter.repeat(64));
        let keys = kids.iter().zip(letters);
        let keys = keys.map(|(kid, k)| serde_json::json!({ "kty": "oct", "k": k, "kid": kid }));
        let keys: Vec<_> = keys.collect();
        JwkSet::read(&serde_json::json!({ "keys": keys }).to_string().into()).unwrap()
    }

    #[test]
    fn a_shell_obeys_nothing_that_a_kid_says() {
        for (kid, argument) in
            [("2026-12", "2026-12"), ("a b;`id`", "'a b;`id`'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(kid), argument);
        }
    }

    fn found(kids: &[Option<&str>], kid: Option<&str>, among: Among) -> Option<usize> {
        let which = WhichKey { kid: kid.map(str::to_owned), without_kid: kid.is_none() };
        find(&set(kids), &which, among).ok()
    }

    #[test]
    fn a_key_is_found_by_its_kid() {
        let kids = [Some("one"), None, Some("two")];
        for (kid, index) in [("one", Some(0)), ("two", Some(2)), ("", None), ("-", None)] {
            assert_eq!(found(&kids, Some(kid), Among::Oldest), index, "{kid}");
        }
    }

    #[test]
    fn without_a_kid_the_key_that_signs_is_meant_last() {
        for (kids, newest, oldest) in [
            (&[Some("one")][..], None, None),
            (&[None, Some("one")], Some(0), Some(0)),
            (&[None, None], Some(1), Some(1)),
            (&[Some("one"), None, Some("two"), None], Some(1), Some(3)),
            (&[None, None, None], Some(1), Some(2)),
        ] {
            assert_eq!(found(kids, None, Among::Newest), newest, "{kids:?}");
            assert_eq!(found(kids, None, Among::Oldest), oldest, "{kids:?}");
        }
    }
}
