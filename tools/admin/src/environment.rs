//! What a command needs from the environment: the same variables as `login`.

use std::sync::Arc;

use shared::{
    config::{Argon2Config, DatabaseConfig, ProcessEnvironment, Reader},
    secrets::Secrets,
    users::{self, Database, UserDirectory},
};

use crate::{answer::Failure, hashing::Hashing};

/// One command, one statement after another.
const CONNECTIONS: u32 = 1;

/// The users.
pub(crate) type Users = Arc<dyn UserDirectory>;

/// Reads the environment: all of what a command needs, or all that is wrong with it.
pub(crate) fn read<T>(read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, Failure> {
    let mut reader = Reader::new(&ProcessEnvironment);
    let config = read(&mut reader);
    reader.finish(config).map_err(Failure::Configuration)
}

/// The users, for commands that hash nothing.
pub(crate) async fn users() -> Result<Users, Failure> {
    open(read(DatabaseConfig::read)?).await
}

/// The users, and what hashes their passwords.
pub(crate) async fn users_and_hashing() -> Result<(Users, Hashing), Failure> {
    let (database, argon2) = read(|reader| {
        let database = DatabaseConfig::read(reader);
        let argon2 = Argon2Config::read(reader);
        Some((database?, argon2?))
    })?;
    Ok((open(database).await?, Hashing::new(argon2)))
}

/// The database itself, for commands about more than its users.
pub(crate) async fn database() -> Result<Database, Failure> {
    open_database(read(DatabaseConfig::read)?).await
}

async fn open(config: DatabaseConfig) -> Result<Users, Failure> {
    Ok(open_database(config).await?.users())
}

async fn open_database(config: DatabaseConfig) -> Result<Database, Failure> {
    let opened = users::open(config, &Secrets::default(), CONNECTIONS).await;
    opened.map_err(|error| Failure::Configuration(vec![error.into()]))
}
