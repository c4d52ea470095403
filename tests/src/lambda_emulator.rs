//! A built function behind AWS's own emulator of Lambda's runtime interface, which SAM brings.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;

use crate::{
    Environment,
    contract::{ContractRequest, Door},
    gateway_events::Gateway,
    http::{Answer, Request},
    process::{Process, command},
    wait, workspace,
};

const START_LIMIT: Duration = Duration::from_secs(10);

/// A function as it is given to Lambda.
pub struct LambdaEmulator {
    process: Process,
    address: String,
}

impl LambdaEmulator {
    /// Starts the emulator for the function `name`, which itself starts with its first event.
    ///
    /// # Panics
    ///
    /// If the emulator does not listen, or the function was not built.
    #[must_use]
    pub fn start(name: &str, variables: &Environment) -> Self {
        let bootstrap = workspace().join("target/lambda").join(name).join("bootstrap");
        assert!(bootstrap.exists(), "{} is missing: make release", bootstrap.display());
        let [port, runtime_api] = [(); 2].map(|()| wait::free_port());
        let address = format!("127.0.0.1:{port}");
        let mut emulator = command(program(), variables);
        emulator.args(["--runtime-interface-emulator-address", &address]);
        emulator.args(["--runtime-api-address", &format!("127.0.0.1:{runtime_api}")]);
        emulator.arg(bootstrap);
        let process = Process::start(name, emulator);
        wait::until(name, START_LIMIT, || wait::accepts(port).then_some(()));
        Self { process, address }
    }

    /// What the function answers to an event.
    ///
    /// # Panics
    ///
    /// If it is not JSON.
    #[must_use]
    pub fn invoke(&self, event: &Value) -> Value {
        let url = format!("http://{}/2015-03-31/functions/function/invocations", self.address);
        let answer = Request::new("POST", &url).body(event.to_string()).send();
        let failed = |error| panic!("{error}: {}; {}", answer.text(), self.process.log());
        serde_json::from_str(answer.text()).unwrap_or_else(failed)
    }

    /// All that it and the function have logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// In the wheel of `aws-sam-cli`, for each architecture.
fn program() -> PathBuf {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let libraries = fs::read_dir(workspace().join("target/venv/lib")).expect("make test made it");
    let mut emulators = libraries.filter_map(Result::ok).map(|python| {
        let rapid = python.path().join("site-packages/samcli/local/rapid");
        rapid.join(format!("aws-lambda-rie-{architecture}"))
    });
    emulators.find(|path| path.exists()).expect("aws-sam-cli is in target/venv")
}

/// A gateway in front of both functions.
pub struct EmulatorDoor<'a> {
    /// `login`.
    pub login: &'a LambdaEmulator,
    /// `validate`.
    pub validate: &'a LambdaEmulator,
    /// Which gateway.
    pub gateway: Gateway,
}

impl Door for EmulatorDoor<'_> {
    fn send(&self, function: &str, request: &ContractRequest) -> Answer {
        let emulator = if function == "login" { self.login } else { self.validate };
        crate::cargo_lambda::answer(&emulator.invoke(&self.gateway.event(request)))
    }
}
