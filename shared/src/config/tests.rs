//! What is read from which variables, what is refused, and what the documents say of it.

use std::{cell::RefCell, collections::BTreeSet, fmt::Debug, os::unix::ffi::OsStringExt};

use super::{variables::ReadBy, *};

fn read_process(reader: &mut Reader<'_>) -> impl Debug + use<> {
    let transport = TransportConfig::read(reader);
    let metrics = MetricsConfig::read(reader, transport);
    let keys = (SecretSource::of_keys(reader), SecretsConfig::read(reader));
    (LogConfig::read(reader), transport, metrics, read_base_path(reader), keys)
}

/// What `login` reads.
fn read_login(reader: &mut Reader<'_>) -> impl Debug + use<> {
    let token = (read_process(reader), IssueConfig::read(reader));
    let hashes = (Argon2Config::read(reader), HashLimits::read(reader));
    let database = (DatabaseConfig::read(reader), ColumnName::of_groups(reader));
    (token, database, hashes, ThrottleConfig::read(reader))
}

/// What both functions make of these variables, after the secrets of the keys and the database.
fn read(variables: &[(&str, &str)]) -> Result<String, String> {
    let all = [&[("JWT_SECRET_ID", "jwt"), ("DATABASE_SECRET_ID", "rds")], variables].concat();
    let value = |name: &str| all.iter().rfind(|it| it.0 == name).map(|it| it.1.into());
    let mut reader = Reader::new(&value);
    let both = (read_login(&mut reader), VerifyConfig::read(&mut reader));
    reader.finish(format!("{both:?}")).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(!problems.concat().contains("canary"), "{problems:?}");
        problems.join("\n")
    })
}

