//! `check`

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
};

use secrecy::ExposeSecret;
use shared::{
    config::ColumnName,
    database::{DatabaseError, text},
    users::UserStore,
};
use sqlx::Row;

use crate::{
    database::{all_users, open},
    store::{AdminStore, Column, UserRow, optional_text},
    stored_form::StoredForm,
    terminal::{Failure, escaped},
};

/// The length of a hash with the default parameters.
const HASH_CHARACTERS: u64 = 97;
/// A longer list would push the other findings off the screen.
const MAX_DUPLICATES_SHOWN: usize = 20;

const SERVER: &str = "SELECT VERSION() AS version, @@GLOBAL.sql_mode AS sql_mode, \
     CURRENT_USER() AS account, \
     (SELECT engine FROM information_schema.tables \
      WHERE table_schema = DATABASE() AND table_name = 'user') AS engine";

/// What `login` does besides looking a user up, whether a login fails without it, and statements
/// that try it without changing a row.
const TRIALS: [(&str, bool, &[&str]); 2] = [
    (
        "count failed logins",
        true,
        &[
            "SELECT subject, failures, checks, admitted, checks_until, locked_until, forget_at \
             FROM login_throttle WHERE 1 = 0",
            "INSERT INTO login_throttle (subject, failures, checks, admitted, checks_until, \
             locked_until, forget_at) SELECT '', 0, 0, 0, 0, 0, 0 FROM DUAL WHERE 1 = 0",
            "UPDATE login_throttle SET failures = failures, checks = checks WHERE 1 = 0",
            "DELETE FROM login_throttle WHERE 1 = 0",
        ],
    ),
    ("replace a hash", false, &["UPDATE user SET password = password WHERE 1 = 0"]),
];

/// The Flask service had an account for a single host, with another password and privileges.
const ONE_HOST: &str = "an account of one host is used instead of auth_user@'%' from init.sql: \
                        remove it, see docs/moving-over.md";
const REFUSED: &str = "the password is wrong, the account is locked, or an account of one host, \
                       such as auth_user@localhost, is used instead of auth_user@'%' from \
                       init.sql: SELECT user, host FROM mysql.user WHERE user = 'auth_user' lists \
                       the accounts, see docs/moving-over.md";
/// `ER_DBACCESS_DENIED_ERROR`: the account has no privileges on the database.
const DATABASE_ACCESS_DENIED: u16 = 1044;

const FAILS: &str = "FAILS";
/// Logins succeed, but something else does not work.
const WARNING: &str = "WARNING";
const GOOD: &str = "ok";
const NOTE: &str = "";

/// The findings, a line each; `fails` if logins fail because of one.
#[derive(Default)]
struct Findings {
    lines: String,
    fails: bool,
}

impl Findings {
    fn add(&mut self, level: &str, what: &str, found: &str) {
        self.fails |= level == FAILS;
        let _ = writeln!(self.lines, "{level:8}  {:22}  {}", escaped(what), escaped(found));
    }
}

/// Reports whether `login` works with the database, and changes nothing.
pub(crate) async fn check() -> Result<String, Failure> {
    let (store, _) = open().await?;
    let mut findings = Findings::default();
    check_server(&store, &mut findings).await.map_err(|error| {
        let is_refused = error.number() != Some(DATABASE_ACCESS_DENIED)
            && error.to_string().contains("Access denied for user 'auth_user'");
        let hint = if is_refused { vec![REFUSED.to_owned()] } else { Vec::new() };
        Failure::from(error).with_reasons(hint)
    })?;
    check_trials(&store, &mut findings).await;
    let groups_column = store.groups_column.as_ref().map(ColumnName::as_str);
    check_columns(&store.columns().await?, groups_column, &mut findings);
    if findings.fails {
        findings.add(NOTE, "users", "not looked at: no login succeeds as it is");
    } else if let Err(failure) = check_users(&store, &mut findings).await {
        findings.add(FAILS, "users", &failure.reasons.join("; "));
    }
    let Findings { lines, fails } = findings;
    // The output is complete; only the exit status says that logins fail.
    if fails { Err(Failure { text: lines, ..Failure::refused(Vec::new()) }) } else { Ok(lines) }
}

