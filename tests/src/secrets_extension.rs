//! The AWS Parameters and Secrets extension, which is not to be had as a program: its
//! protocol, in front of a Secrets Manager.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::moto;

/// Ends with the test process; until then it waits for connections, each for one request.
pub struct SecretsExtension {
    port: u16,
    answered: Arc<AtomicUsize>,
}

impl SecretsExtension {
    /// Asks the Secrets Manager on this port, for whoever has the token. The first `unready`
    /// requests are refused, as they are while it starts.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    #[must_use]
    pub fn start(manager: u16, token: &'static str, unready: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let ready = count.fetch_add(1, Ordering::SeqCst) >= unready;
                // A client that gave up is no failure of the extension.
                thread::spawn(move || drop(answer(client, manager, token, ready)));
            }
        });
        Self { port, answered }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many requests it has answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

fn answer(mut client: TcpStream, manager: u16, token: &str, ready: bool) -> std::io::Result<()> {
    let lines = BufReader::new(&client).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let given = format!("x-aws-parameters-secrets-token: {token}");
    let query = head.first().and_then(|line| {
        line.strip_prefix("GET /secretsmanager/get?secretId=")?.strip_suffix(" HTTP/1.1")
    });
    let (status, body) = match query.and_then(|query| query.split_once("&versionStage=")) {
        _ if !ready => (400, "not ready to serve traffic, please wait".to_owned()),
        _ if !head.contains(&given) => (401, "incorrect token".to_owned()),
        None => (400, "unknown path".to_owned()),
        Some((id, stage)) => fetch(manager, &id.replace("%2D", "-").replace("%3A", ":"), stage),
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(&[head, body].concat().into_bytes())
}

/// The service's refusal comes in words, as AWS's SDK for Go puts it.
fn fetch(manager: u16, id: &str, stage: &str) -> (u16, String) {
    let input = json!({ "SecretId": id, "VersionStage": stage });
    match moto::ask(manager, "GetSecretValue", &input) {
        (200, answer) => (200, answer.to_string()),
        (status, answer) => {
            let name = &answer["__type"];
            (400, format!("operation error Secrets Manager: StatusCode: {status}, {name}"))
        }
    }
}
