//! Everything that runs: both functions, MariaDB behind a network, Secrets Manager.

use std::{path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::config::Argon2Config;
use system_tests::{
    Environment,
    contract::SECRET,
    database::DatabaseServer,
    mariadb,
    moto::Moto,
    service::Service,
    tcp_proxy::TcpProxy,
    traffic::{Clients, Kind, Targets, Traffic, users},
};

use crate::footprint::Footprint;

/// `SECRET_REFRESH_SECONDS`.
pub(crate) const REFRESH: Duration = Duration::from_secs(2);

/// Some 30 logins and 70 validations in a second.
const CLIENTS: [Clients; 8] = [
    Clients { kind: Kind::RightLogin, number: 8, every: Duration::from_millis(500) },
    Clients { kind: Kind::WrongLogin, number: 2, every: Duration::from_millis(500) },
    Clients { kind: Kind::UnknownLogin, number: 2, every: Duration::from_millis(500) },
    Clients { kind: Kind::SlowLogin, number: 2, every: Duration::from_secs(1) },
    Clients { kind: Kind::AbortedLogin, number: 1, every: Duration::from_millis(250) },
    Clients { kind: Kind::GoodToken, number: 6, every: Duration::from_millis(100) },
    Clients { kind: Kind::ExpiredToken, number: 1, every: Duration::from_millis(200) },
    Clients { kind: Kind::GarbageToken, number: 1, every: Duration::from_millis(200) },
];

pub(crate) struct Parts {
    directory: PathBuf,
    // Ended in this order.
    pub(crate) login: Service,
    pub(crate) validate: Service,
    /// The instance of `validate` that is replaced now and then.
    pub(crate) second: Service,
    pub(crate) network: TcpProxy,
    pub(crate) database: DatabaseServer,
    pub(crate) moto: Moto,
    keys: usize,
    problems: Vec<String>,
}

impl Parts {
    pub(crate) fn start(directory: PathBuf) -> Self {
        let database = mariadb::start();
        database.init();
        users::add(&database, Argon2Config::default());
        let network = TcpProxy::start(database.port());
        let moto = Moto::start();
        let _ = moto.create_secret("jwt", &key_set(&[0]));
        let start = |name| {
            let variables = variables(&moto, &database, &network);
            Service::start_program(&directory.join(name), variables)
        };
        let (login, validate, second) = (start("login"), start("validate"), start("validate"));
        let (keys, problems) = (0, Vec::new());
        Self { directory, login, validate, second, network, database, moto, keys, problems }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let targets = Targets { login: self.login.url(""), validate: self.instances() };
        Traffic::start(targets, self.log_in(), &CLIENTS)
    }

    pub(crate) fn instances(&self) -> Vec<String> {
        vec![self.validate.url(""), self.second.url("")]
    }

    /// A new instance in place of the second one, which is given back.
    pub(crate) fn replace_second(&mut self) -> Service {
        let variables = variables(&self.moto, &self.database, &self.network);
        let new = Service::start_program(&self.directory.join("validate"), variables);
        std::mem::replace(&mut self.second, new)
    }

    /// The token of a login.
    pub(crate) fn log_in(&self) -> String {
        let request = self.login.request("POST", "/login");
        let answer = request.basic(&users::email("slow", 900), users::PASSWORD).send();
        answer.text().to_owned()
    }

    /// A new key is published, then signs, then the one before it is taken away: as
    /// docs/rotation.md has it, with less time between.
    pub(crate) fn rotate_keys(&mut self) {
        let (old, new) = (self.keys, self.keys + 1);
        for keys in [&[old, new][..], &[new, old], &[new]] {
            self.moto.put_secret("jwt", &key_set(keys));
            std::thread::sleep(REFRESH * 2);
        }
        self.keys = new;
        let header = self.log_in().split('.').next().map(|head| URL_SAFE_NO_PAD.decode(head));
        let header = header.and_then(Result::ok).unwrap_or_default();
        let header: Value = serde_json::from_slice(&header).unwrap_or_default();
        if header["kid"].as_str() != Some(&new.to_string()) {
            self.problem(format!("key {new} does not sign: {header}"));
        }
    }

    pub(crate) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub(crate) fn problems(self) -> Vec<String> {
        self.problems
    }

    /// Of the two processes that live from the beginning to the end.
    pub(crate) fn footprints(&self) -> [Footprint; 2] {
        [Footprint::of("login", self.login.id()), Footprint::of("validate", self.validate.id())]
    }
}

fn variables(moto: &Moto, database: &DatabaseServer, network: &TcpProxy) -> Environment {
    let mut variables = moto.variables();
    variables.extend(database.login_variables());
    variables.insert("MYSQL_PORT".into(), network.port().to_string());
    variables.insert("JWT_SECRET_ID".into(), "jwt".into());
    variables.insert("SECRET_REFRESH_SECONDS".into(), REFRESH.as_secs().to_string());
    variables.insert("DRAIN_SECONDS".into(), "1".into());
    variables
}

/// These keys, the first of which signs, and the one that expired tokens are signed with.
fn key_set(numbers: &[usize]) -> String {
    let key = |name: &str, secret: &str| json!({ "kty": "oct", "kid": name, "k": URL_SAFE_NO_PAD.encode(secret) });
    let numbers = numbers.iter().map(ToString::to_string);
    let keys = numbers.map(|name| key(&name, &name.repeat(40)));
    let keys: Vec<Value> = keys.chain([key("tests", SECRET)]).collect();
    json!({ "keys": keys }).to_string()
}
