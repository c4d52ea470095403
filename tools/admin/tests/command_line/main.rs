//! The real binary, on a database of its own for each test.
//!
//! Every password in these tests has `canary` in it, and every run is checked for having printed
//! none of them.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod keys;

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use serde_json::Value;
use shared::{
    config::Argon2Config,
    password::{PasswordHasher, Verification},
    users::{MySqlUsers, NewUser, UserRow, UserStore},
};
use system_tests::{Environment, database::DatabaseServer, mariadb, stores};
use tempfile::TempDir;

const PASSWORD: &str = "a canary sings";
const BCRYPT: &str = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";
/// MD5 of `PASSWORD`.
const MD5: &str = "16530af42cc6581f55270f558583d035";
const UNSUPPORTED: &str = "$1$salt$qJH7.N4xYta3aEG/dfqo/0";

/// A directory, and the variables of a database.
struct Place {
    folder: TempDir,
    variables: Environment,
    _server: Option<Arc<DatabaseServer>>,
}

/// What a run came to.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn without_database() -> Self {
        let folder = TempDir::new().unwrap();
        Self { folder, variables: Environment::new(), _server: None }
    }

    /// With the tables of `init.sql`.
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = mariadb::shared();
        let name = format!("place{}", COUNT.fetch_add(1, Ordering::Relaxed));
        server.sql(&format!(
            "CREATE DATABASE {name}; USE {name}; CREATE TABLE user LIKE auth.user;
             CREATE TABLE login_throttle LIKE auth.login_throttle"
        ));
        let url = format!("mysql://root@127.0.0.1:{}/{name}", server.port());
        let variables = [("DATABASE_URL".into(), url)].into();
        Self { variables, _server: Some(server), ..Self::without_database() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// The binary in this directory, with the quickest hashes that the configuration lets through.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-admin"));
        command.current_dir(self.folder.path()).env_clear().envs(&self.variables);
        command.env("ARGON2_MEMORY_KIB", "7168").env("ARGON2_ITERATIONS", "1");
        command
    }

    /// Runs the words of `line` with this input. No output may have a password or a hash in it.
    #[track_caller]
    fn run_with(&self, variables: &[(&str, &str)], line: &str, input: &str) -> Run {
        let mut command = self.command();
        command.args(line.split(' ')).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A binary that refuses before it reads has closed its end already.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        for secret in ["canary", "$argon2", "$2b$"] {
            let is_shown = [&out, &err].iter().any(|text| text.to_lowercase().contains(secret));
            assert!(!is_shown, "{secret} is in {out}{err}");
        }
        Run { code: output.status.code(), out, err }
    }

    fn run(&self, line: &str) -> Run {
        self.run_with(&[], line, PASSWORD)
    }

    /// The output of a run that went well and had nothing to complain about.
    #[track_caller]
    fn good(&self, line: &str) -> String {
        let run = self.run(line);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{line}: {}", run.out);
        run.out
    }

    /// The complaint of a run that was refused and had nothing else to say.
    #[track_caller]
    fn refused(&self, line: &str, input: &str) -> String {
        let run = self.run_with(&[], line, input);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{line}: {}", run.err);
        run.err
    }

    /// Adds rows as other programs leave them behind.
    fn insert(&self, rows: &[(&str, &str)]) {
        let new = |&(email, stored): &(&str, &str)| NewUser {
            email: email.into(),
            hash: stored.into(),
            admin: false,
        };
        let new: Vec<NewUser> = rows.iter().map(new).collect();
        self.on_users(async |users| users.add(&new).await.unwrap());
    }

    fn rows(&self) -> Vec<UserRow> {
        self.on_users(async |users| users.page(None, 10_000).await.unwrap())
    }

    fn stored(&self, email: &str) -> String {
        self.on_users(async |users| {
            let user = users.find_by_email(email).await.unwrap().unwrap();
            user.password.expose_secret().to_owned()
        })
    }

    /// Whether `login` would let the user in.
    fn logs_in(&self, email: &str, password: &str) -> bool {
        let stored = self.stored(email);
        self.on_users(async |_| {
            let hasher = PasswordHasher::new(Argon2Config::default(), 1);
            let check = hasher.admit().unwrap();
            let verification = check.verify(password.into(), Some(stored.into())).await;
            matches!(verification.unwrap(), Verification::Right { .. })
        })
    }

    fn on_users<T>(&self, work: impl AsyncFnOnce(MySqlUsers) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { work(stores::open(&self.variables, 1).await).await })
    }
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn each_change_of_a_user_is_made_and_said() {
    let place = Place::new();
    let add = "user add ada@example.com --password-stdin";
    assert_eq!(place.good(add), "added ada@example.com\n");
    let stored = place.stored("ada@example.com");
    assert!(stored.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "the configured cost");
    assert!(place.logs_in("ada@example.com", PASSWORD));
    for (change, said, now) in [
        ("disable ADA@example.com", "is disabled", format!("!{stored}")),
        ("disable ada@example.com", "is disabled already", format!("!{stored}")),
        ("enable Ada@example.com", "is enabled", stored.clone()),
    ] {
        assert_eq!(place.good(&format!("user {change}")), format!("ada@example.com {said}\n"));
        assert_eq!(place.stored("ada@example.com"), now);
    }
    for (change, said, admin) in [
        ("grant", "is now an administrator", true),
        ("revoke", "is no longer an administrator", false),
    ] {
        let line = format!("user {change} ADA@example.com");
        assert_eq!(place.good(&line), format!("ada@example.com {said}\n"));
        assert_eq!(place.rows()[0].user.admin, admin);
    }
    // What no user can log in with must not be stored, whatever cost is configured.
    let greatest = [("ARGON2_MEMORY_KIB", "131072"), ("ARGON2_PARALLELISM", "16")];
    let change = "user password Ada@example.com --password-stdin";
    let run = place.run_with(&greatest, change, "another canary sings\r\nnext\n");
    assert_eq!(run.out, "changed the password of ada@example.com\n");
    assert!(place.logs_in("ada@example.com", "another canary sings"));

    place.good("user add b@b --admin --password-stdin");
    assert!(place.rows()[1].user.admin);
    assert_eq!(place.good("user remove Ada@example.com --yes"), "removed ada@example.com\n");
    assert_eq!(place.rows().len(), 1);
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn what_is_refused_is_said_and_changes_nothing() {
    let place = Place::new();
    place.insert(&[("bob@b", PASSWORD), ("cyd@b", "!important canary"), ("dan@b", BCRYPT)]);
    let long = "canary".repeat(200);
    let is_taken = "there is a user with this e-mail already";
    let is_unknown = "there is no user with the e-mail ada@b";
    for (line, input, reason) in [
        ("user add a:b@c --password-stdin", PASSWORD, "the e-mail contains a colon"),
        ("user add BOB@B --password-stdin", PASSWORD, is_taken),
        ("user add ada@b --password-stdin", "", "standard input is empty"),
        ("user add ada@b --password-stdin", "canary", "the password is shorter than 8 characters"),
        ("user add ada@b --password-stdin", &long, "the password is longer than 1024 bytes"),
        ("user password bob@b --password-stdin", "Password1", "is among the most common ones"),
        ("user add ada@b", PASSWORD, "give --password-stdin to read it from standard input"),
        ("user password ada@b --password-stdin", PASSWORD, is_unknown),
        ("user grant ada@b", "", is_unknown),
        ("user revoke ada@b", "", is_unknown),
        ("user disable ada@b", "", is_unknown),
        ("user enable ada@b", "", is_unknown),
        ("user remove ada@b --yes", "", is_unknown),
        ("user remove bob@b", "y\n", "give --yes to do without"),
        ("user disable bob@b", "", "or a plain text"),
        ("user enable cyd@b", "", "cyd@b was not disabled by auth-admin"),
        ("user enable dan@b", "", "dan@b was not disabled by auth-admin"),
        ("user import --passwords plain /no/such.csv", "", "/no/such.csv: No such file"),
    ] {
        let refusal = place.refused(line, input);
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{line}: {refusal}");
    }
    let rows = place.rows();
    let stored: Vec<&str> = rows.iter().map(|row| row.user.password.expose_secret()).collect();
    assert_eq!(stored, [PASSWORD, "!important canary", BCRYPT]);
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn what_is_wrong_with_the_configuration_is_said_at_once() {
    let place = Place::new();
    for (variables, code, problems) in [
        (&[("DATABASE_URL", "")][..], 78, &["error: DATABASE_URL: is not set; "][..]),
        (&[("DATABASE_URL", "sqlite:users.db")], 78, &["error: DATABASE_URL: is not a URL "]),
        (&[("DATABASE_URL", "mysql://u:canary@127.0.0.1:1/auth")], 1, &["error: the database "]),
        (
            &[("MYSQL_HOST", "canary"), ("ARGON2_MEMORY_KIB", "canary")],
            78,
            &[
                "error: MYSQL_HOST: cannot be set beside DATABASE_URL, which contains it",
                "error: ARGON2_MEMORY_KIB: is not a whole number from 7168 to 131072",
            ],
        ),
    ] {
        let run = place.run_with(variables, "user add ada@b --password-stdin", PASSWORD);
        assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{}", run.err);
        let lines: Vec<&str> = run.err.lines().collect();
        assert_eq!(lines.len(), problems.len(), "{}", run.err);
        for (line, problem) in lines.iter().zip(problems) {
            assert!(line.starts_with(problem), "{line}");
        }
    }
    let help = place.good("--help");
    for part in ["DATABASE_URL", "ARGON2_MEMORY_KIB", "exit status", "upgrade-plaintext"] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn the_list_shows_kinds_of_passwords_and_no_hashes() {
    let place = Place::new();
    place.good("user add ada@example.com --admin --password-stdin");
    let rows = [BCRYPT, PASSWORD, UNSUPPORTED, MD5, &format!("!{BCRYPT}")];
    for (number, stored) in rows.into_iter().enumerate() {
        place.insert(&[(&format!("{number}@b"), stored)]);
    }
    let list = place.good("user list");
    assert_eq!(list.lines().count(), 7, "{list}");
    for (line, start) in list.lines().zip([
        "EMAIL            ADMIN  PASSWORD     CREATED AT           UPDATED AT",
        "ada@example.com  yes    argon2id     20",
        "0@b              no     bcrypt       20",
        "1@b              no     plain text!  20",
        "2@b              no     unsupported  20",
        "3@b              no     md5 digest!  20",
        "4@b              no     disabled     20",
    ]) {
        assert!(line.starts_with(start), "{line}");
    }
    // More than a page.
    let emails: Vec<String> = (0..600).map(|number| format!("{number}@example.com")).collect();
    place.insert(&emails.iter().map(|email| (email.as_str(), BCRYPT)).collect::<Vec<_>>());
    let json: Vec<Value> = serde_json::from_str(&place.good("user list --json")).unwrap();
    assert_eq!(json.len(), 606);
    assert_eq!((&json[0]["email"], &json[0]["admin"]), (&"ada@example.com".into(), &true.into()));
    assert_eq!((&json[2]["password"], &json[2]["id"]), (&"plain text!".into(), &"3".into()));
    assert_eq!(json[3]["created_at"].as_str().unwrap().len(), "2026-01-02 03:04:05".len());
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_file_of_users_is_imported_whole_or_not_at_all() {
    let place = Place::new();
    let password = |number: u32| format!("canary, \"number\" {number}");
    let line = |number| format!("{number}@b,\"{}\",\r\n", password(number).replace('"', "\"\""));
    let lines: String = (0..20).map(line).collect();
    let head = format!("\u{feff}email,password,admin\r\nada@b,{PASSWORD},TRUE\r\n");
    place.write("users.csv", &(head + &lines));
    assert_eq!(place.good("user import --passwords plain users.csv"), "added 21 users\n");
    assert!(place.logs_in("ada@b", PASSWORD));
    for number in 0..20 {
        assert!(place.logs_in(&format!("{number}@b"), &password(number)), "{number}");
    }
    let admins = place.rows().iter().filter(|row| row.user.admin).count();
    assert_eq!((admins, place.rows()[0].user.email.as_str()), (1, "ada@b"));

    let argon2 = place.stored("ada@b");
    let hashes = format!("email,password\nbob@b,{BCRYPT}\ncyd@b,\"{argon2}\"\neve@b,{MD5}\n");
    place.write("users.csv", &hashes);
    assert_eq!(place.good("user import --passwords hashed users.csv"), "added 3 users\n");
    assert_eq!((place.stored("bob@b"), place.stored("cyd@b")), (BCRYPT.into(), argon2));
    assert!(place.logs_in("eve@b", PASSWORD));

    let bad: Vec<String> = (4..=26).map(|line| format!("x{line}@b,canary\n")).collect();
    let bad = bad.concat();
    place.write("users.csv", &format!("email,password\nnew@b,{PASSWORD}\nADA@B,{PASSWORD}\n{bad}"));
    let refusal = place.refused("user import --passwords plain users.csv", "");
    let lines: Vec<&str> = refusal.lines().collect();
    assert_eq!(lines.len(), 22, "{refusal}");
    assert_eq!(lines[0], "error: line 3: there is a user with this e-mail already");
    assert_eq!(lines[19], "error: line 22: the password is shorter than 8 characters");
    assert_eq!(lines[20..], ["error: 4 more lines are wrong", "error: no user was added"]);
    assert_eq!(place.rows().len(), 24);
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn plain_texts_are_hashed_when_confirmed_and_everything_else_is_left_alone() {
    let place = Place::new();
    let spaced = format!(" {BCRYPT}");
    let left = [("dan@b", BCRYPT), ("eve@b", UNSUPPORTED), ("fay@b", &spaced), ("gus@b", MD5)];
    place.insert(&left);
    place.insert(&[("hal@b", ""), ("bob@b", PASSWORD), ("cyd@b", "canary")]);
    let asked = place.refused("upgrade-plaintext", "y\n");
    assert!(asked.contains("2 × plain text!, to be hashed") && asked.contains("--yes"), "{asked}");
    assert_eq!(place.stored("bob@b"), PASSWORD);

    let run = place.run("upgrade-plaintext --yes");
    assert_eq!((run.code, run.out.as_str()), (Some(0), "plain texts hashed: 2\n"), "{run:?}");
    let said: Vec<&str> = run.err.lines().collect();
    assert_eq!(
        said,
        [
            "       1 × bcrypt, left",
            "       1 × md5 digest!, left",
            "       1 × none, left",
            "       2 × plain text!, to be hashed",
            "       2 × unsupported, left",
            "weak password: cyd@b",
        ]
    );
    assert!(place.logs_in("bob@b", PASSWORD) && place.logs_in("cyd@b", "canary"));
    assert!(left.iter().all(|(email, stored)| place.stored(email) == *stored));
    // A second run has nothing to do, and asks nothing.
    assert_eq!(place.run("upgrade-plaintext").out, "plain texts hashed: 0\n");

    // Locked by another system: what stands there must not become a password.
    let locked =
        [("1@b", "!"), ("2@b", "*LK*"), ("3@b", "!xv3dvK9mhf5AwUb2qE02sPdgVpfS0pt24tGF7168")];
    place.insert(&locked);
    let run = place.run("upgrade-plaintext --yes --allow-hash-like");
    assert_eq!(run.out, "plain texts hashed: 2\n", "{run:?}");
    assert!(place.logs_in("eve@b", UNSUPPORTED));
    assert!(locked.iter().all(|(email, stored)| place.stored(email) == *stored));
    assert_eq!((place.stored("dan@b"), place.stored("gus@b")), (BCRYPT.into(), MD5.into()));
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_digest_is_hashed_once_more_and_its_password_logs_in() {
    let place = Place::new();
    let rows = [
        ("md5@b", MD5, "md5"),
        ("sha1@b", "{SSHA}U3Pdh2GZg9nMUKbpT2iyaCcuubFzYWx0", "sha1"),
        ("mysql@b", "*32AE65193FA0E1135226EFCF32199390AA827FA1", "mysql41"),
    ];
    place.insert(&rows.map(|(email, stored, _)| (email, stored)));
    place.insert(&[("plain@b", PASSWORD), ("disabled@b", MD5)]);
    place.good("user disable disabled@b");
    assert!(place.refused("upgrade", "y\n").contains("--yes"));
    let only = place.run("upgrade --yes --only MD5@b");
    assert_eq!(only.out, "digests hashed: 1\n", "{only:?}");
    assert_eq!(place.stored("mysql@b"), rows[2].1);
    assert_eq!(place.run("upgrade --yes").out, "digests hashed: 3\n");
    assert!(!place.logs_in("disabled@b", PASSWORD));
    place.good("user enable disabled@b");
    assert!(place.logs_in("disabled@b", PASSWORD));
    for (email, stored, name) in rows {
        let wrapped = place.stored(email);
        assert!(wrapped.starts_with(&format!("$argon2id-{name}$v=19$m=7168,t=1,p=1")), "{wrapped}");
        assert!(place.logs_in(email, PASSWORD), "{name}");
        assert!(!place.logs_in(email, stored), "{name}: the digest itself");
    }
    assert_eq!(place.stored("plain@b"), PASSWORD);
    assert_eq!(place.run("upgrade --yes").out, "digests hashed: 0\n");
}

/// Waits for each prompt on a terminal that `script` (util-linux) makes, types the answer, and
/// returns the exit status and what was on the screen.
fn converse(place: &Place, line: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let binary = place.command();
    let terminal = place.path("terminal");
    let line = format!("tty > {}; {} {line}", terminal.display(), env!("CARGO_BIN_EXE_auth-admin"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    let mut screen = script.stdout.take().unwrap();
    let mut seen = String::new();
    for (prompt, answer) in answers {
        let mut byte = [0];
        while !seen.ends_with(prompt) {
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{prompt} is not in {seen}");
            seen.push(byte[0].into());
        }
        if prompt.ends_with(": ") {
            wait_until_hidden(&terminal);
        }
        writeln!(keyboard, "{answer}").unwrap();
    }
    screen.read_to_string(&mut seen).unwrap();
    (script.wait().unwrap().code(), seen)
}

/// The prompt stands there a moment before the terminal stops to show what is typed.
fn wait_until_hidden(terminal: &Path) {
    let terminal = fs::read_to_string(terminal).unwrap();
    let started = Instant::now();
    loop {
        let stty = Command::new("stty").args(["-a", "-F", terminal.trim()]).output().unwrap();
        if String::from_utf8(stty.stdout).unwrap().contains(" -echo ") {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "the terminal shows what is typed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn passwords_and_confirmations_are_asked_for_on_a_terminal() {
    let place = Place::new();
    place.insert(&[("bob@b", PASSWORD), ("cyd@b", PASSWORD)]);
    let (first, again) = (("Password: ", PASSWORD), ("Once more: ", PASSWORD));
    let (remove, hash) = ("Remove bob@b? [y/N] ", "Hash 2 plain texts? [y/N] ");
    for (line, answers, code, said) in [
        // Before it is typed again.
        ("user add ada@b", &[("Password: ", "canary")][..], 1, "is shorter than 8 characters"),
        ("user add ada@b", &[first, ("Once more: ", "a canary sinks")], 1, "passwords differ"),
        ("user add ada@b", &[first, again], 0, "added ada@b"),
        ("upgrade-plaintext", &[(hash, "n")], 1, "error: nothing was changed"),
        ("upgrade-plaintext", &[(hash, "y")], 0, "plain texts hashed: 2"),
        ("user remove bob@b", &[(remove, "")], 1, "error: nothing was removed"),
        ("user remove bob@b", &[(remove, "x")], 1, "error: nothing was removed"),
        ("user remove bob@b", &[(remove, "y")], 0, "removed bob@b"),
    ] {
        let (exit, screen) = converse(&place, line, answers);
        assert_eq!(exit, Some(code), "{line}: {screen}");
        assert!(screen.contains(said) && !screen.contains("canary"), "{line}: {screen:?}");
    }
    let emails: Vec<String> = place.rows().into_iter().map(|row| row.user.email).collect();
    assert_eq!(emails, ["cyd@b", "ada@b"]);
    assert!(place.logs_in("ada@b", PASSWORD) && place.logs_in("cyd@b", PASSWORD));
}
