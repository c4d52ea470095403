//! The way of a request: credentials → throttle, user → password → token.

use std::{error::Error, sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    http::request::Parts,
    response::Response,
};
use secrecy::ExposeSecret;
use shared::{
    authorization::BasicCredentials,
    password::{AdmittedCheck, Verification},
    respond::{Cause, Refusal, logged_in, refused},
    throttle::{self, CHECK_LIMIT, ThrottleError},
    token::{self, Subject},
    users::User,
};
use tokio::time::timeout;

use crate::LoginState;

/// Takes an e-mail and its password and answers a token.
pub(crate) async fn login(State(state): State<Arc<LoginState>>, request: Request) -> Response {
    let (head, lifetime) = (request.into_parts().0, state.token.lifetime);
    match log_in(state, &head).await {
        Ok((user, token)) => logged_in(&token, lifetime, &user.id, &head.headers),
        Err(Failure(refusal, cause)) => refused(refusal, cause, &head.headers),
    }
}

/// On a task of its own: a client that hangs up ends neither the login, which may be a guess that
/// has to count, nor its database connection. The admitted checks bound the number of such tasks.
async fn log_in(state: Arc<LoginState>, head: &Parts) -> Result<(User, String), Failure> {
    let credentials = BasicCredentials::from_headers(&head.headers);
    let missing = || Failure(Refusal::MissingBasic, Cause::default());
    let credentials = credentials.ok_or_else(missing)?;
    let check = state.passwords.admit()?;
    let source = state.throttle.source(head.extensions.get().copied(), &head.headers);
    let login = tokio::spawn(async move {
        let login = authenticate(&state, &credentials, source, &check);
        timeout(CHECK_LIMIT, login).await.unwrap_or_else(|_| {
            let reason = format!("the login took longer than {} s", CHECK_LIMIT.as_secs());
            Err(Failure(Refusal::ServiceUnavailable, Cause::new(reason)))
        })
    });
    let panicked = |_| Err(Failure(Refusal::ServiceUnavailable, Cause::new("the login panicked")));
    login.await.unwrap_or_else(panicked)
}

async fn authenticate(
    state: &LoginState,
    credentials: &BasicCredentials,
    source: Option<throttle::ThrottleKey>,
    check: &AdmittedCheck,
) -> Result<(User, String), Failure> {
    // At once, since each may have to wait: for a secret, or for a connection.
    let (attempt, keys, user) = tokio::join!(
        state.throttle.reserve(&credentials.user_id, source),
        state.keys.get(SystemTime::now()),
        state.users.find_by_email(&credentials.user_id)
    );
    let (attempt, keys, user) = (attempt.map_err(throttled)?, keys?, user?);
    let stored = user.as_ref().map(|user| user.password.clone());
    let verification = check.verify(credentials.password.clone(), stored).await?;
    let (Verification::Right { replacement }, Some(user)) = (verification, &user) else {
        let user_id = user.map(|user| user.id);
        // Before the client is told that the password was wrong.
        for locked in attempt.commit_failure().await? {
            tracing::warn!(locked, user_id, "authn_login_lock");
        }
        return Err(Failure(
            Refusal::InvalidCredentials,
            Cause { user_id: user_id.map(Into::into), reason: None },
        ));
    };
    attempt.release().await;
    if let Some(hash) = replacement {
        store_replacement(state, user, hash.expose_secret()).await;
    }
    let subject = Subject { id: &user.id, username: &user.email, admin: user.admin };
    let token = token::issue(&keys, &state.token, subject, SystemTime::now())?;
    Ok((user.clone(), token))
}

/// The password was right, whether or not the better hash can be stored: the next login tries again.
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

/// Why there is no token: what the client is answered, and what the log is told.
struct Failure(Refusal, Cause);

/// What a login needs is out of reach, or too many wait.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Refusal::ServiceUnavailable, Cause::new(error))
    }
}

fn throttled(error: ThrottleError) -> Failure {
    match error {
        ThrottleError::Locked { remaining, .. } => {
            Failure(Refusal::TooManyAttempts(remaining), Cause::new(error))
        }
        ThrottleError::Store(error) => error.into(),
    }
}
