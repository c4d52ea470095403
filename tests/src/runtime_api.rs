//! Lambda's side of the runtime protocol, call by call: for snapshots and deadlines.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use crate::fake_http;

/// For a start, a fetch, or both.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// The trace of each invocation.
pub const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

/// The side of Lambda.
pub struct RuntimeApi {
    /// What `AWS_LAMBDA_RUNTIME_API` has to be.
    pub address: String,
    calls: Receiver<Call>,
}

/// A call of the function's that waits for its answer.
pub struct Call {
    /// The path that it calls, after `/2018-06-01/runtime`.
    pub path: String,
    /// What it has to say.
    pub body: String,
    answer: Sender<Vec<u8>>,
}

impl RuntimeApi {
    /// Listens.
    pub fn start() -> Self {
        let (sender, calls) = channel();
        let port = fake_http::start(move |head, body| {
            let (answer, answered) = channel();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let path = path.trim_start_matches("/2018-06-01/runtime").to_owned();
            // A test that has ended answers no more.
            let _ = sender.send(Call { path, body: body.to_owned(), answer });
            answered.recv().unwrap_or_default()
        });
        Self { address: format!("127.0.0.1:{port}"), calls }
    }

    /// Waits up to 20 s for the next call, whatever it is.
    pub fn any_call(&self) -> Call {
        self.calls.recv_timeout(CALL_LIMIT).expect("a call of the function's")
    }

    /// The same for one that has to be to this path.
    pub fn next_call(&self, path: &str) -> Call {
        let call = self.any_call();
        assert_eq!(call.path, path);
        call
    }
}

impl Call {
    /// Answers it, with an invocation that may take for ever.
    pub fn answer(self, body: &str) {
        self.answer_until(9_999_999_999_999, body);
    }

    /// Answers it with an invocation that ends at `deadline`, in milliseconds since 1970.
    pub fn answer_until(self, deadline: u128, body: &str) {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\
             Lambda-Runtime-Aws-Request-Id: one\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Trace-Id: Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=0\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:0:function:f\r\n\r\n{body}",
            body.len()
        );
        self.answer.send(answer.into()).expect("the function waits");
    }
}
