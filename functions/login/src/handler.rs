//! The way of a request: credentials → throttle, user → password → token.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    http::request::Parts,
    response::Response,
};
use secrecy::ExposeSecret;
use shared::{
    authorization::{BasicCredentials, MissingCredentials},
    keys::SigningFailed,
    password::{AdmittedCheck, HashingError, Verification},
    respond::{Cause, Refusal, logged_in, refused},
    secrets::SecretError,
    throttle::{self, Attempt, CHECK_LIMIT, ThrottleError},
    token::{IssuedToken, Subject},
    users::{StoreError, User},
};
use thiserror::Error;

use crate::LoginState;

/// Log in
///
/// Takes an e-mail and its password and answers a token: as plain text, or as JSON for a
/// request that accepts JSON and not plain text. Bodies mean nothing. `login` answers this
/// path, and the same on `/`, the root of a function URL.
pub(crate) async fn login(State(state): State<Arc<LoginState>>, request: Request) -> Response {
    let head = request.into_parts().0;
    match log_in(state, &head).await {
        Ok((user, token)) => logged_in(&token, &user.id, &head.headers),
        Err(failure) => refused(failure.refusal(), failure.cause(), &head.headers),
    }
}

/// On a task of its own: a client that hangs up ends neither the login, which may be a guess
/// that has to count, nor the database connection that it is using. Such tasks are bounded by
/// the check that each was admitted with, and keep nothing of the request but what they need.
async fn log_in(state: Arc<LoginState>, head: &Parts) -> Result<(User, IssuedToken), Failure> {
    let credentials = BasicCredentials::from_headers(&head.headers)?;
    let check = state.passwords.admit()?;
    let source = state.throttle.source(head.extensions.get().copied(), &head.headers);
    let login = tokio::spawn(async move {
        let login = authenticate(&state, &credentials, source, &check);
        tokio::time::timeout(CHECK_LIMIT, login).await.unwrap_or(Err(Failure::Timeout))
    });
    login.await.unwrap_or(Err(Failure::Panic))
}

async fn authenticate(
    state: &LoginState,
    credentials: &BasicCredentials,
    source: Option<throttle::Subject>,
    check: &AdmittedCheck,
) -> Result<(User, IssuedToken), Failure> {
    // At once, since each may have to wait: for a secret, or for a connection.
    let (attempt, keys, user) = tokio::join!(
        state.throttle.reserve(credentials.user_id(), source),
        state.tokens.keys(SystemTime::now()),
        state.users.find_by_email(credentials.user_id())
    );
    let (attempt, keys, user) = (attempt?, keys?, user?);
    let stored = user.as_ref().map(|user| user.password.clone());
    let verification = check.verify(credentials.password().clone(), stored).await?;
    let (Verification::Right { replacement }, Some(user)) = (verification, &user) else {
        let user_id = user.map(|user| user.id);
        commit_failure(attempt, user_id.as_deref()).await?;
        return Err(Failure::WrongCredentials { user_id });
    };
    attempt.release().await;
    if let Some(hash) = replacement {
        store_replacement(state, user, hash.expose_secret()).await;
    }
    let subject = Subject { id: &user.id, username: &user.email, admin: user.admin };
    let token = state.tokens.issue(&keys, subject, SystemTime::now())?;
    Ok((user.clone(), token))
}

/// Before the client is told that the password was wrong.
async fn commit_failure(attempt: Attempt, user_id: Option<&str>) -> Result<(), StoreError> {
    for locked in attempt.commit_failure().await? {
        tracing::warn!(locked, user_id, "authn_login_lock");
    }
    Ok(())
}

/// The password was right: that the better hash cannot be stored is no reason to
/// refuse it. The next login tries again.
async fn store_replacement(state: &LoginState, user: &User, hash: &str) {
    match state.users.replace_hash(user, hash).await {
        Ok(true) => tracing::info!(user_id = user.id, "authn_password_rehashed"),
        // Another password was set, or another login was faster.
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
    Throttle(#[from] ThrottleError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Keys(#[from] SecretError),
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    #[error("the login took longer than {} s", CHECK_LIMIT.as_secs())]
    Timeout,
    #[error("the login panicked")]
    Panic,
}

impl Failure {
    fn refusal(&self) -> Refusal {
        match self {
            Self::MissingCredentials(_) => Refusal::MissingBasic,
            Self::WrongCredentials { .. } => Refusal::InvalidCredentials,
            Self::Throttle(ThrottleError::Locked { remaining, .. }) => {
                Refusal::TooManyAttempts(*remaining)
            }
            Self::Throttle(ThrottleError::Store(_))
            | Self::Store(_)
            | Self::Hashing(_)
            | Self::Keys(_)
            | Self::Signing(_)
            | Self::Timeout
            | Self::Panic => Refusal::ServiceUnavailable,
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
