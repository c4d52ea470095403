//! The real binary, with a separate database for each test.
//!
//! Every password in these tests contains `canary`, and every run is checked for printing none of
//! them.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod keys;

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use shared::{
    config::Argon2Config,
    password::{PasswordHasher, Verification},
};
use system_tests::{DatabaseServer, Environment, Output, mariadb, process, users, wait};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(30);
const PASSWORD: &str = "a canary sings";
const BCRYPT: &str = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";
/// MD5 of `PASSWORD`.
const MD5: &str = "16530af42cc6581f55270f558583d035";
const UNSUPPORTED: &str = "$1$salt$qJH7.N4xYta3aEG/dfqo/0";

/// A directory, and optionally a database with the tables of `init.sql`.
struct TestSetup {
    folder: TempDir,
    database: Option<(Arc<DatabaseServer>, &'static str)>,
}

impl TestSetup {
    fn without_database() -> Self {
        Self { folder: TempDir::new().unwrap(), database: None }
    }

    fn with_database(name: &'static str) -> Self {
        let server = mariadb::shared();
        server.sql(&format!("CREATE DATABASE {name}; CREATE TABLE {name}.user LIKE auth.user"));
        Self { database: Some((server, name)), ..Self::without_database() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// The variables, with the parameters for the quickest hashes.
    fn variables(&self) -> Environment {
        let mut variables = users::argon2_variables(users::quick_argon2());
        if let Some((server, name)) = &self.database {
            let url = format!("mysql://root@127.0.0.1:{}/{name}", server.port);
            variables.insert("DATABASE_URL".into(), url);
        }
        variables
    }

    /// Runs auth-admin with the arguments in `line` and this input, in the directory. Panics if the
    /// output has a password or a hash.
    #[track_caller]
    fn run_with(&self, variables: &[(&str, &str)], line: &str, input: &str) -> Output {
        let mut command = process::command(env!("CARGO_BIN_EXE_auth-admin"), &self.variables());
        command.args(line.split(' ')).envs(variables.iter().copied());
        command.current_dir(self.folder.path());
        let output = process::output(command, input.as_bytes(), LIMIT);
        let said = [output.stdout.as_str(), &output.stderr].concat().to_lowercase();
        for secret in ["canary", "$argon2", "$2b$"] {
            assert!(!said.contains(secret), "{secret} is in {output:?}");
        }
        output
    }

    fn run(&self, line: &str) -> Output {
        self.run_with(&[], line, PASSWORD)
    }

    /// Runs a command that must succeed without messages, and returns its output.
    #[track_caller]
    fn succeeds(&self, line: &str) -> String {
        let run = self.run(line);
        assert!(run.status.success() && run.stderr.is_empty(), "{line}: {run:?}");
        run.stdout
    }

    /// Runs a command that must fail without output, and returns its messages.
    #[track_caller]
    fn fails(&self, line: &str, input: &str) -> String {
        let run = self.run_with(&[], line, input);
        assert_eq!((run.status.code(), run.stdout.as_str()), (Some(1), ""), "{line}: {run:?}");
        run.stderr
    }

    /// The rows of a statement, as text.
    fn query(&self, statement: &str) -> String {
        let (server, name) = self.database.as_ref().unwrap();
        server.query(&format!("USE {name}; {statement}"))
    }

    /// Adds rows as other programs leave them behind.
    fn insert(&self, rows: &[(&str, &str)]) {
        let rows = rows.iter().map(|(email, stored)| format!("('{email}', '{stored}')"));
        let rows = rows.collect::<Vec<_>>().join(", ");
        drop(self.query(&format!("INSERT INTO user (email, password) VALUES {rows}")));
    }

    fn stored(&self, email: &str) -> String {
        self.query(&format!("SELECT password FROM user WHERE email = '{email}'"))
    }

    /// Whether `login` would let the user in.
    fn logs_in(&self, email: &str, password: &str) -> bool {
        let hasher = PasswordHasher::new(Argon2Config::default(), 1, None);
        let (permit, stored) = (hasher.try_acquire().unwrap(), self.stored(email));
        let verification = hasher.verify(&permit, password.into(), Some(stored.into()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        matches!(runtime.block_on(verification), Ok(Verification::Right { .. }))
    }
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn each_change_of_a_user_is_stored_and_reported() {
    let setup = TestSetup::with_database("changes");
    assert_eq!(setup.succeeds("user add ada@b --password-stdin"), "added ada@b\n");
    let stored = setup.stored("ada@b");
    assert!(stored.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "the configured cost");
    assert!(setup.logs_in("ada@b", PASSWORD));
    for (change, said, mark, admin) in [
        ("disable ADA@b", "is disabled", "!", 0),
        ("disable ada@b", "is disabled already", "!", 0),
        ("enable Ada@b", "is enabled", "", 0),
        ("grant ADA@b", "is now an administrator", "", 1),
        ("revoke ADA@b", "is no longer an administrator", "", 0),
    ] {
        assert_eq!(setup.succeeds(&format!("user {change}")), format!("ada@b {said}\n"));
        let row = setup.query("SELECT password, admin FROM user");
        assert_eq!(row, format!("{mark}{stored}\t{admin}"), "{change}");
    }
    // Even the greatest cost makes a hash with which the user can log in.
    let greatest = [("ARGON2_MEMORY_KIB", "131072"), ("ARGON2_PARALLELISM", "16")];
    let change = "user password Ada@b --password-stdin";
    let run = setup.run_with(&greatest, change, "another canary sings\r\nnext\n");
    assert_eq!(run.stdout, "changed the password of ada@b\n");
    assert!(setup.logs_in("ada@b", "another canary sings"));

    setup.succeeds("user add b@b --admin --password-stdin");
    assert_eq!(setup.succeeds("user remove Ada@b --yes"), "removed ada@b\n");
    assert_eq!(setup.query("SELECT email, admin FROM user"), "b@b\t1");
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_refused_command_prints_the_reason_and_changes_nothing() {
    let setup = TestSetup::with_database("refusals");
    setup.insert(&[("bob@b", PASSWORD), ("cyd@b", "!important canary"), ("dan@b", BCRYPT)]);
    let is_taken = "there is a user with this e-mail already";
    let is_unknown = "there is no user with the e-mail or id ada@b";
    for (line, input, reason) in [
        ("user add a:b@c --password-stdin", PASSWORD, "the e-mail contains a colon"),
        ("user add BOB@B --password-stdin", PASSWORD, is_taken),
        ("user add ada@b --password-stdin", "", "standard input is empty"),
        ("user add ada@b --password-stdin", "canary", "the password is shorter than 8 characters"),
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
        let refusal = setup.fails(line, input);
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{line}: {refusal}");
    }
    let wrong = [("MYSQL_HOST", "canary"), ("ARGON2_MEMORY_KIB", "canary")];
    let problems = "error: MYSQL_HOST: cannot be set beside DATABASE_URL, which contains it\n\
                    error: ARGON2_MEMORY_KIB: is not a whole number from 7168 to 131072\n";
    let elsewhere = [("DATABASE_URL", "mysql://u:canary@127.0.0.1:1/auth")];
    for (variables, code, said) in
        [(&wrong[..], 78, problems), (&elsewhere, 1, "error: the database ")]
    {
        let run = setup.run_with(variables, "user list", "");
        assert_eq!((run.status.code(), run.stdout.as_str()), (Some(code), ""), "{run:?}");
        assert!(run.stderr.starts_with(said), "{run:?}");
    }
    let stored = setup.query("SELECT password FROM user ORDER BY id");
    assert_eq!(stored, [PASSWORD, "!important canary", BCRYPT].join("\n"));
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn the_list_shows_kinds_of_passwords_and_no_hashes() {
    let setup = TestSetup::with_database("listing");
    setup.succeeds("user add ada@b --admin --password-stdin");
    let disabled = format!("!{BCRYPT}");
    setup.insert(&[("0@b", BCRYPT), ("1@b", PASSWORD), ("2@b", UNSUPPORTED), ("3@b", MD5)]);
    setup.insert(&[("4@b", &disabled)]);
    let list = setup.succeeds("user list");
    assert_eq!(list.lines().count(), 7, "{list}");
    for (line, start) in list.lines().zip([
        "ID  EMAIL  ADMIN  PASSWORD     CREATED AT           UPDATED AT",
        "1   ada@b  yes    argon2id     20",
        "2   0@b    no     bcrypt       20",
        "3   1@b    no     plain text!  20",
        "4   2@b    no     unsupported  20",
        "5   3@b    no     md5 digest!  20",
        "6   4@b    no     disabled     20",
    ]) {
        assert!(line.starts_with(start), "{line}");
    }
    for name in ["5", "3@B"] {
        let found = setup.succeeds(&format!("user list {name}"));
        assert!(found.lines().count() == 2 && found.contains("\n5   3@b    no"), "{found}");
    }
    assert!(setup.fails("user list 5x", "").contains("no user with the e-mail or id 5x"));
    assert_eq!(setup.succeeds("user grant 2"), "0@b is now an administrator\n");
    assert_eq!(setup.succeeds("user revoke 0@b"), "0@b is no longer an administrator\n");
    // More users than a page has.
    let emails: Vec<String> = (0..600).map(|number| format!("{number}@example.com")).collect();
    setup.insert(&emails.iter().map(|email| (email.as_str(), BCRYPT)).collect::<Vec<_>>());
    let json: Vec<Value> = serde_json::from_str(&setup.succeeds("user list --json")).unwrap();
    assert_eq!(json.len(), 606);
    assert_eq!((&json[0]["email"], &json[0]["admin"]), (&"ada@b".into(), &true.into()));
    assert_eq!((&json[2]["password"], &json[2]["id"]), (&"plain text!".into(), &"3".into()));
    assert_eq!(json[3]["created_at"].as_str().unwrap().len(), "2026-01-02 03:04:05".len());
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_file_of_users_is_imported_whole_or_not_at_all() {
    let setup = TestSetup::with_database("import");
    let password = |number: u32| format!("canary, \"number\" {number}");
    let line = |number| format!("{number}@b,\"{}\",\r\n", password(number).replace('"', "\"\""));
    let lines: String = (0..20).map(line).collect();
    let head = format!("\u{feff}email,password,admin\r\nada@b,{PASSWORD},TRUE\r\n");
    setup.write("users.csv", &(head + &lines));
    assert_eq!(setup.succeeds("user import --passwords plain users.csv"), "added 21 users\n");
    for number in 0..20 {
        assert!(setup.logs_in(&format!("{number}@b"), &password(number)), "{number}");
    }
    assert_eq!(setup.query("SELECT id, email FROM user WHERE admin"), "1\tada@b");

    let argon2 = setup.stored("ada@b");
    let hashes = format!("email,password\neve@b,{MD5}\nbob@b,{BCRYPT}\ncyd@b,\"{argon2}\"\n");
    setup.write("users.csv", &hashes);
    assert_eq!(setup.succeeds("user import --passwords hashed users.csv"), "added 3 users\n");
    assert_eq!((setup.stored("bob@b"), setup.stored("cyd@b")), (BCRYPT.into(), argon2));
    assert!(setup.logs_in("eve@b", PASSWORD));
    // The digest takes longer, since it is hashed, but keeps its position.
    let imported = setup.query("SELECT email FROM user WHERE id > 21 ORDER BY id");
    assert_eq!(imported, "eve@b\nbob@b\ncyd@b");

    let bad: Vec<String> = (4..=26).map(|line| format!("x{line}@b,canary\n")).collect();
    let bad = bad.concat();
    setup.write("users.csv", &format!("email,password\nnew@b,{PASSWORD}\nADA@B,{PASSWORD}\n{bad}"));
    let refusal = setup.fails("user import --passwords plain users.csv", "");
    let lines: Vec<&str> = refusal.lines().collect();
    assert_eq!(lines.len(), 22, "{refusal}");
    assert_eq!(lines[0], "error: line 3: there is a user with this e-mail already");
    assert_eq!(lines[19], "error: line 22: the password is shorter than 8 characters");
    assert_eq!(lines[20..], ["error: 4 more lines are wrong", "error: no user was added"]);
    assert_eq!(setup.query("SELECT COUNT(*) FROM user"), "24");
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn an_upgrade_hashes_the_selected_rows_after_a_confirmation_and_changes_no_others() {
    let setup = TestSetup::with_database("upgrade");
    let spaced = format!(" {BCRYPT}");
    let rows = [("ada@b", MD5), ("bob@b", MD5), ("cyd@b", PASSWORD), ("dan@b", "canary")];
    let left = [("eve@b", BCRYPT), ("fay@b", UNSUPPORTED), ("gus@b", &spaced), ("hal@b", "")];
    // Locked by another system: the stored text must not become a password.
    let locked =
        [("1@b", "!"), ("2@b", "*LK*"), ("3@b", "!xv3dvK9mhf5AwUb2qE02sPdgVpfS0pt24tGF7168")];
    setup.insert(&[&rows[..], &left, &locked].concat());
    setup.succeeds("user disable bob@b");
    for command in ["upgrade", "upgrade-plaintext"] {
        assert!(setup.fails(command, "y\n").contains("--yes"), "{command}");
    }
    for (command, said, reports) in [
        ("upgrade --yes --only ADA@b", "digests hashed: 1\n", "1 × md5 digest!, to be hashed"),
        (
            "upgrade --yes",
            "digests hashed: 1\n",
            "1 × argon2id of md5, left; 1 × bcrypt, left; 1 × disabled digest!, to be hashed; \
             1 × none, left; 2 × plain text!, left; 5 × unsupported, left",
        ),
        (
            "upgrade-plaintext --yes",
            "plain texts hashed: 2\n",
            "1 × argon2id of md5, left; 1 × bcrypt, left; 1 × disabled, left; 1 × none, left; \
             2 × plain text!, to be hashed; 5 × unsupported, left; weak password: dan@b",
        ),
    ] {
        let run = setup.run(command);
        let reported = run.stderr.lines().map(str::trim_start).collect::<Vec<_>>().join("; ");
        assert_eq!((&*run.stdout, &*reported), (said, reports), "{command}: {run:?}");
    }
    let wrapped = setup.stored("ada@b");
    assert!(wrapped.starts_with("$argon2id-md5$v=19$m=7168,t=1,p=1$"), "{wrapped}");
    assert!(left.iter().chain(&locked).all(|(email, stored)| setup.stored(email) == *stored));
    assert!(!setup.logs_in("bob@b", PASSWORD));
    setup.succeeds("user enable bob@b");
    for (email, password) in rows.map(|(email, stored)| (email, stored.replace(MD5, PASSWORD))) {
        assert!(setup.logs_in(email, &password), "{email}");
    }
    // A second run has no rows to hash and does not ask.
    assert_eq!(setup.run("upgrade-plaintext").stdout, "plain texts hashed: 0\n");
    let run = setup.run("upgrade-plaintext --yes --allow-hash-like");
    assert_eq!(run.stdout, "plain texts hashed: 2\n", "{run:?}");
    assert!(setup.logs_in("fay@b", UNSUPPORTED));
    assert!(locked.iter().all(|(email, stored)| setup.stored(email) == *stored));
}

/// Runs a command on a terminal (made by `script` of util-linux), types an answer after each
/// prompt, and returns the exit status and the text on the screen.
fn on_terminal(setup: &TestSetup, line: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let terminal = setup.path("terminal");
    let line = format!("tty > {}; {} {line}", terminal.display(), env!("CARGO_BIN_EXE_auth-admin"));
    let mut script = process::command("script", &setup.variables());
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keyboard, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let mut seen = String::new();
    for (prompt, answer) in answers {
        let mut byte = [0];
        while !seen.ends_with(prompt) {
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{prompt} is not in {seen}");
            seen.push(byte[0].into());
        }
        // The prompt is printed a moment before the terminal's echo is turned off.
        let terminal = fs::read_to_string(&terminal).unwrap();
        wait::until("the terminal hides what is typed", LIMIT, || {
            let stty = Command::new("stty").args(["-a", "-F", terminal.trim()]).output().unwrap();
            let is_hidden = String::from_utf8_lossy(&stty.stdout).contains(" -echo ");
            (is_hidden || !prompt.ends_with(": ")).then_some(())
        });
        writeln!(keyboard, "{answer}").unwrap();
    }
    screen.read_to_string(&mut seen).unwrap();
    (script.wait().unwrap().code(), seen)
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn passwords_and_confirmations_are_read_from_a_terminal() {
    let setup = TestSetup::with_database("terminal");
    setup.insert(&[("bob@b", PASSWORD), ("cyd@b", PASSWORD)]);
    let (first, again) = (("Password: ", PASSWORD), ("Once more: ", PASSWORD));
    let (remove, hash) = ("Remove bob@b? [y/N] ", "Hash 2 plain texts? [y/N] ");
    for (line, answers, code, said) in [
        // The password is checked before it is typed again.
        ("user add ada@b", &[("Password: ", "canary")][..], 1, "is shorter than 8 characters"),
        ("user add ada@b", &[first, ("Once more: ", "a canary sinks")], 1, "passwords differ"),
        ("user add ada@b", &[first, again], 0, "added ada@b"),
        ("upgrade-plaintext", &[(hash, "n")], 1, "error: nothing was changed"),
        ("upgrade-plaintext", &[(hash, "y")], 0, "plain texts hashed: 2"),
        // The question cannot be printed.
        ("user remove bob@b 2>/dev/full", &[], 1, ""),
        ("user remove bob@b", &[(remove, "")], 1, "error: nothing was removed"),
        ("user remove bob@b", &[(remove, "x")], 1, "error: nothing was removed"),
        ("user remove bob@b", &[(remove, "y")], 0, "removed bob@b"),
    ] {
        let (exit, screen) = on_terminal(&setup, line, answers);
        assert_eq!(exit, Some(code), "{line}: {screen}");
        assert!(screen.contains(said) && !screen.contains("canary"), "{line}: {screen:?}");
    }
    assert_eq!(setup.query("SELECT email FROM user ORDER BY id"), "cyd@b\nada@b");
    assert!(setup.logs_in("ada@b", PASSWORD) && setup.logs_in("cyd@b", PASSWORD));
}
