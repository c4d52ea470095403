//! The functions behind the Lambda runtime protocol, by `cargo lambda watch`.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    Environment,
    contract::{ContractRequest, Door},
    gateway_events::Gateway,
    http::{Answer, Request},
    process::{Process, command},
    python, wait, workspace,
};

/// The first call of a function compiles it.
const BUILD_LIMIT: Duration = Duration::from_mins(15);

/// A running `cargo lambda watch`.
pub struct CargoLambda {
    process: Process,
    base_url: String,
}

impl CargoLambda {
    /// Starts it for the functions with these variables and `RUST_LOG=trace`, and
    /// waits until `login` and `validate` answer.
    ///
    /// # Panics
    ///
    /// If they do not answer, after 15 minutes of compiling at most.
    #[must_use]
    pub fn watch(variables: &Environment) -> Self {
        let port = wait::free_port();
        let mut variables = variables.clone();
        variables.extend(cargo_variables());
        let mut watch = command(python::program("cargo-lambda"), &variables);
        watch.args(["lambda", "watch", "--ignore-changes", "--features", "login/sqlite"]);
        // For the functions alone: cargo-lambda would log the events itself.
        watch.args(["--env-var", "RUST_LOG=trace"]);
        watch.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        watch.current_dir(workspace());
        let process = Process::start("cargo lambda watch", watch);
        let mut started = Self { process, base_url: format!("http://127.0.0.1:{port}") };
        for function in ["login", "validate"] {
            wait::until(&format!("{function} behind cargo lambda"), BUILD_LIMIT, || {
                assert!(started.process.ended().is_none(), "{}", started.process.log());
                let url = started.function_url(function, "/");
                Request::new("GET", &url).try_send().ok().filter(|answer| answer.status < 500)
            });
        }
        started
    }

    /// The address of a path behind a function's URL.
    #[must_use]
    pub fn function_url(&self, function: &str, path: &str) -> String {
        format!("{}/lambda-url/{function}{path}", self.base_url)
    }

    /// The port that invocations go to.
    #[must_use]
    pub fn port(&self) -> &str {
        self.base_url.rsplit(':').next().unwrap_or_default()
    }

    /// What a function answers to an event, as Lambda's own API gives it.
    ///
    /// # Panics
    ///
    /// If the function failed instead of answering.
    #[must_use]
    pub fn invoke(&self, function: &str, event: &Value) -> Value {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.base_url);
        let answer = Request::new("POST", &url).body(event.to_string()).send();
        assert_eq!(answer.status, 200, "{function} failed on {event}: {}", answer.text());
        serde_json::from_str(answer.text()).expect("an answer is JSON")
    }

    /// All that it and the functions have logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// What cargo needs of the environment.
#[must_use]
pub fn cargo_variables() -> Environment {
    let names = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN"];
    let set =
        names.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    set.collect()
}

/// A gateway in front of the functions.
pub struct EventDoor<'a> {
    /// The functions.
    pub functions: &'a CargoLambda,
    /// Which gateway.
    pub gateway: Gateway,
}

impl Door for EventDoor<'_> {
    fn send(&self, function: &str, request: &ContractRequest) -> Answer {
        answer(&self.functions.invoke(function, &self.gateway.event(request)))
    }
}

/// What a gateway makes of a function's answer. Where both kinds of headers are in it, each
/// gateway takes one of them.
///
/// # Panics
///
/// If it is not of the form that gateways take.
#[must_use]
pub fn answer(answered: &Value) -> Answer {
    assert_eq!(answered["isBase64Encoded"], false);
    let multiple = answered["multiValueHeaders"].as_object().filter(|headers| !headers.is_empty());
    let headers = multiple.or(answered["headers"].as_object()).into_iter().flatten();
    let headers = headers.flat_map(|(name, values)| {
        let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
        values.iter().map(move |value| (name, value.as_str()))
    });
    let header = |(name, value): (&String, Option<&str>)| {
        let name: HeaderName = name.parse().expect("a header's name");
        (name, HeaderValue::from_str(value.expect("a text")).expect("a header's value"))
    };
    Answer {
        status: u16::try_from(answered["statusCode"].as_u64().expect("a status"))
            .expect("a status"),
        headers: headers.map(header).collect::<HeaderMap>(),
        body: answered["body"].as_str().expect("a body").into(),
    }
}
