//! Programs and scripts in the virtual environment that `make test` makes.

use std::{path::PathBuf, time::Duration};

use crate::{
    Environment,
    process::{Output, command, output},
    workspace,
};

/// A program of the virtual environment.
pub fn program(name: &str) -> PathBuf {
    let path = workspace().join("target/venv/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make test`", path.display());
    path
}

/// Runs a script of `tests/python` to its end, within a minute.
pub fn run(script: &str, variables: &Environment) -> Output {
    let mut python = command(program("python"), variables);
    python.arg(workspace().join("tests/python").join(script));
    output(python, b"", Duration::from_mins(1))
}
