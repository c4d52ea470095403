//! `check`

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
};

use secrecy::ExposeSecret;
use shared::users::{Column, Database, Inspection, UserDirectory};

use crate::{
    answer::{Answer, Failure, shown},
    database::{database, each_page},
    stored_form::StoredForm,
};

/// As long as a hash with the default parameters.
const HASH_CHARACTERS: u64 = 97;
/// More would scroll the rest away.
const MAX_DUPLICATES_SHOWN: usize = 20;

/// What was found, in lines; `fails` where a login fails for it.
#[derive(Default)]
struct Findings {
    lines: String,
    fails: bool,
}

/// How a finding is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    /// Logins succeed, and something else does not.
    Warning,
    /// A login fails.
    Fails,
}

impl Findings {
    fn add(&mut self, level: Level, what: &str, found: &str) {
        let word = match level {
            Level::Good => "ok",
            Level::Warning => "WARNING",
            Level::Fails => "FAILS",
        };
        self.fails |= level == Level::Fails;
        let _ = writeln!(self.lines, "{word:8}  {:22}  {}", shown(what), shown(found));
    }

    fn note(&mut self, what: &str, found: &str) {
        let _ = writeln!(self.lines, "{:8}  {what:22}  {}", "", shown(found));
    }
}

/// Says what `login` would make of the database.
pub(crate) async fn check() -> Result<Answer, Failure> {
    let database = database().await?;
    let mut findings = Findings::default();
    if let Database::MySql(store) = &database {
        check_server(&store.inspect().await?, &mut findings);
    }
    if findings.fails {
        findings.note("users", "not looked at: no login succeeds as it is");
    } else if let Err(failure) = check_users(database.users().as_ref(), &mut findings).await {
        findings.add(Level::Fails, "users", &failure.reasons.join("; "));
    }
    let Findings { lines, fails } = findings;
    Ok(if fails { Answer::bad(lines) } else { Answer::good(lines) })
}

fn check_server(found: &Inspection, findings: &mut Findings) {
    findings.note("server", &found.version);
    let mode = if found.sql_mode.is_empty() { "none" } else { &found.sql_mode };
    findings.note("sql_mode", &format!("{mode}; sessions of login are strict whatever it is"));
    findings.note("account", &found.account);
    if found.engine.as_ref().is_some_and(|engine| engine != "InnoDB") {
        let engine = found.engine.as_deref().unwrap_or_default();
        let problem =
            format!("{engine}; a change of several rows cannot be taken back: InnoDB can");
        findings.add(Level::Warning, "engine of user", &problem);
    }
    for grant in &found.grants {
        findings.note("", grant);
    }
    for trial in &found.trials {
        match (&trial.problem, trial.is_needed) {
            (None, _) => findings.add(Level::Good, trial.what, ""),
            (Some(problem), true) => findings.add(Level::Fails, trial.what, problem),
            (Some(problem), false) => findings.add(
                Level::Warning,
                trial.what,
                &format!("{problem}; logins succeed, and hashes stay what they are"),
            ),
        }
    }
    for name in ["id", "email", "password", "admin"] {
        let column = found.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        match column {
            Some(column) => check_column(column, findings),
            None => findings.add(
                Level::Fails,
                &format!("column {name}"),
                "is not there, or not for this account; a view can bring it, see the README",
            ),
        }
    }
}

