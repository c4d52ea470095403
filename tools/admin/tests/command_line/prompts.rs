//! What is asked on a terminal: a pseudo-terminal that `script` (util-linux) makes.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{PASSWORD, Place};

/// Waits for each prompt, types the answer, and returns what was on the screen.
fn converse(place: &Place, arguments: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let binary = place.command();
    let terminal = place.path("terminal");
    let program = binary.get_program().display();
    let line = format!("tty > {}; {program} {arguments}", terminal.display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    let mut screen = script.stdout.take().unwrap();
    let mut seen = String::new();
    for (prompt, answer) in answers {
        let mut byte = [0];
        while !seen.ends_with(prompt) {
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{prompt} is not in {seen}");
            seen.push(byte[0].into());
        }
        if prompt.ends_with(": ") {
            wait_until_hidden(&terminal);
        }
        writeln!(keyboard, "{answer}").unwrap();
    }
    screen.read_to_string(&mut seen).unwrap();
    (script.wait().unwrap().code(), seen)
}

/// The prompt stands there a moment before the terminal stops to show what is typed.
fn wait_until_hidden(terminal: &Path) {
    let terminal = std::fs::read_to_string(terminal).unwrap();
    let hidden = || {
        let stty = Command::new("stty").args(["-a", "-F", terminal.trim()]).output().unwrap();
        String::from_utf8(stty.stdout).unwrap().contains(" -echo ")
    };
    let started = Instant::now();
    while !hidden() {
        assert!(started.elapsed() < Duration::from_secs(30), "the terminal shows what is typed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_password_is_asked_for_twice_and_not_shown() {
    let place = Place::new();
    let answers = [("Password: ", PASSWORD), ("Once more: ", PASSWORD)];
    let (code, screen) = converse(&place, "user add ada@example.com", &answers);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("added ada@example.com") && !screen.contains("canary"), "{screen}");
    assert!(place.logs_in("ada@example.com", PASSWORD));
}

#[test]
fn two_different_passwords_and_a_weak_one_are_refused() {
    let place = Place::new();
    let first = ("Password: ", PASSWORD);
    for (answers, reason) in [
        (&[first, ("Once more: ", "a canary sinks")][..], "error: the two passwords differ"),
        // Before it is typed again.
        (&[("Password: ", "canary")], "is shorter than 8 characters"),
    ] {
        let (code, screen) = converse(&place, "user add ada@example.com", answers);
        assert_eq!(code, Some(1), "{screen}");
        assert!(screen.contains(reason), "{screen}");
        assert!(place.rows().is_empty());
    }
}

#[test]
fn a_user_is_removed_after_a_yes() {
    let place = Place::new();
    place.add("ada@example.com");
    let prompt = "Remove ada@example.com? [y/N] ";
    for answer in ["", "n", "x"] {
        let (code, screen) = converse(&place, "user remove ada@example.com", &[(prompt, answer)]);
        assert_eq!(code, Some(1), "{screen}");
        assert!(screen.contains("error: nothing was removed"), "{screen}");
    }
    assert_eq!(place.emails(), ["ada@example.com"]);
    let (code, screen) = converse(&place, "user remove ada@example.com", &[(prompt, "y")]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(place.rows().is_empty());
}

#[test]
fn progress_is_a_bar_on_a_terminal_and_passwords_are_not_in_it() {
    let place = Place::new();
    place.insert(&[("ada@example.com", PASSWORD), ("bob@example.com", "canary")]);
    let prompt = "Hash 2 plain texts? [y/N] ";
    let (code, screen) = converse(&place, "upgrade-plaintext", &[(prompt, "n")]);
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("error: nothing was changed"), "{screen}");
    assert_eq!(place.stored("ada@example.com"), PASSWORD);
    let (code, screen) = converse(&place, "upgrade-plaintext", &[(prompt, "y")]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("hashed 1 of 2") && !screen.contains("canary"), "{screen:?}");
    assert!(screen.contains("plain texts hashed: 2"), "{screen:?}");
}
