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
    serve::{App, DatabaseProbe, Function, GatewayEvent, ProbeError},
    stores::Stores,
    telemetry::RequestCounter,
    throttle::Throttle,
    users::UserStore,
};

use handler::login;

/// The function, as it is configured.
pub struct Login {
    keys: SecretSource,
    secrets: SecretsConfig,
    issue: IssueConfig,
    database: DatabaseConfig,
    groups_column: Option<ColumnName>,
    argon2: Argon2Config,
    hashes: HashLimits,
    throttle: ThrottleConfig,
}

/// The state that all logins share.
#[derive(Clone)]
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

impl Function for Login {
    const NAME: &'static str = "login";
    const COUNTER: Option<RequestCounter> = Some(RequestCounter::Login);
    type Event = GatewayEvent;

    fn configure(reader: &mut Reader<'_>) -> Self {
        Self {
            keys: SecretSource::of_keys(reader),
            secrets: SecretsConfig::read(reader),
            issue: IssueConfig::read(reader),
            database: DatabaseConfig::read(reader),
            groups_column: ColumnName::of_groups(reader),
            argon2: Argon2Config::read(reader),
            hashes: HashLimits::read(reader),
            throttle: ThrottleConfig::read(reader),
        }
    }

    /// Fetches both secrets at once. The first login connects to the database.
    async fn start(self, transport: TransportConfig) -> Result<App, Vec<Problem>> {
        // Read once: each call reads files of the system.
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let secrets = Secrets::new(self.secrets, transport.takes_snapshot());
        let (groups_column, limit) = (self.groups_column.as_ref(), connections(transport, cores));
        let passwords = PasswordHasher::with_limits(self.argon2, self.hashes, cores);
        let (keys, stores) = tokio::join!(
            Keys::fetch(self.keys, KeyUse::Sign, &secrets),
            Stores::open(self.database, groups_column, &secrets, limit),
        );
        if transport.starts_for_a_request() {
            // Not earlier, when it would delay the thread that fetches secrets.
            passwords.preallocate();
        }
        let (keys, Stores { users, throttle }) = match (keys, stores) {
            (Ok(keys), Ok(stores)) => (keys, stores),
            (keys, stores) => {
                return Err(keys.err().into_iter().chain(stores.err()).collect());
            }
        };
        let counts = Arc::clone(&throttle);
        let probe: DatabaseProbe = Arc::new(move || {
            let counts = Arc::clone(&counts);
            Box::pin(async move {
                counts.ping().await.map_err(|error| ProbeError {
                    is_refusal: error.is_refusal(),
                    reason: error.to_string(),
                })
            })
        });
        let throttle = Throttle::new(throttle, &self.throttle);
        let state =
            LoginState { throttle, users, passwords, keys: keys.clone(), issue: self.issue };
        Ok(App { router: router(state), keys, secrets, database: Some(probe) })
    }
}

/// POST on `/login`, and on `/`, the root of a function URL.
pub fn router(state: LoginState) -> Router {
    let router = Router::new().route("/", post(login)).route("/login", post(login));
    refuse_others(router, "POST").with_state(Arc::new(state))
}

/// The maximum of database connections: on Lambda one for each concurrent request; over HTTP one for
/// each core, and one more, since a login sends two statements at once.
fn connections(transport: TransportConfig, cores: usize) -> u32 {
    match transport {
        TransportConfig::Lambda { concurrency, .. } => concurrency,
        TransportConfig::Http { .. } => u32::try_from(cores + 1).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use super::*;

    #[test]
    fn lambda_has_a_connection_for_each_request_and_http_one_for_each_core_and_one_more() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let http = TransportConfig::Http { address, drain: Duration::ZERO, max_connections: 1 };
        let lambda = TransportConfig::Lambda { concurrency: 8, snapshot: false };
        assert_eq!([http, lambda].map(|transport| connections(transport, 2)), [3, 8]);
    }
}
