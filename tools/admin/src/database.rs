//! The users of the database, a page at a time, and hashing on all cores; set by the same
//! variables as `login`.

use std::{num::NonZero, sync::Arc};

use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;
use shared::{
    config::{Argon2Config, DatabaseConfig, ProcessEnvironment, Reader},
    password::{HashingError, PasswordHasher, StoredDigest},
    secrets::Secrets,
    users::{self, Database, UserDirectory, UserRow},
};
use tokio::task::JoinSet;

use crate::answer::Failure;

/// One command, one statement after another.
const CONNECTIONS: u32 = 1;
/// Some hundred KiB, and a query that takes milliseconds.
const USERS_PER_PAGE: u32 = 500;
/// For each computation that runs, one more waits: no core is idle while a finished
/// hash is being stored.
const UNDER_WAY_PER_CORE: usize = 2;

/// The users.
pub(crate) type Users = Arc<dyn UserDirectory>;

/// Reads the environment: all of what a command needs, or all that is wrong with it.
fn read<T>(read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, Failure> {
    let mut reader = Reader::new(&ProcessEnvironment);
    let config = read(&mut reader);
    reader.finish(config).map_err(|problems| Failure::configuration(&problems))
}

async fn open(config: DatabaseConfig) -> Result<Database, Failure> {
    let opened = users::open(config, &Secrets::default(), CONNECTIONS).await;
    opened.map_err(|error| Failure::configuration(&[error.into()]))
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

/// What a hash is made of.
pub(crate) enum Input {
    /// A password.
    Password(SecretString),
    /// The digest of one.
    Digest(StoredDigest),
    /// Nothing: it is one already.
    Hash(String),
}

/// Makes new hashes with the configured parameters.
#[derive(Debug, Clone)]
pub(crate) struct Hashing {
    hasher: PasswordHasher,
    cores: usize,
}

impl Hashing {
    /// As many hashes at once as there are cores.
    pub(crate) fn new(config: Argon2Config) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { hasher: PasswordHasher::new(config, cores), cores }
    }

    /// A PHC string of one password.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, HashingError> {
        self.hasher.hash(password).await
    }

    /// Hashes many inputs and gives each hash to `done`, with what it was for, in the order
    /// in which they get ready.
    ///
    /// After a failure nothing more is begun.
    pub(crate) async fn hash_each<T: Send + 'static>(
        &self,
        inputs: impl IntoIterator<Item = (T, Input)>,
        mut done: impl AsyncFnMut(T, String) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut inputs = inputs.into_iter();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < self.cores * UNDER_WAY_PER_CORE
                && let Some((owner, input)) = inputs.next()
            {
                let hasher = self.hasher.clone();
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
}

/// How many of `total` hashes are made, on standard error if that is a terminal.
pub(crate) fn progress(total: u64) -> ProgressBar {
    let template = "hashed {human_pos} of {human_len} {wide_bar} {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is right");
    ProgressBar::new(total).with_style(style)
}