async fn check_server(store: &AdminStore, findings: &mut Findings) -> Result<(), DatabaseError> {
    let rows = store.database.query(SERVER, &[]).await?.rows;
    let server = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    findings.add(NOTE, "server", &text(server, "version")?);
    let mode = optional_text(server, "sql_mode")?.unwrap_or_else(|| "none".into());
    findings.add(NOTE, "sql_mode", &format!("{mode}; sessions of login are strict whatever it is"));
    let account = text(server, "account")?;
    // A host of several machines has a wildcard, or a slash before its netmask.
    let is_of_one_host =
        account.strip_prefix("auth_user@").is_some_and(|host| !host.contains(['%', '_', '/']));
    if is_of_one_host {
        findings.add(WARNING, "account", &format!("{account}; {ONE_HOST}"));
    } else {
        findings.add(NOTE, "account", &account);
    }
    // A view has no engine.
    if let Some(engine) = optional_text(server, "engine")?.filter(|engine| engine != "InnoDB") {
        let problem = "a change of several rows cannot be taken back: InnoDB can";
        findings.add(WARNING, "engine of user", &format!("{engine}; {problem}"));
    }
    for row in store.database.query("SHOW GRANTS", &[]).await?.rows {
        let Ok(grant) = row.try_get_unchecked::<String, _>(0) else { continue };
        // MariaDB shows the hash of the account's password after this.
        findings.add(NOTE, "", grant.split(" IDENTIFIED ").next().unwrap_or_default());
    }
    Ok(())
}

async fn check_trials(store: &AdminStore, findings: &mut Findings) {
    let problem = store.users.find_by_email("").await.err();
    add_trial("look a user up", true, problem.map(|it| it.to_string()), findings);
    for (what, is_needed, statements) in TRIALS {
        let mut problem = None;
        for statement in statements {
            let done = store.database.query(*statement, &[]).await;
            problem = problem.or(done.err().map(|error| error.to_string()));
        }
        add_trial(what, is_needed, problem, findings);
    }
}

fn add_trial(what: &str, is_needed: bool, problem: Option<String>, findings: &mut Findings) {
    match problem {
        None => findings.add(GOOD, what, ""),
        Some(problem) if is_needed => findings.add(FAILS, what, &problem),
        Some(problem) => {
            let so = "logins succeed, and hashes stay what they are";
            findings.add(WARNING, what, &format!("{problem}; {so}"));
        }
    }
}

fn check_columns(columns: &[Column], groups_column: Option<&str>, findings: &mut Findings) {
    for name in ["id", "email", "password", "admin"].into_iter().chain(groups_column) {
        if let Some(column) = columns.iter().find(|it| it.name.eq_ignore_ascii_case(name)) {
            check_column(column, groups_column == Some(name), findings);
        } else if groups_column == Some(name) {
            let found = "is missing, or hidden from this account: GRANT SELECT on this column";
            findings.add(FAILS, &format!("column {name}"), found);
        } else {
            let found = "is missing, or hidden from this account; the Flask service's table needs \
                         docs/upgrade-from-flask.sql first, others a view: docs/moving-over.md";
            findings.add(FAILS, &format!("column {name}"), found);
        }
    }
}