fn check_column(column: &Column, findings: &mut Findings) {
    let Column { name, r#type, characters, collation } = column;
    let form = match collation {
        Some(collation) => format!("{type}, {collation}"),
        None => r#type.clone(),
    };
    let base = r#type.split(['(', ' ']).next().unwrap_or_default().to_ascii_lowercase();
    let is_padded = base == "binary";
    let ignores_case = collation.as_deref().is_some_and(|it| it.ends_with("_ci"));
    let what = format!("column {name}");
    if is_padded && name.eq_ignore_ascii_case("id") {
        let found = "is no text, so that no login succeeds: let a view convert it, see the README";
        return findings.add(Level::Fails, &what, &format!("{form}; {found}"));
    }
    let problem = match name.to_ascii_lowercase().as_str() {
        "email" | "password" if is_padded => Some("ends in zero bytes: make it VARBINARY"),
        "email" if !ignores_case => {
            Some("finds an e-mail in its own spelling and in lower case, and in no other")
        }
        "password" if characters.is_some_and(|it| it < HASH_CHARACTERS) => {
            Some("is too short for new hashes, which need 97 characters: make it VARCHAR(255)")
        }
        "admin" if !is_number(&base) => {
            Some("makes no administrators: only a whole number or BIT does, such as BOOLEAN")
        }
        _ => None,
    };
    match problem {
        None => findings.add(Level::Good, &what, &form),
        Some(problem) => findings.add(Level::Warning, &what, &format!("{form}; {problem}")),
    }
}

fn is_number(r#type: &str) -> bool {
    ["tinyint", "smallint", "mediumint", "int", "bigint", "bit"].contains(&r#type)
}

async fn check_users(users: &dyn UserDirectory, findings: &mut Findings) -> Result<(), Failure> {
    let mut forms: BTreeMap<String, (u64, StoredForm)> = BTreeMap::new();
    let (mut seen, mut spellings) = (HashSet::new(), HashSet::new());
    let mut twice = Vec::new();
    let (mut administrators, mut unreadable) = (0_u64, 0_u64);
    each_page(users, async |page| {
        for row in page {
            let form = StoredForm::of(row.user.password.expose_secret());
            forms.entry(form.to_string()).or_insert((0, form)).0 += 1;
            administrators += u64::from(row.user.admin);
            if row.user.email.is_empty() || row.user.id.is_empty() {
                unreadable += 1;
                continue;
            }
            let is_first = seen.insert(row.user.email.to_ascii_lowercase());
            if !spellings.insert(row.user.email.clone()) {
                twice.push((Level::Fails, row.user.email));
            } else if !is_first {
                twice.push((Level::Warning, row.user.email));
            }
        }
        Ok(())
    })
    .await?;
    findings.note("users", &format!("{}, {administrators} administrators", seen.len()));
    for (name, (rows, form)) in &forms {
        let (level, found) = judged(form);
        findings.add(level, &format!("{rows} × {name}"), found);
    }
    if unreadable > 0 {
        let found = "have no id or no e-mail, or one that is not UTF-8";
        findings.add(Level::Fails, &format!("{unreadable} rows"), found);
    }
    findings.fails |= twice.iter().any(|(level, _)| *level == Level::Fails);
    for (level, email) in twice.iter().take(MAX_DUPLICATES_SHOWN) {
        let found = match level {
            Level::Fails => "is there twice: only the row with the lower id logs in",
            _ => "is there twice but for case: each row logs in by its own spelling alone",
        };
        findings.add(*level, email, found);
    }
    if twice.len() > MAX_DUPLICATES_SHOWN {
        findings.note("", &format!("{} more are there twice", twice.len() - MAX_DUPLICATES_SHOWN));
    }
    Ok(())
}

fn judged(form: &StoredForm) -> (Level, &'static str) {
    match form {
        StoredForm::Hash("argon2id") => (Level::Good, "log in"),
        StoredForm::Hash(_) => (Level::Good, "log in, and are replaced by argon2id then"),
        StoredForm::Disabled { digest: false } => {
            (Level::Good, "refused until auth-admin user enable")
        }
        StoredForm::Disabled { digest: true } => {
            (Level::Warning, "a digest still stands there: auth-admin upgrade hashes it once more")
        }
        StoredForm::Digest(_) => (Level::Fails, "refused until auth-admin upgrade"),
        StoredForm::PlainText => (Level::Fails, "refused until auth-admin upgrade-plaintext"),
        StoredForm::Unsupported | StoredForm::Empty => {
            (Level::Fails, "refused: these users need new passwords, auth-admin user password")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_judged_by_its_type() {
        for (name, r#type, characters, collation, expected) in [
            ("id", "bigint(20) unsigned", None, "", "ok"),
            ("id", "varchar(36)", Some(36), "ascii_general_ci", "ok"),
            ("email", "varchar(255)", Some(255), "utf8mb4_general_ci", "ok"),
            ("email", "varbinary(255)", Some(255), "", "in lower case"),
            ("email", "varchar(255)", Some(255), "utf8mb4_bin", "in lower case"),
            ("password", "varchar(255)", Some(255), "utf8mb4_bin", "ok"),
            ("password", "varchar(60)", Some(60), "utf8mb4_bin", "97 characters"),
            ("password", "blob", Some(65_535), "", "ok"),
            ("admin", "tinyint(1)", None, "", "ok"),
            ("admin", "bit(1)", None, "", "ok"),
            ("admin", "int unsigned", None, "", "ok"),
            ("admin", "enum('n','y')", Some(1), "utf8mb4_general_ci", "no administrators"),
            ("admin", "decimal(1,0)", None, "", "no administrators"),
        ] {
            let collation = Some(collation.to_owned()).filter(|it| !it.is_empty());
            let (name, r#type) = (name.into(), r#type.into());
            let mut findings = Findings::default();
            check_column(&Column { name, r#type, characters, collation }, &mut findings);
            assert!(!findings.fails && findings.lines.contains(expected), "{}", findings.lines);
        }
    }
}
