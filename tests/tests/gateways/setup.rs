//! One gateway with everything around it: `login` and `validate` as processes, and an upstream.

use std::{path::Path, time::Duration};

use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    Environment,
    contract::hash,
    forge::pem,
    gateway::{Gateway, Program},
    raw::{Connection, RawAnswer, address, head},
    scratch,
    service::Service,
    wait,
};
use tempfile::TempDir;

use crate::{
    requests::{self, Request},
    tokens::{self, AUDIENCE, ISSUER, KEY, USER},
    upstream::{Arrived, Upstream},
};

/// The demo user's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A folder of `examples/gateways`.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) name: &'static str,
    program: Program,
    /// Whether it asks `validate` for each request.
    pub(crate) asks: bool,
    /// How long a client waits at most while `validate` is silent.
    pub(crate) patience: Duration,
}

/// Every gateway that runs here.
pub(crate) const EXAMPLES: [Example; 5] = [
    example("nginx", Program::Nginx, true, 4),
    example("caddy", Program::Caddy, true, 4),
    // Its 30 s cannot be set.
    example("traefik", Program::Traefik, true, 33),
    example("envoy-ext-authz", Program::Envoy, true, 4),
    example("envoy-jwt-authn", Program::Envoy, false, 4),
];

const fn example(name: &'static str, program: Program, asks: bool, seconds: u64) -> Example {
    Example { name, program, asks, patience: Duration::from_secs(seconds) }
}

/// What both functions are told, and the key of this name.
fn variables(key: &str) -> Environment {
    let variables = [("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", AUDIENCE), ("JWT_SECRET", &pem(key))];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// `login` with the demo user, for all gateways.
pub(crate) async fn login(folder: &Path) -> Service {
    let path = folder.join("users.sqlite");
    let users = SqliteUsers::open(&path).await.expect("a file");
    let demo = NewUser { email: USER.into(), hash: hash(PASSWORD).await, admin: false };
    users.add(&[demo]).await.expect("a new user");
    let mut variables = variables(KEY);
    variables.insert("DATABASE_URL".into(), format!("sqlite:{}", path.display()));
    Service::start("login", variables)
}

/// See the module.
pub(crate) struct Setup<'a> {
    pub(crate) example: &'a Example,
    pub(crate) gateway: Gateway,
    pub(crate) validate: Service,
    pub(crate) upstream: Upstream,
    _folder: TempDir,
}

impl<'a> Setup<'a> {
    /// Starts the gateway with its files, in which each `planted` text is another.
    pub(crate) fn start(example: &'a Example, login: &Service, planted: &[(&str, &str)]) -> Self {
        let (folder, upstream) = (scratch::directory(), Upstream::start());
        let validate = Service::start("validate", variables(&format!("{KEY}-public")));
        let port = wait::free_port();
        let ports = [
            ("8000", port),
            ("8081", address(login).port()),
            ("8082", address(&validate).port()),
            ("8083", upstream.port()),
        ];
        // The planted ones first, since they name the ports of the file.
        let planted = planted.iter().map(|(right, wrong)| (*right, (*wrong).to_owned()));
        let ports = ports.map(|(place, port)| (place, port.to_string()));
        let places: Vec<_> = planted.chain(ports).collect();
        let configuration = format!("examples/gateways/{}", example.name);
        let gateway = Gateway::start(example.program, &configuration, folder.path(), &places, port);
        let setup = Self { example, gateway, validate, upstream, _folder: folder };
        // Traefik listens before it has read its routes, and answers 404 until then.
        setup.wait_until_open();
        setup
    }

    /// Sends a request byte by byte, with these header lines.
    pub(crate) fn exchange(&self, request: &str, headers: &str) -> RawAnswer {
        let mut connection = Connection::open(self.gateway.address()).expect("it listens");
        connection.wait_up_to(self.example.patience);
        let close = format!("Connection: close\r\n{headers}");
        connection.exchange(head(request, &close)).expect("an answer")
    }

    /// That a request is not let through; its status.
    pub(crate) fn is_stopped(&self, (request, headers): &Request) -> u16 {
        let answer = self.exchange(request, headers);
        let arrived = self.upstream.take();
        assert!(arrived.is_empty(), "{request}\n{headers} passed: {arrived:?}");
        assert!(answer.status >= 400, "{request}\n{headers}: {}", answer.status);
        answer.status
    }

    /// The one request that a `GET` with this token and these header lines made upstream.
    pub(crate) fn passes(&self, token: &str, headers: &str) -> Arrived {
        let headers = format!("Authorization: Bearer {token}\r\n{headers}");
        let answer = self.exchange("GET /api", &headers);
        assert_eq!(answer.status, 200, "{headers}{answer:?}");
        self.the_one()
    }

    /// The one request that has arrived upstream.
    pub(crate) fn the_one(&self) -> Arrived {
        let mut arrived = self.upstream.take();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        arrived.remove(0)
    }

    /// Waits until a good token passes.
    pub(crate) fn wait_until_open(&self) {
        let (request, headers) = requests::with_token(tokens::good());
        wait::until("a good token passes", Duration::from_secs(10), || {
            (self.exchange(&request, &headers).status == 200).then_some(())
        });
        self.upstream.take();
    }
}
