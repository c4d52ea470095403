//! The two functions as one, with defaults that suit a laptop, and what is kept between runs in
//! `target/local`: the users and the signing key.

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
    serve::{App, Function, GatewayEvent},
    telemetry::RequestCounter,
    throttle::{MemoryStore, Throttle},
    users::{NewUser, SqliteUsers, UserStore},
};
use uuid::Uuid;
use validate::ValidateState;

use crate::docs;

const USUAL_PORT: u16 = 8080;
pub(crate) const DEMO_USER: &str = "demo@example.com";
/// No secret: all can read it here, and the service listens on the loopback address alone.
pub(crate) const DEMO_PASSWORD: &str = "correct horse battery staple";

/// The variables of this process; where they do not say it, requests are answered on
/// the loopback address alone, and log lines are for a person. The port is the usual one, or any
/// other if that is taken.
pub(crate) fn variables() -> impl Fn(&str) -> Option<OsString> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let address = bind(USUAL_PORT).or_else(|_| bind(0)).and_then(|it| it.local_addr());
    let port = address.map_or(USUAL_PORT, |address| address.port());
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

/// What is kept between runs, with paths that a shell can read from anywhere.
struct Kept {
    key_file: PathBuf,
    users_file: PathBuf,
    keys: Keys,
    users: SqliteUsers,
}

impl Kept {
    /// Opens it, and makes what is missing: a random key, and the demo user.
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
            let hasher = PasswordHasher::new(Argon2Config::default(), 1);
            let hash = hasher.hash(DEMO_PASSWORD.into()).await?;
            users.add(&[NewUser { email: DEMO_USER.into(), hash, admin: false }]).await?;
        }
        Ok(Self { key_file, users_file, keys, users })
    }
}

/// The function, as it is configured.
pub(crate) struct Local {
    issue: IssueConfig,
    verify: VerifyConfig,
    argon2: Argon2Config,
    throttle: ThrottleConfig,
}

impl Function for Local {
    const NAME: &'static str = "local";
    /// Its requests are two kinds in one.
    const COUNTER: Option<RequestCounter> = None;
    type Event = GatewayEvent;

    fn configure(reader: &mut Reader<'_>) -> Self {
        Self {
            issue: IssueConfig::read(reader),
            verify: VerifyConfig::read(reader),
            argon2: Argon2Config::read(reader),
            throttle: ThrottleConfig::read(reader),
        }
    }

    async fn start(self, transport: TransportConfig) -> Result<App, Vec<Problem>> {
        let Self { issue, verify, argon2, throttle } = self;
        let Kept { users, keys, .. } = Kept::open().await.map_err(|error| {
            vec![Problem { variable: "target/local".into(), reason: error.to_string() }]
        })?;
        let keys = Arc::new(keys);
        let login = LoginState {
            throttle: Throttle::new(Arc::new(MemoryStore::default()), &throttle),
            users: Arc::new(users),
            passwords: PasswordHasher::new(argon2, 2),
            keys: keys.clone().into(),
            issue,
        };
        // Each function answers on `/` as well, so the one cannot be merged into the other.
        let validate = ValidateState::new(Arc::clone(&keys), verify);
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
            introduce(&address.to_string());
        }
        Ok(App { router, keys: keys.into(), secrets: Secrets::default(), database: None })
    }
}

/// The lines to paste. `-s` without `-S` and `$(…)` keep them short.
fn introduce(address: &str) {
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

/// Makes the files and says where they are, as variables for `login` and `validate`.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn prepare() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let kept = Kept::open().await?;
    println!("DATABASE_URL=sqlite://{}", kept.users_file.display());
    println!("JWT_SECRET_FILE={}", kept.key_file.display());
    Ok(ExitCode::SUCCESS)
}
