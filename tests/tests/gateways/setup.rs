//! A gateway with `login`, `validate`, and an upstream API that records requests and echoes bodies.

use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use system_tests::{
    Answer, Connection, Environment, Service, Sqlite, USER, environment, fake_http, forge::pem,
    gateway::Gateway, head, wait,
};

use crate::requests::{AUDIENCE, ISSUER, KEY, Request, bearer, good};

/// The timeout of a client; gateways wait 2 s for `validate`.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(4);

/// The folders of `examples/gateways` that are tested here; each begins with its program's name.
pub(crate) const EXAMPLES: [&str; 5] =
    ["nginx", "caddy", "traefik", "envoy-ext-authz", "envoy-jwt-authn"];

/// The variables of both functions, with the key of this name.
fn variables(key: &str) -> Environment {
    environment(&[("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", AUDIENCE), ("JWT_SECRET", &pem(key))])
}

/// Starts the `login` that all gateways share, with the users of the contract.
pub(crate) fn login(store: &Sqlite) -> Service {
    let mut all = store.variables();
    all.extend(variables(KEY));
    Service::start("login", all)
}

/// A gateway and what it needs; see the module.
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) gateway: Gateway,
    pub(crate) validate: Service,
    upstream: Receiver<Arrived>,
}

impl Setup {
    /// Starts a gateway with the files of the folder `name`.
    pub(crate) fn start(name: &'static str, login: &Service) -> Self {
        let (arrives, upstream) = channel();
        let api_port = fake_http::start(move |head, body| {
            let request = Arrived::read(head, body);
            let answer = request.answer();
            let _ = arrives.send(request);
            answer.into_bytes()
        });
        let mut variables = variables(&format!("{KEY}-public"));
        variables.insert("TOKEN_COOKIE".into(), "token".into());
        let validate = Service::start("validate", variables);
        let configuration = format!("examples/gateways/{name}");
        let program = name.split('-').next().unwrap_or(name);
        let port = wait::free_port();
        let places =
            [("8000", port), ("8081", login.port), ("8082", validate.port), ("8083", api_port)];
        let places = places.map(|(place, port)| (place, port.to_string()));
        let gateway = Gateway::start(program, &configuration, &places, port);
        let setup = Self { name, gateway, validate, upstream };
        // Traefik listens before it has read its routes, and answers 404 until then.
        setup.wait_until_open();
        setup
    }

    pub(crate) fn connection(&self) -> Connection {
        let mut connection = Connection::open(self.gateway.port).expect("it listens");
        connection.set_timeout(CLIENT_TIMEOUT);
        connection
    }

    /// Sends a request with these header lines.
    pub(crate) fn exchange(&self, request: &str, headers: &str) -> Answer {
        let request = head(request, &format!("Connection: close\r\n{headers}"));
        self.connection().exchange(request).expect("an answer")
    }

    /// Sends a request that must not arrive upstream, and returns the status.
    pub(crate) fn assert_stopped(&self, (request, headers): &Request) -> u16 {
        let answer = self.exchange(request, headers);
        let arrived = self.arrived();
        assert!(arrived.is_empty(), "{request}\n{headers} passed: {arrived:?}");
        assert!(answer.status >= 400, "{request}\n{headers}: {}", answer.status);
        answer.status
    }

    /// Sends a request that must arrive unchanged, with the contract's user and these groups.
    pub(crate) fn assert_passes(&self, request: &str, headers: &str, groups: &str) {
        let answer = self.exchange(request, headers);
        assert_eq!(answer.status, 200, "{request}\n{headers}{answer:?}");
        let arrived = self.only_arrived();
        assert_eq!(arrived.request, request);
        let identity = ["X-Auth-Request-User", "X-Auth-Request-Groups"];
        assert_eq!(identity.map(|it| arrived.values(it)), [[USER.0], [groups]], "{headers}");
    }

    /// The requests that have arrived upstream since the last call.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.upstream.try_iter().collect()
    }

    /// The only request that has arrived upstream.
    pub(crate) fn only_arrived(&self) -> Arrived {
        let mut arrived = self.arrived();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        arrived.remove(0)
    }

    /// Waits until a good token passes.
    pub(crate) fn wait_until_open(&self) {
        wait::until("a good token passes", Duration::from_secs(10), || {
            (self.exchange("GET /api", &bearer(good())).status == 200).then_some(())
        });
        self.arrived();
    }
}

/// A request as the upstream got it.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// The request line without the version.
    pub(crate) request: String,
    /// Names are normalised as by some frameworks: all but letters and digits become `-`.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Arrived {
    fn read(head: &str, body: &str) -> Self {
        let (first, lines) = head.split_once("\r\n").expect("a first line");
        let (request, _version) = first.rsplit_once(' ').expect("a request line");
        let headers = lines.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| {
            let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
            (name, value.trim().to_owned())
        });
        Self { request: request.into(), headers: headers.collect(), body: body.into() }
    }

    /// All values of this name, and of names that a framework treats as equal.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Accepts a WebSocket with the key of RFC 6455 section 1.3; otherwise echoes the body.
    fn answer(&self) -> String {
        if !self.values("sec-websocket-key").is_empty() {
            let agreed = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
            let upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
            return format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\n{agreed}\r\n\r\n");
        }
        let head = format!("X-Upstream: yes\r\nContent-Length: {}\r\n\r\n", self.body.len());
        let body = if self.request.starts_with("HEAD") { "" } else { &self.body };
        format!("HTTP/1.1 200 OK\r\n{head}{body}")
    }
}
