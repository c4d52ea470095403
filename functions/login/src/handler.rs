//! The steps of a login: credentials → throttle, user → password → token.

use std::{fmt::Display, sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    http::request::Parts,
    response::Response,
};
use secrecy::ExposeSecret;
use shared::{
    authorization::BasicCredentials,
    password::{HashPermit, Verification},
    respond::{Cause, Refusal, logged_in, refused},
    throttle::{LOGIN_TIMEOUT, ThrottleError, ThrottleKey},
    token::{self, Subject},
    users::User,
};
use tokio::time::timeout;

use crate::LoginState;

/// Exchanges an e-mail and its password for a token.
pub(crate) async fn login(State(state): State<Arc<LoginState>>, request: Request) -> Response {
    let (head, lifetime) = (request.into_parts().0, state.issue.lifetime);
    match log_in(state, &head).await {
        Ok((user, token)) => logged_in(&token, lifetime, &user.id, &head.headers),
        Err((refusal, cause)) => refused(refusal, cause, &head.headers),
    }
}

/// On its own task, so that a client that disconnects ends neither a failed attempt, which must be
/// counted, nor its database connection. The permits bound the number of tasks.
async fn log_in(state: Arc<LoginState>, head: &Parts) -> Result<(User, String), Failure> {
    let credentials = BasicCredentials::from_headers(&head.headers);
    let credentials = credentials.ok_or_else(|| (Refusal::MissingBasic, Cause::default()))?;
    let permit = state.passwords.try_acquire().map_err(unavailable)?;
    let source = state.throttle.source_key(head.extensions.get().copied(), &head.headers);
    let task = tokio::spawn(async move {
        let attempt = authenticate(&state, &credentials, source, &permit);
        timeout(LOGIN_TIMEOUT, attempt).await.unwrap_or_else(|_| {
            let reason = format!("the login took longer than {} s", LOGIN_TIMEOUT.as_secs());
            Err(unavailable(reason))
        })
    });
    task.await.unwrap_or_else(|_| Err(unavailable("the login panicked")))
}

async fn authenticate(
    state: &LoginState,
    credentials: &BasicCredentials,
    source: Option<ThrottleKey>,
    permit: &HashPermit,
) -> Result<(User, String), Failure> {
    // Concurrently, since each may wait for a secret or a connection.
    let (attempt, keys, user) = tokio::join!(
        state.throttle.reserve(&credentials.email, source),
        state.keys.get(SystemTime::now()),
        state.users.find_by_email(&credentials.email)
    );
    let attempt = attempt.map_err(|error| match error {
        ThrottleError::Locked { remaining, .. } => {
            (Refusal::TooManyAttempts(remaining), Cause::new(error))
        }
        ThrottleError::Database(error) => unavailable(error),
    })?;
    let (keys, user) = (keys.map_err(unavailable)?, user.map_err(unavailable)?);
    let stored = user.as_ref().map(|user| user.password.clone());
    let verification = state.passwords.verify(permit, credentials.password.clone(), stored).await;
    let verification = verification.map_err(unavailable)?;
    let reason = if let Verification::Wrong { reason } = verification { reason } else { None };
    let (Verification::Right { replacement }, Some(user)) = (verification, &user) else {
        let user_id = user.map(|user| user.id);
        // Before the response says that the password was wrong.
        for locked in attempt.commit_failure().await.map_err(unavailable)? {
            tracing::warn!(locked, user_id, "authn_login_lock");
        }
        let cause = Cause { user_id: user_id.map(Into::into), reason: reason.map(Into::into) };
        return Err((Refusal::InvalidCredentials, cause));
    };
    attempt.release().await;
    if let Some(hash) = replacement {
        match state.users.replace_hash(user, hash.expose_secret()).await {
            Ok(true) => tracing::info!(user_id = user.id, "authn_password_rehashed"),
            // The stored hash has changed since.
            Ok(false) => {}
            // Does not fail the login: the next one tries again.
            Err(error) => {
                tracing::warn!(user_id = user.id, %error, "the new password hash was not stored");
            }
        }
    }
    let User { id, email, admin, groups, .. } = user;
    let subject = Subject { id, username: email, admin: *admin, groups };
    let token = token::issue(&keys, &state.issue, subject, SystemTime::now());
    Ok((user.clone(), token.map_err(unavailable)?))
}

/// Why there is no token: the response to the client, and the cause for the log.
type Failure = (Refusal, Cause);

/// A dependency is unreachable, or too many logins wait.
fn unavailable(error: impl Display) -> Failure {
    (Refusal::ServiceUnavailable, Cause::new(error))
}
