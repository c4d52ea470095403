//! schemathesis, which makes requests of the document, right ones and wrong ones, and compares
//! each answer with it.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment,
    process::{Output, command, output},
    python, scratch,
    service::Service,
    workspace,
};

const LIMIT: Duration = Duration::from_mins(5);

/// The document that is checked in.
pub(crate) fn document() -> Value {
    let text = fs::read_to_string(workspace().join("openapi.json")).expect("it is checked in");
    serde_json::from_str(&text).expect("it is JSON")
}

/// What it is to try.
pub(crate) struct Trial<'a> {
    /// The operations of these tags.
    pub(crate) tags: &'a [&'a str],
    /// Who logs in.
    pub(crate) basic: (&'a str, &'a str),
    /// The token that is shown.
    pub(crate) token: &'a str,
    /// The one check that does not hold here, or none.
    pub(crate) without: Option<&'a str>,
}

/// Runs it against `service`, as `document` describes that.
pub(crate) fn run(service: &Service, trial: &Trial<'_>, document: &Value) -> Output {
    let folder = scratch::directory();
    let path = folder.path().join("openapi.json");
    fs::write(&path, document.to_string()).expect("scratch can be written");
    let variables = Environment::from([
        ("EMAIL".into(), trial.basic.0.into()),
        ("PASSWORD".into(), trial.basic.1.into()),
        ("TOKEN".into(), trial.token.into()),
        ("COLUMNS".into(), "100".into()),
    ]);
    let mut st = command(python::program("st"), &variables);
    st.arg("--config-file").arg(workspace().join("tests/schemathesis.toml"));
    st.arg("run").arg(&path).args(["--no-color", "--url", &service.url("")]);
    st.args(trial.without.iter().flat_map(|check| ["--exclude-checks", check]));
    st.args(trial.tags.iter().flat_map(|tag| ["--include-tag", tag]));
    // It keeps notes where it runs.
    st.current_dir(folder.path());
    output(st, b"", LIMIT)
}

/// The same with the document as it is.
///
/// # Panics
///
/// If there is a finding.
pub(crate) fn check(service: &Service, trial: &Trial<'_>) {
    println!("schemathesis against {} (half a minute)", trial.tags.join(", "));
    let output = run(service, trial, &document());
    assert!(output.status.success(), "{}{}", output.stdout, output.stderr);
    println!("{}", output.stdout);
}
