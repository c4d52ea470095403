//! Help, completions, configuration and exit statuses.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use crate::support::{PASSWORD, Place, finish};

#[test]
fn help_says_what_the_environment_needs_and_names_the_commands() {
    let help = Place::new().run(["--help"]).good();
    for part in ["DATABASE_URL", "ARGON2_MEMORY_KIB", "exit status", "upgrade-plaintext"] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[test]
fn completions_are_made_for_each_shell_and_bash_takes_them() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Place::new().run(["completions", shell]).good();
        assert!(script.contains("upgrade-plaintext"), "{shell}");
    }
    let script = Place::new().run(["completions", "bash"]).good();
    let complete = "\nCOMP_WORDS=(auth-admin user gr); COMP_CWORD=2; \
                    _auth__admin auth-admin gr user; echo \"${COMPREPLY[*]}\"";
    let mut bash = Command::new("bash");
    let run = finish(bash.args(["-c", &(script + complete)]), "");
    assert_eq!(run.good(), "grant\n");
}

#[test]
fn a_wrong_command_line_is_2() {
    let place = Place::new();
    for arguments in [
        "user",
        "usr",
        "user add",
        "user list --all",
        "user import users.csv",
        "token",
        "key list",
        "key list --file a --secret-id b",
        "key list --secret-id=",
        "key new --alg none --file a",
        "key new --file a",
        "key retire --file a",
        "key retire one --without-kid --file a",
        "key publish --file a --public-file b --public-secret-id c",
    ] {
        assert_eq!(place.run(arguments.split(' ')).code, Some(2), "{arguments}");
    }
}

#[test]
fn everything_that_is_wrong_with_the_configuration_is_said_at_once() {
    let place = Place::new();
    let mut command = place.command();
    command.env("MYSQL_HOST", "canary").env("ARGON2_MEMORY_KIB", "canary");
    command.args(["user", "add", "ada@example.com", "--password-stdin"]);
    let problems = finish(&mut command, PASSWORD).refused(78);
    assert_eq!(
        problems,
        "error: MYSQL_HOST: cannot be set beside DATABASE_URL, which contains it\n\
         error: ARGON2_MEMORY_KIB: is not a whole number from 7168 to 131072\n"
    );
}

/// What no user can log in with must not take the place of a plain text.
#[test]
fn the_greatest_cost_that_can_be_configured_makes_usable_hashes() {
    let place = Place::new();
    let mut command = place.command();
    command.env("ARGON2_MEMORY_KIB", "131072").env("ARGON2_PARALLELISM", "16");
    command.args(["user", "add", "ada@example.com", "--password-stdin"]);
    finish(&mut command, PASSWORD).good();
    assert!(place.logs_in("ada@example.com", PASSWORD));
}

#[test]
fn a_missing_database_is_78_for_each_command_that_needs_one() {
    let place = Place::new();
    for arguments in [
        "user add ada@example.com",
        "user password ada@example.com",
        "user list",
        "user grant ada@example.com",
        "user import --passwords plain users.csv",
        "upgrade",
        "upgrade-plaintext",
        "check",
        "throttle list",
    ] {
        let mut command = place.command();
        command.env_remove("DATABASE_URL").args(arguments.split(' '));
        let problem = finish(&mut command, "").refused(78);
        assert!(problem.starts_with("error: DATABASE_URL: is not set; "), "{problem}");
    }
}

#[test]
fn a_database_out_of_reach_is_one_line_and_1() {
    let place = Place::new();
    let mut command = place.command();
    command.env("DATABASE_URL", "mysql://u:canary@127.0.0.1:1/auth").args(["user", "list"]);
    let error = finish(&mut command, "").refused(1);
    assert!(error.starts_with("error: the database ") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_reader_that_takes_only_the_beginning_is_no_error() {
    let place = Place::new();
    let mut command = place.command();
    command.args(["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}
