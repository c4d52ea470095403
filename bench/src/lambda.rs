//! Functions as Lambda starts them, with the runtime API played here.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Instant,
};

use serde_json::Value;
use system_tests::{
    Environment,
    runtime_api::{API, RuntimeApi},
};

use crate::{
    proc_usage,
    series::{Series, ms},
};

/// A function with its environment, and what was measured of its starts.
pub(crate) struct ColdStart {
    pub(crate) name: String,
    program: PathBuf,
    variables: Environment,
    /// How many times the bare function's start its own may take.
    pub(crate) bound: Option<f64>,
    /// What its first invocation is, where one is measured, and what is in the answer.
    event: Option<(Value, &'static str)>,
    /// Milliseconds from the start of the process to its first request for work.
    pub(crate) ready: Series,
    /// From the start to the first answer.
    pub(crate) answered: Series,
    /// Resident memory at the first request for work, in MiB.
    pub(crate) memory: Series,
}

impl ColdStart {
    pub(crate) fn new(name: &str, program: PathBuf, mut variables: Environment) -> Self {
        for (variable, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", "function"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
        ] {
            variables.insert(variable.into(), value.into());
        }
        let (ready, answered, memory) = Default::default();
        let name = name.to_owned();
        Self { name, program, variables, bound: None, event: None, ready, answered, memory }
    }

    /// One that is to be ready within so many times of the bare function's start.
    pub(crate) fn within(mut self, bound: f64) -> Self {
        self.bound = Some(bound);
        self
    }

    /// One whose first invocation is this event, and is answered with this text somewhere.
    pub(crate) fn answering(mut self, event: Value, with: &'static str) -> Self {
        self.event = Some((event, with));
        self
    }

    /// Starts and ends it once.
    ///
    /// # Panics
    ///
    /// If it asks for anything but work, or answers its first invocation otherwise.
    pub(crate) fn measure(&mut self) {
        let api = RuntimeApi::new();
        let mut command = Command::new(&self.program);
        command.env_clear().envs(&self.variables).env("AWS_LAMBDA_RUNTIME_API", api.address());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Not by the harness, which starts another program first.
        let began = Instant::now();
        let child = Ended(command.spawn().expect("a program"));
        let call = api.next_call();
        assert_eq!(call.path, format!("{API}/invocation/next"), "{}", self.name);
        self.ready.push_ms(call.arrived - began);
        self.memory.push(proc_usage::resident_mib(child.0.id()));
        if let Some((event, expected)) = &self.event {
            let call_answered = Instant::now();
            // Reading /proc is no part of the start.
            let pause = call_answered - call.arrived;
            call.answer(&event.to_string());
            let response = api.next_call();
            assert_eq!(response.path, format!("{API}/invocation/one/response"), "{}", self.name);
            let text = String::from_utf8_lossy(&response.body);
            assert!(text.contains(expected), "{}: {text}", self.name);
            self.answered.push(ms(response.arrived - began) - ms(pause));
        }
    }
}

impl ColdStart {
    /// Starts it once for nothing.
    pub(crate) fn warm_up(&mut self) {
        self.measure();
        (self.ready, self.answered, self.memory) = Default::default();
    }

    /// Whether its first answer is measured.
    pub(crate) fn answers(&self) -> bool {
        self.event.is_some()
    }
}

/// For a program whose environment is thrown away.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long a request takes, in milliseconds: what a function spends on somebody else.
pub(crate) fn answer_time(times: usize, mut ask: impl FnMut()) -> Series {
    let one = |_| {
        let since = Instant::now();
        ask();
        ms(since.elapsed())
    };
    (0..times).map(one).collect()
}
