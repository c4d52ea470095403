//! What `login` is made of, once it has started.

use std::sync::Arc;

use shared::{
    config::{
        Argon2Config, DatabaseConfig, HashLimits, Problem, Reader, SecretSource, SecretsConfig,
        ThrottleConfig, TokenConfig,
    },
    keys::{KeyUse, Keys},
    password::PasswordHasher,
    secrets::{SecretCache, Secrets},
    serve::Platform,
    throttle::{self, Throttle},
    token::TokenIssuer,
    users::UserStore,
};

/// What `login` reads from the environment.
#[derive(Debug)]
pub struct LoginConfig {
    keys: SecretSource,
    secrets: SecretsConfig,
    token: TokenConfig,
    database: DatabaseConfig,
    argon2: Argon2Config,
    hashes: HashLimits,
    throttle: ThrottleConfig,
}

impl LoginConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            keys: SecretSource::of_keys(reader),
            secrets: SecretsConfig::read(reader),
            token: TokenConfig::read(reader),
            database: DatabaseConfig::read(reader),
            argon2: Argon2Config::read(reader),
            hashes: HashLimits::read(reader),
            throttle: ThrottleConfig::read(reader),
        }
    }
}

/// What a request is answered with.
#[derive(Clone)]
pub struct LoginState {
    pub(crate) throttle: Throttle,
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) passwords: PasswordHasher,
    pub(crate) tokens: TokenIssuer,
    keys: SecretCache<Keys>,
    secrets: Secrets,
}

impl LoginState {
    /// The state of a function whose parts are made already, for tokens as `config`
    /// describes them.
    #[must_use]
    pub fn new(
        users: Arc<dyn UserStore>,
        throttle: Throttle,
        passwords: PasswordHasher,
        keys: impl Into<SecretCache<Keys>>,
        config: TokenConfig,
    ) -> Self {
        let keys = keys.into();
        let tokens = TokenIssuer::new(keys.clone(), config);
        let secrets = Secrets::default();
        Self { throttle, users, passwords, tokens, keys, secrets }
    }

    /// Fetches both secrets at once; the database is connected to at the first login.
    ///
    /// # Errors
    ///
    /// A [`Problem`] for each secret that is not there or cannot be used.
    pub async fn start(config: LoginConfig, platform: Platform) -> Result<Self, Vec<Problem>> {
        let secrets = Secrets::new(config.secrets).deferred(platform.door.takes_snapshot());
        let passwords = PasswordHasher::limited(config.argon2, config.hashes, platform.hashes());
        let (keys, database) = tokio::join!(
            Keys::fetch(config.keys, KeyUse::Sign, &secrets),
            throttle::open(config.database, &secrets, platform.connections()),
        );
        if platform.door.starts_for_a_request() {
            // Now, while the request and the database are waited for; earlier it would hold up
            // the thread that fetches secrets.
            passwords.prepare();
        }
        let (keys, (users, counts)) = match (keys, database) {
            (Ok(keys), Ok(stores)) => (keys, stores),
            (keys, database) => {
                return Err(keys.err().into_iter().chain(database.err()).collect());
            }
        };
        let throttle = Throttle::new(counts, &config.throttle);
        let state = Self::new(users, throttle, passwords, keys, config.token);
        Ok(Self { secrets, ..state })
    }

    /// The keys, to watch whether they are there.
    #[must_use]
    pub fn keys(&self) -> SecretCache<Keys> {
        self.keys.clone()
    }

    /// The secrets, to watch how old they are.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// The store, to watch its health.
    #[must_use]
    pub fn users(&self) -> Arc<dyn UserStore> {
        Arc::clone(&self.users)
    }
}
