//! A function in a Lambda emulator: cargo-lambda's or AWS's.

use std::{fs, path::PathBuf, slice};

use serde_json::Value;

use crate::{
    Answer, Environment, Process, Request, binary, command, contract, environment,
    gateway_events::AwsGateway, wait, workspace,
};

/// A trace id of X-Ray.
pub const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

/// A function and the emulator that invokes it.
pub struct Lambda {
    /// The function's process; with AWS's emulator, the emulator and the function.
    pub function: Process,
    _emulator: Option<Process>,
    /// The emulator's port on 127.0.0.1.
    port: u16,
    /// The function's name in the emulator.
    name: String,
}

impl Lambda {
    /// Starts a function and cargo-lambda's emulator, with up to `concurrency` concurrent requests.
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

    /// Starts AWS's emulator, which is part of SAM, with the function as built by `make release`.
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

    /// Invokes the function with an event and returns its response.
    pub fn invoke(&self, event: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{}/invocations", self.name);
        let answer = Request::new("POST", &path).to(self.port).body(event.to_string()).send();
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| {
            panic!("{error}: {answer:?} to {event}; {}", self.function.log())
        })
    }

    /// Sends a request through this gateway and returns the answer that its client gets.
    pub fn send(&self, gateway: AwsGateway, request: &Request) -> Answer {
        answer(gateway, &self.invoke(&gateway.event(request)))
    }

    /// A request to the function URL in cargo-lambda's emulator.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("/lambda-url/{}{path}", self.name)).to(self.port)
    }
}

/// All AWS gateways that call functions.
pub const GATEWAYS: [AwsGateway; 6] = [
    AwsGateway::FunctionUrl,
    AwsGateway::HttpApi,
    AwsGateway::RestApi,
    AwsGateway::LoadBalancer,
    AwsGateway::LoadBalancerMultiValue,
    AwsGateway::Lattice,
];

/// Checks every row of the contract through each gateway.
pub fn check_contract(login: &Lambda, validate: &Lambda) {
    for gateway in GATEWAYS {
        contract::check(
            |name, request| if name == "login" { login } else { validate }.send(gateway, request),
            // By default a load balancer passes on only the last of several headers of one name.
            |_, request| {
                gateway != AwsGateway::LoadBalancer || !contract::repeats_authorization(request)
            },
        );
    }
}

/// The executable in the wheel of `aws-sam-cli` for this architecture.
fn emulator_of_aws() -> PathBuf {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let libraries = fs::read_dir(workspace().join("target/venv/lib")).expect("make verify made it");
    let mut emulators = libraries.filter_map(Result::ok).map(|python| {
        let rapid = python.path().join("site-packages/samcli/local/rapid");
        rapid.join(format!("aws-lambda-rie-{architecture}"))
    });
    emulators.find(|path| path.exists()).expect("aws-sam-cli is in target/venv")
}

/// The variables that Lambda sets for every function, with the address of its runtime API.
pub fn runtime_variables(api: &str) -> Environment {
    environment(&[
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", "prod-auth"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ])
}

/// Converts a function's response as a gateway does, which reads one of the two header members.
pub fn answer(gateway: AwsGateway, answered: &Value) -> Answer {
    assert_eq!(answered["isBase64Encoded"], false, "{answered}");
    let kind = match gateway {
        AwsGateway::RestApi | AwsGateway::LoadBalancerMultiValue => "multiValueHeaders",
        _ => "headers",
    };
    if matches!(gateway, AwsGateway::LoadBalancer | AwsGateway::LoadBalancerMultiValue) {
        let described = answered["statusDescription"].as_str().expect("a status");
        assert!(described.starts_with(&format!("{} ", answered["statusCode"])), "{answered}");
    }
    let all = answered[kind].as_object().into_iter().flatten();
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
