//! The way of a request: credentials → user → password → token.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use secrecy::ExposeSecret;
use shared::{
    authorization::{BasicCredentials, MissingCredentials},
    keys::SigningFailed,
    password::{HashingError, Verification},
    respond::{Cause, Refusal, logged_in, refused},
    secrets::SecretError,
    token::{IssuedToken, Subject},
    users::{StoreError, User},
};
use thiserror::Error;

use crate::LoginState;

pub(crate) async fn login(State(state): State<LoginState>, request: Request) -> Response {
    let headers = Arc::new(request.into_parts().0.headers);
    // On a task of its own: a client that hangs up ends neither the login, which may be a
    // guess that has to count, nor the database connection that it is using.
    let login = tokio::spawn({
        let headers = Arc::clone(&headers);
        async move { authenticate(&state, &headers).await }
    });
    match login.await.unwrap_or(Err(Failure::Panic)) {
        Ok((user, token)) => logged_in(&token, &user.id, &headers),
        Err(failure) => refused(failure.refusal(), failure.cause(), &headers),
    }
}

async fn authenticate(
    state: &LoginState,
    headers: &HeaderMap,
) -> Result<(User, IssuedToken), Failure> {
    let credentials = BasicCredentials::from_headers(headers)?;
    // At once, since either may have to wait for its secret.
    let (keys, user) = tokio::join!(
        state.tokens.keys(SystemTime::now()),
        state.users.find_by_email(credentials.user_id())
    );
    let (keys, user) = (keys?, user?);
    let stored = user.as_ref().map(|user| user.password.clone());
    let verification = state.passwords.verify(credentials.password().clone(), stored).await?;
    let (Verification::Right { replacement }, Some(user)) = (verification, &user) else {
        return Err(Failure::WrongCredentials { user_id: user.map(|user| user.id) });
    };
    if let Some(hash) = replacement {
        store_replacement(state, user, hash.expose_secret()).await;
    }
    let subject = Subject { id: &user.id, username: &user.email, admin: user.admin };
    let token = state.tokens.issue(&keys, subject, SystemTime::now())?;
    Ok((user.clone(), token))
}

/// The password was right: that the better hash cannot be stored is no reason to
/// refuse it. The next login tries again.
async fn store_replacement(state: &LoginState, user: &User, hash: &str) {
    match state.users.replace_hash(user, hash).await {
        Ok(true) => tracing::info!(user_id = user.id, "authn_password_rehashed"),
        // Somebody has set another password, or another login was faster.
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(user_id = user.id, %error, "the new password hash was not stored");
        }
    }
}

/// Why there is no token.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    MissingCredentials(#[from] MissingCredentials),
    #[error("invalid credentials")]
    WrongCredentials { user_id: Option<String> },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Keys(#[from] SecretError),
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    #[error("the login panicked")]
    Panic,
}

impl Failure {
    fn refusal(&self) -> Refusal {
        match self {
            Self::MissingCredentials(_) => Refusal::MissingBasic,
            Self::WrongCredentials { .. } => Refusal::InvalidCredentials,
            Self::Store(_) | Self::Hashing(_) | Self::Keys(_) | Self::Signing(_) | Self::Panic => {
                Refusal::ServiceUnavailable
            }
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::MissingCredentials(_) => Cause::default(),
            Self::WrongCredentials { user_id } => Cause { user_id, reason: None },
            failure => Cause::new(failure),
        }
    }
}
