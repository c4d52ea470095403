//! `key`: the keys that sign and verify tokens, in a file or in Secrets Manager.

mod place;

use std::{path::PathBuf, time::SystemTime};

use clap::{
    Args, Subcommand,
    builder::{NonEmptyStringValueParser as NonEmpty, PossibleValuesParser, TypedValueParser},
};
use serde_json::json;
use shared::{
    keys::{self, Algorithm, JwkSet, Key, KeyUse, Keys, generate},
    secrets::Secrets,
};

use crate::terminal::{Failure, escaped, listing};
use place::{Keyring, Place, create, publish};

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a set with one new key, and print its kid
    ///
    /// The file must not exist yet; it gets mode 0600. The secret is made
    /// (secretsmanager:CreateSecret), or filled if it has no value yet.
    New {
        /// The algorithm that the key is for
        ///
        /// RS256 is what every gateway verifies. ES256 and `EdDSA` have shorter tokens. With HS256,
        /// what verifies can sign as well, and nothing is published.
        #[arg(long, value_parser = algorithm())]
        alg: Algorithm,
        #[command(flatten)]
        new: NewKey,
    },
    /// List the keys in their order: the one that signs, and those that verify
    ///
    /// Of a secret, what AWSCURRENT holds is listed. What AWSPREVIOUS holds verifies as well.
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: PlaceOfKeys,
    },
    /// Add a new key, which signs at once, or from its promotion on with --stage
    ///
    /// The keys before stay in the set, and verify. Without --stage, a gateway that keeps the public
    /// keys may refuse tokens of the new key until it looks again.
    Rotate {
        /// The algorithm that the key is for [default: the one of the key that signs]
        #[arg(long, value_parser = algorithm())]
        alg: Option<Algorithm>,
        /// Let the new key verify only, until it is promoted
        #[arg(long)]
        stage: bool,
        #[command(flatten)]
        new: NewKey,
    },
    /// Let another key of the set sign; every instance and gateway should have it before
    Promote(WhichKey),
    /// Remove a key that no longer signs
    ///
    /// Its tokens are refused as soon as the instances have the new set. With --secret-id, the label
    /// AWSPREVIOUS is taken away from the version before, too: what it holds would go on verifying.
    Retire(WhichKey),
    /// Print the public JWK Set, as validate serves it under /.well-known/jwks.json
    Public(PlaceOfKeys),
    /// Write the public JWK Set to the place where those read it who only verify
    ///
    /// Needed once for keys that are there already, and after a change that was not finished:
    /// rotate, promote and retire do it by themselves if they are given the place. A set with a
    /// symmetric key is refused, since that has no public half, and a place that holds private keys
    /// is not written over.
    Publish(PlacesOfKeys),
}

/// Where the keys are: exactly one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PlaceOfKeys {
    /// The file with the keys
    ///
    /// It, or the target of a symbolic link, is replaced. Owner, group and mode stay, but others
    /// lose access. Of concurrent changes one waits for the other.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// The Secrets Manager secret with the keys, by name or ARN
    ///
    /// It is found by the standard AWS variables and files. Of concurrent changes all but one fail.
    #[arg(long, value_name = "ID", value_parser = NonEmpty::new())]
    secret_id: Option<String>,
}

/// Where the keys are, and at most one place of their public halves for those who only verify.
#[derive(Args)]
pub(crate) struct PlacesOfKeys {
    #[command(flatten)]
    keys: PlaceOfKeys,
    /// Keep the public keys in this file in step, too; a change is written there first
    #[arg(long, value_name = "PATH", conflicts_with = "public_secret_id")]
    public_file: Option<PathBuf>,
    /// Keep the public keys in this Secrets Manager secret in step, too; a change is written
    /// there first
    #[arg(long, value_name = "ID", value_parser = NonEmpty::new())]
    public_secret_id: Option<String>,
}

/// One key of a set: exactly one of the two, and where the set is.
#[derive(Args)]
pub(crate) struct WhichKey {
    /// The kid of the key, as `key list` shows it
    // One thumbprint in 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true, required_unless_present = "without_kid")]
    kid: Option<String>,
    /// The key that has no kid, which `key list` shows as -
    ///
    /// If there are several: one that does not sign, of those the first for promote and the last
    /// for retire.
    #[arg(long, conflicts_with = "kid")]
    without_kid: bool,
    #[command(flatten)]
    places: PlacesOfKeys,
}

