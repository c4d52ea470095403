//! `completions`

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::{answer::Answer, cli::Cli};

const NAME: &str = "auth-admin";

/// A script for `shell`, made from the definitions that the command line is read with.
pub(super) fn completions(shell: Shell) -> Answer {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), NAME, &mut script);
    let script = String::from_utf8_lossy(&script);
    // The bash script spells a name with a hyphen in two ways, and so completes no
    // subcommand: https://github.com/clap-rs/clap/issues/6421
    Answer::good(match shell {
        Shell::Bash => script.replace("auth__subcmd__admin", "auth__admin"),
        _ => script.into_owned(),
    })
}
