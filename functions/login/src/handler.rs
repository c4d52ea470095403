//! The way of a request: credentials → user → password → token.

use std::time::SystemTime;

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use shared::{
    authorization::{BasicCredentials, MissingCredentials},
    keys::SigningFailed,
    password::{HashingError, Verification},
    respond::{Refusal, logged_in, refused},
    token::{IssuedToken, Subject},
    users::{StoreError, User},
};

use crate::LoginState;

pub(crate) async fn login(State(state): State<LoginState>, request: Request) -> Response {
    let headers = request.headers();
    match authenticate(&state, headers).await {
        Ok((user, token)) => logged_in(&token, &user.id, headers),
        Err(failure) => refused(failure.refusal(), failure.reason(), headers),
    }
}

async fn authenticate(
    state: &LoginState,
    headers: &HeaderMap,
) -> Result<(User, IssuedToken), Failure> {
    let credentials = BasicCredentials::from_headers(headers)?;
    let user = state.users.find_by_email(credentials.user_id()).await?;
    let stored = user.as_ref().map(|user| user.password.clone());
    let password = credentials.password().clone();
    let (Verification::Right { replacement }, Some(user)) =
        (state.passwords.verify(password, stored).await?, user)
    else {
        return Err(Failure::WrongCredentials);
    };
    if let Some(hash) = replacement {
        store_replacement(state, &user, &hash).await;
    }
    let subject = Subject { id: &user.id, username: &user.email, admin: user.admin };
    let token = state.tokens.issue(subject, SystemTime::now())?;
    Ok((user, token))
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
enum Failure {
    MissingCredentials,
    WrongCredentials,
    Unavailable(String),
}

impl Failure {
    fn refusal(&self) -> Refusal {
        match self {
            Self::MissingCredentials => Refusal::MissingBasic,
            Self::WrongCredentials => Refusal::InvalidCredentials,
            Self::Unavailable(_) => Refusal::ServiceUnavailable,
        }
    }

    fn reason(self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::MissingCredentials | Self::WrongCredentials => None,
            Self::Unavailable(reason) => Some(reason.into()),
        }
    }
}

impl From<MissingCredentials> for Failure {
    fn from(_: MissingCredentials) -> Self {
        Self::MissingCredentials
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<HashingError> for Failure {
    fn from(error: HashingError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<SigningFailed> for Failure {
    fn from(error: SigningFailed) -> Self {
        Self::Unavailable(error.to_string())
    }
}
