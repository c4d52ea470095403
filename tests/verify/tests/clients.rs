//! The clients of `examples/clients`, each against the real functions, and against a service
//! that is worse than ours would ever be.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use shared::users::{NewUser, SqliteUsers};
use system_tests::{
    Environment,
    contract::{hash, token, token_with},
    environment,
    process::{Output, Process, binary, command, output},
    python, scratch,
    service::{Functions, Service},
    wait, workspace,
};

const EMAIL: &str = "ada@example.com";
/// Of the kind that goes wrong where a client quotes too little, or is not in UTF-8.
const PASSWORD: &str = r#"p'ä"s\s: $w ör;d €😀 %41\"#;
/// Longer than any client may take.
const LIMIT: Duration = Duration::from_secs(40);

/// One of the clients.
struct Client {
    name: &'static str,
    /// The program, and what it runs where it is an interpreter.
    command: Vec<PathBuf>,
}

fn clients() -> [Client; 4] {
    let file = |name: &str| workspace().join("examples/clients").join(name);
    [
        ("curl", vec![file("client.sh")]),
        ("Python", vec![python::program("python"), file("client.py")]),
        ("JavaScript", vec![file("javascript/main.mjs")]),
        ("Rust", vec![binary("example-client")]),
    ]
    .map(|(name, command)| Client { name, command })
}

/// Runs a check for every client at once.
fn for_each_client(check: impl Fn(&Client) + Sync) {
    thread::scope(|scope| {
        for client in clients() {
            let check = &check;
            scope.spawn(move || check(&client));
        }
    });
}

/// What a client needs to know of a service at these addresses.
fn variables(login: &str, validate: &str) -> Environment {
    environment(&[
        ("LOGIN_URL", login),
        ("VALIDATE_URL", validate),
        ("AUTH_EMAIL", EMAIL),
        ("AUTH_PASSWORD", PASSWORD),
    ])
}

impl Client {
    fn command(&self, variables: &Environment, arguments: &[&str]) -> Command {
        let mut run = command(&self.command[0], variables);
        run.args(&self.command[1..]).args(arguments);
        run
    }

    /// Runs it to its end: it prints the user's claims so many times and nothing else, or one line that says
    /// why not, with one of these parts.
    fn check(
        &self,
        what: &str,
        variables: &Environment,
        arguments: &[&str],
        input: &str,
        expected: Result<usize, &str>,
    ) {
        let what = format!("{}, {what}", self.name);
        let run = output(self.command(variables, arguments), input.as_bytes(), LIMIT);
        let Output { status, stdout, stderr } = &run;
        let all = [stdout.as_str(), stderr].concat();
        let secrets = ["AUTH_PASSWORD", "AUTH_TOKEN"].map(|name| variables.get(name));
        let secrets = secrets.into_iter().flatten().map(String::as_str).chain([PASSWORD, "eyJ"]);
        assert!(secrets.into_iter().all(|secret| !all.contains(secret)), "{what}: {all}");
        match expected {
            Ok(times) => {
                assert!(status.success() && stderr.is_empty(), "{what}: {run:?}");
                assert_eq!(stdout.lines().count(), times, "{what}: {stdout}");
                for line in stdout.lines() {
                    let claims: Value = serde_json::from_str(line).expect("a line of JSON");
                    assert_eq!(claims["username"], EMAIL, "{what}: {stdout}");
                }
            }
            Err(why) => {
                assert_eq!((status.code(), stdout.as_str()), (Some(1), ""), "{what}: {stderr}");
                let line = stderr.strip_suffix('\n').unwrap_or_default();
                assert!(line.starts_with("auth: ") && !line.contains('\n'), "{what}: {stderr}");
                assert!(why.split('|').any(|part| line.contains(part)), "{what}: {line}");
            }
        }
    }
}

/// What is run, `JWT_TTL_SECONDS` of `login`, a variable of the client (none if it is empty), its
/// standard input and its arguments; how often it prints the claims, or a part of the line that
/// says why it does not; and what `login` and `validate` answered.
type Row = (
    &'static str,
    &'static str,
    (&'static str, String),
    String,
    &'static [&'static str],
    Result<usize, &'static str>,
    [&'static [u64]; 2],
);

#[rustfmt::skip]
fn rows() -> [Row; 9] {
    let then = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs() - 3600;
    let expired = token_with(&json!({ "username": EMAIL, "admin": false, "iat": then, "exp": then + 60 }));
    let day = "86400";
    let none = String::new;
    [
        ("a password in UTF-8", day, ("AUTH_PASSWORD", PASSWORD.into()), none(), &[], Ok(1), [&[200], &[200]]),
        ("it on standard input", day, ("AUTH_PASSWORD", none()), format!("{PASSWORD}\n"), &[], Ok(1), [&[200], &[200]]),
        ("it without a line break", day, ("AUTH_PASSWORD", none()), PASSWORD.into(), &[], Ok(1), [&[200], &[200]]),
        ("no password at all", day, ("AUTH_PASSWORD", none()), none(), &[], Err("no password"), [&[], &[]]),
        ("a wrong password once", day, ("AUTH_PASSWORD", "wröng".into()), none(), &[], Err("auth: login: 401 invalid credentials"), [&[401], &[]]),
        ("an expired token", day, ("AUTH_TOKEN", expired), none(), &["2"], Ok(2), [&[200], &[403, 200, 200]]),
        ("a good token", day, ("AUTH_TOKEN", token(EMAIL, false)), none(), &["2"], Ok(2), [&[], &[200, 200]]),
        ("a token at its end", "2", ("AUTH_TOKEN", none()), none(), &["2", "1.9"], Ok(2), [&[200, 200], &[200, 200]]),
        ("a young token", day, ("AUTH_TOKEN", none()), none(), &["2", "0.1"], Ok(2), [&[200], &[200, 200]]),
    ]
}

/// The statuses in the log of a function, which has no line for probes.
fn statuses(service: &Service) -> Vec<u64> {
    let log = service.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "request").filter_map(|l| l["status"].as_u64()).collect()
}

