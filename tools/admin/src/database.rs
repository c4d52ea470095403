//! Opens the database, lists its users, and computes hashes on all cores. The variables are those
//! of `login`.

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

/// `EX_CONFIG` of sysexits.h, the exit status of `login` and `validate` too.
const EXIT_CONFIGURATION: u8 = 78;
/// A command runs one statement after another.
const CONNECTIONS: u32 = 1;
/// A page has some hundred KiB; its query takes milliseconds.
const USERS_PER_PAGE: u32 = 500;

/// Reads the configuration and opens the database. The failure has all problems of the variables.
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
    Ok((AdminStore::new(database, groups_column), PasswordHasher::new(argon2, cores(), None)))
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// All users, in the order of their ids.
pub(crate) async fn all_users(store: &AdminStore) -> Result<Vec<UserRow>, Failure> {
    let mut rows: Vec<UserRow> = Vec::new();
    loop {
        let page = store.page(rows.last().map(|row| &*row.user.id), USERS_PER_PAGE).await?;
        let is_full = page.len() >= USERS_PER_PAGE as usize;
        rows.extend(page);
        if !is_full {
            return Ok(rows);
        }
        // The next page begins after the last id.
        if rows.last().is_none_or(|row| row.user.id.is_empty()) {
            return Err(Failure::because("the column `id` holds no texts; see auth-admin check"));
        }
    }
}

/// What a hash is computed from.
pub(crate) enum Input {
    /// A password.
    Password(SecretString),
    /// A fast digest of a password.
    Digest(StoredDigest),
    /// A hash, which is kept.
    Hash(String),
}

/// The hash of each input, with its owner, in the order of the inputs.
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
    // Twice as many as cores: no core is idle while a finished hash is being stored.
    stream::iter(inputs).map(hash).buffered(2 * cores())
}