fn check_column(column: &Column, has_groups: bool, findings: &mut Findings) {
    let Column { name, r#type, characters, collation } = column;
    let base = r#type.split(['(', ' ']).next().unwrap_or_default().to_ascii_lowercase();
    let is_padded = base == "binary";
    let is_number = ["tinyint", "smallint", "mediumint", "int", "bigint", "bit"].contains(&&*base);
    let texts = ["char", "text", "varbinary", "blob", "set", "enum"];
    let is_text = texts.iter().any(|text| base.ends_with(text));
    let ignores_case = collation.as_deref().is_some_and(|it| it.ends_with("_ci"));
    let (level, problem) = match name.to_ascii_lowercase().as_str() {
        "id" if is_padded => (
            FAILS,
            "; is no text, so that no login succeeds: let a view convert it, see docs/moving-over.md",
        ),
        "email" | "password" if is_padded => (WARNING, "; ends in zero bytes: make it VARBINARY"),
        "email" if !ignores_case => {
            (WARNING, "; finds an e-mail in its own spelling and in lower case, and in no other")
        }
        "password" if characters.is_some_and(|it| it < HASH_CHARACTERS) => (
            WARNING,
            "; is too short for new hashes, which need 97 characters: make it VARCHAR(255)",
        ),
        "admin" if !is_number => {
            (WARNING, "; makes no administrators: only a whole number or BIT does, such as BOOLEAN")
        }
        _ if has_groups && !is_text => (WARNING, "; grants no groups: only a text does"),
        _ => (GOOD, ""),
    };
    let collation = collation.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
    findings.add(level, &format!("column {name}"), &format!("{type}{collation}{problem}"));
}

async fn check_users(store: &AdminStore, findings: &mut Findings) -> Result<(), Failure> {
    let mut forms: BTreeMap<String, (u64, StoredForm)> = BTreeMap::new();
    let (mut seen, mut spellings) = (HashSet::new(), HashSet::new());
    let mut twice = Vec::new();
    let (mut administrators, mut unreadable) = (0_u64, 0_u64);
    for UserRow { user, .. } in all_users(store).await? {
        let form = StoredForm::of(user.password.expose_secret());
        forms.entry(form.to_string()).or_insert((0, form)).0 += 1;
        administrators += u64::from(user.admin);
        if user.email.is_empty() || user.id.is_empty() {
            unreadable += 1;
            continue;
        }
        let is_first = seen.insert(user.email.to_ascii_lowercase());
        if !spellings.insert(user.email.clone()) {
            let found = "is there twice: only the row with the lower id logs in";
            twice.push((FAILS, user.email, found));
        } else if !is_first {
            let found = "is there twice but for case: each row logs in by its own spelling";
            twice.push((WARNING, user.email, found));
        }
    }
    findings.add(NOTE, "users", &format!("{}, {administrators} administrators", seen.len()));
    for (name, (rows, form)) in &forms {
        let (level, found) = assess(form);
        findings.add(level, &format!("{rows} × {name}"), found);
    }
    if unreadable > 0 {
        let found = "have no id or no e-mail, or one that is not UTF-8";
        findings.add(FAILS, &format!("{unreadable} rows"), found);
    }
    findings.fails |= twice.iter().any(|(level, _, _)| *level == FAILS);
    for (level, email, found) in twice.iter().take(MAX_DUPLICATES_SHOWN) {
        findings.add(level, email, found);
    }
    if let more @ 1.. = twice.len().saturating_sub(MAX_DUPLICATES_SHOWN) {
        findings.add(NOTE, "", &format!("{more} more are there twice"));
    }
    Ok(())
}

fn assess(form: &StoredForm) -> (&'static str, &'static str) {
    match form {
        StoredForm::Hash(kind) if kind == "argon2id" => (GOOD, "log in"),
        StoredForm::Hash(_) => (GOOD, "log in, and are replaced by argon2id then"),
        StoredForm::Disabled(None) => (GOOD, "refused until auth-admin user enable"),
        StoredForm::Disabled(Some(_)) => {
            (WARNING, "a digest still stands there: auth-admin upgrade hashes it once more")
        }
        StoredForm::Digest(_) => (FAILS, "refused until auth-admin upgrade"),
        StoredForm::PlainText => (FAILS, "refused until auth-admin upgrade-plaintext"),
        StoredForm::Unsupported | StoredForm::Empty => {
            (FAILS, "refused: these users need new passwords, auth-admin user password")
        }
    }
}
