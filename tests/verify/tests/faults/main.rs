//! Parts that fail while requests go on: no answer is wrong, none hangs, `validate` does
//! not notice, and all is well again without a restart. Each test prints a line of what
//! clients saw.

mod crowded;
mod full_disk;
mod observation;
mod secrets_manager;
mod slow;
mod unreachable;

use std::{sync::MutexGuard, time::Duration};

use system_tests::{
    Environment,
    contract::{SECRET, token},
    database::DatabaseServer,
    mariadb,
    service::Service,
    tcp_proxy::TcpProxy,
    traffic::{Clients, Kind, Traffic},
    users,
};

use observation::{Observation, Seen};

/// Some 20 logins in a second, and three times as many validations.
const CLIENTS: [Clients; 6] = [
    Clients { kind: Kind::RightLogin, number: 6, every: Duration::from_millis(400) },
    Clients { kind: Kind::WrongLogin, number: 2, every: Duration::from_millis(500) },
    Clients { kind: Kind::UnknownLogin, number: 2, every: Duration::from_millis(500) },
    Clients { kind: Kind::GoodToken, number: 5, every: Duration::from_millis(100) },
    Clients { kind: Kind::ExpiredToken, number: 1, every: Duration::from_millis(200) },
    Clients { kind: Kind::GarbageToken, number: 1, every: Duration::from_millis(200) },
];

/// One test at a time: what two faults at once look like says nothing of either.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A server with the users of the traffic.
fn server() -> DatabaseServer {
    let server = mariadb::start();
    server.init();
    users::add(&server, users::quick());
    server
}

/// Both functions as HTTP services.
struct Functions {
    login: Service,
    validate: Service,
}

impl Functions {
    fn start(variables: &Environment) -> Self {
        let mut all = users::variables(users::quick());
        all.extend(variables.clone());
        let login = Service::start("login", all.clone());
        Self { login, validate: Service::start("validate", all) }
    }

    /// With a key in a variable, and this database behind a proxy.
    fn behind(proxy: &TcpProxy, server: &DatabaseServer) -> Self {
        let mut variables = server.login_variables();
        variables.insert("MYSQL_PORT".into(), proxy.port().to_string());
        Self::start(&with_key(variables))
    }

    fn traffic(&self) -> Traffic {
        let request = self.login.request("POST", "/login");
        let issued = request.basic(&users::email("right", 0), users::PASSWORD).send();
        let token = match issued.status {
            200 => issued.text().to_owned(),
            _ => token("ada@example.com", false),
        };
        Traffic::start(self.login.url(""), self.validate.url(""), token, &CLIENTS)
    }

    /// Traffic, and everybody content.
    fn observe(&self, fault: &'static str) -> Observation<'_> {
        Observation::begin(fault, self)
    }
}

fn with_key(mut variables: Environment) -> Environment {
    variables.insert("JWT_SECRET".into(), SECRET.into());
    variables
}