const LAMBDA: [(&str, &str); 4] = [
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"),
    ("AWS_LAMBDA_FUNCTION_NAME", "prod-login"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
];

/// Those of a process with many are in tests/tests/start.rs.
#[test]
fn a_problem_names_the_variables_and_what_to_do_and_never_a_value() {
    // An empty variable counts as unset.
    let no_secret = ("DATABASE_SECRET_ID", "");
    for (variables, problem) in [
        (&[("PORT", "canary")][..], "PORT: is not a whole number from 0 to 65535"),
        (&[("MAX_CONNECTIONS", "0")], "MAX_CONNECTIONS: is not a whole number from 1"),
        (&[("DATABASE_URL_FILE", "x")], "DATABASE_URL_FILE, DATABASE_SECRET_ID: only one of them"),
        (
            &[no_secret, ("DATABASE_URL", "canary"), ("MYSQL_HOST", "db"), ("MYSQL_PORT", "1")],
            "MYSQL_HOST, MYSQL_PORT: cannot be set beside DATABASE_URL, which contains it",
        ),
        (
            &[no_secret, ("MYSQL_PASSWORD", "canary")],
            "MYSQL_HOST: is not set; it is the database's host\n\
             MYSQL_USER: is not set; it is the database account\n\
             MYSQL_DB: is not set; it is the name of the database, `auth` in init.sql",
        ),
        (
            &[("ARGON2_MEMORY_KIB", "131072"), ("ARGON2_ITERATIONS", "5")],
            "ARGON2_MEMORY_KIB, ARGON2_ITERATIONS: make more than 524288 together",
        ),
        (&[("USER_GROUPS_COLUMN", "a` canary")], "USER_GROUPS_COLUMN: is not a name of up to 64"),
        (&[("USER_GROUPS_COLUMN", "Password")], "USER_GROUPS_COLUMN: is the column of the hashes"),
        (&[("METRICS_PORT", "8080")], "METRICS_PORT: is the same as PORT"),
        (&[("METRICS", "emf")], "METRICS: is for Lambda"),
        (&[&LAMBDA[..], &[("METRICS", "canary")]].concat(), "METRICS: is not `emf`"),
        (&[&LAMBDA[..], &[("METRICS_PORT", "1")]].concat(), "METRICS_PORT: is for HTTP"),
    ] {
        let problems = read(variables).err().unwrap_or_default();
        assert!(problems.starts_with(problem), "{variables:?}: {problems}");
    }
    let not_utf_8 = |_: &str| Some(OsString::from_vec(vec![0xff]));
    let mut reader = Reader::new(&not_utf_8);
    reader.text("JWT_ISSUER");
    let problems = reader.finish(()).unwrap_err();
    assert_eq!(problems[0].to_string(), "JWT_ISSUER: is not UTF-8");
}

#[test]
fn a_base_path_is_of_plain_segments_and_a_host_is_nothing_but_a_host() {
    let problem = |name, value| read(&[(name, value)]).err().unwrap_or_default();
    for path in ["/", "auth", "/auth/", "//auth", "/a/../b", "/{a}", "/a%20b"] {
        assert!(problem("BASE_PATH", path).starts_with("BASE_PATH: is not a path"), "{path}");
    }
    for path in ["", "/auth", "/v1.2/a"] {
        assert_eq!(problem("BASE_PATH", path), "");
    }
    for host in ["db:3306", "[::1]", "[::1]:3306", "mysql://db", "user@db", "db/auth", "a b"] {
        assert!(problem("MYSQL_HOST", host).starts_with("MYSQL_HOST: is neither a host"), "{host}");
    }
    for host in ["db", "db.example.com", "127.0.0.1", "::1", "my_db-1.svc.cluster.local."] {
        // It supplies what the secret lacks.
        let database = format!("Secret(DatabaseParts {{ host: Some({host:?})");
        assert!(read(&[("MYSQL_HOST", host)]).unwrap().contains(&database), "{host}");
    }
}

#[test]
fn a_misspelt_variable_is_reported_with_the_one_that_was_meant() {
    for (name, meant) in [
        ("JWT_ISSURE", Some("JWT_ISSUER")),
        ("MYSQL_PASS", Some("MYSQL_PASSWORD")),
        ("USER_GROUP_COLUMN", Some("USER_GROUPS_COLUMN")),
        ("MYSQL_URL", None),
    ] {
        let environment = [(name.into(), "canary".into())].into_iter();
        assert_eq!(unknown_variables(environment).next(), Some((name.to_owned(), meant)));
    }
}

#[test]
fn each_function_reads_its_variables_of_the_table() {
    let asked_by = |read: &dyn Fn(&mut Reader<'_>)| {
        let asked = RefCell::new(BTreeSet::new());
        let record = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        read(&mut Reader::new(&record));
        asked.take().into_iter().filter(|name| !name.starts_with("AWS_")).collect::<Vec<_>>()
    };
    let listed = |function| {
        let is_read = |read_by| [function, ReadBy::Both].contains(read_by);
        let read = VARIABLES.iter().filter(|(_, read_by, ..)| is_read(read_by));
        let mut names: Vec<_> = read.map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(asked_by(&|reader| drop(read_login(reader))), listed(ReadBy::Login));
    let validate = asked_by(&|reader| drop((read_process(reader), VerifyConfig::read(reader))));
    assert_eq!(validate, listed(ReadBy::Validate));
}

#[test]
fn the_documents_have_every_variable_of_the_table_with_its_default_and_its_meaning() {
    let [document, example] = ["docs/configuration.md", ".env.example"].map(|name| {
        std::fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    });
    // A row such as: | `PORT` (8080) | both | the port to listen on, outside Lambda |
    let mut rows = document.lines().filter(|line| {
        ["login", "validate", "both"].iter().any(|it| line.contains(&format!(" | {it} | ")))
    });
    let mut lines = example.lines().filter(|line| !line.is_empty() && !line.starts_with("##"));
    for (name, read_by, default, meaning) in VARIABLES {
        let read_by = format!("{read_by:?}").to_lowercase();
        let shown = if default.is_empty() { "" } else { &format!(" ({default})") };
        let row = format!("| {name}{shown} | {read_by} | {meaning}").replace('`', "");
        let found = rows.next().unwrap_or_default().replace('`', "");
        assert!(found.starts_with(&row), "{found}\n{row}");

        // A default that is computed is in words.
        let is_computed = default.contains(' ');
        let computed = if is_computed { shown } else { "" };
        assert_eq!(lines.next(), Some(&*format!("# {read_by}: {meaning}{computed}")), "{name}");
        let value = lines.next().and_then(|it| it.strip_prefix('#')?.strip_prefix(name));
        if !default.is_empty() && !is_computed {
            assert_eq!(value, Some(&*format!("={default}")), "{name}");
            // The port of a database may also be in its secret, so that it has no default here.
            assert!(*name == "MYSQL_PORT" || read(&[(name, default)]) == read(&[]), "{name}");
        }
        assert!(value.is_some_and(|value| value.starts_with('=')), "{name}");
    }
    assert_eq!(rows.next(), None);
    assert!(lines.all(|line| !line.starts_with('#') || line.starts_with("#AWS_")), "{example}");
}
