//! `throttle list` and `throttle reset`

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    time::Duration,
};

use serde::Serialize;
use shared::{
    throttle::{self, Subject, ThrottleRow},
    users::UserDirectory,
};

use crate::{
    answer::{Answer, Failure, shown},
    cli::{ThrottleCommand, WhoseFailures},
    environment,
    pages::each_page,
};

/// More than anybody reads; an attack may leave behind many more.
const MAX_ROWS: u32 = 10_000;
/// How much of the hash of an unknown e-mail is shown.
const SHOWN_HASH: usize = "email-sha256:".len() + 12;

/// Does what `command` says.
pub(super) async fn run(command: ThrottleCommand) -> Result<Answer, Failure> {
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
    let counts = throttle::store(&environment::database().await?);
    let forgotten = counts.reset(subject.as_ref()).await?;
    Ok(Answer::good(format!("forgotten: {forgotten}")))
}

async fn list(json: bool) -> Result<Answer, Failure> {
    let database = environment::database().await?;
    let rows = throttle::store(&database).failures(None, MAX_ROWS).await?;
    let emails = emails(database.users().as_ref(), &rows).await?;
    let rows: Vec<Line> = rows.iter().map(|row| Line::new(row, &emails)).collect();
    if json {
        let rows = serde_json::to_string_pretty(&rows);
        return Ok(Answer::good(rows.expect("texts and numbers are JSON")));
    }
    Ok(Answer::good(table(&rows)))
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
struct Line {
    subject: String,
    failures: i64,
    locked_seconds: u64,
    forgotten_seconds: u64,
}

impl Line {
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

fn table(rows: &[Line]) -> String {
    let subjects: Vec<String> = rows.iter().map(|row| shown(&row.subject)).collect();
    let width = subjects.iter().map(|it| it.chars().count()).max().unwrap_or(0).max(7);
    let mut table = format!("{:width$}  FAILURES  LOCKED (s)  FORGOTTEN IN (s)\n", "SUBJECT");
    for (subject, row) in subjects.iter().zip(rows) {
        let Line { failures, locked_seconds, forgotten_seconds, .. } = row;
        let _ = writeln!(
            table,
            "{subject:width$}  {failures:<8}  {locked_seconds:<10}  {forgotten_seconds}"
        );
    }
    table
}
