//! `login`: Basic credentials in, JWT out.

mod handler;

use std::{num::NonZero, sync::Arc, thread};

use axum::{Router, routing::post};
use shared::{
    config::{
        Argon2Config, ColumnName, DatabaseConfig, HashLimits, IssueConfig, Problem, Reader,
        SecretSource, SecretsConfig, ThrottleConfig, TransportConfig,
    },
    keys::{KeyUse, Keys},
    password::PasswordHasher,
    respond::refuse_others,
    secrets::{SecretCache, Secrets},
    serve::App,
    stores::Stores,
    throttle::Throttle,
    users::UserStore,
};

use handler::login;

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
        let passwords = PasswordHasher::with_limits(argon2, hashes, cores);
        let connections = database_connections(transport, cores);
        let (keys, stores) = tokio::join!(
            Keys::fetch(keys, KeyUse::Sign, &secrets),
            Stores::open(database, groups_column.as_ref(), &secrets, connections),
        );
        if transport.starts_for_a_request() {
            // Not earlier, when it would delay the thread that fetches secrets.
            passwords.preallocate();
        }
        let (keys, stores) = match (keys, stores) {
            (Ok(keys), Ok(stores)) => (keys, stores),
            (keys, stores) => return Err(keys.err().into_iter().chain(stores.err()).collect()),
        };
        let state = LoginState {
            throttle: Throttle::new(Arc::clone(&stores.throttle), &throttle),
            users: stores.users,
            passwords,
            keys: keys.clone(),
            issue,
        };
        Ok(App { router: router(state), keys, secrets, database: Some(stores.throttle) })
    }
}

/// POST on `/login`, and on `/`, the root of a function URL.
pub fn router(state: LoginState) -> Router {
    let router = Router::new().route("/", post(login)).route("/login", post(login));
    refuse_others(router.with_state(Arc::new(state)), "POST")
}

/// The maximum of database connections (docs/decisions/database.md): on Lambda one for each
/// concurrent request, over HTTP one for each core and one more.
fn database_connections(transport: TransportConfig, cores: usize) -> u32 {
    match transport {
        TransportConfig::Lambda { concurrency, .. } => concurrency,
        TransportConfig::Http { .. } => u32::try_from(cores + 1).unwrap_or(u32::MAX),
    }
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