#[tokio::test]
#[ignore = "needs curl, jq, requests and Node: make verify"]
async fn every_client_logs_in_as_often_as_it_has_to() {
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    let users = SqliteUsers::open(&path).await.expect("scratch can be written");
    let user = NewUser { email: EMAIL.into(), hash: hash(PASSWORD).await, admin: false };
    users.add(&[user]).await.expect("a new user");
    let database = format!("sqlite:{}", path.display());
    for_each_client(|client| {
        for (what, lifetime, (variable, value), input, arguments, result, answered) in rows() {
            let login = environment(&[("DATABASE_URL", &database), ("JWT_TTL_SECONDS", lifetime)]);
            let Functions { login, validate } = Functions::start(login);
            let mut variables = variables(&login.url("/login"), &validate.url("/validate"));
            variables.insert(variable.into(), value);
            variables.retain(|_, value| !value.is_empty());
            client.check(what, &variables, arguments, &input, result);
            // Lines of good tokens come into the log a moment behind the answer.
            let now = || [statuses(&login), statuses(&validate)];
            let longest = Instant::now() + Duration::from_secs(2);
            while now() != answered && Instant::now() < longest {
                thread::sleep(Duration::from_millis(10));
            }
            assert_eq!(now(), answered, "{}, {what}", client.name);
        }
    });
}

/// An answer of a service that says what it is told to.
#[derive(Clone, Copy)]
enum Answer {
    /// A status, a line of header or none, and a body.
    Is(u16, &'static str, &'static str),
    /// Nothing, and the connection stays.
    Never,
}
use Answer::{Is, Never};

/// The answers one after the other, of which the last one is for ever.
type Answers = &'static [Answer];

/// Answers `/login` with the first and `/validate` with the second, once per connection; what its clients
/// need, and the paths that were asked for. It ends with the test process.
fn canned(login: Answers, validate: Answers) -> (Environment, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut variables = variables("", "");
    let address = listener.local_addr().expect("a bound socket has an address");
    variables.insert("AUTH_URL".into(), format!("http://{address}"));
    let paths = Arc::default();
    let seen = Arc::clone(&paths);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            thread::spawn(move || drop(serve(client, login, validate, &seen)));
        }
    });
    (variables, paths)
}

fn serve(
    mut client: TcpStream,
    login: Answers,
    validate: Answers,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?).lines();
    // Node connects anew after a time-out, and then asks for nothing.
    let Some(first) = head.next().transpose()? else { return Ok(()) };
    while head.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let answers = if path == "/login" { login } else { validate };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let before = seen.iter().filter(|it| **it == path).count();
    seen.push(path);
    drop(seen);
    match answers[before.min(answers.len() - 1)] {
        // Longer than any test takes.
        Never => thread::sleep(Duration::from_mins(5)),
        Is(status, header, body) => {
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            let length = format!("content-length: {}\r\nconnection: close\r\n", body.len());
            write!(client, "HTTP/1.1 {status} -\r\n{header}{length}\r\n{body}")?;
        }
    }
    Ok(())
}

