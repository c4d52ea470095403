//! One gateway with everything around it: `login` and `validate` as processes, and the API behind it, which
//! notes what arrives, and sends bodies back.

use std::{
    io::{self, BufRead, BufReader, Write},
    mem,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use system_tests::{
    Environment, environment,
    forge::pem,
    gateway::{Gateway, Program},
    http::Answer,
    raw::{Connection, address, head},
    service::Service,
    stores::Sqlite,
    wait,
};

use crate::requests::{AUDIENCE, ISSUER, KEY, Request, bearer, good};

/// How long a client waits while `validate` is silent, for which the gateways wait 2 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// Every folder of `examples/gateways` that runs here, and its program.
pub(crate) const EXAMPLES: [(&str, Program); 5] = [
    ("nginx", Program::Nginx),
    ("caddy", Program::Caddy),
    ("traefik", Program::Traefik),
    ("envoy-ext-authz", Program::Envoy),
    ("envoy-jwt-authn", Program::Envoy),
];

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
    /// Starts the gateway of this name with its files, in which each `planted` text is another.
    pub(crate) fn start(name: &str, login: &Service, planted: &[(&str, &str)]) -> Self {
        let (name, program) = EXAMPLES.into_iter().find(|it| it.0 == name).expect("an example");
        let upstream = Upstream::start();
        let validate = Service::start("validate", variables(&format!("{KEY}-public")));
        let port = wait::free_port();
        let ports = [
            ("8000", port),
            ("8081", address(login).port()),
            ("8082", address(&validate).port()),
            ("8083", upstream.port),
        ];
        // The planted ones first, since they name the ports of the file.
        let planted = planted.iter().map(|(right, wrong)| (*right, (*wrong).to_owned()));
        let ports = ports.map(|(place, port)| (place, port.to_string()));
        let places: Vec<_> = planted.chain(ports).collect();
        let configuration = format!("examples/gateways/{name}");
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
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    /// Path and query, byte by byte.
    pub(crate) target: String,
    /// Names as frameworks take them: in lower case, and with `-` for whatever is no letter or digit.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    /// All values under this name, or one that a framework takes for it.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).map(|_| line.trim_end().to_owned())
        };
        let request = line()?;
        let mut parts = request.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (parts.next(), parts.next()) else { return Ok(None) };
        let mut headers = Vec::new();
        while let Some((name, value)) = line()?.split_once(':') {
            let name = name.to_ascii_lowercase();
            let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
            headers.push((name, value.trim().to_owned()));
        }
        let mut arrived = Self { method, target, headers, body: Vec::new() };
        assert!(arrived.values("transfer-encoding").is_empty(), "only bodies of known length");
        let length = arrived.values("content-length").first().map_or(Ok(0), |text| text.parse());
        arrived.body = vec![0; length.expect("a number")];
        reader.read_exact(&mut arrived.body)?;
        Ok(Some(arrived))
    }
}

/// The API. It ends with the test process; until then it waits for connections.
pub(crate) struct Upstream {
    port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&arrived);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                // A gateway that hangs up is no failure.
                thread::spawn(move || drop(serve(&stream, &noted)));
            }
        });
        Self { port, arrived }
    }

    /// What has arrived since this was last asked.
    pub(crate) fn take(&self) -> Vec<Arrived> {
        mem::take(&mut self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Agrees to a WebSocket, whose key is the one of RFC 6455 section 1.3, and goes on as before.
fn serve(mut stream: &TcpStream, noted: &Mutex<Vec<Arrived>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(arrived) = Arrived::read(&mut reader)? {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(arrived.clone());
        if !arrived.values("sec-websocket-key").is_empty() {
            let agreed = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
            let upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
            write!(stream, "HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\n{agreed}\r\n\r\n")?;
            continue;
        }
        let length = arrived.body.len();
        write!(stream, "HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: {length}\r\n\r\n")?;
        if arrived.method != "HEAD" {
            stream.write_all(&arrived.body)?;
        }
    }
    Ok(())
}
