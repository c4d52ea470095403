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
    process: Process,
    base_url: String,
    port: u16,
}

impl Moto {
    /// Starts it on a free port.
    ///
    /// # Panics
    ///
    /// If it does not answer within a minute.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(wait::free_port())
    }

    /// Starts it on this port.
    ///
    /// # Panics
    ///
    /// If it does not answer within a minute.
    #[must_use]
    pub fn start_on(port: u16) -> Self {
        let mut server = command(python::program("moto_server"), &Environment::new());
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let process = Process::start("moto", server);
        let base_url = format!("http://127.0.0.1:{port}");
        wait::until("Secrets Manager", START_LIMIT, || {
            Request::new("GET", &format!("{base_url}/moto-api/data.json")).try_send().ok()
        });
        Self { process, base_url, port }
    }

    /// Its port, of 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The standard AWS variables that lead to it.
    #[must_use]
    pub fn variables(&self) -> Environment {
        Self::variables_for(self.port)
    }

    /// The same for one that will be started on this port.
    #[must_use]
    pub fn variables_for(port: u16) -> Environment {
        let base_url = format!("http://127.0.0.1:{port}");
        let variables = [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", base_url.as_str()),
            ("AWS_REGION", "eu-west-1"),
            // `aws` of version 1 knows this name alone.
            ("AWS_DEFAULT_REGION", "eu-west-1"),
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

    /// Gives a secret another text at once: `AWSCURRENT` moves to it, and `AWSPREVIOUS` to
    /// what was there before.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub fn put_secret(&self, name: &str, text: &str) {
        let _ = self.call("PutSecretValue", &json!({ "SecretId": name, "SecretString": text }));
    }

    /// Gives a secret a text as `AWSPENDING`, as the first step of a rotation does, and
    /// gives the version.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    #[must_use]
    pub fn put_pending(&self, name: &str, text: &str) -> String {
        let stages = ["AWSPENDING"];
        let body = json!({ "SecretId": name, "SecretString": text, "VersionStages": stages });
        let put = self.call("PutSecretValue", &body);
        put["VersionId"].as_str().expect("a version").to_owned()
    }

    /// Makes this version `AWSCURRENT`, as the last step of a rotation does.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub fn make_current(&self, name: &str, version: &str) {
        let body = json!({ "SecretId": name, "VersionStage": "AWSCURRENT" });
        let current = self.call("GetSecretValue", &body);
        let body = json!({
            "SecretId": name, "VersionStage": "AWSCURRENT", "MoveToVersionId": version,
            "RemoveFromVersionId": current["VersionId"],
        });
        let _ = self.call("UpdateSecretVersionStage", &body);
    }

    /// Takes `AWSPREVIOUS` away from what has it, so that only `AWSCURRENT` is left.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub fn forget_previous(&self, name: &str) {
        let body = json!({ "SecretId": name, "VersionStage": "AWSPREVIOUS" });
        let previous = self.call("GetSecretValue", &body)["VersionId"].clone();
        let body = json!({
            "SecretId": name, "VersionStage": "AWSPREVIOUS", "RemoveFromVersionId": previous,
        });
        let _ = self.call("UpdateSecretVersionStage", &body);
    }

    /// How many requests it has answered since it started.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.process.log().matches("POST / HTTP/").count()
    }

    /// Ends it: from now on nobody listens there.
    pub fn stop(&mut self) {
        self.process.kill();
    }

    /// Freezes it: connections are accepted and never answered.
    pub fn freeze(&mut self) {
        self.process.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        self.process.thaw();
    }

    /// Makes a user who may do this, such as `secretsmanager:GetSecretValue`, and gives
    /// the variables with the user's access key.
    ///
    /// # Panics
    ///
    /// If it refuses that.
    #[must_use]
    pub fn create_user(&self, name: &str, action: &str) -> Environment {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }],
        });
        let _ = self.ask_iam(&format!("Action=CreateUser&UserName={name}"));
        let _ = self.ask_iam(&format!(
            "Action=PutUserPolicy&UserName={name}&PolicyName=only&PolicyDocument={policy}"
        ));
        let key = self.ask_iam(&format!("Action=CreateAccessKey&UserName={name}"));
        let text = |element: &str| {
            let (_, rest) = key.split_once(&format!("<{element}>")).expect("an access key");
            rest.split('<').next().unwrap_or_default().to_owned()
        };
        let mut variables = self.variables();
        variables.insert("AWS_ACCESS_KEY_ID".into(), text("AccessKeyId"));
        variables.insert("AWS_SECRET_ACCESS_KEY".into(), text("SecretAccessKey"));
        variables
    }

    fn ask_iam(&self, query: &str) -> String {
        let answer = Request::new("POST", &format!("{}/", self.base_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", authorization("iam"))
            .body(format!("{query}&Version=2010-05-08"))
            .send();
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.text().to_owned()
    }

    /// From now on it knows nobody's credentials but those of its users, and checks
    /// signatures.
    ///
    /// # Panics
    ///
    /// If it refuses that.
    pub fn refuse_strangers(&self) {
        let url = format!("{}/moto-api/reset-auth", self.base_url);
        assert_eq!(Request::new("POST", &url).body("0").send().status, 200);
    }

    /// What it answers to an action, and with which status.
    ///
    /// # Panics
    ///
    /// If the answer is not JSON.
    #[must_use]
    pub fn ask(&self, action: &str, body: &Value) -> (u16, Value) {
        ask(self.port, action, body)
    }

    fn call(&self, action: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(action, body);
        assert_eq!(status, 200, "{action}: {answer}");
        answer
    }
}

/// What the one on this port answers to an action, and with which status.
///
/// # Panics
///
/// If the answer is not JSON.
#[must_use]
pub fn ask(port: u16, action: &str, body: &Value) -> (u16, Value) {
    let answer = Request::new("POST", &format!("http://127.0.0.1:{port}/"))
        .header("x-amz-target", format!("secretsmanager.{action}"))
        .header("content-type", "application/x-amz-json-1.1")
        .header("authorization", authorization("secretsmanager"))
        .body(body.to_string())
        .send();
    (answer.status, serde_json::from_str(answer.text()).expect("JSON"))
}

/// Nobody checks a signature but for [`Moto::refuse_strangers`]; the service is told by it.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}
