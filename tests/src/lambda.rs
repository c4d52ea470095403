//! A function behind an emulator of Lambda: cargo-lambda's, or AWS's own.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use serde_json::Value;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    Environment, contract, environment,
    gateway_events::Gateway,
    http::{Answer, Request},
    process::{Process, binary, command},
    python, wait, workspace,
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// A function, and the emulator that gives it its invocations.
#[derive(Debug)]
pub struct Lambda {
    /// The function; with AWS's emulator, that and the function.
    pub function: Process,
    _emulator: Option<Process>,
    /// Where the emulator listens.
    address: SocketAddr,
    /// How the emulator knows the function.
    name: String,
}

impl Lambda {
    /// Starts a built function and cargo-lambda's emulator, which may send it as many requests at
    /// once as `concurrency` says, up to 4.
    pub fn start(name: &str, concurrency: &str, variables: Environment) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], wait::free_port()));
        let mut emulator = command(python::program("cargo-lambda"), &Environment::new());
        emulator.args(["lambda", "watch", "--only-lambda-apis", "--concurrency", "4"]);
        emulator.args(["--invoke-address", "127.0.0.1"]);
        emulator.args(["--invoke-port", &address.port().to_string()]);
        let emulator = listening(Process::start("cargo lambda watch", emulator), address);
        let mut all = runtime_variables(&format!("http://{address}/.rt/{name}"));
        all.insert("AWS_LAMBDA_MAX_CONCURRENCY".into(), concurrency.into());
        all.extend(contract::with_key(variables));
        let function = Process::start(name, command(binary(name), &all));
        Self { function, _emulator: Some(emulator), address, name: name.into() }
    }

    /// Starts AWS's emulator, which SAM brings, for what `make release` has built of the function.
    /// That starts with its first event.
    pub fn start_release(name: &str, variables: &Environment) -> Self {
        let bootstrap = workspace().join("target/lambda").join(name).join("bootstrap");
        assert!(bootstrap.exists(), "{} is missing: make release", bootstrap.display());
        let [address, runtime_api] =
            [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], wait::free_port())));
        let mut emulator = command(emulator_of_aws(), variables);
        emulator.args(["--runtime-interface-emulator-address", &address.to_string()]);
        emulator.args(["--runtime-api-address", &runtime_api.to_string()]).arg(bootstrap);
        let function = listening(Process::start(name, emulator), address);
        Self { function, _emulator: None, address, name: "function".into() }
    }

    /// What the function answers to an event.
    pub fn invoke(&self, event: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{}/invocations", self.name);
        let request = Request::new("POST", &format!("http://{}{path}", self.address));
        let answer = request.body(event.to_string()).send();
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| {
            panic!("{error}: {answer:?} to {event}; {}", self.function.log())
        })
    }

    /// What a client gets from the function behind this gateway.
    pub fn send(&self, gateway: Gateway, request: &Request) -> Answer {
        answer(&self.invoke(&gateway.event(request)))
    }

    /// A request to the function's URL, behind cargo-lambda's emulator.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let url = format!("http://{}/lambda-url/{}{path}", self.address, self.name);
        Request::new(method, &url)
    }
}

fn listening(process: Process, address: SocketAddr) -> Process {
    wait::until("the emulator", START_LIMIT, || wait::accepts(address.port()).then_some(()));
    process
}

/// In the wheel of `aws-sam-cli`, for each architecture.
fn emulator_of_aws() -> PathBuf {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let libraries = fs::read_dir(workspace().join("target/venv/lib")).expect("make verify made it");
    let mut emulators = libraries.filter_map(Result::ok).map(|python| {
        let rapid = python.path().join("site-packages/samcli/local/rapid");
        rapid.join(format!("aws-lambda-rie-{architecture}"))
    });
    emulators.find(|path| path.exists()).expect("aws-sam-cli is in target/venv")
}

/// What Lambda tells every function, with the address of its runtime API.
pub fn runtime_variables(api: &str) -> Environment {
    environment(&[
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", "prod-auth"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ])
}

/// What a gateway makes of a function's answer. Where both kinds of headers are in it, each
/// gateway takes one of them.
pub fn answer(answered: &Value) -> Answer {
    assert_eq!(answered["isBase64Encoded"], false, "{answered}");
    let multiple = answered["multiValueHeaders"].as_object().filter(|headers| !headers.is_empty());
    let all = multiple.or(answered["headers"].as_object()).into_iter().flatten();
    let mut headers = HeaderMap::new();
    for (name, values) in all {
        let name: HeaderName = name.parse().expect("a header's name");
        for value in values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice) {
            let value = HeaderValue::from_str(value.as_str().expect("a text"));
            headers.append(&name, value.expect("a header's value"));
        }
    }
    let status = answered["statusCode"].as_u64().and_then(|status| status.try_into().ok());
    let body = answered["body"].as_str().expect("a body").into();
    Answer { status: status.expect("a status"), headers, body }
}
