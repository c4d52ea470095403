//! The users of the database, and hashing on all cores; set by the same variables as `login`.

use std::{num::NonZero, thread::available_parallelism};

use futures_util::stream::{self, Stream, StreamExt};
use secrecy::SecretString;
use shared::{
    config::{Argon2Config, ColumnName, DatabaseConfig, Problem, Reader},
    database::Database,
    password::{HashingError, PasswordHasher, StoredDigest},
    secrets::Secrets,
};

use crate::{
    store::{AdminStore, UserRow},
    terminal::Failure,
};

/// `EX_CONFIG` of sysexits.h, as `login` and `validate` exit with it.
const EXIT_CONFIGURATION: u8 = 78;
/// One command, one statement after another.
const CONNECTIONS: u32 = 1;
/// Some hundred KiB, and a query that takes milliseconds.
const USERS_PER_PAGE: u32 = 500;

/// Reads the environment, all of it or all that is wrong with it, and opens the database.
pub(crate) async fn open() -> Result<(AdminStore, PasswordHasher), Failure> {
    let wrong = |problems: Vec<Problem>| Failure {
        exit: EXIT_CONFIGURATION,
        ..Failure::refused(problems.iter().map(Problem::to_string).collect())
    };
    let mut reader = Reader::new(&|name| std::env::var_os(name));
    let config = (
        DatabaseConfig::read(&mut reader),
        ColumnName::of_groups(&mut reader),
        Argon2Config::read(&mut reader),
    );
    let (database, groups_column, argon2) = reader.finish(config).map_err(wrong)?;
    let database = Database::connect_lazy(database, &Secrets::default(), CONNECTIONS).await;
    let database = database.map_err(|error| wrong(vec![error.into()]))?;
    Ok((AdminStore::new(database, groups_column), PasswordHasher::new(argon2, cores())))
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// All users, in the order of their ids.
pub(crate) async fn all(store: &AdminStore) -> Result<Vec<UserRow>, Failure> {
    let mut rows: Vec<UserRow> = Vec::new();
    loop {
        let page = store.page(rows.last().map(|row| &*row.user.id), USERS_PER_PAGE).await?;
        let is_full = page.len() >= USERS_PER_PAGE as usize;
        rows.extend(page);
        if !is_full {
            return Ok(rows);
        }
        // Without an id there is no next page.
        if rows.last().is_none_or(|row| row.user.id.is_empty()) {
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

/// The hash of each input, with what it is for, in their order.
pub(crate) fn hashes<T>(
    hasher: &PasswordHasher,
    inputs: impl IntoIterator<Item = (T, Input)>,
) -> impl Stream<Item = Result<(T, String), HashingError>> {
    let hash = async move |(owner, input)| {
        let hash = match input {
            Input::Password(password) => hasher.hash(password).await?,
            Input::Digest(digest) => hasher.wrap(digest).await?,
            Input::Hash(hash) => hash,
        };
        Ok((owner, hash))
    };
    // For each computation that runs, one more waits: no core is idle for long while a finished
    // hash is being stored.
    stream::iter(inputs).map(hash).buffered(2 * cores())
}
