//! `key new`, `rotate`, `promote` and `retire`.

use secrecy::SecretString;
use shared::keys::{Algorithm, JwkSet, Key, KeyKind, generate};

use super::{
    KeyDetails,
    places::{Places, both},
    select::{self, Among, WhichKey, argument, name},
};
use crate::answer::{Answer, Failure, shown};

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
    let held = places.hold().await?;
    if held.set.kinds().all(|kind| kind == KeyKind::Public) {
        return Err(places.refuse("holds public keys alone; give the place of the private ones"));
    }
    let signing = held.set.keys().signing();
    let alg = alg.or(signing.map(Key::algorithm)).ok_or_else(|| {
        Failure::because("no key signs here; give --alg to say what the new one is for")
    })?;
    let index = match (stage, select::signing(&held.set)) {
        (false, _) => 0,
        (true, Some(signing)) => signing + 1,
        (true, None) => {
            return Err(Failure::because("no key signs here, behind which one could be staged"));
        }
    };
    let key = new_key(alg, details)?;
    let set = places.change(&held, |jwks| jwks.insert(index, key)).await?;
    places.check(&set).await?;
    let Some(added) = set.keys().iter().nth(index) else {
        return Err(places.refuse("the new key is not there"));
    };
    Ok(Answer::good(match signing {
        None => format!("{} signs now", name(added)),
        Some(signing) if stage => format!(
            "staged {}; signing goes on with {}\n\
             next: wait until every instance has it, then: auth-admin key promote {}",
            name(added),
            name(signing),
            argument(added)
        ),
        Some(before) => signs_now(added, before),
    }))
}

/// Lets another key sign.
pub(super) async fn promote(places: &Places, which: &WhichKey) -> Result<Answer, Failure> {
    let held = places.hold().await?;
    let (index, key) = select::find(&held.set, which, Among::Newest)?;
    if !key.can_sign() {
        return Err(Failure::because(
            "this key can only verify: it is public, or its key_ops keep it from signing",
        ));
    }
    match held.set.keys().signing() {
        Some(before) if select::signing(&held.set) != Some(index) => {
            let set = places.change(&held, |jwks| jwks[..=index].rotate_right(1)).await?;
            places.check(&set).await?;
            Ok(Answer::good(signs_now(key, before)))
        }
        _ => Ok(Answer::good(format!("{} signs already", name(key)))),
    }
}

/// Removes a key.
pub(super) async fn retire(places: &Places, which: &WhichKey) -> Result<Answer, Failure> {
    let held = places.hold().await?;
    let (index, key) = select::find(&held.set, which, Among::Oldest)?;
    let retired = name(key);
    if held.set.keys().iter().count() == 1 {
        return Err(Failure::because(format!(
            "{retired} is the only key; add another first: auth-admin key rotate"
        )));
    }
    if select::signing(&held.set) == Some(index) {
        return Err(Failure::because(format!(
            "{retired} signs; promote another first: auth-admin key promote"
        )));
    }
    let set = places.change(&held, |jwks| drop(jwks.remove(index))).await?;
    both(places.forget(&held).await, places.check(&set).await)?;
    let signing = set.keys().signing().map(|key| format!("; {} signs", name(key)));
    Ok(Answer::good(format!("retired {retired}{}", signing.unwrap_or_default())))
}

fn new_key(alg: Algorithm, details: &KeyDetails) -> Result<SecretString, Failure> {
    if details.bits.is_some() && alg != Algorithm::Rs256 {
        return Err(Failure::because(format!("--bits is for RS256, and this is {}", alg.name())));
    }
    let key = generate(alg, details.bits.unwrap_or_default(), details.kid.as_deref());
    key.map_err(|error| Failure::because(error.to_string()))
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
