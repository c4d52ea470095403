//! The database account while its password is rotated.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection, Executor, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlDatabaseError},
};

use super::options::{SESSION, connect_options};
use crate::{
    config::DatabaseConfig,
    secrets::{Recipe, SecretCache, SecretError, SecretKind, Secrets, Stage, Versions},
    users::connections::Account,
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
        let recipe = Recipe::new(SecretKind::Database, source, move |it| Logins::read(&config, it));
        let recipe = recipe.beside_in_need(&[Stage::Pending, Stage::Previous]);
        Ok(Self { logins: secrets.cache(recipe).await? })
    }
}

#[async_trait]
impl Account<MySqlConnection> for RotatingAccount {
    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let unavailable = |error| sqlx::Error::Configuration(Box::new(error));
        let logins = self.logins.get(SystemTime::now()).await.map_err(unavailable)?;
        let refused = match logins.connect(None).await {
            Err(NoConnection::Refused(refused)) => refused,
            outcome => return outcome.map_err(Into::into),
        };
        let newer = self.logins.newer_than(&logins, SystemTime::now()).await;
        let connected = match newer {
            Some(newer) => newer.connect(Some(&logins)).await,
            None => Err(NoConnection::Refused(None)),
        };
        connected.map_err(|reason| match reason {
            NoConnection::Refused(None) => NoConnection::Refused(refused).into(),
            reason => reason.into(),
        })
    }
}

/// Why there is no connection.
enum NoConnection {
    /// Every password was refused: just now, or a moment ago.
    Refused(Option<sqlx::Error>),
    /// Something else is wrong.
    Failed(sqlx::Error),
}

impl From<NoConnection> for sqlx::Error {
    fn from(reason: NoConnection) -> Self {
        match reason {
            NoConnection::Refused(Some(error)) | NoConnection::Failed(error) => error,
            NoConnection::Refused(None) => Self::Configuration(
                "it has just refused the account, and is not asked again".into(),
            ),
        }
    }
}

/// The ways to log in that a secret offers.
struct Logins {
    /// In the order in which they are tried: current, pending, previous.
    all: Vec<Login>,
    /// The one that was accepted last.
    accepted: AtomicUsize,
    /// When all of them were refused, if none was accepted since.
    refused: Mutex<Option<SystemTime>>,
}

struct Login {
    secret: SecretString,
    options: MySqlConnectOptions,
}

impl Login {
    fn read(config: &DatabaseConfig, secret: &SecretString) -> Result<Self, String> {
        Ok(Self { secret: secret.clone(), options: connect_options(config, secret)? })
    }
}

impl Logins {
    fn read(config: &DatabaseConfig, versions: &Versions) -> Result<Self, String> {
        let current = Login::read(config, &versions.current)?;
        // A rotation may have left anything there, such as nothing but a placeholder.
        let others = [&versions.pending, &versions.previous].into_iter().flatten();
        let others = others.filter_map(|secret| Login::read(config, secret).ok());
        Ok(Self {
            all: std::iter::once(current).chain(others).collect(),
            accepted: AtomicUsize::new(0),
            refused: Mutex::new(None),
        })
    }

    /// A connection with the login that was accepted last, or else with the first that is.
    /// Those among `refused`, which have just been tried, are passed over, and none is
    /// tried for a while after all were refused: servers may lock such an account.
    async fn connect(&self, refused: Option<&Self>) -> Result<MySqlConnection, NoConnection> {
        if self.was_refused() {
            return Err(NoConnection::Refused(None));
        }
        let accepted = self.accepted.load(Ordering::Relaxed);
        let others = (0..self.all.len()).filter(|index| *index != accepted);
        let mut refusal = None;
        for index in std::iter::once(accepted).chain(others) {
            let login = &self.all[index];
            if refused.is_some_and(|refused| refused.contains(login)) {
                continue;
            }
            match session(&login.options).await {
                Err(error) if is_refusal(&error) => refusal = Some(error),
                Err(error) => return Err(NoConnection::Failed(error)),
                Ok(connection) => {
                    self.accepted.store(index, Ordering::Relaxed);
                    *self.refused() = None;
                    return Ok(connection);
                }
            }
        }
        if refusal.is_some() {
            *self.refused() = Some(SystemTime::now());
        }
        Err(NoConnection::Refused(refusal))
    }

    fn contains(&self, login: &Login) -> bool {
        let secret = login.secret.expose_secret();
        self.all.iter().any(|own| own.secret.expose_secret() == secret)
    }

    fn was_refused(&self) -> bool {
        let refused = *self.refused();
        refused.is_some_and(|at| at.elapsed().is_ok_and(|age| age < AFTER_REFUSAL))
    }

    fn refused(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn session(options: &MySqlConnectOptions) -> Result<MySqlConnection, sqlx::Error> {
    let mut connection = MySqlConnection::connect_with(options).await?;
    connection.execute(SESSION).await?;
    Ok(connection)
}

fn is_refusal(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    let mysql = database.and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    mysql.is_some_and(|error| ACCESS_DENIED.contains(&error.number()))
}
