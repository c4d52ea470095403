//! What `validate` is made of, once it has started.

use std::sync::Arc;

use shared::{
    config::{KeyConfig, Problem, Reader, TokenConfig},
    keys::Keys,
    secrets::Secrets,
    token::TokenVerifier,
};

/// What `validate` reads from the environment.
#[derive(Debug)]
pub struct ValidateConfig {
    keys: KeyConfig,
    token: TokenConfig,
}

impl ValidateConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let keys = KeyConfig::read(reader);
        let token = TokenConfig::read(reader);
        Some(Self { keys: keys?, token: token? })
    }
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub struct ValidateState {
    pub(crate) tokens: TokenVerifier,
}

impl ValidateState {
    /// The state around a verifier.
    #[must_use]
    pub fn new(tokens: TokenVerifier) -> Self {
        Self { tokens }
    }

    /// Fetches the key.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if the key cannot be had or used.
    pub async fn start(config: ValidateConfig) -> Result<Self, Problem> {
        let keys = Keys::load(&config.keys, &Secrets::default()).await?;
        Ok(Self::new(TokenVerifier::new(Arc::new(keys), config.token)))
    }
}