const TOKEN: Answer =
    Is(200, "", r#"{"access_token":"eyJ.canned.token","token_type":"Bearer","expires_in":60}"#);
const CLAIMS: Answer = Is(200, "", r#"{"username":"ada@example.com"}"#);
const EXPIRED: Answer =
    Is(403, r#"www-authenticate: Bearer realm="auth", error="invalid_token""#, "");
const BUSY: Answer = Is(503, "retry-after: 0", "");
const LATE: Result<usize, &str> = Err("within|timed out");
const ANY: Range<u64> = 0..40;

/// A service in this state: its name, the answers of `login` and `validate`, `AUTH_MAX_WAIT`, what the client
/// makes of it, how many logins and validations it tries, and the seconds within which it ends.
type Failure = (
    &'static str,
    Answers,
    Answers,
    &'static str,
    Result<usize, &'static str>,
    (usize, usize),
    Range<u64>,
);

#[rustfmt::skip]
const FAILURES: [Failure; 17] = [
    ("a database that is away for a while", &[BUSY, BUSY, TOKEN], &[BUSY, CLAIMS], "30", Ok(1), (3, 2), ANY),
    ("an account that is locked for a while", &[Is(429, "retry-after: 2", ""), TOKEN], &[CLAIMS], "30", Ok(1), (2, 1), 2..20),
    ("503 for ever", &[BUSY], &[CLAIMS], "30", Err("login: 503"), (5, 0), ANY),
    ("429 for ever", &[Is(429, "Retry-After: 0", "")], &[CLAIMS], "30", Err("login: 429"), (5, 0), ANY),
    ("503 of validate for ever", &[TOKEN], &[BUSY], "30", Err("validate: 503"), (1, 5), ANY),
    ("longer than the client waits in all", &[Is(503, "retry-after: 1", "")], &[CLAIMS], "2", Err("login: 503"), (2, 0), 1..10),
    ("a quarter of an hour", &[Is(429, "retry-after: 900", "")], &[CLAIMS], "30", Err("900 s"), (1, 0), ANY),
    ("no number that a machine has", &[Is(429, "retry-after: 99999999999999999999", "")], &[CLAIMS], "30", Err("login: 429"), (1, 0), ANY),
    ("a number that looks octal", &[Is(429, "retry-after: 09", "")], &[CLAIMS], "8", Err("login: 429"), (1, 0), ANY),
    ("a date", &[Is(503, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT", "")], &[CLAIMS], "0", Err("1 s"), (1, 0), ANY),
    ("new tokens are refused too", &[TOKEN], &[EXPIRED], "30", Err("validate: 403"), (2, 2), ANY),
    ("a 403 for another reason", &[TOKEN], &[Is(403, "x-from: gateway", "")], "30", Err("validate: 403"), (1, 1), ANY),
    ("a page instead of a token", &[Is(200, "", "<html>\r\n</html>")], &[CLAIMS], "30", Err("login: the answer"), (1, 0), ANY),
    ("a page instead of claims", &[TOKEN], &[Is(200, "", "<html>\n</html>")], "30", Err("validate: the answer"), (1, 1), ANY),
    ("a redirect, not followed with credentials", &[Is(307, "location: /elsewhere", "")], &[CLAIMS], "30", Err("login: "), (1, 0), ANY),
    ("a login that hangs", &[Never], &[CLAIMS], "30", LATE, (1, 0), 1..10),
    ("a validation that hangs", &[TOKEN], &[Never], "30", LATE, (1, 1), 1..10),
];

#[test]
#[ignore = "needs curl, jq, requests and Node: make verify"]
fn every_client_waits_and_gives_up_within_its_bounds_and_says_why() {
    for_each_client(|client| {
        for (what, login, validate, max_wait, result, tries, seconds) in FAILURES {
            let (mut variables, paths) = canned(login, validate);
            variables.insert("AUTH_MAX_WAIT".into(), max_wait.into());
            if result == LATE {
                variables.insert("AUTH_TIMEOUT".into(), "1".into());
            }
            let since = Instant::now();
            client.check(what, &variables, &[], "", result);
            let took = since.elapsed();
            assert!(seconds.contains(&took.as_secs()), "{}, {what}: {took:?}", client.name);
            let paths = paths.lock().unwrap_or_else(PoisonError::into_inner);
            let logins = paths.iter().filter(|path| *path == "/login").count();
            assert_eq!((logins, paths.len() - logins), tries, "{}, {what}", client.name);
        }
        let closed = format!("http://127.0.0.1:{}", wait::free_port());
        let mut variables = variables("", "");
        variables.insert("AUTH_URL".into(), closed);
        client.check("nothing listens", &variables, &[], "", Err("auth: login: "));
    });
}

/// While a request is under way, no process of this machine has the secret as an argument.
#[test]
#[ignore = "needs curl, jq, requests and Node: make verify"]
fn neither_password_nor_token_is_in_the_list_of_processes() {
    for_each_client(|client| {
        let token = format!("eyJ-{}", client.name);
        for (variable, secret) in [("AUTH_PASSWORD", PASSWORD), ("AUTH_TOKEN", &token)] {
            let (mut variables, paths) = canned(&[Never], &[Never]);
            variables.insert(variable.into(), secret.into());
            let _process = Process::start(client.name, client.command(&variables, &[]));
            let was_asked = || !paths.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
            wait::until("a request", LIMIT, || was_asked().then_some(()));
            let processes = fs::read_dir("/proc").expect("the processes").flatten();
            let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
            let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
            assert!(lines.len() > 1, "the list of processes can be read");
            for line in lines {
                let line = String::from_utf8_lossy(&line);
                assert!(!line.contains(secret), "{}: {line}", client.name);
            }
        }
    });
}
