//! schemathesis, which makes requests of the document, right ones and wrong ones, and compares
//! each answer with it.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment,
    contract::ADMIN,
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

/// Tries the operations of these tags of `document` on `service`, with the administrator's e-mail,
/// this password and this token, and with `more` arguments.
pub(crate) fn run(
    service: &Service,
    document: &Value,
    tags: &[&str],
    [password, token]: [&str; 2],
    more: &[&str],
) -> Output {
    println!("schemathesis against {} (half a minute)", tags.join(", "));
    let folder = scratch::directory();
    let path = folder.path().join("openapi.json");
    fs::write(&path, document.to_string()).expect("scratch can be written");
    let variables =
        [("EMAIL", ADMIN.0), ("PASSWORD", password), ("TOKEN", token), ("COLUMNS", "100")];
    let variables: Environment =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut st = command(python::program("st"), &variables);
    st.arg("--config-file").arg(workspace().join("tests/schemathesis.toml"));
    st.arg("run").arg(&path).args(["--no-color", "--url", &service.url("")]).args(more);
    st.args(tags.iter().flat_map(|tag| ["--include-tag", tag]));
    // It keeps notes where it runs.
    st.current_dir(folder.path());
    output(st, b"", LIMIT)
}
