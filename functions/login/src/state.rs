//! What `login` is made of, once it has started.

use std::sync::Arc;

use shared::{
    config::{
        Argon2Config, DatabaseConfig, KeyConfig, Problem, Reader, SecretsConfig, TokenConfig,
    },
    keys::{KeyUse, Keys},
    password::PasswordHasher,
    secrets::{SecretCache, Secrets},
    serve::Platform,
    token::TokenIssuer,
    users::{self, UserStore},
};

/// What `login` reads from the environment.
#[derive(Debug)]
pub struct LoginConfig {
    keys: KeyConfig,
    secrets: SecretsConfig,
    token: TokenConfig,
    database: DatabaseConfig,
    argon2: Argon2Config,
}

impl LoginConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let keys = KeyConfig::read(reader);
        let secrets = SecretsConfig::read(reader);
        let token = TokenConfig::read(reader);
        let database = DatabaseConfig::read(reader);
        let argon2 = Argon2Config::read(reader);
        Some(Self {
            keys: keys?,
            secrets: secrets?,
            token: token?,
            database: database?,
            argon2: argon2?,
        })
    }
}

/// What a request is answered with.
#[derive(Clone)]
pub struct LoginState {
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) passwords: PasswordHasher,
    pub(crate) tokens: TokenIssuer,
    keys: SecretCache<Keys>,
}

impl LoginState {
    /// The state around a store, a hasher and keys, for tokens as `config` describes them.
    #[must_use]
    pub fn new(
        users: Arc<dyn UserStore>,
        passwords: PasswordHasher,
        keys: impl Into<SecretCache<Keys>>,
        config: TokenConfig,
    ) -> Self {
        let keys = keys.into();
        Self { users, passwords, tokens: TokenIssuer::new(keys.clone(), config), keys }
    }

    /// Fetches both secrets at once; the database is connected to at the first login.
    ///
    /// # Errors
    ///
    /// A [`Problem`] for each secret that is not there or cannot be used.
    pub async fn start(config: LoginConfig, platform: Platform) -> Result<Self, Vec<Problem>> {
        let secrets = Secrets::new(config.secrets).deferred(platform.door.takes_snapshot());
        let (keys, users) = tokio::join!(
            Keys::fetch(config.keys, KeyUse::Sign, &secrets),
            users::open(config.database, &secrets, platform.connections),
        );
        match (keys, users) {
            (Ok(keys), Ok(users)) => Ok(Self::new(
                users,
                PasswordHasher::new(config.argon2, platform.hashes),
                keys,
                config.token,
            )),
            (keys, users) => {
                Err(keys.err().into_iter().chain(users.err().map(Problem::from)).collect())
            }
        }
    }

    /// The keys, for whoever watches whether they are there.
    #[must_use]
    pub fn keys(&self) -> SecretCache<Keys> {
        self.keys.clone()
    }

    /// The store, for whoever watches its health.
    #[must_use]
    pub fn users(&self) -> Arc<dyn UserStore> {
        Arc::clone(&self.users)
    }
}
