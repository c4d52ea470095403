//! Which key of a set is meant, and what it is called.

use clap::Args;
use shared::keys::{JwkSet, Key};

use crate::answer::{Failure, shown};

/// One key of a set: exactly one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichKey {
    /// The kid of the key, as `key list` shows it
    // One thumbprint in 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: Option<String>,
    /// The key that has no kid, which `key list` shows as -
    ///
    /// If there are several: one that does not sign, of those the first for promote and the last
    /// for retire.
    #[arg(long)]
    without_kid: bool,
}

/// Which of several keys without a kid is meant. New keys stand before old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The key that is meant, and its position. Of keys without a kid, the one that signs only if
/// there is no other.
pub(super) fn find<'s>(
    set: &'s JwkSet,
    which: &WhichKey,
    among: Among,
) -> Result<(usize, &'s Key), Failure> {
    let signing = signing(set);
    let kid = which.kid.as_deref();
    let mut found: Vec<_> =
        set.keys().iter().enumerate().filter(|(_, key)| key.id() == kid).collect();
    if kid.is_none() {
        if among == Among::Oldest {
            found.reverse();
        }
        found.sort_by_key(|(index, _)| Some(*index) == signing);
    }
    found.first().copied().ok_or_else(|| {
        Failure::because(match kid {
            Some(kid) => format!("there is no key with the kid {}", shown(kid)),
            None => "there is no key without a kid".to_owned(),
        })
    })
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

    #[test]
    fn a_shell_obeys_nothing_that_a_kid_says() {
        for (kid, argument) in
            [("2026-12", "2026-12"), ("a b;`id`", "'a b;`id`'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(kid), argument);
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
            let keys = kids.iter().zip(["a", "b", "c", "d"].map(|letter| letter.repeat(64)));
            let keys = keys.map(|(kid, k)| serde_json::json!({ "kty": "oct", "k": k, "kid": kid }));
            let keys = serde_json::json!({ "keys": keys.collect::<Vec<_>>() });
            let set = JwkSet::read(&keys.to_string().into()).unwrap();
            let which = WhichKey { kid: None, without_kid: true };
            for (among, expected) in [(Among::Newest, newest), (Among::Oldest, oldest)] {
                let found = find(&set, &which, among).ok().map(|(index, _)| index);
                assert_eq!(found, expected, "{kids:?} {among:?}");
            }
        }
    }
}
