//! `key`: the keys that sign and verify tokens, in a file or in Secrets Manager.

mod change;
mod list;
mod place;
mod places;
mod select;

use std::time::SystemTime;

use shared::{
    config::KeyConfig,
    keys::{KeyUse, Keys},
    secrets::Secrets,
};

use crate::{
    answer::{Answer, Failure},
    cli::{KeyCommand, PlaceOfKeys},
};
use place::Place;
use places::Places;

/// Does what `command` says.
pub(super) async fn run(command: KeyCommand) -> Result<Answer, Failure> {
    match command {
        KeyCommand::New { alg, details, place, public } => {
            change::new(&Places::of(place, public)?, alg, &details).await
        }
        KeyCommand::List { json, place } => list::list(&only(place)?, json).await,
        KeyCommand::Rotate { alg, stage, details, place, public } => {
            change::rotate(&Places::of(place, public)?, alg, stage, &details).await
        }
        KeyCommand::Promote { key, place, public } => {
            change::promote(&Places::of(place, public)?, &key).await
        }
        KeyCommand::Retire { key, place, public } => {
            change::retire(&Places::of(place, public)?, &key).await
        }
        KeyCommand::Public { place } => public(&only(place)?).await,
        KeyCommand::Publish { place, public } => places::publish(&Places::of(place, public)?).await,
    }
}

fn only(place: PlaceOfKeys) -> Result<Place, Failure> {
    Place::of(place.file, place.secret_id)
}

/// The public keys, in the very way in which `validate` comes by them.
async fn public(place: &Place) -> Result<Answer, Failure> {
    let config = KeyConfig { source: place.source() };
    let keys = Keys::fetch(config, KeyUse::Verify, &Secrets::default()).await;
    let keys = keys.map_err(|problem| place.refuse(problem.reason))?;
    let keys = keys.get(SystemTime::now()).await.map_err(|error| place.refuse(error.reason))?;
    Ok(Answer::good(keys.public_set()))
}
