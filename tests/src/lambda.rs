//! A function on an emulator of Lambda: cargo-lambda's, or AWS's own.

use std::{fs, path::PathBuf, slice};

use serde_json::Value;

use crate::{
    Answer, Environment, Process, Request, binary, command, contract, environment,
    gateway_events::AwsGateway, wait, workspace,
};

/// A trace of X-Ray.
pub const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

/// A function, and the emulator that gives it its invocations.
pub struct Lambda {
    /// The function; with AWS's emulator, that and the function.
    pub function: Process,
    _emulator: Option<Process>,
    /// The emulator's port, of 127.0.0.1.
    port: u16,
    /// How the emulator knows the function.
    name: String,
}

impl Lambda {
    /// Starts a function and cargo-lambda's emulator, with up to `concurrency` requests at once.
    pub fn start(name: &str, concurrency: &str, variables: Environment) -> Self {
        let port = wait::free_port();
        let mut emulator = command("cargo-lambda", &Environment::new());
        emulator.args(["lambda", "watch", "--only-lambda-apis", "--concurrency", "4"]);
        emulator.args(["--invoke-address", "127.0.0.1"]);
        emulator.args(["--invoke-port", &port.to_string()]);
        let emulator = Process::start_on(port, "cargo lambda watch", emulator);
        let mut all = runtime_variables(&format!("http://127.0.0.1:{port}/.rt/{name}"));
        all.insert("AWS_LAMBDA_MAX_CONCURRENCY".into(), concurrency.into());
        all.extend(contract::with_key(variables));
        let function = Process::start(name, command(binary(name), &all));
        Self { function, _emulator: Some(emulator), port, name: name.into() }
    }

    /// Starts AWS's emulator, which SAM brings, for what `make release` has built of the function.
    pub fn start_release(name: &str, variables: &Environment) -> Self {
        let bootstrap = workspace().join("target/lambda").join(name).join("bootstrap");
        assert!(bootstrap.exists(), "{} is missing: make release", bootstrap.display());
        let mut emulator = command(emulator_of_aws(), variables);
        let [port, _] = ["interface-emulator", "api"].map(|part| {
            let port = wait::free_port();
            emulator.arg(format!("--runtime-{part}-address")).arg(format!("127.0.0.1:{port}"));
            port
        });
        emulator.arg(bootstrap);
        let function = Process::start_on(port, name, emulator);
        Self { function, _emulator: None, port, name: "function".into() }
    }

    /// What the function answers to an event.
    pub fn invoke(&self, event: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{}/invocations", self.name);
        let answer = Request::new("POST", &path).to(self.port).body(event.to_string()).send();
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| {
            panic!("{error}: {answer:?} to {event}; {}", self.function.log())
        })
    }

    /// What a client gets from the function behind this gateway.
    pub fn send(&self, gateway: AwsGateway, request: &Request) -> Answer {
        answer(&self.invoke(&gateway.event(request)))
    }

    /// A request to the function's URL, on cargo-lambda's emulator.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("/lambda-url/{}{path}", self.name)).to(self.port)
    }
}

/// All gateways of AWS that call functions.
pub const GATEWAYS: [AwsGateway; 6] = [
    AwsGateway::FunctionUrl,
    AwsGateway::HttpApi,
    AwsGateway::RestApi,
    AwsGateway::LoadBalancer,
    AwsGateway::LoadBalancerMultiValue,
    AwsGateway::Lattice,
];

/// Checks every row of the contract, as each gateway calls the functions.
pub fn check_contract(login: &Lambda, validate: &Lambda) {
    for gateway in GATEWAYS {
        contract::check(
            |name, request| if name == "login" { login } else { validate }.send(gateway, request),
            // A load balancer gives the last of two headers only, unless it is told otherwise.
            |_, request| gateway != AwsGateway::LoadBalancer || !contract::is_doubled(request),
        );
    }
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

/// What a gateway makes of a function's answer: it takes one of the two kinds of headers.
pub fn answer(answered: &Value) -> Answer {
    assert_eq!(answered["isBase64Encoded"], false, "{answered}");
    let multiple = answered["multiValueHeaders"].as_object().filter(|headers| !headers.is_empty());
    let all = multiple.or(answered["headers"].as_object()).into_iter().flatten();
    let headers = all.flat_map(|(name, values)| {
        let values = values.as_array().map_or(slice::from_ref(values), Vec::as_slice).iter();
        values.map(|value| {
            let value = value.as_str().and_then(|value| value.parse().ok());
            (name.parse().expect("a header's name"), value.expect("a header's value"))
        })
    });
    let status = answered["statusCode"].as_u64().and_then(|status| status.try_into().ok());
    let body = answered["body"].as_str().expect("a body").into();
    Answer { status: status.expect("a status"), headers: headers.collect(), body }
}
