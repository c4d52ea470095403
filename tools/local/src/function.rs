//! Both functions combined, with defaults for local use. The users and the signing key are kept
//! between runs in `target/local`.

use std::{
    error::Error,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::OpenOptionsExt,
    path::{self, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use axum::{Router, http::HeaderMap};
use login::LoginState;
use shared::{
    config::{
        Argon2Config, IssueConfig, Problem, Reader, ThrottleConfig, TransportConfig, VerifyConfig,
    },
    keys::Keys,
    password::PasswordHasher,
    respond::{Cause, Refusal, refused},
    secrets::Secrets,
    serve::App,
    throttle::{MemoryStore, Throttle},
    token::TokenVerifier,
    users::{NewUser, SqliteUsers, UserStore},
};
use uuid::Uuid;

use crate::docs;

const DEFAULT_PORT: u16 = 8080;
pub(crate) const DEMO_USER: &str = "demo@example.com";
/// This is not a secret: it is public here, and by default the service listens only on the loopback
/// address.
pub(crate) const DEMO_PASSWORD: &str = "correct horse battery staple";

/// The variables of this process, with other defaults: the loopback address, log lines as text, no
/// draining, and port 8080, or a free one if 8080 is in use.
pub(crate) fn variables() -> impl Fn(&str) -> Option<OsString> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let address = bind(DEFAULT_PORT).or_else(|_| bind(0)).and_then(|it| it.local_addr());
    let port = address.map_or(DEFAULT_PORT, |address| address.port());
    move |name| {
        std::env::var_os(name).or_else(|| match name {
            "HOST" => Some("127.0.0.1".into()),
            "PORT" => Some(port.to_string().into()),
            "LOG_FORMAT" => Some("text".into()),
            "DRAIN_SECONDS" => Some("0".into()),
            _ => None,
        })
    }
}

/// The data that is kept between runs, and the absolute paths of its files.
struct LocalData {
    key_file: PathBuf,
    users_file: PathBuf,
    keys: Keys,
    users: SqliteUsers,
}

impl LocalData {
    /// Opens the files, and creates a missing random key and demo user.
    async fn open() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let folder = path::absolute(PathBuf::from(target).join("local"))?;
        fs::create_dir_all(&folder)?;
        let [key_file, users_file] = ["jwt-secret", "users.sqlite"].map(|name| folder.join(name));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key_file) {
            Ok(mut file) => write!(file, "{}{}", Uuid::new_v4(), Uuid::new_v4())?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        let keys = Keys::read(&fs::read_to_string(&key_file)?.into())?;
        let users = SqliteUsers::open(&users_file).await?;
        if users.find_by_email(DEMO_USER).await?.is_none() {
            let hasher = PasswordHasher::new(Argon2Config::default(), 1, None);
            let hash = hasher.hash(DEMO_PASSWORD.into()).await?;
            users.add(&[NewUser { email: DEMO_USER.into(), hash, admin: false }]).await?;
        }
        Ok(Self { key_file, users_file, keys, users })
    }
}

/// Reads the configuration, and returns the start of both functions as one.
pub(crate) fn configure(
    reader: &mut Reader<'_>,
    transport: TransportConfig,
) -> impl Future<Output = Result<App, Vec<Problem>>> + use<> {
    let issue = IssueConfig::read(reader);
    let verify = VerifyConfig::read(reader);
    let argon2 = Argon2Config::read(reader);
    let throttle = ThrottleConfig::read(reader);
    async move {
        let LocalData { users, keys, .. } = LocalData::open().await.map_err(|error| {
            vec![Problem { variable: "target/local".into(), reason: error.to_string() }]
        })?;
        let keys = Arc::new(keys);
        let login = LoginState {
            throttle: Throttle::new(Arc::new(MemoryStore::default()), &throttle),
            users: Arc::new(users),
            passwords: PasswordHasher::new(argon2, 2, None),
            keys: keys.clone().into(),
            issue,
        };
        // Both routers have a route `/`, so they cannot be merged.
        let validate = TokenVerifier::new(Arc::clone(&keys), verify);
        let validate = validate::router(validate).into_service();
        let router = Router::new()
            .route_service("/login", login::router(login).into_service())
            .route_service("/validate", validate.clone())
            .route_service("/validate/{*path}", validate.clone())
            .route_service("/.well-known/{*path}", validate)
            .merge(docs::router())
            .fallback(async |request: HeaderMap| {
                refused(Refusal::NotFound, Cause::default(), &request)
            });
        if let TransportConfig::Http { address, .. } = transport {
            print_commands(&address.to_string());
        }
        Ok(App { router, keys: keys.into(), secrets: Secrets::default(), database: None })
    }
}

/// Prints commands for the user to paste. `-s` without `-S` and `$(…)` keep them short.
fn print_commands(address: &str) {
    let (user, password) = (DEMO_USER, DEMO_PASSWORD);
    println!(
        "login and validate are at http://{address} (Ctrl-C ends them).
In a browser: http://{address}/docs. Or try, in another terminal:

  curl -X POST -u '{user}:{password}' http://{address}/login
  TOKEN=$(curl -s -X POST -u '{user}:{password}' http://{address}/login)
  curl -i -H \"Authorization: Bearer $TOKEN\" http://{address}/validate
  curl -i -X POST -u '{user}:wrong' http://{address}/login
"
    );
}

/// Creates the files and prints their paths, as variables for `login` and `validate`.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn prepare() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let data = LocalData::open().await?;
    println!("DATABASE_URL=sqlite://{}", data.users_file.display());
    println!("JWT_SECRET_FILE={}", data.key_file.display());
    Ok(ExitCode::SUCCESS)
}
