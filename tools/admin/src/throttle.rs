//! `throttle list` and `throttle reset`

use std::{collections::HashMap, net::IpAddr, time::Duration};

use clap::{Args, Subcommand};
use serde_json::json;
use shared::{throttle::ThrottleKey, users::MySqlUsers};

use crate::{
    database::{all, open},
    terminal::{Failure, listing},
};

/// More than a person reads; an attack may leave behind many more.
const MAX_ROWS: u32 = 10_000;
/// How much of the hash of an unknown e-mail is shown.
const SHOWN_HASH: usize = "email-sha256:".len() + 12;

#[derive(Subcommand)]
pub(crate) enum ThrottleCommand {
    /// List whose failed logins are remembered, those that are locked first
    ///
    /// The database holds no e-mails for this, but hashes of them. Those of users are found among
    /// the users; of the others, which are no user's, the beginning of the hash is shown.
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Forget failed logins: login lets the user, or the source, try at once
    ///
    /// An attacker who goes on guessing will soon have locked the e-mail again.
    Reset(WhoseFailures),
}

/// Whose failures are forgotten: exactly one of these.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhoseFailures {
    /// The e-mail, whether or not it is a user's
    email: Option<String>,
    /// The address of a source; of an IPv6 address the whole /64
    #[arg(long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// All of them
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(command: ThrottleCommand) -> Result<String, Failure> {
    let (users, _) = open().await?;
    match command {
        ThrottleCommand::List { json } => list(&users, json).await,
        ThrottleCommand::Reset(WhoseFailures { email, source, .. }) => {
            let email = email.map(|email| ThrottleKey::email(&email));
            let subject = email.or(source.map(ThrottleKey::source));
            Ok(match users.reset_throttle(subject.as_ref()).await? {
                0 if subject.is_some() => "forgotten: 0; no failed login was counted for it".into(),
                rows => format!("forgotten: {rows}"),
            })
        }
    }
}

async fn list(users: &MySqlUsers, json: bool) -> Result<String, Failure> {
    let rows = users.throttled(MAX_ROWS).await?;
    // Those of users are found by hashing all e-mails.
    let listed = if rows.is_empty() { Vec::new() } else { all(users).await? };
    let emails: HashMap<ThrottleKey, String> =
        listed.into_iter().map(|it| (ThrottleKey::email(&it.user.email), it.user.email)).collect();
    let seconds = |time: Duration| time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let listed = rows.iter().map(|row| {
        let name = row.subject.as_str();
        let shown = if row.subject.kind() == "source" { name.len() } else { SHOWN_HASH };
        let hash = || name.chars().take(shown).collect();
        json!({
            "subject": emails.get(&row.subject).cloned().unwrap_or_else(hash),
            "failures": row.failures,
            "locked_seconds": seconds(row.locked),
            "forgotten_seconds": seconds(row.forgotten),
        })
    });
    let members = ["subject", "failures", "locked_seconds", "forgotten_seconds"];
    Ok(listing(listed.collect(), json, members))
}
