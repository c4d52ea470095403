//! The database account while its password is rotated.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::SystemTime,
};

use async_trait::async_trait;
use sqlx::{
    Connection, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlDatabaseError},
};

use super::options::connect_options;
use crate::{
    config::DatabaseConfig,
    secrets::{Recipe, SecretCache, SecretError, Secrets, Stage, Versions},
    users::connections::Account,
};

/// `ER_ACCESS_DENIED_ERROR` and `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`.
const ACCESS_DENIED: [u16; 2] = [1045, 1698];

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
        let recipe = Recipe::new(config.secret().clone(), move |it| Logins::read(&config, it));
        let recipe = recipe.beside_in_need(&[Stage::Pending, Stage::Previous]);
        Ok(Self { logins: secrets.cache(recipe).await? })
    }
}

#[async_trait]
impl Account<MySqlConnection> for RotatingAccount {
    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let now = SystemTime::now();
        let unavailable = |error| sqlx::Error::Configuration(Box::new(error));
        let logins = self.logins.get(now).await.map_err(unavailable)?;
        let refused = match logins.connect().await {
            Err(error) if is_refusal(&error) => error,
            outcome => return outcome,
        };
        match self.logins.newer_than(&logins, now).await {
            Some(newer) => newer.connect().await,
            None => Err(refused),
        }
    }
}

/// The ways to log in that a secret offers.
struct Logins {
    /// In the order in which they are tried: current, pending, previous.
    options: Vec<MySqlConnectOptions>,
    /// The one that was accepted last. Servers may lock an account that is refused often.
    accepted: AtomicUsize,
}

impl Logins {
    fn read(config: &DatabaseConfig, versions: &Versions) -> Result<Self, String> {
        let current = connect_options(config, &versions.current)?;
        // A rotation may have left anything there, such as nothing but a placeholder.
        let others = [&versions.pending, &versions.previous].into_iter().flatten();
        let others = others.filter_map(|secret| connect_options(config, secret).ok());
        let options = std::iter::once(current).chain(others).collect();
        Ok(Self { options, accepted: AtomicUsize::new(0) })
    }

    /// A connection with the login that was accepted last, or else with the first that is.
    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let accepted = self.accepted.load(Ordering::Relaxed);
        let mut outcome = MySqlConnection::connect_with(&self.options[accepted]).await;
        for (index, options) in self.options.iter().enumerate() {
            if !outcome.as_ref().is_err_and(is_refusal) {
                break;
            }
            if index != accepted {
                outcome = MySqlConnection::connect_with(options).await;
                if outcome.is_ok() {
                    self.accepted.store(index, Ordering::Relaxed);
                }
            }
        }
        outcome
    }
}

fn is_refusal(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    let mysql = database.and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    mysql.is_some_and(|error| ACCESS_DENIED.contains(&error.number()))
}
