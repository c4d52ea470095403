//! `throttle list` and `throttle reset`

use std::{collections::HashMap, net::IpAddr};

use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    database::DatabaseError,
    throttle::{MySqlThrottle, NOW_MS, ThrottleKey},
};
use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    database::{all_users, open},
    store::AdminStore,
    terminal::{Failure, listing},
};

/// More rows than a person reads; an attack may leave many more.
const MAX_ROWS: u32 = 10_000;
/// The number of characters shown for the hash of an unknown e-mail.
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
    let (store, _) = open().await?;
    match command {
        ThrottleCommand::List { json } => list(&store, json).await,
        ThrottleCommand::Reset(WhoseFailures { email, source, .. }) => {
            let email = email.map(|email| ThrottleKey::email(&email));
            let subject = email.or(source.map(ThrottleKey::source));
            let throttle = MySqlThrottle(store.database);
            let done = match &subject {
                Some(subject) => {
                    let delete = "DELETE FROM login_throttle WHERE subject = ?";
                    throttle.query(delete, &[subject.as_str()]).await?
                }
                None => throttle.query("DELETE FROM login_throttle", &[]).await?,
            };
            Ok(match done.change.rows_affected() {
                0 if subject.is_some() => "forgotten: 0; no failed login was counted for it".into(),
                rows => format!("forgotten: {rows}"),
            })
        }
    }
}

/// Lists failures that are not forgotten yet, locked ones first.
async fn list(store: &AdminStore, json: bool) -> Result<String, Failure> {
    let select = format!(
        "SELECT subject, failures, locked_until - clock.now, forget_at - clock.now \
         FROM login_throttle, (SELECT {NOW_MS} AS now) AS clock \
         WHERE forget_at > clock.now AND failures > 0 \
         ORDER BY locked_until DESC, subject LIMIT {MAX_ROWS}"
    );
    let rows = store.database.query(AssertSqlSafe(select), &[]).await?.rows;
    // The e-mails of users are found by hashing all of them.
    let users = if rows.is_empty() { Vec::new() } else { all_users(store).await? };
    let emails: HashMap<String, String> = users
        .into_iter()
        .map(|row| (ThrottleKey::email(&row.user.email).as_str().to_owned(), row.user.email))
        .collect();
    let seconds = |milliseconds: i64| (milliseconds.max(0) + 999) / 1000;
    let mut listed = Vec::with_capacity(rows.len());
    for row in &rows {
        let row = FromRow::from_row(row).map_err(DatabaseError::from)?;
        let (subject, failures, locked, forgotten): (String, i64, i64, i64) = row;
        let shown = if subject.starts_with("source:") { subject.len() } else { SHOWN_HASH };
        let hash = || subject.chars().take(shown).collect();
        listed.push(json!({
            "subject": emails.get(&subject).cloned().unwrap_or_else(hash),
            "failures": failures,
            "locked_seconds": seconds(locked),
            "forgotten_seconds": seconds(forgotten),
        }));
    }
    let members = ["subject", "failures", "locked_seconds", "forgotten_seconds"];
    Ok(listing(listed, json, members))
}
