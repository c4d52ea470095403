//! Secrets Manager, by moto's server.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Environment,
    http::Request,
    process::{Process, command},
    python, wait,
};

const START_LIMIT: Duration = Duration::from_mins(1);

/// A running Secrets Manager without secrets.
pub struct Moto {
    _process: Process,
    base_url: String,
}

impl Moto {
    /// Starts it on a free port.
    ///
    /// # Panics
    ///
    /// If it does not answer within a minute.
    #[must_use]
    pub fn start() -> Self {
        let port = wait::free_port();
        let mut server = command(python::program("moto_server"), &Environment::new());
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let process = Process::start("moto", server);
        let base_url = format!("http://127.0.0.1:{port}");
        wait::until("Secrets Manager", START_LIMIT, || {
            Request::new("GET", &format!("{base_url}/moto-api/data.json")).try_send().ok()
        });
        Self { _process: process, base_url }
    }

    /// The standard AWS variables that lead to it.
    #[must_use]
    pub fn variables(&self) -> Environment {
        let variables = [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.base_url.as_str()),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Makes a secret and gives its ARN.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    #[must_use]
    pub fn create_secret(&self, name: &str, text: &str) -> String {
        let created = self.call("CreateSecret", &json!({ "Name": name, "SecretString": text }));
        created["ARN"].as_str().expect("an ARN").to_owned()
    }

    /// Makes a secret that holds bytes and no text.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub fn create_binary_secret(&self, name: &str) {
        let _ = self.call("CreateSecret", &json!({ "Name": name, "SecretBinary": "AAEC" }));
    }

    /// From now on it knows nobody's credentials.
    ///
    /// # Panics
    ///
    /// If it refuses that.
    pub fn refuse_strangers(&self) {
        let url = format!("{}/moto-api/reset-auth", self.base_url);
        assert_eq!(Request::new("POST", &url).body("0").send().status, 200);
    }

    fn call(&self, action: &str, body: &Value) -> Value {
        let answer = Request::new("POST", &format!("{}/", self.base_url))
            .header("x-amz-target", format!("secretsmanager.{action}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/secretsmanager/aws4_request, \
                 SignedHeaders=host, Signature=0",
            )
            .body(body.to_string())
            .send();
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        serde_json::from_str(answer.text()).expect("JSON")
    }
}
