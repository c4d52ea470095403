//! `login`: Basic credentials in, JWT out (credentials → throttle, user → password → token).

use std::{fmt::Display, num::NonZero, sync::Arc, thread, time::SystemTime};

use axum::{
    Router,
    extract::{Request, State},
    http::request::Parts,
    response::Response,
    routing::post,
};
use secrecy::ExposeSecret;
use shared::{
    authorization::BasicCredentials,
    config::{
        Argon2Config, ColumnName, DatabaseConfig, HashLimits, IssueConfig, Problem, Reader,
        SecretSource, SecretsConfig, ThrottleConfig, TransportConfig,
    },
    keys::{KeyUse, Keys},
    password::{HashPermit, PasswordHasher, Verification},
    respond::{Cause, Refusal, logged_in, refuse_others, refused},
    secrets::{SecretCache, Secrets},
    serve::App,
    stores::open_stores,
    throttle::{LOGIN_TIMEOUT, Throttle, ThrottleError, ThrottleKey},
    token::{self, Subject},
    users::{User, UserStore},
};
use tokio::time::timeout;

/// The state that all logins share.
pub struct LoginState {
    /// Locks e-mails and sources after failures.
    pub throttle: Throttle,
    /// The users.
    pub users: Arc<dyn UserStore>,
    /// Verifies passwords.
    pub passwords: PasswordHasher,
    /// The keys that tokens are signed with.
    pub keys: SecretCache<Keys>,
    /// The claims and lifetime of tokens.
    pub issue: IssueConfig,
}

/// Reads the configuration, and returns the cold start. That fetches both secrets at once; the first
/// login connects to the database.
///
/// # Errors
///
/// A [`Problem`] for each secret that does not exist or cannot be used.
pub fn configure(
    reader: &mut Reader<'_>,
    transport: TransportConfig,
) -> impl Future<Output = Result<App, Vec<Problem>>> + use<> {
    let keys = SecretSource::of_keys(reader);
    let secrets = SecretsConfig::read(reader);
    let issue = IssueConfig::read(reader);
    let database = DatabaseConfig::read(reader);
    let groups_column = ColumnName::of_groups(reader);
    let argon2 = Argon2Config::read(reader);
    let hashes = HashLimits::read(reader);
    let throttle = ThrottleConfig::read(reader);
    async move {
        // Read once: each call reads files of the system.
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let secrets = Secrets::new(secrets, transport.takes_snapshot());
        let passwords = PasswordHasher::new(argon2, hashes.slots.unwrap_or(cores), hashes.queue);
        let connections = database_connections(transport, cores);
        let (keys, stores) = tokio::join!(
            Keys::fetch(keys, KeyUse::Sign, &secrets),
            open_stores(database, groups_column.as_ref(), &secrets, connections),
        );
        if transport.starts_for_a_request() {
            // Not earlier, when it would delay the thread that fetches secrets.
            passwords.preallocate();
        }
        let (keys, (users, throttle_store)) = match (keys, stores) {
            (Ok(keys), Ok(stores)) => (keys, stores),
            (keys, stores) => return Err(keys.err().into_iter().chain(stores.err()).collect()),
        };
        let state = LoginState {
            throttle: Throttle::new(Arc::clone(&throttle_store), &throttle),
            users,
            passwords,
            keys: keys.clone(),
            issue,
        };
        Ok(App { router: router(state), keys, secrets, database: Some(throttle_store) })
    }
}

/// The maximum of database connections (docs/decisions/database.md): on Lambda one for each
/// concurrent request, over HTTP one for each core and one more.
fn database_connections(transport: TransportConfig, cores: usize) -> u32 {
    match transport {
        TransportConfig::Lambda { concurrency, .. } => concurrency,
        TransportConfig::Http { .. } => u32::try_from(cores + 1).unwrap_or(u32::MAX),
    }
}

/// POST on `/login`, and on `/`, the root of a function URL.
pub fn router(state: LoginState) -> Router {
    let router = Router::new().route("/", post(login)).route("/login", post(login));
    refuse_others(router.with_state(Arc::new(state)), "POST")
}

/// Exchanges an e-mail and its password for a token.
async fn login(State(state): State<Arc<LoginState>>, request: Request) -> Response {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_has_a_connection_for_each_request_and_http_one_for_each_core_and_one_more() {
        let http = TransportConfig::read(&mut Reader::new(&|_| None));
        let lambda = TransportConfig::Lambda { concurrency: 8, snapshot: false };
        assert_eq!([http, lambda].map(|transport| database_connections(transport, 2)), [3, 8]);
    }
}
