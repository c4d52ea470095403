//! A plain HTTP client: every status is an answer. It adds no headers, follows no redirects, keeps
//! no connections and decodes no bodies.

use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use ureq::{
    Agent,
    http::{HeaderMap, Request as HttpRequest},
};

/// Longer than any answer may take; without it a request could hang forever.
const LIMIT: Duration = Duration::from_secs(30);

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        .user_agent("")
        .accept("")
        .proxy(None)
        .max_idle_connections(0)
        .timeout_global(Some(LIMIT));
    Agent::new_with_config(config.build())
});

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Only the path, until [`to`](Self::to) adds the address.
    pub url: String,
    /// Headers; a name may occur several times.
    pub headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, url: &str) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Puts a port of 127.0.0.1 before the path.
    pub fn to(mut self, port: u16) -> Self {
        self.url.insert_str(0, &format!("http://127.0.0.1:{port}"));
        self
    }

    /// Adds a header; there may be others of the same name.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// Adds `Authorization: Basic`.
    pub fn basic(self, user_id: &str, password: &str) -> Self {
        self.header("authorization", basic(user_id, password))
    }

    /// Adds `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it on a new connection.
    pub fn send(self) -> Answer {
        self.try_send().unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Like [`send`](Self::send), but returns an error if there is no answer within 30 s.
    pub fn try_send(self) -> Result<Answer, ureq::Error> {
        let mut request = HttpRequest::builder().method(&*self.method).uri(self.url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let (head, mut body) = AGENT.run(request.body(self.body)?)?.into_parts();
        let (status, headers) = (head.status.as_u16(), head.headers);
        Ok(Answer { status, headers, body: body.read_to_vec()? })
    }
}

/// The value of an `Authorization: Basic` header.
pub fn basic(user_id: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user_id}:{password}")))
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All headers, in order; a name may occur several times.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The value of this header, which may occur once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().expect("the header is ASCII");
        assert!(values.next().is_none(), "several {name} headers");
        Some(value)
    }

    /// Whether it has `Connection: close`.
    pub fn is_last(&self) -> bool {
        self.header("connection") == Some("close")
    }
}
