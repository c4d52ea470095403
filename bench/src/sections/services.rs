//! The services that are measured, ready to be asked.

use std::{fmt::Write, fs, path::Path};

use serde_json::{Value, json};
use shared::config::Argon2Config;
use system_tests::{
    Environment,
    contract::SECRET,
    database::DatabaseServer,
    forge::{KeyPair, Scheme, hs256},
    http::{Request, basic},
    mariadb,
    traffic::users,
    wait, workspace,
};

use crate::{
    contender::Contender,
    hash_loop::HUGE_PAGES,
    http_load::Requests,
    server::{Server, alone, baseline, function},
};

/// A signing key, and `Authorization` with a token of it, as `login` issues them.
pub(super) fn key_and_token(algorithm: &str) -> (String, String) {
    let (key, token) = if algorithm == "HS256" {
        let header = json!({ "typ": "JWT", "alg": "HS256" }).to_string();
        (SECRET.to_owned(), hs256(SECRET, &header, claims().to_string()))
    } else {
        let scheme = match algorithm {
            "RS256" => Scheme::Pkcs1Sha256,
            "ES256" => Scheme::P256Fixed,
            _ => Scheme::Ed25519,
        };
        let pair = KeyPair::new(algorithm);
        let kid = pair.public_jwk()["kid"].clone();
        let header = json!({ "typ": "JWT", "alg": algorithm, "kid": kid }).to_string();
        (pair.pem(), pair.token(scheme, &header, claims().to_string()))
    };
    (key, format!("Bearer {token}"))
}

fn claims() -> Value {
    let now = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs();
    json!({
        "username": "ada.lovelace@example.com", "admin": false, "iat": now, "exp": now + 86_400,
        "sub": "4711", "jti": "67e55044-10b1-426f-9247-bb680e5fe0c8",
    })
}

/// Variables from names and values.
pub(super) fn variables<const N: usize>(pairs: [(&str, &str); N]) -> Environment {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// What leads `login` to a database, and to huge pages.
pub(super) fn login_in_cluster(database: &DatabaseServer) -> Environment {
    let mut all = login_variables(database);
    all.extend(variables([HUGE_PAGES]));
    all
}

/// `validate` with a key and a token of this algorithm, started by `line`.
pub(super) fn validate(name: &str, line: &[String], algorithm: &str, log: &str) -> Contender {
    let (key, token) = key_and_token(algorithm);
    let server = Server::start(line, variables([("JWT_SECRET", &key), ("RUST_LOG", log)]));
    Contender::new(name, server, Requests::new("GET", "/validate", &[token]))
}

/// The same, as `make release` builds it.
pub(super) fn plain_validate(name: &str, algorithm: &str, log: &str) -> Contender {
    validate(name, &alone(&function("validate")), algorithm, log)
}

/// A service of `bench/baselines` that answers what `validate` answered.
pub(super) fn bare(name: &str, program: &str, answer_file: &Path) -> Contender {
    let file = answer_file.display().to_string();
    let server = Server::start(&alone(&baseline(program)), variables([("ANSWER_FILE", &file)]));
    let (_, token) = key_and_token("HS256");
    Contender::new(name, server, Requests::new("GET", "/validate", &[token]))
}

/// Writes what `validate` answers to `file`, without what every server adds itself, and gives
/// the body.
pub(super) fn record_answer(file: &Path) -> Vec<u8> {
    let (key, token) = key_and_token("HS256");
    let line = alone(&function("validate"));
    let server = Server::start(&line, variables([("JWT_SECRET", &key)]));
    let url = format!("http://{}/validate", server.address());
    let answer = Request::new("GET", &url).header("authorization", token).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        if !["date", "content-length", "connection"].contains(&name.as_str()) {
            let _ = writeln!(text, "{name}: {}", value.to_str().expect("ASCII"));
        }
    }
    let _ = write!(text, "\n{}", answer.text());
    fs::write(file, text).expect("scratch can be written");
    answer.body
}

/// nginx with a static file of these bytes, in this directory.
pub(super) fn nginx(directory: &Path, body: &[u8]) -> Contender {
    let (port, path) = (wait::free_port(), directory.display());
    fs::write(directory.join("validate"), body).expect("scratch can be written");
    // What root starts would not be allowed to read the scratch directory as somebody else.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = kinds.map(|kind| format!("{kind}_temp_path {path}/{kind};")).concat();
    let text = format!(
        "{user} worker_processes auto; daemon off; pid {path}/pid;
         events {{ worker_connections 4096; }}
         http {{
           access_log off; keepalive_requests 1000000000; sendfile on; {temporary}
           default_type application/json;
           server {{ listen 127.0.0.1:{port}; root {path}; }}
         }}"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, text).expect("scratch can be written");
    let mut line = alone(&workspace().join("target/tools/nginx/usr/sbin/nginx"));
    line.extend(["-e".into(), "stderr".into(), "-c".into(), file.display().to_string()]);
    let server = Server::start_on(port, &line, Environment::new());
    let (_, token) = key_and_token("HS256");
    Contender::new("nginx, a static file", server, Requests::new("GET", "/validate", &[token]))
}

/// The Python service with three workers, and passwords as `plain` or `argon2`.
pub(super) fn flask(
    name: &str,
    passwords: &str,
    mut database: Environment,
    requests: Requests,
) -> Contender {
    let (port, root) = (wait::free_port(), workspace());
    let mut line = alone(&root.join("target/bench/venv/bin/gunicorn"));
    let folder = root.join("bench/flask").display().to_string();
    let bind = format!("127.0.0.1:{port}");
    let options = ["--workers", "3", "--bind", &bind, "--chdir", &folder];
    line.extend(options.map(str::to_owned));
    // A socket in the home directory, for commands of an operator.
    line.extend(["--no-control-socket".into(), "service:server".into()]);
    database.extend(variables([
        ("JWT_SECRET", SECRET),
        ("PASSWORDS", passwords),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]));
    Contender::new(name, Server::start_on(port, &line, database), requests)
}

/// Right passwords of users who take turns.
pub(super) fn logins() -> Requests {
    Requests::new("POST", "/login", &credentials())
}

/// `Authorization` of each of them.
pub(super) fn credentials() -> Vec<String> {
    (0..users::EACH).map(|number| basic(&users::email("right", number), users::PASSWORD)).collect()
}

/// MariaDB with users whose hashes have the default parameters.
pub(super) fn database_with_users() -> DatabaseServer {
    database_with_hashes(Argon2Config::default())
}

/// MariaDB with users whose hashes have these parameters.
pub(super) fn database_with_hashes(config: Argon2Config) -> DatabaseServer {
    let server = mariadb::start();
    server.init();
    users::add(&server, config);
    server
}

/// What `login` needs, with this database.
pub(super) fn login_variables(database: &DatabaseServer) -> Environment {
    let mut all = database.login_variables();
    all.extend(variables([("JWT_SECRET", SECRET), ("MYSQL_SSL_MODE", "DISABLED")]));
    all
}
