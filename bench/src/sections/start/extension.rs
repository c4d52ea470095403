//! The AWS Parameters and Secrets extension, as far as a function asks it for secrets:
//! `GET /secretsmanager/get?secretId=…` on a port of the loopback interface, with the session
//! token in a header.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;
use system_tests::Environment;

use crate::{lambda::ColdStart, sections::services::variables};

const TOKEN: &str = "session-token";
const NOT_FOUND: &str = "operation error Secrets Manager: GetSecretValue, https response error \
                         StatusCode: 400, ResourceNotFoundException: Secrets Manager can't find \
                         the specified secret value";

/// Answers as long as this process lives.
pub(super) struct Extension {
    port: u16,
    asked: Arc<AtomicUsize>,
}

type Secrets = BTreeMap<String, String>;

impl Extension {
    /// With these secrets, each at `AWSCURRENT` alone.
    pub(super) fn start<const N: usize>(secrets: [(&str, &str); N]) -> Self {
        let secrets: Arc<Secrets> =
            Arc::new(secrets.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (secrets, count) = (Arc::clone(&secrets), Arc::clone(&count));
                thread::spawn(move || serve(stream, &secrets, &count));
            }
        });
        Self { port, asked }
    }

    /// What Lambda and the extension's layer set.
    pub(super) fn variables(&self) -> Environment {
        let port = self.port.to_string();
        variables([("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &port), ("AWS_SESSION_TOKEN", TOKEN)])
    }

    /// Whether a function asks it.
    pub(super) fn is_asked_by(&self, start: &mut ColdStart) -> bool {
        start.measure();
        self.asked.load(Ordering::Relaxed) > 0
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, secrets: &Secrets, asked: &AtomicUsize) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(head) = head(&mut reader) {
        asked.fetch_add(1, Ordering::Relaxed);
        let (status, body) = answer(&head, secrets);
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        if reader.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// The lines of a request, which has no body.
fn head(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(lines);
        }
        lines.push(line.trim_end().to_owned());
    }
}

fn answer(head: &[String], secrets: &Secrets) -> (&'static str, String) {
    let is_token = |line: &String| {
        let header = line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim()));
        header == Some(("x-aws-parameters-secrets-token".into(), TOKEN))
    };
    if !head.iter().any(is_token) {
        return ("401 Unauthorized", "not authorized".into());
    }
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let query = path.strip_prefix("/secretsmanager/get?").unwrap_or_default();
    let query: BTreeMap<&str, &str> =
        query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let stage = query.get("versionStage").copied().unwrap_or("AWSCURRENT");
    let name = query.get("secretId").copied().unwrap_or_default();
    let Some(text) = secrets.get(name).filter(|_| stage == "AWSCURRENT") else {
        return ("400 Bad Request", NOT_FOUND.into());
    };
    let body = json!({
        "ARN": format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"),
        "Name": name, "VersionId": "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "SecretString": text, "VersionStages": ["AWSCURRENT"],
        "CreatedDate": "2026-01-01T00:00:00Z", "ResultMetadata": {},
    });
    ("200 OK", body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_with_the_token_alone_and_with_the_current_stage_alone() {
        let secrets = Secrets::from([("jwt".into(), "canary".into())]);
        let ask = |path: &str, token: &str| {
            let token = format!("X-Aws-Parameters-Secrets-Token: {token}");
            answer(&[format!("GET {path} HTTP/1.1"), token], &secrets)
        };
        let path = "/secretsmanager/get?secretId=jwt";
        assert!(ask(path, TOKEN).1.contains("canary"));
        assert_eq!(ask(path, "another").0, "401 Unauthorized");
        assert_eq!(ask("/secretsmanager/get?secretId=gone", TOKEN).0, "400 Bad Request");
        let previous = format!("{path}&versionStage=AWSPREVIOUS");
        assert_eq!(ask(&previous, TOKEN).0, "400 Bad Request");
    }
}
