//! `key`: the keys that sign and verify tokens, in a file or in Secrets Manager.

mod change;
mod list;
mod place;
mod select;

use std::time::SystemTime;

use shared::{
    config::KeyConfig,
    keys::{KeyUse, Keys},
    secrets::Secrets,
};

use crate::{
    answer::{Answer, Failure},
    cli::KeyCommand,
};
use place::Place;

/// Does what `command` says.
pub(super) async fn run(command: KeyCommand) -> Result<Answer, Failure> {
    match command {
        KeyCommand::New { alg, details, place } => {
            change::new(&Place::of(place)?, alg, &details).await
        }
        KeyCommand::List { json, place } => list::list(&Place::of(place)?, json).await,
        KeyCommand::Rotate { alg, stage, details, place } => {
            change::rotate(&Place::of(place)?, alg, stage, &details).await
        }
        KeyCommand::Promote { key, place } => change::promote(&Place::of(place)?, &key).await,
        KeyCommand::Retire { key, place } => change::retire(&Place::of(place)?, &key).await,
        KeyCommand::Public { place } => public(&Place::of(place)?).await,
    }
}

/// The public keys, in the very way in which `validate` comes by them.
async fn public(place: &Place) -> Result<Answer, Failure> {
    let config = KeyConfig { source: place.source() };
    let keys = Keys::fetch(config, KeyUse::Verify, &Secrets::default()).await;
    let keys = keys.map_err(|problem| place.refuse(problem.reason))?;
    let keys = keys.get(SystemTime::now()).await.map_err(|error| place.refuse(error.reason))?;
    Ok(Answer::good(keys.public_set()))
}
