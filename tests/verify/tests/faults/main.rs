//! Parts that fail while requests go on: no answer is wrong, none hangs, `validate` does
//! not notice, and all is well again without a restart. Each fault prints a line of what
//! clients saw.

mod database;
mod observation;
mod secrets_manager;

use std::time::Duration;

use system_tests::{
    Environment,
    contract::{SECRET, token},
    database::DatabaseServer,
    mariadb,
    service::Service,
    traffic::{Clients, Kind, Traffic},
    users,
};

use observation::{Observation, Seen};

/// Some 20 logins in a second, and three times as many validations.
const CLIENTS: [Clients; 4] = [
    Clients { kind: Kind::RightLogin, number: 6, every: Duration::from_millis(400) },
    Clients { kind: Kind::WrongLogin, number: 4, every: Duration::from_millis(500) },
    Clients { kind: Kind::GoodToken, number: 5, every: Duration::from_millis(100) },
    Clients { kind: Kind::BadToken, number: 2, every: Duration::from_millis(200) },
];

/// A server with the users of the traffic, and the variables that lead to it.
fn server() -> (DatabaseServer, Environment) {
    let server = mariadb::start();
    server.init();
    users::add(&server, users::quick());
    let mut variables = server.login_variables();
    variables.extend(users::variables(users::quick()));
    (server, variables)
}

/// Both functions as HTTP services.
struct Functions {
    login: Service,
    validate: Service,
}

impl Functions {
    /// Both by one way to start a service.
    fn start(start: impl Fn(&str) -> Service) -> Self {
        Self { login: start("login"), validate: start("validate") }
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
}
