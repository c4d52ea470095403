//! `key new`, `rotate`, `promote` and `retire`.

use secrecy::SecretString;
use shared::keys::{Algorithm, JwkSet, Key, generate};

use super::{
    places::Places,
    select::{self, Among, argument, name},
};
use crate::{
    answer::{Answer, Failure, shown},
    cli::{KeyDetails, WhichKey},
};

/// Makes a set with one key.
pub(super) async fn new(
    places: &Places,
    alg: Algorithm,
    details: &KeyDetails,
) -> Result<Answer, Failure> {
    let set = JwkSet::of(new_key(alg, details)?).map_err(|error| places.refuse(error))?;
    places.create(&set).await?;
    let kid = set.keys().signing().and_then(|key| key.id());
    Ok(Answer::good(shown(kid.unwrap_or("-"))))
}

/// Adds a key: in front, so that it signs, or behind the one that signs.
pub(super) async fn rotate(
    places: &Places,
    alg: Option<Algorithm>,
    stage: bool,
    details: &KeyDetails,
) -> Result<Answer, Failure> {
    let keyring = places.hold().await?;
    let set = &keyring.set;
    let signing = set.keys().signing();
    let alg = alg.or(signing.map(Key::algorithm)).ok_or_else(|| {
        Failure::because("no key signs here; give --alg to say what the new one is for")
    })?;
    let before = signing.map(|key| (name(key), argument(key)));
    let index = match (stage, select::signing(set)) {
        (false, _) => 0,
        (true, Some(signing)) => signing + 1,
        (true, None) => {
            return Err(Failure::because("no key signs here, behind which one could be staged"));
        }
    };
    let key = new_key(alg, details)?;
    let set = set.edit(|jwks| jwks.insert(index, key)).map_err(|error| places.refuse(error))?;
    places.replace(&keyring, &set).await?;
    let added = set.keys().iter().nth(index).map(|key| (name(key), argument(key)));
    let (added, added_argument) = added.unwrap_or_default();
    Ok(Answer::good(match before {
        None => format!("{added} signs now"),
        Some((before, _)) if stage => format!(
            "staged {added}; signing goes on with {before}\n\
             next: wait until every instance has it, then: auth-admin key promote {added_argument}"
        ),
        Some(before) => signs_now(&added, &before),
    }))
}

/// Lets another key sign.
pub(super) async fn promote(places: &Places, which: &WhichKey) -> Result<Answer, Failure> {
    let keyring = places.hold().await?;
    let set = &keyring.set;
    let index = select::find(set, which, Among::Newest)?;
    let before = set.keys().signing().map(|key| (name(key), argument(key)));
    let promoted = set.keys().iter().nth(index).filter(|key| key.can_sign()).map(name);
    let Some(promoted) = promoted else {
        return Err(Failure::because(
            "this key can only verify: it is public, or its key_ops keep it from signing",
        ));
    };
    if select::signing(set) == Some(index) {
        return Ok(Answer::good(format!("{promoted} signs already")));
    }
    let to_front = |jwks: &mut Vec<SecretString>| jwks[..=index].rotate_right(1);
    let set = set.edit(to_front).map_err(|error| places.refuse(error))?;
    places.replace(&keyring, &set).await?;
    // There is one before: the key itself can sign, and does not.
    Ok(Answer::good(signs_now(&promoted, &before.unwrap_or_default())))
}

/// Removes a key.
pub(super) async fn retire(places: &Places, which: &WhichKey) -> Result<Answer, Failure> {
    let keyring = places.hold().await?;
    let set = &keyring.set;
    let index = select::find(set, which, Among::Oldest)?;
    let retired = set.keys().iter().nth(index).map(name).unwrap_or_default();
    if set.keys().iter().count() == 1 {
        return Err(Failure::because(format!(
            "{retired} is the only key; add another first: auth-admin key rotate"
        )));
    }
    if select::signing(set) == Some(index) {
        return Err(Failure::because(format!(
            "{retired} signs; promote another first: auth-admin key promote"
        )));
    }
    let remove = |jwks: &mut Vec<SecretString>| drop(jwks.remove(index));
    let set = set.edit(remove).map_err(|error| places.refuse(error))?;
    places.replace(&keyring, &set).await?;
    places.forget(&keyring).await?;
    Ok(Answer::good(format!("retired {retired}{}", goes_on(&set))))
}

fn new_key(alg: Algorithm, details: &KeyDetails) -> Result<SecretString, Failure> {
    if details.bits.is_some() && alg != Algorithm::Rs256 {
        return Err(Failure::because(format!("--bits is for RS256, and this is {}", alg.name())));
    }
    let key = generate(alg, details.bits.unwrap_or_default(), details.kid.as_deref());
    key.map_err(|error| Failure::because(error.to_string()))
}

/// `before` is what the key that signed is called, in a message and as an argument.
fn signs_now(name: &str, (before, argument): &(String, String)) -> String {
    format!(
        "{name} signs now; {before} verifies\n\
         next: wait until the last token of the old key has expired, then: auth-admin key retire \
         {argument}"
    )
}

fn goes_on(set: &JwkSet) -> String {
    set.keys().signing().map_or_else(String::new, |key| format!("; {} signs", name(key)))
}
