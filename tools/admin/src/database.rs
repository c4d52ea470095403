//! The database and the other settings of a command: the same variables as those of `login`.

use std::sync::Arc;

use shared::{
    config::{Argon2Config, DatabaseConfig, ProcessEnvironment, Reader},
    secrets::Secrets,
    users::{self, Database, UserDirectory, UserRow},
};

use crate::{answer::Failure, hashing::Hashing};

/// One command, one statement after another.
const CONNECTIONS: u32 = 1;
/// Some hundred KiB, and a query that takes milliseconds.
const USERS_PER_PAGE: u32 = 500;

/// The users.
pub(crate) type Users = Arc<dyn UserDirectory>;

/// Reads the environment: all of what a command needs, or all that is wrong with it.
pub(crate) fn read<T>(read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, Failure> {
    let mut reader = Reader::new(&ProcessEnvironment);
    let config = read(&mut reader);
    reader.finish(config).map_err(|problems| Failure::configuration(&problems))
}

/// The database itself, for commands about more than its users.
pub(crate) async fn database() -> Result<Database, Failure> {
    open(read(DatabaseConfig::read)?).await
}

/// The users, for commands that hash nothing.
pub(crate) async fn users() -> Result<Users, Failure> {
    Ok(database().await?.users())
}

/// The users, and what hashes their passwords.
pub(crate) async fn users_and_hashing() -> Result<(Users, Hashing), Failure> {
    let (database, argon2) = read(|reader| {
        let database = DatabaseConfig::read(reader);
        let argon2 = Argon2Config::read(reader);
        Some((database?, argon2?))
    })?;
    Ok((open(database).await?.users(), Hashing::new(argon2)))
}

async fn open(config: DatabaseConfig) -> Result<Database, Failure> {
    let opened = users::open(config, &Secrets::default(), CONNECTIONS).await;
    opened.map_err(|error| Failure::configuration(&[error.into()]))
}

/// Gives every page of users to `visit`, in the order of their ids.
pub(crate) async fn each_page(
    users: &dyn UserDirectory,
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
