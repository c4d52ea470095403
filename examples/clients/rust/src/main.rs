//! Logs in and validates with reqwest, and prints the token's claims:
//!
//! ```sh
//! AUTH_URL=http://127.0.0.1:8080 AUTH_EMAIL=demo@example.com \
//!   cargo run -p example-client -- [TIMES [PAUSE]] < password
//! ```
//!
//! Shows: time-outs, renewal ahead of expiry, one new login when a token is refused, and bounded
//! waiting on 429 and 503. `README.md` in the folder above has the variables.

mod answer;
mod client;
mod settings;

use std::{error::Error, process::ExitCode, time::Duration};

use client::AuthClient;

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
    let mut client = AuthClient::new(settings::from_environment()?)?;
    for number in 0..times {
        if number > 0 {
            tokio::time::sleep(pause).await;
        }
        println!("{}", client.claims().await?);
    }
    Ok(())
}
