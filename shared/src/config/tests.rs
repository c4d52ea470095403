//! What is read from which variables, what is refused, and what the documents say of it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    os::unix::ffi::OsStringExt,
};

use super::*;

/// What every function reads.
fn read_by_both(reader: &mut Reader<'_>) -> impl Debug + use<> {
    let transport = TransportConfig::read(reader);
    let metrics = MetricsConfig::read(reader, transport);
    let process = (LogConfig::read(reader), transport, metrics, read_base_path(reader));
    let keys = (SecretSource::of_keys(reader), SecretsConfig::read(reader));
    (process, keys, TokenConfig::read(reader))
}

/// All that there is to read, as a text.
fn read_all(variables: Variables<'_>) -> Result<String, Vec<Problem>> {
    let mut reader = Reader::new(variables);
    let by_both = read_by_both(&mut reader);
    let by_login = (DatabaseConfig::read(&mut reader), Argon2Config::read(&mut reader));
    let limits = (HashLimits::read(&mut reader), ThrottleConfig::read(&mut reader));
    reader.finish(format!("{by_both:?} {by_login:?} {limits:?}"))
}

/// With these variables beside keys and, unless they name another one, a database.
fn read(variables: &[(&str, &str)]) -> Result<String, String> {
    let names_database =
        |name: &str| name.starts_with("DATABASE_") || name.starts_with("MYSQL_PASSWORD");
    let mut all = vec![("JWT_SECRET_ID", "jwt")];
    if !variables.iter().any(|(name, _)| names_database(name)) {
        all.push(("DATABASE_SECRET_ID", "rds"));
    }
    all.extend(variables);
    let value = |name: &str| all.iter().rfind(|it| it.0 == name).map(|it| it.1.into());
    read_all(&value).map_err(|problems| {
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
    for (variables, problem) in [
        (&[("PORT", "canary")][..], "PORT: is not a whole number from 0 to 65535"),
        (&[("MAX_CONNECTIONS", "0")], "MAX_CONNECTIONS: is not a whole number from 1"),
        (
            &[("DATABASE_URL_FILE", "x"), ("DATABASE_SECRET_ID", "x")],
            "DATABASE_URL_FILE, DATABASE_SECRET_ID: only one of them may be set",
        ),
        (
            &[("DATABASE_URL", "canary"), ("MYSQL_HOST", "db"), ("MYSQL_PORT", "1")],
            "MYSQL_HOST, MYSQL_PORT: cannot be set beside DATABASE_URL, which contains it",
        ),
        (
            &[("MYSQL_PASSWORD", "canary")],
            "MYSQL_HOST: is not set; it is the database's host\n\
             MYSQL_USER: is not set; it is the database account\n\
             MYSQL_DB: is not set; it is the name of the database, `auth` in init.sql",
        ),
        (
            &[("ARGON2_MEMORY_KIB", "131072"), ("ARGON2_ITERATIONS", "5")],
            "ARGON2_MEMORY_KIB, ARGON2_ITERATIONS: make more than 524288 together",
        ),
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
    for path in
        ["/", "auth", "/auth/", "//auth", "/a/../b", "/{a}", "/a b", "/a%20b", "https://h/a"]
    {
        let problem = read(&[("BASE_PATH", path)]).err().unwrap_or_default();
        assert!(problem.starts_with("BASE_PATH: is not a path"), "{path}: {problem}");
    }
    for (value, expected) in [("", None), ("/auth", Some("/auth")), ("/v1.2/a", Some("/v1.2/a"))] {
        let all = read(&[("BASE_PATH", value)]).unwrap();
        assert!(all.contains(&format!("Off, {expected:?})")), "{value}: {all}");
    }
    for host in ["db:3306", "[::1]", "[::1]:3306", "mysql://db", "user@db", "db/auth", "a b"] {
        let problem = read(&[("MYSQL_HOST", host)]).err().unwrap_or_default();
        assert!(problem.starts_with("MYSQL_HOST: is neither a host"), "{host}: {problem}");
    }
    for host in ["db", "db.example.com", "127.0.0.1", "::1", "my_db-1.svc.cluster.local."] {
        let all = read(&[("MYSQL_HOST", host)]).unwrap();
        // It fills in what the secret lacks.
        let database = format!("Secret(DatabaseParts {{ host: Some({host:?})");
        assert!(all.contains(&database), "{all}");
    }
}

/// By `.env.example`, which has an example of each.
#[test]
fn every_variable_is_in_both_documents_with_its_default() {
    let asked = RefCell::new(BTreeSet::new());
    let record = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        None
    };
    read_by_both(&mut Reader::new(&record));
    // `validate` reads it as well, and issues no tokens.
    let by_both = &asked.take() - &BTreeSet::from(["JWT_TTL_SECONDS".to_owned()]);
    assert!(read_all(&record).is_err());
    let ours = |name: &str| !name.starts_with("AWS_");
    let asked: Vec<_> = asked.take().into_iter().filter(|name| ours(name)).collect();

    let [document, example] = ["docs/configuration.md", ".env.example"].map(|name| {
        std::fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    });
    let examples = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let examples: BTreeMap<_, _> =
        examples.filter(|(name, _)| !name.contains(' ') && ours(name)).collect();
    assert!(examples.keys().eq(&asked), ".env.example: {:?}, not {asked:?}", examples.keys());
    let unset = read(&[]);
    for (name, example) in examples {
        let row = document.lines().find_map(|line| {
            let (names, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
            Some((names.split_once(&format!("`{name}`"))?.1, rest))
        });
        let (behind, rest) = row.unwrap_or_else(|| panic!("configuration.md has no row of {name}"));
        let audience = match name {
            // `login` reads it as well, and verifies no tokens.
            "TOKEN_CACHE_ENTRIES" => "validate |",
            name if by_both.contains(name) => "both |",
            _ => "login |",
        };
        assert!(rest.starts_with(audience), "configuration.md: {name}");
        let default = behind.strip_prefix(" (").and_then(|it| it.split_once(')')).map(|it| it.0);
        let default = default.filter(|it| !["none", "one per core", "8 per slot"].contains(it));
        let default = default.unwrap_or_default().trim_matches('`');
        // The port of a database may be in its secret.
        let is_default = read(&[(name, example)]) == unset || name == "MYSQL_PORT";
        let expected = if is_default { example } else { "" };
        assert_eq!(default, expected, "configuration.md: the default of {name}");
    }
}
