//! The AWS Parameters and Secrets extension, as far as a function asks it for secrets:
//! `GET /secretsmanager/get?secretId=…` on a port of the loopback interface, with the session
//! token in a header.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;
use system_tests::Environment;

use super::stand_in::{Answer, Request, answer_all, listen};
use crate::sections::services::variables;

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
        let secrets: Secrets =
            secrets.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let port = listen(move |stream| {
            answer_all(stream, |request| {
                count.fetch_add(1, Ordering::Relaxed);
                answer(request, &secrets)
            });
        });
        Self { port, asked }
    }

    /// What Lambda and the extension's layer set.
    pub(super) fn variables(&self) -> Environment {
        let port = self.port.to_string();
        variables([("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &port), ("AWS_SESSION_TOKEN", TOKEN)])
    }

    /// Whether a function has asked it.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > 0
    }
}

fn answer(request: &Request, secrets: &Secrets) -> Answer {
    if request.header("x-aws-parameters-secrets-token") != Some(TOKEN) {
        return ("401 Unauthorized".into(), "not authorized".into());
    }
    let path = request.head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let query = path.strip_prefix("/secretsmanager/get?").unwrap_or_default();
    let query: BTreeMap<&str, &str> =
        query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let stage = query.get("versionStage").copied().unwrap_or("AWSCURRENT");
    let name = query.get("secretId").copied().unwrap_or_default();
    let Some(text) = secrets.get(name).filter(|_| stage == "AWSCURRENT") else {
        return ("400 Bad Request".into(), NOT_FOUND.into());
    };
    let body = json!({
        "ARN": format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"),
        "Name": name, "VersionId": "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "SecretString": text, "VersionStages": ["AWSCURRENT"],
        "CreatedDate": "2026-01-01T00:00:00Z", "ResultMetadata": {},
    });
    ("200 OK".into(), body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_with_the_token_alone_and_with_the_current_stage_alone() {
        let secrets = Secrets::from([("jwt".into(), "canary".into())]);
        let ask = |path: &str, token: &str| {
            let token = format!("X-Aws-Parameters-Secrets-Token: {token}");
            let head = vec![format!("GET {path} HTTP/1.1"), token];
            answer(&Request { head, body: String::new() }, &secrets)
        };
        let path = "/secretsmanager/get?secretId=jwt";
        assert!(ask(path, TOKEN).1.contains("canary"));
        assert_eq!(ask(path, "another").0, "401 Unauthorized");
        assert_eq!(ask("/secretsmanager/get?secretId=gone", TOKEN).0, "400 Bad Request");
        let previous = format!("{path}&versionStage=AWSPREVIOUS");
        assert_eq!(ask(&previous, TOKEN).0, "400 Bad Request");
    }
}
