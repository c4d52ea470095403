//! A fake Secrets Manager: the server of moto.

use serde_json::{Value, json};

use crate::{Answer, Environment, Process, Request, command, environment, fake_http, wait};

/// A running server, at first without secrets.
pub struct Moto {
    /// Its process.
    pub process: Process,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Moto {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let port = wait::free_port();
        let mut server = command("moto_server", &Environment::new());
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Self { process: Process::start_on(port, "moto", server), port }
    }

    /// The standard AWS variables with its address and credentials.
    pub fn variables(&self) -> Environment {
        Self::variables_for(self.port)
    }

    /// The same for another server on this port.
    pub fn variables_for(port: u16) -> Environment {
        environment(&[
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &format!("http://127.0.0.1:{port}")),
            ("AWS_REGION", "eu-west-1"),
            // Version 1 of `aws` reads only this name.
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ])
    }

    /// Creates a secret and returns its ARN.
    pub fn create_secret(&self, name: &str, text: &str) -> String {
        let created = self.call("CreateSecret", &json!({ "Name": name, "SecretString": text }));
        created["ARN"].as_str().expect("an ARN").to_owned()
    }

    /// Changes a secret in two steps, as a rotation does: the new text is `AWSPENDING` first. After
    /// `AWSCURRENT` was moved once, moto gets a change in one step wrong.
    pub fn put_secret(&self, name: &str, text: &str) {
        let stages = ["AWSPENDING"];
        let body = json!({ "SecretId": name, "SecretString": text, "VersionStages": stages });
        let put = self.call("PutSecretValue", &body);
        let mut body = json!({ "SecretId": name, "VersionStage": "AWSCURRENT" });
        body["RemoveFromVersionId"] = self.call("GetSecretValue", &body)["VersionId"].take();
        body["MoveToVersionId"] = put["VersionId"].clone();
        let _ = self.call("UpdateSecretVersionStage", &body);
    }

    /// The secret's text with this label (`AWSCURRENT`, …), if there is one.
    pub fn text(&self, name: &str, label: &str) -> Option<String> {
        let body = json!({ "SecretId": name, "VersionStage": label });
        let answer = ask(self.port, "GetSecretValue", body.to_string());
        let value: Value = serde_json::from_str(answer.text()).expect("JSON");
        value["SecretString"].as_str().map(str::to_owned)
    }

    /// The number of requests that it has answered since it started.
    pub fn requests(&self) -> usize {
        self.process.log().matches("POST / HTTP/").count()
    }

    /// Makes it check signatures from now on, and creates the only user, who may read secrets.
    /// Returns the user's access key id and secret access key.
    pub fn enforce_iam(&self) -> [String; 2] {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*" }],
        });
        let ask = |query: &str| {
            let form = format!("Version=2010-05-08&UserName=reader&Action={query}");
            signed(self.port, "iam", "application/x-www-form-urlencoded").body(form).send()
        };
        let _ = ask("CreateUser");
        let _ = ask(&format!("PutUserPolicy&PolicyName=only&PolicyDocument={policy}"));
        let key = ask("CreateAccessKey");
        let reset = Request::new("POST", "/moto-api/reset-auth").to(self.port).body("0");
        assert_eq!(reset.send().status, 200);
        ["AccessKeyId", "SecretAccessKey"].map(|element| {
            let (_, value) = key.text().split_once(&format!("<{element}>")).expect("a key");
            value.split('<').next().unwrap_or_default().to_owned()
        })
    }

    /// Calls an action, which must succeed, and returns the answer.
    pub fn call(&self, action: &str, body: &Value) -> Value {
        let answer = ask(self.port, action, body.to_string());
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        serde_json::from_str(answer.text()).expect("JSON")
    }
}

/// Forwards a request that [`fake_http`] got to the server on this port, and returns its answer.
pub fn forward(port: u16, head: &str, body: &str) -> Vec<u8> {
    let action = head.lines().find_map(|line| line.strip_prefix("x-amz-target: secretsmanager."));
    let answer = ask(port, action.expect("a target"), body.to_owned());
    fake_http::json(answer.status, answer.text())
}

fn ask(port: u16, action: &str, body: String) -> Answer {
    let request = signed(port, "secretsmanager", "application/x-amz-json-1.1").body(body);
    request.header("x-amz-target", format!("secretsmanager.{action}")).send()
}

/// The server reads the name of the service from the signature, which it checks only after
/// [`Moto::enforce_iam`].
fn signed(port: u16, service: &str, media_type: &str) -> Request {
    let scope = format!("test/20260101/eu-west-1/{service}/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let request = Request::new("POST", "/").to(port).header("authorization", signature);
    request.header("content-type", media_type)
}
