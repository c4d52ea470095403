//! Logs in and validates with reqwest, and prints the token's claims:
//!
//! ```sh
//! AUTH_URL=http://127.0.0.1:8080 AUTH_EMAIL=demo@example.com \
//!   cargo run -p example-client -- [TIMES [PAUSE]] < password
//! ```
//!
//! Shows: time-outs, renewal ahead of expiry, one new login when a token is refused, and bounded
//! waiting on 429 and 503. `README.md` in the folder above has the variables.

mod client;

use std::{error::Error, io, process::ExitCode, time::Duration};

use client::{AuthClient, Settings};
use secrecy::SecretString;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("auth: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let times: u32 = arguments.next().map_or(Ok(1), |times| times.parse())?;
    let pause: f64 = arguments.next().map_or(Ok(0.0), |pause| pause.parse())?;
    let pause = Duration::try_from_secs_f64(pause)?;
    let mut client = AuthClient::new(settings()?)?;
    for number in 0..times {
        if number > 0 {
            tokio::time::sleep(pause).await;
        }
        println!("{}", client.claims().await?);
    }
    Ok(())
}

/// Reads the variables that `README.md` lists; the password may be the first line of standard
/// input.
///
/// # Errors
///
/// What is missing, or makes no sense.
fn settings() -> Result<Settings, String> {
    let url = |name: &str, path: &str| {
        let base = || variable("AUTH_URL").map(|base| base + path);
        variable(name).or_else(base).ok_or("AUTH_URL is missing")
    };
    Ok(Settings {
        login_url: url("LOGIN_URL", "/login")?,
        validate_url: url("VALIDATE_URL", "/validate")?,
        email: variable("AUTH_EMAIL").ok_or("AUTH_EMAIL is missing")?,
        password: password()?,
        token: variable("AUTH_TOKEN").map(SecretString::from),
        timeout: seconds("AUTH_TIMEOUT", 10)?,
        max_wait: seconds("AUTH_MAX_WAIT", 30)?,
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn seconds(name: &str, default: u64) -> Result<Duration, String> {
    let Some(value) = variable(name) else { return Ok(Duration::from_secs(default)) };
    value.parse().map(Duration::from_secs).map_err(|_| format!("{name} is no number of seconds"))
}

fn password() -> Result<SecretString, String> {
    let first_line = || io::stdin().lines().next()?.ok().filter(|line| !line.is_empty());
    let password = variable("AUTH_PASSWORD").or_else(first_line);
    password
        .map(SecretString::from)
        .ok_or_else(|| "no password in AUTH_PASSWORD or on standard input".into())
}
