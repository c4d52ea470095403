//! The database account while its password is rotated.

use std::{
    iter,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection, Executor, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlDatabaseError},
};
use thiserror::Error;

use super::options::{SESSION, connect_options};
use crate::{
    config::{DatabaseConfig, SecretKind},
    secrets::{Beside, SecretCache, SecretError, Secrets, Versions},
};

/// `ER_ACCESS_DENIED_ERROR` and `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`.
const ACCESS_DENIED: [u16; 2] = [1045, 1698];
/// How long the database is left alone once it has refused all passwords.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);

/// An account whose password may change at any time, before or after its secret does.
pub(super) struct RotatingAccount {
    logins: SecretCache<Logins>,
}

impl RotatingAccount {
    /// Fetches the account's secret. The stages beside `AWSCURRENT` are only asked for once
    /// the database has refused that one.
    pub(super) async fn fetch(
        config: DatabaseConfig,
        secrets: &Secrets,
    ) -> Result<Self, SecretError> {
        let source = config.secret().clone();
        let read = move |versions: &Versions| Logins::read(&config, versions);
        let logins = secrets.cache(SecretKind::Database, source, Beside::AllOnDemand, read).await?;
        Ok(Self { logins })
    }

    /// A connection with a password that the database takes: of the secret as it is known, or of
    /// a newer one.
    pub(super) async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let unavailable = |error| sqlx::Error::Configuration(Box::new(error));
        let logins = self.logins.get(SystemTime::now()).await.map_err(unavailable)?;
        let refused = match logins.connect(None).await {
            Err(error) if is_refusal(&error) => error,
            outcome => return outcome,
        };
        match self.logins.newer_than(&logins, SystemTime::now()).await {
            None => Err(refused),
            Some(newer) => match newer.connect(Some(&logins)).await {
                // It has nothing that was not tried already.
                Err(error) if was_not_asked(&error) => Err(refused),
                outcome => outcome,
            },
        }
    }
}

/// No password is left to be tried.
#[derive(Debug, Error)]
#[error("it has just refused the account, and is not asked again")]
struct NotAsked;

/// The ways to log in that a secret offers.
struct Logins {
    /// In the order in which they are tried: current, pending, previous.
    all: Vec<Login>,
    known: Mutex<Known>,
}

/// What the database made of the logins.
#[derive(Default)]
struct Known {
    /// The one that was accepted last.
    accepted: usize,
    /// When all of them were refused, if none was accepted since.
    refused: Option<SystemTime>,
}

struct Login {
    secret: SecretString,
    options: MySqlConnectOptions,
}

impl Login {
    fn read(config: &DatabaseConfig, secret: &SecretString) -> Result<Self, String> {
        Ok(Self { secret: secret.clone(), options: connect_options(config, secret)? })
    }

    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = MySqlConnection::connect_with(&self.options).await?;
        connection.execute(SESSION).await?;
        Ok(connection)
    }
}

impl Logins {
    fn read(config: &DatabaseConfig, versions: &Versions) -> Result<Self, String> {
        let current = Login::read(config, &versions.current)?;
        // A rotation may have left anything there, such as nothing but a placeholder.
        let others = [&versions.pending, &versions.previous].into_iter().flatten();
        let others = others.filter_map(|secret| Login::read(config, secret).ok());
        Ok(Self { all: iter::once(current).chain(others).collect(), known: Mutex::default() })
    }

    /// A connection with the login that was accepted last, or else with the first that is.
    /// Those among `refused`, which have just been tried, are passed over, and none is
    /// tried for a while after all were refused: servers may lock such an account.
    async fn connect(&self, refused: Option<&Self>) -> Result<MySqlConnection, sqlx::Error> {
        let mut refusal = sqlx::Error::Configuration(Box::new(NotAsked));
        let Known { accepted, refused: last_refusal } = *self.known();
        let is_recent = |at: SystemTime| at.elapsed().is_ok_and(|age| age < AFTER_REFUSAL);
        if last_refusal.is_some_and(is_recent) {
            return Err(refusal);
        }
        let others = (0..self.all.len()).filter(|index| *index != accepted);
        for index in iter::once(accepted).chain(others) {
            let login = &self.all[index];
            if refused.is_some_and(|refused| refused.contains(login)) {
                continue;
            }
            match login.connect().await {
                Err(error) if is_refusal(&error) => refusal = error,
                Err(error) => return Err(error),
                Ok(connection) => {
                    *self.known() = Known { accepted: index, refused: None };
                    return Ok(connection);
                }
            }
        }
        if !was_not_asked(&refusal) {
            self.known().refused = Some(SystemTime::now());
        }
        Err(refusal)
    }

    fn contains(&self, login: &Login) -> bool {
        let secret = login.secret.expose_secret();
        self.all.iter().any(|own| own.secret.expose_secret() == secret)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether all passwords were refused, just now or a moment ago.
fn is_refusal(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    let mysql = database.and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    was_not_asked(error) || mysql.is_some_and(|error| ACCESS_DENIED.contains(&error.number()))
}

fn was_not_asked(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Configuration(error) if error.is::<NotAsked>())
}
