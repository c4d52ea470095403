//! The clients of `examples/clients`, each with the real functions and with a fake service that
//! returns all kinds of errors.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Value, json};
use system_tests::{
    Environment, Output, Service, Sqlite, binary, command, environment, fake_http, output, seconds,
    start_both, token, token_with, wait, workspace,
};

const EMAIL: &str = "ada@example.com";
/// A password with characters that a client may forget to quote or to encode in UTF-8.
const PASSWORD: &str = r#"p'ä"s\s: $w ör;d €😀 %41\"#;
/// Longer than any client may take.
const LIMIT: Duration = Duration::from_secs(40);

/// An example client.
struct Client {
    name: &'static str,
    /// The program, and the script if the program is an interpreter.
    command: Vec<PathBuf>,
}

/// Runs a check for all clients concurrently.
fn for_each_client(check: &(impl Fn(&Client) + Sync)) {
    let file = |name: &str| workspace().join("examples/clients").join(name);
    thread::scope(|scope| {
        for (name, command) in [
            ("curl", vec![file("client.sh")]),
            ("Python", vec!["python".into(), file("client.py")]),
            ("JavaScript", vec![file("javascript/main.mjs")]),
            ("Rust", vec![binary("example-client")]),
        ] {
            scope.spawn(move || check(&Client { name, command }));
        }
    });
}

/// The variables of a client for a service with these URLs.
fn variables(login: &str, validate: &str) -> Environment {
    environment(&[
        ("LOGIN_URL", login),
        ("VALIDATE_URL", validate),
        ("AUTH_EMAIL", EMAIL),
        ("AUTH_PASSWORD", PASSWORD),
    ])
}

/// A row of `clients.yaml`, which describes the members.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    what: String,
    answers: Option<[Vec<String>; 2]>,
    variables: Environment,
    arguments: Vec<String>,
    input: String,
    times: usize,
    says: Option<String>,
    tries: [usize; 2],
    seconds: Option<[u64; 2]>,
}

fn rows() -> Vec<Row> {
    let expired = json!({ "username": EMAIL, "admin": false, "iat": 0, "exp": seconds(-3600) });
    let (expired, token) = (token_with(&expired), token(EMAIL, false));
    let mut rows: Vec<Row> =
        serde_saphyr::from_str(include_str!("../../data/clients.yaml")).expect("rows");
    for row in &mut rows {
        row.input = row.input.replace("{password}", PASSWORD);
        for value in row.variables.values_mut() {
            *value = value.replace("{expired}", &expired).replace("{token}", &token);
        }
    }
    rows
}

impl Client {
    fn command(&self, variables: &Environment, arguments: &[String]) -> Command {
        let mut run = command(&self.command[0], variables);
        run.args(&self.command[1..]).args(arguments);
        run
    }

    /// Runs the client, and panics unless it prints what the row expects, and no secret.
    fn check(&self, row: &Row, mut variables: Environment) {
        variables.extend(row.variables.clone());
        variables.retain(|_, value| !value.is_empty());
        let what = format!("{}, {}", self.name, row.what);
        let since = Instant::now();
        let run = output(self.command(&variables, &row.arguments), row.input.as_bytes(), LIMIT);
        let took = since.elapsed();
        let [from, to] = row.seconds.unwrap_or([0, 40]);
        assert!((from..to).contains(&took.as_secs()), "{what}: {took:?}");

        let Output { status, stdout, stderr } = &run;
        let all = [stdout.as_str(), stderr].concat();
        let secrets = ["AUTH_PASSWORD", "AUTH_TOKEN"].map(|name| variables.get(name));
        let secrets = secrets.into_iter().flatten().map(String::as_str).chain([PASSWORD, "eyJ"]);
        assert!(secrets.into_iter().all(|secret| !all.contains(secret)), "{what}: {all}");
        if let Some(says) = &row.says {
            assert_eq!((status.code(), stdout.as_str()), (Some(1), ""), "{what}: {stderr}");
            let line = stderr.strip_suffix('\n').unwrap_or_default();
            assert!(line.starts_with("auth: ") && !line.contains('\n'), "{what}: {stderr}");
            assert!(says.split('|').any(|part| line.contains(part)), "{what}: {line}");
        } else {
            assert!(status.success() && stderr.is_empty(), "{what}: {run:?}");
            assert_eq!(stdout.lines().count(), row.times, "{what}: {stdout}");
            for line in stdout.lines() {
                let claims: Value = serde_json::from_str(line).expect("a line of JSON");
                assert_eq!(claims["username"], EMAIL, "{what}: {stdout}");
            }
        }
    }
}

/// Starts a fake service with the answers of a row. Returns the variables of its client, and the
/// requested paths. At each request it checks that no process has a secret as an argument.
fn start_fake(answers: [Vec<String>; 2]) -> (Environment, Arc<Mutex<Vec<String>>>) {
    let paths = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&paths);
    let port = fake_http::start(move |head, _| {
        let processes = fs::read_dir("/proc").expect("the processes").flatten();
        let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let arguments = lines.collect::<Vec<_>>().concat();
        let arguments = String::from_utf8_lossy(&arguments);
        let is_listed = [PASSWORD, "eyJ.canned"].map(|secret| arguments.contains(secret));
        let path = if is_listed == [false; 2] { head.split(' ').nth(1) } else { None };
        let path = path.unwrap_or("a secret is an argument").to_owned();
        let answers = &answers[usize::from(path != "/login")];
        let mut seen = seen.lock().expect("no panic with it");
        let before = seen.iter().filter(|it| **it == path).count();
        seen.push(path);
        drop(seen);
        let Some((status, rest)) = answers[before.min(answers.len() - 1)].split_once(' ') else {
            thread::sleep(LIMIT);
            return Vec::new();
        };
        format!("HTTP/1.1 {status} -\r\nconnection: close\r\n{rest}").into()
    });
    let mut variables = variables("", "");
    variables.insert("AUTH_URL".into(), format!("http://127.0.0.1:{port}"));
    (variables, paths)
}

#[tokio::test]
#[ignore = "needs curl, jq, requests and Node: make verify"]
async fn every_client_logs_in_only_when_necessary_and_limits_its_retries() {
    let store = Sqlite::with(&[(EMAIL, PASSWORD)]).await;
    for_each_client(&|client: &Client| {
        for row in rows() {
            let what = format!("{}, {}", client.name, row.what);
            if let Some(answers) = row.answers.clone() {
                let (variables, paths) = start_fake(answers);
                client.check(&row, variables);
                let paths = paths.lock().expect("no panic with it");
                let logins = paths.iter().filter(|path| *path == "/login").count();
                assert_eq!([logins, paths.len() - logins], row.tries, "{what}: {paths:?}");
                assert!(paths.iter().all(|path| path.starts_with('/')), "{what}: {paths:?}");
                continue;
            }
            let all = store.variables().into_iter().chain(row.variables.clone()).collect();
            let [login, validate] = start_both(all);
            client.check(&row, variables(&login.url("/login"), &validate.url("/validate")));
            let requests = |it: &Service| it.log().matches(r#""message":"request""#).count();
            // Good tokens are logged a moment after the answer.
            wait::until(&what, LIMIT, || {
                ([&login, &validate].map(requests) == row.tries).then_some(())
            });
        }
        let closed = format!("http://127.0.0.1:{}/", wait::free_port());
        let mut nothing = rows().remove(0);
        nothing.says = Some("auth: login: ".into());
        client.check(&nothing, variables(&closed, &closed));
    });
}
