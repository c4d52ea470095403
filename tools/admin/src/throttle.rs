//! `throttle list` and `throttle reset`

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    time::Duration,
};

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::{
    throttle::{self, Subject, ThrottleRow},
    users::UserDirectory,
};

use crate::{
    answer::{Answer, Failure, listing},
    database::{database, each_page},
};

/// More than a person reads; an attack may leave behind many more.
const MAX_ROWS: u32 = 10_000;
/// How much of the hash of an unknown e-mail is shown.
const SHOWN_HASH: usize = "email-sha256:".len() + 12;

/// What can be done about failed logins.
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

/// Does what `command` says.
pub(crate) async fn run(command: ThrottleCommand) -> Result<Answer, Failure> {
    match command {
        ThrottleCommand::List { json } => list(json).await,
        ThrottleCommand::Reset(whose) => reset(whose).await,
    }
}

async fn reset(whose: WhoseFailures) -> Result<Answer, Failure> {
    let subject = match (whose.email, whose.source) {
        (Some(email), _) => Some(Subject::email(&email)),
        (_, Some(source)) => Some(Subject::source(&throttle::source_name(source))),
        (None, None) => None,
    };
    let counts = throttle::store(&database().await?);
    let forgotten = counts.reset(subject.as_ref()).await?;
    Ok(Answer::good(format!("forgotten: {forgotten}")))
}

async fn list(json: bool) -> Result<Answer, Failure> {
    let database = database().await?;
    let rows = throttle::store(&database).failures(None, MAX_ROWS).await?;
    let emails = emails(database.users().as_ref(), &rows).await?;
    let rows: Vec<Listed> = rows.iter().map(|row| Listed::new(row, &emails)).collect();
    let head = ["SUBJECT", "FAILURES", "LOCKED (s)", "FORGOTTEN IN (s)"];
    Ok(listing(&rows, json, head, |row| {
        let numbers = [row.locked_seconds, row.forgotten_seconds].map(|it| it.to_string());
        let [locked, forgotten] = numbers;
        [row.subject.clone(), row.failures.to_string(), locked, forgotten]
    }))
}

/// The e-mails of those rows that are about a user.
async fn emails(
    users: &dyn UserDirectory,
    rows: &[ThrottleRow],
) -> Result<HashMap<Subject, String>, Failure> {
    let mut emails: HashMap<Subject, String> = HashMap::new();
    let wanted: HashSet<&Subject> = rows.iter().map(|row| &row.subject).collect();
    if wanted.is_empty() {
        return Ok(emails);
    }
    each_page(users, async |page| {
        for row in page {
            let subject = Subject::email(&row.user.email);
            if wanted.contains(&subject) {
                emails.insert(subject, row.user.email);
            }
        }
        Ok(())
    })
    .await?;
    Ok(emails)
}

#[derive(Serialize)]
struct Listed {
    subject: String,
    failures: i64,
    locked_seconds: u64,
    forgotten_seconds: u64,
}

impl Listed {
    fn new(row: &ThrottleRow, emails: &HashMap<Subject, String>) -> Self {
        let subject = match emails.get(&row.subject) {
            Some(email) => email.clone(),
            None if row.subject.kind() == "source" => row.subject.to_string(),
            None => row.subject.as_str().chars().take(SHOWN_HASH).collect(),
        };
        Self {
            subject,
            failures: row.failures,
            locked_seconds: whole_seconds(row.locked),
            forgotten_seconds: whole_seconds(row.forgotten),
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
