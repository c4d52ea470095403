//! One gateway with everything around it: `login` and `validate` as processes, and the API behind it, which
//! notes what arrives, and sends bodies back.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use system_tests::{
    Environment, environment, fake_http,
    forge::pem,
    gateway::Gateway,
    http::Answer,
    raw::{Connection, address, head},
    service::Service,
    stores::Sqlite,
    wait,
};

use crate::requests::{AUDIENCE, ISSUER, KEY, Request, bearer, good};

/// How long a client waits while `validate` is silent, for which the gateways wait 2 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// Every folder of `examples/gateways` that runs here, named after its program.
pub(crate) const EXAMPLES: [&str; 5] =
    ["nginx", "caddy", "traefik", "envoy-ext-authz", "envoy-jwt-authn"];

/// What both functions are told, and the key of this name.
fn variables(key: &str) -> Environment {
    environment(&[("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", AUDIENCE), ("JWT_SECRET", &pem(key))])
}

/// `login` with the users of the contract, for all gateways.
pub(crate) fn login(store: &Sqlite) -> Service {
    let mut all = store.variables();
    all.extend(variables(KEY));
    Service::start("login", all)
}

/// See the module.
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) gateway: Gateway,
    pub(crate) validate: Service,
    pub(crate) upstream: Upstream,
}

impl Setup {
    /// Starts a gateway with the files of the folder `name`.
    pub(crate) fn start(name: &'static str, login: &Service) -> Self {
        let upstream = Upstream::start();
        let validate = Service::start("validate", variables(&format!("{KEY}-public")));
        let configuration = format!("examples/gateways/{name}");
        let program = name.split('-').next().unwrap_or(name);
        let port = wait::free_port();
        let places = [
            ("8000", port),
            ("8081", address(login).port()),
            ("8082", address(&validate).port()),
            ("8083", upstream.port),
        ];
        let places = places.map(|(place, port)| (place, port.to_string()));
        let gateway = Gateway::start(program, &configuration, &places, port);
        let setup = Self { name, gateway, validate, upstream };
        // Traefik listens before it has read its routes, and answers 404 until then.
        setup.wait_until_open();
        setup
    }

    pub(crate) fn connection(&self) -> Connection {
        let mut connection = Connection::open(self.gateway.address()).expect("it listens");
        connection.wait_up_to(PATIENCE);
        connection
    }

    /// Sends a request byte by byte, with these header lines.
    pub(crate) fn exchange(&self, request: &str, headers: &str) -> Answer {
        let request = head(request, &format!("Connection: close\r\n{headers}"));
        self.connection().exchange(request).expect("an answer")
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
        let answer = self.exchange("GET /api", &format!("{}{headers}", bearer(token)));
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
        wait::until("a good token passes", Duration::from_secs(10), || {
            (self.exchange("GET /api", &bearer(good())).status == 200).then_some(())
        });
        self.upstream.take();
    }
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    /// Path and query, byte by byte.
    pub(crate) target: String,
    /// Names as frameworks take them: in lower case, and with `-` for whatever is no letter or digit.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Arrived {
    fn read(head: &str, body: &str) -> Self {
        let mut lines = head.lines();
        let mut parts = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = parts.next().zip(parts.next()).expect("a request line");
        let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
            (name, value.trim().to_owned())
        });
        Self { method, target, headers: headers.collect(), body: body.to_owned() }
    }

    /// All values under this name, or one that a framework takes for it.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Agrees to a WebSocket, whose key is the one of RFC 6455 section 1.3, and sends other bodies back.
    fn answer(&self) -> String {
        if !self.values("sec-websocket-key").is_empty() {
            let agreed = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
            let upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
            return format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\n{agreed}\r\n\r\n");
        }
        let head = format!("X-Upstream: yes\r\nContent-Length: {}\r\n\r\n", self.body.len());
        let body = if self.method == "HEAD" { "" } else { &self.body };
        format!("HTTP/1.1 200 OK\r\n{head}{body}")
    }
}

/// The API.
pub(crate) struct Upstream {
    port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Upstream {
    fn start() -> Self {
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&arrived);
        let port = fake_http::start(move |head, body| {
            let request = Arrived::read(head, body);
            let answer = request.answer();
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            answer.into_bytes()
        });
        Self { port, arrived }
    }

    /// What has arrived since this was last asked.
    pub(crate) fn take(&self) -> Vec<Arrived> {
        mem::take(&mut self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
