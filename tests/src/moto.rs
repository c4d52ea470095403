//! Secrets Manager, by moto's server.

use serde_json::{Value, json};

use crate::{Answer, Environment, Process, Request, command, environment, fake_http, wait};

/// A running Secrets Manager without secrets.
pub struct Moto {
    /// Its process.
    pub process: Process,
    /// Its port, of 127.0.0.1.
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

    /// The standard AWS variables that lead to it.
    pub fn variables(&self) -> Environment {
        Self::variables_for(self.port)
    }

    /// The same for whatever listens on this port.
    pub fn variables_for(port: u16) -> Environment {
        environment(&[
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &format!("http://127.0.0.1:{port}")),
            ("AWS_REGION", "eu-west-1"),
            // `aws` of version 1 knows this name alone.
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ])
    }

    /// Makes a secret and gives its ARN.
    pub fn create_secret(&self, name: &str, text: &str) -> String {
        let created = self.call("CreateSecret", &json!({ "Name": name, "SecretString": text }));
        created["ARN"].as_str().expect("an ARN").to_owned()
    }

    /// Gives a secret another text in two steps, as a rotation does it: it is `AWSPENDING` first.
    /// In one step moto does it wrong where `AWSCURRENT` was moved before.
    pub fn put_secret(&self, name: &str, text: &str) {
        let stages = ["AWSPENDING"];
        let body = json!({ "SecretId": name, "SecretString": text, "VersionStages": stages });
        let put = self.call("PutSecretValue", &body);
        let mut body = json!({ "SecretId": name, "VersionStage": "AWSCURRENT" });
        body["RemoveFromVersionId"] = self.call("GetSecretValue", &body)["VersionId"].take();
        body["MoveToVersionId"] = put["VersionId"].clone();
        let _ = self.call("UpdateSecretVersionStage", &body);
    }

    /// The text at this stage of a secret, if there is one.
    pub fn text(&self, name: &str, label: &str) -> Option<String> {
        let body = json!({ "SecretId": name, "VersionStage": label });
        let answer = ask(self.port, "GetSecretValue", body.to_string());
        let value: Value = serde_json::from_str(answer.text()).expect("JSON");
        value["SecretString"].as_str().map(str::to_owned)
    }

    /// How many requests it has answered since it started.
    pub fn requests(&self) -> usize {
        self.process.log().matches("POST / HTTP/").count()
    }

    /// From now on it checks signatures, and knows one user alone, who may read secrets, and who
    /// has this access key and secret.
    pub fn know_one_user(&self) -> [String; 2] {
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

    /// What it answers to an action.
    pub fn call(&self, action: &str, body: &Value) -> Value {
        let answer = ask(self.port, action, body.to_string());
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        serde_json::from_str(answer.text()).expect("JSON")
    }
}

/// What the one on this port answers to a request, as [`fake_http`] passes it on.
pub fn pass_on(port: u16, head: &str, body: &str) -> Vec<u8> {
    let action = head.lines().find_map(|line| line.strip_prefix("x-amz-target: secretsmanager."));
    let answer = ask(port, action.expect("a target"), body.to_owned());
    fake_http::json(answer.status, answer.text())
}

fn ask(port: u16, action: &str, body: String) -> Answer {
    let request = signed(port, "secretsmanager", "application/x-amz-json-1.1").body(body);
    request.header("x-amz-target", format!("secretsmanager.{action}")).send()
}

/// A signature is checked after [`Moto::know_one_user`] alone; the service is told by it.
fn signed(port: u16, service: &str, media_type: &str) -> Request {
    let scope = format!("test/20260101/eu-west-1/{service}/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let request = Request::new("POST", "/").to(port).header("authorization", signature);
    request.header("content-type", media_type)
}
