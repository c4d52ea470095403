//! The database account while its password is rotated.

use std::{
    iter,
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, MySqlConnection, mysql::MySqlConnectOptions};
use thiserror::Error;
use tokio::sync::Mutex;

use super::{
    error_number,
    options::{SESSION, connect_options},
};
use crate::{
    config::DatabaseConfig,
    secrets::{SecretCache, Stage, Versions},
};

/// `ER_ACCESS_DENIED_ERROR` and `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`.
const ACCESS_DENIED: [u16; 2] = [1045, 1698];
/// How long no password is tried after the database has refused all of them.
const REFUSAL_COOLDOWN: Duration = Duration::from_secs(2);

/// Makes connections with an account whose password may change at any time, before or after its
/// secret does.
pub(super) struct ConnectionManager(pub(super) SecretCache<Passwords>);

impl ConnectionManager {
    /// The database and its account, for messages. Their names come with the secret.
    pub(super) fn describe(&self) -> String {
        let Some(passwords) = self.0.peek() else { return "the database".to_owned() };
        let (_, options) = &passwords.all[0];
        let (host, port, user) = (options.get_host(), options.get_port(), options.get_username());
        format!("the database at {host}:{port} (account {user})")
    }

    /// A connection with a password that the database accepts: of the cached secret, or a newer one.
    pub(super) async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let unavailable = |error| sqlx::Error::Configuration(Box::new(error));
        let passwords = self.0.get(SystemTime::now()).await.map_err(unavailable)?;
        let refused = match passwords.connect(None).await {
            Err(error) if is_denied(&error) => error,
            outcome => return outcome,
        };
        let Some(newer) = self.0.force_refresh(&passwords, SystemTime::now()).await else {
            return Err(refused);
        };
        match newer.connect(Some(&passwords)).await {
            // All its passwords were refused before.
            Err(error) if is_cooldown(&error) => Err(refused),
            outcome => outcome,
        }
    }
}

/// No password was tried, since all were refused a moment ago with these words.
#[derive(Debug, Error)]
#[error("it has just refused the account, and is not asked again: {0}")]
struct RefusalCooldown(String);

/// The passwords of one secret.
pub(super) struct Passwords {
    /// In the order in which they are tried: current, pending, previous.
    all: Vec<(SecretString, MySqlConnectOptions)>,
    last_attempt: Mutex<LastAttempt>,
}

#[derive(Clone, Default)]
struct LastAttempt {
    /// The index of the password that was accepted last.
    accepted: usize,
    /// When all of them were refused and in which words, if none was accepted since.
    refusal: Option<(SystemTime, String)>,
}

impl Passwords {
    pub(super) fn read(config: &DatabaseConfig, versions: &Versions) -> Result<Self, String> {
        let read = |secret: &SecretString| {
            connect_options(config, secret).map(|options| (secret.clone(), options))
        };
        let current = read(&versions[&Stage::Current])?;
        // A rotation may have left anything there, such as a placeholder.
        let others = versions.values().skip(1).filter_map(|secret| read(secret).ok());
        let all = iter::once(current).chain(others).collect();
        Ok(Self { all, last_attempt: Mutex::default() })
    }

    /// A connection with the password that was accepted last, or else with the first that is.
    /// Those among `refused`, which have just been tried, are skipped, and none is tried for
    /// [`REFUSAL_COOLDOWN`] after all were refused: servers may lock such an account.
    async fn connect(&self, refused: Option<&Self>) -> Result<MySqlConnection, sqlx::Error> {
        let LastAttempt { accepted, refusal } = self.last_attempt.lock().await.clone();
        let (at, words) = refusal.unwrap_or((SystemTime::UNIX_EPOCH, String::new()));
        let mut refusal = sqlx::Error::Configuration(Box::new(RefusalCooldown(words)));
        if at.elapsed().is_ok_and(|age| age < REFUSAL_COOLDOWN) {
            return Err(refusal);
        }
        let others = (0..self.all.len()).filter(|index| *index != accepted);
        for index in iter::once(accepted).chain(others) {
            let (secret, options) = &self.all[index];
            let mut tried = refused.into_iter().flat_map(|passwords| &passwords.all);
            if tried.any(|(other, _)| other.expose_secret() == secret.expose_secret()) {
                continue;
            }
            match MySqlConnection::connect_with(options).await {
                Err(error) if is_denied(&error) => refusal = error,
                Err(error) => return Err(error),
                Ok(mut connection) => {
                    connection.execute(SESSION).await?;
                    *self.last_attempt.lock().await =
                        LastAttempt { accepted: index, refusal: None };
                    return Ok(connection);
                }
            }
        }
        if !is_cooldown(&refusal) {
            let words = (SystemTime::now(), refusal.to_string());
            self.last_attempt.lock().await.refusal = Some(words);
        }
        Err(refusal)
    }
}

/// Whether all passwords were refused, just now or a moment ago.
fn is_denied(error: &sqlx::Error) -> bool {
    is_cooldown(error) || error_number(error).is_some_and(|it| ACCESS_DENIED.contains(&it))
}

pub(super) fn is_cooldown(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Configuration(error) if error.is::<RefusalCooldown>())
}
