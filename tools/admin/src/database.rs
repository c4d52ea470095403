//! The users of the database, a page at a time, and hashing on all cores; set by the same
//! variables as `login`.

use std::{num::NonZero, thread::available_parallelism};

use secrecy::SecretString;
use shared::{
    config::{Argon2Config, DatabaseConfig, Reader},
    password::{HashingError, PasswordHasher, StoredDigest},
    secrets::Secrets,
    users::{MySqlUsers, UserRow},
};
use tokio::task::JoinSet;

use crate::answer::Failure;

/// One command, one statement after another.
const CONNECTIONS: u32 = 1;
/// Some hundred KiB, and a query that takes milliseconds.
const USERS_PER_PAGE: u32 = 500;

/// What a command works with.
pub(crate) struct Store {
    pub(crate) users: MySqlUsers,
    pub(crate) hasher: PasswordHasher,
}

/// Reads the environment, all of it or all that is wrong with it, and opens the database.
pub(crate) async fn open() -> Result<Store, Failure> {
    let mut reader = Reader::of_process();
    let config = (DatabaseConfig::read(&mut reader), Argon2Config::read(&mut reader));
    let config = reader.finish(config);
    let (database, argon2) = config.map_err(|problems| Failure::configuration(&problems))?;
    let users = MySqlUsers::prepare(database, &Secrets::default(), CONNECTIONS).await;
    let users = users.map_err(|error| Failure::configuration(&[error.into()]))?;
    Ok(Store { users, hasher: PasswordHasher::new(argon2, cores()) })
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Gives every page of users to `visit`, in the order of their ids.
pub(crate) async fn each_page(
    users: &MySqlUsers,
    mut visit: impl AsyncFnMut(Vec<UserRow>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut last: Option<String> = None;
    loop {
        let page = users.page(last.as_deref(), USERS_PER_PAGE).await?;
        let is_full = page.len() >= USERS_PER_PAGE as usize;
        last = page.last().map(|row| row.user.id.clone());
        visit(page).await?;
        if !is_full {
            return Ok(());
        }
        // Without an id there is nothing to go on behind.
        if last.as_ref().is_none_or(String::is_empty) {
            return Err(Failure::because("the column `id` holds no texts; see auth-admin check"));
        }
    }
}

/// What a hash is made of.
pub(crate) enum Input {
    /// A password.
    Password(SecretString),
    /// The digest of one.
    Digest(StoredDigest),
    /// Nothing: it is one already.
    Hash(String),
}

/// Hashes many inputs and gives each hash to `done`, with what it was for, in the order in which
/// they get ready. After a failure nothing more is begun.
pub(crate) async fn hash_each<T: Send + 'static>(
    hasher: &PasswordHasher,
    inputs: impl IntoIterator<Item = (T, Input)>,
    mut done: impl AsyncFnMut(T, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut inputs = inputs.into_iter();
    let mut under_way = JoinSet::new();
    loop {
        // For each computation that runs, one more waits: no core is idle while a finished hash
        // is being stored.
        while under_way.len() < 2 * cores()
            && let Some((owner, input)) = inputs.next()
        {
            let hasher = hasher.clone();
            under_way.spawn(async move {
                let hash = match input {
                    Input::Password(password) => hasher.hash(password).await,
                    Input::Digest(digest) => hasher.wrap(digest).await,
                    Input::Hash(hash) => Ok(hash),
                };
                (owner, hash)
            });
        }
        let Some(finished) = under_way.join_next().await else { return Ok(()) };
        let (owner, hash) = finished.map_err(|_| HashingError::Failed)?;
        done(owner, hash?).await?;
    }
}
