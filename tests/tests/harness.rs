//! The harness itself: nothing that a test starts may outlive it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use system_tests::{
    Environment, mariadb,
    process::{Process, command, output},
    service::Service,
    wait,
};

const LIMIT: Duration = Duration::from_secs(5);

fn shell(script: &str) -> Command {
    let mut shell = command("sh", &Environment::new());
    shell.args(["-c", script]);
    shell
}

fn lives(id: &str) -> bool {
    // The ended child of a killed parent stays a zombie where nobody adopts it.
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_dropped_process_has_ended_and_so_have_its_children() {
    let process = Process::start("sh", shell("sleep 60 & echo $!; wait"));
    let child = wait::until("the child's id", LIMIT, || {
        let log = process.log();
        log.strip_suffix('\n').map(str::to_owned)
    });
    let id = process.id().to_string();
    assert!(lives(&id) && lives(&child));
    drop(process);
    assert!(!lives(&id));
    wait::until("the child's end", LIMIT, || (!lives(&child)).then_some(()));
}

#[test]
fn a_process_that_ignores_sigterm_is_killed_in_the_end() {
    let mut process = Process::start("sh", shell("trap '' TERM; echo on; sleep 60; sleep 60"));
    wait::until("the trap", LIMIT, || (process.log() == "on\n").then_some(()));
    process.signal_terminate();
    process.kill();
    assert!(process.ended().is_some_and(|status| !status.success()));
}

#[test]
fn a_process_outlives_the_thread_that_started_it() {
    let start = || Process::start("sleep", shell("exec sleep 60"));
    let mut process = std::thread::spawn(start).join().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert!(process.ended().is_none());
}

#[test]
fn input_and_both_outputs_are_kept_apart() {
    let output = output(shell("cat; echo error >&2; exit 3"), "größe".as_bytes(), LIMIT);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("größe", "error\n"));
    assert_eq!(output.status.code(), Some(3));
}

/// Runs this very test program again with one test that starts a process, and kills it.
#[test]
fn a_killed_test_process_takes_its_children_with_it() {
    if !Path::new("/usr/bin/setpriv").exists() {
        eprintln!("left out: there is no setpriv");
        return;
    }
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--ignored", "--exact", "started_by_another_test", "--nocapture"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("id");
    let mut victim = victim.env("ID_FILE", &file).stdout(Stdio::null()).spawn().unwrap();
    let child = wait::until("the child's id", LIMIT, || {
        fs::read_to_string(&file).ok().filter(|id| !id.is_empty())
    });
    assert!(lives(&child));
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait::until("the child's end", LIMIT, || (!lives(&child)).then_some(()));
}

#[test]
#[ignore = "needs a parent test, which runs it"]
fn started_by_another_test() {
    let Some(file) = std::env::var_os("ID_FILE") else { return };
    let process = Process::start("sleep", shell("exec sleep 60"));
    fs::write(file, process.id().to_string()).unwrap();
    std::thread::sleep(Duration::from_mins(1));
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_request_arrives_as_it_was_put_together() {
    let database = mariadb::shared();
    let mut variables = database.login_variables();
    variables.insert("JWT_SECRET".into(), "a key of 32 bytes, and one or two more".into());
    let login = Service::start("login", variables);
    // "a:b": a user that does not exist.
    let basic = "Basic YTpi";
    let once = login.request("POST", "/login").header("Authorization", basic);
    let answer = once.send();
    assert_eq!((answer.status, answer.text()), (401, "invalid credentials"));
    let twice = login.request("POST", "/login").header("Authorization", basic);
    let answer = twice.header("Authorization", basic).send();
    assert_eq!((answer.status, answer.text()), (401, "missing credentials"));
    let answer = login.request("BREW", "/login").body("coffee").send();
    assert_eq!((answer.status, answer.header("Allow")), (405, Some("POST")));
    let (status, log) = login.terminate();
    assert!(status.success(), "{log}");
}
