//! A built function as a process of its own behind cargo-lambda's emulator of Lambda.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;

use crate::{
    Environment, binaries,
    http::Request,
    process::{Process, command},
    python, wait,
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// The function, and the emulator that gives it its invocations.
#[derive(Debug)]
pub struct LambdaProcess {
    /// The function.
    pub function: Process,
    _emulator: Process,
    /// Where the emulator listens.
    pub address: SocketAddr,
    path: String,
}

impl LambdaProcess {
    /// Starts both; the emulator may send the function as many requests at once as
    /// `concurrency` says, up to 4.
    ///
    /// # Panics
    ///
    /// If the emulator does not listen within 30 s.
    #[must_use]
    pub fn start(name: &str, concurrency: &str, variables: Environment) -> Self {
        let port = wait::free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut emulator = command(python::program("cargo-lambda"), &Environment::new());
        emulator.args(["lambda", "watch", "--only-lambda-apis", "--concurrency", "4"]);
        emulator.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        let emulator = Process::start("cargo lambda watch", emulator);
        wait::until("the emulator", START_LIMIT, || wait::accepts(port).then_some(()));
        let api = format!("http://{address}/.rt/{name}");
        let mut all = Environment::from(
            [
                ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
                ("AWS_LAMBDA_MAX_CONCURRENCY", concurrency),
                ("AWS_LAMBDA_FUNCTION_NAME", "prod-auth"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        all.extend(variables);
        let function = Process::start(name, command(binaries::path(name), &all));
        Self { function, _emulator: emulator, address, path: format!("/lambda-url/{name}") }
    }

    /// The path of the emulator's that stands for `path` of the function's URL.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// What the function answers to an event.
    #[must_use]
    pub fn invoke(&self, event: &Value) -> Value {
        let name = self.path.trim_start_matches("/lambda-url/");
        let url = format!("http://{}/2015-03-31/functions/{name}/invocations", self.address);
        let answer = Request::new("POST", &url).body(event.to_string()).send();
        serde_json::from_slice(&answer.body).expect("an answer is JSON")
    }

    /// A request to the function's URL.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("http://{}{}", self.address, self.path(path)))
    }
}
