//! `make watch` and `make invoke`.

use std::{process::Command, time::Duration};

use system_tests::{Process, Request, cargo_variables, command, output, wait, workspace};

/// For the compilation, if nothing is compiled yet.
const BUILD_LIMIT: Duration = Duration::from_mins(15);

fn make(target: &str, port: u16) -> Command {
    let mut make = command("make", &cargo_variables());
    make.args([target, &format!("WATCH_PORT={port}")]).current_dir(workspace());
    make
}

/// `make invoke` logs in as the demo user, and fails unless each answer has the status in the name
/// of its event.
#[test]
#[ignore = "needs cargo-lambda: make verify"]
fn every_sample_event_gets_the_answer_in_its_name() {
    let port = wait::free_port();
    let watch = Process::start("make watch", make("watch", port));
    let login = wait::until("the lines", BUILD_LIMIT, || {
        let log = watch.log();
        let line = log.lines().find_map(|line| line.strip_prefix("login:").map(str::trim));
        line.map(|url| url.replace("localhost", "127.0.0.1"))
    });
    wait::until("login", BUILD_LIMIT, || {
        let answer = Request::new("POST", &login).try_send().ok()?;
        (answer.status == 401).then_some(())
    });
    let invoked = output(make("invoke", port), b"", BUILD_LIMIT);
    assert!(invoked.status.success(), "{}{}", invoked.stdout, invoked.stderr);
}
