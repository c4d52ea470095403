//! The two functions as one.

use std::{process::ExitCode, sync::Arc};

use axum::{Router, extract::Request};
use login::LoginState;
use shared::{
    config::{Argon2Config, DoorConfig, Problem, Reader, ThrottleConfig, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    respond::{Cause, Refusal, refused},
    secrets::{SecretSource, Secrets},
    serve::{Function, GatewayEvent, Health, Platform, Service},
    telemetry::RequestCounter,
    throttle::Throttle,
};
use validate::ValidateState;

use crate::{docs, files};

pub(crate) struct Local;

impl Function for Local {
    const NAME: &'static str = "local";
    /// Its requests are two kinds in one.
    const COUNTER: Option<RequestCounter> = None;
    type Config = (TokenConfig, Argon2Config, ThrottleConfig);
    type Event = GatewayEvent;

    fn configure(reader: &mut Reader<'_>) -> Option<Self::Config> {
        let token = TokenConfig::read(reader);
        let argon2 = Argon2Config::read(reader);
        let throttle = ThrottleConfig::read(reader);
        Some((token?, argon2?, throttle?))
    }

    async fn start(
        (token, argon2, throttle): Self::Config,
        platform: Platform,
    ) -> Result<Service, Vec<Problem>> {
        let users = files::users().await.map_err(|reason| problem("users.sqlite", reason))?;
        let users = Arc::new(users);
        let path = files::key_file().map_err(|error| problem("jwt-secret", error.to_string()))?;
        let source = SecretSource::File { variable: "jwt-secret".into(), path };
        let text = Secrets::default().fetch(&source).await.map_err(|error| vec![error.into()])?;
        let keys = Keys::read(&text).map_err(|error| problem("jwt-secret", error.to_string()))?;
        let keys = Arc::new(keys);

        let login = LoginState::new(
            Arc::clone(&users) as _,
            Throttle::new(users, &throttle),
            PasswordHasher::new(argon2, platform.hashes()),
            Arc::clone(&keys),
            token.clone(),
        );
        // Each function answers on `/` as well, so the one cannot be merged into the other.
        let validate = ValidateState::new(Arc::clone(&keys), token);
        let validate = validate::router(validate).into_service();
        let router = Router::new()
            .route_service("/login", login::router(login).into_service())
            .route_service("/validate", validate.clone())
            .route_service("/validate/{*path}", validate.clone())
            .route_service("/.well-known/{*path}", validate)
            .merge(docs::router())
            .fallback(async |request: Request| {
                refused(Refusal::NotFound, Cause::default(), request.headers())
            });
        if let DoorConfig::Http { address, .. } = platform.door {
            introduce(&address.to_string());
        }
        Ok(Service::new(router, Health::new(keys.into(), None)).told_peers())
    }
}

fn problem(file: &str, reason: impl Into<String>) -> Vec<Problem> {
    let variable = files::absolute(&files::folder().join(file)).display().to_string();
    vec![Problem { variable, reason: reason.into() }]
}

/// The lines to paste. `-s` without `-S` and `$(…)` keep them short.
fn introduce(address: &str) {
    let (user, password) = (files::DEMO_USER, files::DEMO_PASSWORD);
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
pub(crate) fn prepare() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let prepared = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(files::users())?;
        files::key_file().map_err(|error| error.to_string())
    });
    match prepared {
        Ok(key) => {
            let users = files::absolute(&files::folder().join("users.sqlite"));
            println!("DATABASE_URL=sqlite://{}", users.display());
            println!("JWT_SECRET_FILE={}", files::absolute(&key).display());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