/// What a new key is called, and where it is kept.
#[derive(Args)]
pub(crate) struct NewKey {
    /// The kid of the new key [default: the thumbprint of RFC 7638; none with HS256]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, value_parser = NonEmpty::new())]
    kid: Option<String>,
    #[command(flatten)]
    places: PlacesOfKeys,
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    let names = ["RS256", "ES256", "EdDSA", "HS256"];
    PossibleValuesParser::new(names).try_map(|name| keys::algorithm(&name).ok_or("is no algorithm"))
}

pub(crate) async fn run(command: KeyCommand) -> Result<String, Failure> {
    match command {
        KeyCommand::New { alg, new: NewKey { kid, places } } => {
            let set = JwkSet::of(&generate(alg, kid.as_deref())?)?;
            create(places, &set).await?;
            Ok(set.keys.iter().find_map(|key| key.id.as_deref()).map_or("-".to_owned(), escaped))
        }
        KeyCommand::Rotate { alg, stage, new } => rotate(alg, stage, new).await,
        KeyCommand::Promote(key) => promote(key).await,
        KeyCommand::Retire(key) => retire(key).await,
        KeyCommand::Publish(places) => {
            publish(places).await?;
            Ok("the public keys are in step with the keys".to_owned())
        }
        KeyCommand::List { json, place } => {
            Ok(list(&Place::of(place).await?.read().await?.set, json))
        }
        KeyCommand::Public(place) => {
            let place = Place::of(place).await?;
            // Read with the code that `validate` uses.
            let keys = Keys::fetch(place.source(), KeyUse::Verify, &Secrets::default()).await;
            let keys = place.named(keys.map_err(|problem| problem.reason))?;
            let keys =
                keys.get_with_previous(SystemTime::now()).await.map_err(|error| error.reason);
            Ok(place.named(keys)?.public_set())
        }
    }
}

/// Lists the keys without their key material.
fn list(set: &JwkSet, json: bool) -> String {
    let signs = signing(set).map(|(at, _)| at);
    let listed = set.keys.iter().enumerate().map(|(index, key)| {
        let (kid, alg) = (key.id.as_deref(), key.alg());
        json!({ "kid": kid, "alg": alg, "signs": signs == Some(index), "kind": key.kind })
    });
    listing(listed.collect(), json, ["kid", "alg", "signs", "kind"])
}

/// Adds a key: before all others, so that it signs, or after the key that signs.
async fn rotate(alg: Option<Algorithm>, stage: bool, new: NewKey) -> Result<String, Failure> {
    let keyring = Keyring::open(new.places, true).await?;
    let Some((at, before)) = signing(&keyring.stored.set) else {
        let reason = "holds no key that signs; give the place of the private keys";
        return Err(keyring.place.refuse(reason));
    };
    let key = generate(alg.unwrap_or(before.algorithm), new.kid.as_deref())?;
    let index = if stage { at + 1 } else { 0 };
    let set = keyring.change(false, |jwks| jwks.insert(index, key)).await?;
    let added = set.keys.iter().nth(index).expect("it was inserted there");
    if !stage {
        return Ok(signs_now(added, before));
    }
    Ok(format!(
        "staged {}; signing goes on with {}\n\
         next: wait until every instance has it, then: auth-admin key promote {}",
        name(added),
        name(before),
        argument(added)
    ))
}

/// Makes another key the one that signs.
async fn promote(WhichKey { kid, places, .. }: WhichKey) -> Result<String, Failure> {
    let keyring = Keyring::open(places, true).await?;
    // New keys are before old ones.
    let (index, key) = find(&keyring.stored.set, kid.as_deref())?[0];
    if !key.can_sign() {
        return Err(Failure::because(
            "this key can only verify: it is public, or its key_ops keep it from signing",
        ));
    }
    match signing(&keyring.stored.set) {
        Some((at, before)) if at != index => {
            keyring.change(false, |jwks| jwks[..=index].rotate_right(1)).await?;
            Ok(signs_now(key, before))
        }
        _ => Ok(format!("{} signs already", name(key))),
    }
}

