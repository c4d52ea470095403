//! What `validate` is made of, once it has started.

use shared::{
    config::{Problem, Reader, SecretSource, SecretsConfig, TokenConfig},
    keys::{KeyUse, Keys},
    secrets::{SecretCache, Secrets},
    serve::Platform,
    token::TokenVerifier,
};

/// What `validate` reads from the environment.
#[derive(Debug)]
pub struct ValidateConfig {
    keys: SecretSource,
    secrets: SecretsConfig,
    token: TokenConfig,
}

impl ValidateConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            keys: SecretSource::of_keys(reader),
            secrets: SecretsConfig::read(reader),
            token: TokenConfig::read(reader),
        }
    }
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub struct ValidateState {
    pub(crate) tokens: TokenVerifier,
    pub(crate) keys: SecretCache<Keys>,
    secrets: Secrets,
    /// `JWT_ISSUER`, where it is a URL that others can look keys up at.
    pub(crate) issuer: Option<String>,
}

impl ValidateState {
    /// The state around keys, for tokens as `config` demands them.
    #[must_use]
    pub fn new(keys: impl Into<SecretCache<Keys>>, config: TokenConfig) -> Self {
        let keys = keys.into();
        let is_url = |name: &String| ["https://", "http://"].iter().any(|it| name.starts_with(it));
        let issuer = config.issuer.clone().filter(is_url);
        let tokens = TokenVerifier::new(keys.clone(), config);
        Self { tokens, keys, secrets: Secrets::default(), issuer }
    }

    /// Fetches the keys.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if there is no such secret, or it holds no keys.
    pub async fn start(config: ValidateConfig, platform: Platform) -> Result<Self, Problem> {
        let secrets = Secrets::new(config.secrets).deferred(platform.door.takes_snapshot());
        let keys = Keys::fetch(config.keys, KeyUse::Verify, &secrets).await?;
        Ok(Self { secrets, ..Self::new(keys, config.token) })
    }

    /// The keys, for whoever watches whether they are there.
    #[must_use]
    pub fn keys(&self) -> SecretCache<Keys> {
        self.keys.clone()
    }

    /// The secrets, for whoever watches how old they are.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }
}
