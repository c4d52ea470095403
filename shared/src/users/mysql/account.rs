//! The database account while its password is rotated.

use std::{
    iter,
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, MySqlConnection, mysql::MySqlConnectOptions};
use thiserror::Error;
use tokio::sync::Mutex;

use super::options::{SESSION, connect_options};
use crate::{
    config::{DatabaseConfig, SecretKind},
    secrets::{ExtraVersions, SecretCache, SecretError, Secrets, Versions},
    users::error_number,
};

/// `ER_ACCESS_DENIED_ERROR` and `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`.
const ACCESS_DENIED: [u16; 2] = [1045, 1698];
/// How long the database is left alone once it has refused all passwords.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);

/// An account whose password may change at any time, before or after its secret does.
pub(super) struct RotatingAccount(SecretCache<Logins>);

impl RotatingAccount {
    /// Fetches the account's secret. The stages beside `AWSCURRENT` are only asked for once
    /// the database has refused that one.
    pub(super) async fn fetch(
        config: DatabaseConfig,
        secrets: &Secrets,
    ) -> Result<Self, SecretError> {
        let source = config.secret().clone();
        let read = move |versions: &Versions| Logins::read(&config, versions);
        let extra = ExtraVersions::PendingAndPrevious;
        secrets.cache(SecretKind::Database, source, extra, read).await.map(Self)
    }

    /// A connection with a password that the database takes: of the known secret, or a newer one.
    pub(super) async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let unavailable = |error| sqlx::Error::Configuration(Box::new(error));
        let logins = self.0.get(SystemTime::now()).await.map_err(unavailable)?;
        let refused = match logins.connect(None).await {
            Err(error) if is_refusal(&error) => error,
            outcome => return outcome,
        };
        let Some(newer) = self.0.newer_than(&logins, SystemTime::now()).await else {
            return Err(refused);
        };
        match newer.connect(Some(&logins)).await {
            // It has nothing that was not tried already.
            Err(error) if was_not_asked(&error) => Err(refused),
            outcome => outcome,
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

struct Login {
    secret: SecretString,
    options: MySqlConnectOptions,
}

/// What the database made of the logins.
#[derive(Default)]
struct Known {
    /// The one that was accepted last.
    accepted: usize,
    /// When all of them were refused, if none was accepted since.
    refused: Option<SystemTime>,
}

impl Logins {
    fn read(config: &DatabaseConfig, versions: &Versions) -> Result<Self, String> {
        let read = |secret: &SecretString| {
            let options = connect_options(config, secret);
            options.map(|options| Login { secret: secret.clone(), options })
        };
        let current = read(&versions.current)?;
        // A rotation may have left anything there, such as nothing but a placeholder.
        let others = [&versions.pending, &versions.previous].into_iter().flatten();
        let others = others.filter_map(|secret| read(secret).ok());
        Ok(Self { all: iter::once(current).chain(others).collect(), known: Mutex::default() })
    }

    /// A connection with the login that was accepted last, or else with the first that is.
    /// Those among `refused`, which have just been tried, are passed over, and none is
    /// tried for a while after all were refused: servers may lock such an account.
    async fn connect(&self, refused: Option<&Self>) -> Result<MySqlConnection, sqlx::Error> {
        let mut refusal = sqlx::Error::Configuration(Box::new(NotAsked));
        let Known { accepted, refused: last_refusal } = *self.known.lock().await;
        let is_recent = |at: SystemTime| at.elapsed().is_ok_and(|age| age < AFTER_REFUSAL);
        if last_refusal.is_some_and(is_recent) {
            return Err(refusal);
        }
        let others = (0..self.all.len()).filter(|index| *index != accepted);
        for index in iter::once(accepted).chain(others) {
            let Login { secret, options } = &self.all[index];
            let is_same = |other: &Login| other.secret.expose_secret() == secret.expose_secret();
            if refused.is_some_and(|refused| refused.all.iter().any(is_same)) {
                continue;
            }
            match MySqlConnection::connect_with(options).await {
                Err(error) if is_refusal(&error) => refusal = error,
                Err(error) => return Err(error),
                Ok(mut connection) => {
                    connection.execute(SESSION).await?;
                    *self.known.lock().await = Known { accepted: index, refused: None };
                    return Ok(connection);
                }
            }
        }
        if !was_not_asked(&refusal) {
            self.known.lock().await.refused = Some(SystemTime::now());
        }
        Err(refusal)
    }
}

/// Whether all passwords were refused, just now or a moment ago.
fn is_refusal(error: &sqlx::Error) -> bool {
    let is_denied = |number| ACCESS_DENIED.contains(&number);
    was_not_asked(error) || error_number(error).is_some_and(is_denied)
}

fn was_not_asked(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Configuration(error) if error.is::<NotAsked>())
}