/// Removes a key.
async fn retire(WhichKey { kid, places, .. }: WhichKey) -> Result<String, Failure> {
    let keyring = Keyring::open(places, true).await?;
    let keys = find(&keyring.stored.set, kid.as_deref())?;
    let (index, key) = keys[keys.len() - 1];
    let retired = name(key);
    let refused = |reason| Err(Failure::because(format!("{retired} {reason}")));
    if keyring.stored.set.keys.iter().count() == 1 {
        return refused("is the only key; add another first: auth-admin key rotate");
    }
    if signing(&keyring.stored.set).is_some_and(|(at, _)| at == index) {
        return refused("signs; promote another first: auth-admin key promote");
    }
    let set = keyring.change(true, |jwks| drop(jwks.remove(index))).await?;
    let signs = set.keys.signing().map(|key| format!("; {} signs", name(key)));
    Ok(format!("retired {retired}{}", signs.unwrap_or_default()))
}

/// The key that signs, and its position.
fn signing(set: &JwkSet) -> Option<(usize, &Key)> {
    set.keys.iter().enumerate().find(|(_, key)| key.can_sign())
}

/// The keys with this kid (or without one), and their positions; at least one. If there are
/// several, the key that signs is left out.
fn find<'s>(set: &'s JwkSet, kid: Option<&str>) -> Result<Vec<(usize, &'s Key)>, Failure> {
    let mut found: Vec<_> =
        set.keys.iter().enumerate().filter(|(_, key)| key.id.as_deref() == kid).collect();
    if found.is_empty() {
        return Err(Failure::because(match kid {
            Some(kid) => format!("there is no key with the kid {}", escaped(kid)),
            None => "there is no key without a kid".to_owned(),
        }));
    }
    if found.len() > 1 {
        found.retain(|(index, _)| signing(set).is_none_or(|(at, _)| at != *index));
    }
    Ok(found)
}

fn signs_now(key: &Key, before: &Key) -> String {
    format!(
        "{} signs now; {} verifies\n\
         next: wait until the last token of the old key has expired, then: auth-admin key retire {}",
        name(key),
        name(before),
        argument(before)
    )
}

/// The name of a key in messages.
fn name(key: &Key) -> String {
    let name = key.id.as_deref().map_or("the key without a kid".to_owned(), escaped);
    format!("{name} ({})", key.alg())
}

/// The argument for a key in a command line that the user pastes into a shell. A kid that is not a
/// plain word is in single quotes.
fn argument(key: &Key) -> String {
    let Some(id) = key.id.as_deref().map(escaped) else { return "--without-kid".to_owned() };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if id.chars().all(plain) { id } else { format!("'{}'", id.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set of symmetric keys with these names.
    fn set(kids: &[Option<&str>]) -> JwkSet {
        let keys = kids.iter().zip(["a", "b", "c", "d"].map(|letter| letter.repeat(64)));
        let keys = keys.map(|(kid, k)| json!({ "kty": "oct", "k": k, "kid": kid }));
        let keys = json!({ "keys": keys.collect::<Vec<_>>() });
        JwkSet::read(&keys.to_string().into()).unwrap()
    }

    #[test]
    fn a_kid_is_quoted_for_the_shell() {
        let set = set(&[Some("2026-12"), Some("a b;`id`"), Some("it's"), None]);
        let arguments: Vec<String> = set.keys.iter().map(argument).collect();
        assert_eq!(arguments, ["2026-12", "'a b;`id`'", r"'it'\''s'", "--without-kid"]);
    }

    #[test]
    fn of_several_keys_without_a_kid_the_one_that_signs_is_left_out() {
        for (kids, expected) in [
            (&[Some("one")][..], &[][..]),
            (&[None, Some("one")], &[0]),
            (&[None, None], &[1]),
            (&[Some("one"), None, Some("two"), None], &[1, 3]),
            (&[None, None, None], &[1, 2]),
        ] {
            let set = set(kids);
            let found = find(&set, None).unwrap_or_default();
            let positions: Vec<usize> = found.iter().map(|(index, _)| *index).collect();
            assert_eq!(positions, expected, "{kids:?}");
        }
    }
}
