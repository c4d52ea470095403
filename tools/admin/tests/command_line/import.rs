//! `user import`

use crate::support::{BCRYPT, MD5, PASSWORD, Place, Run, finish_unchecked};

fn import(place: &Place, passwords: &str, content: &str) -> Run {
    let file = place.write("users.csv", content).display().to_string();
    place.run(["user", "import", "--passwords", passwords, &file])
}

#[test]
fn plain_texts_and_hashes_are_imported() {
    let place = Place::new();
    let mut hash = place.command();
    let hash = finish_unchecked(hash.args(["hash", "--password-stdin"]), PASSWORD).good();
    let content = format!(
        "\u{feff}email,password,admin\r\n\
         ada@example.com,{PASSWORD},TRUE\r\n\
         \"dan@example.com\",\" canary, with \"\"quotes\"\" \",0\r\n"
    );
    assert_eq!(import(&place, "plain", &content).good(), "added 2 users\n");
    let hash = hash.trim_end();
    let content =
        format!("email,password\r\nbob@b,{BCRYPT}\r\ncyd@b,\"{hash}\"\r\neve@b,{MD5}\r\n");
    assert_eq!(import(&place, "hashed", &content).good(), "added 3 users\n");

    let admins: Vec<bool> = place.rows().iter().map(|row| row.user.admin).collect();
    assert_eq!(admins, [true, false, false, false, false]);
    assert_eq!(place.stored("bob@b"), BCRYPT);
    for email in ["ada@example.com", "cyd@b", "eve@b"] {
        assert!(place.logs_in(email, PASSWORD), "{email}");
    }
    assert!(place.logs_in("dan@example.com", " canary, with \"quotes\" "));
}

#[test]
fn one_bad_line_is_named_and_no_user_is_added() {
    let place = Place::new();
    place.add("ada@example.com");
    for (bad, reason) in [
        ("no-at,a canary sings,", "the e-mail is not of the form name@domain"),
        ("ADA@example.com,a canary sings,", "there is a user with this e-mail already"),
        ("BOB@example.com,a canary sings,", "the e-mail stands in line 2 already"),
        ("cyd@example.com,canary,", "the password is shorter than 8 characters"),
        (
            "cyd@example.com,$canary$v=19$aaaaaaaa,",
            "the password looks like a hash; give --passwords hashed, or --allow-hash-like if it \
             is a password",
        ),
        ("cyd@example.com,*LK*,", "the password is the mark of a locked user"),
        ("cyd@example.com,canary sings", "has not as many fields as the header"),
        ("cyd@example.com,a canary, sings,", "has not as many fields as the header"),
        ("cyd@example.com,a canary sings,canary", "admin is neither true nor false"),
        (
            "cyd@example.com,\"a canary\nsings\",",
            "the password has a line break in it; is a quote missing?",
        ),
    ] {
        let head = format!("email,password,admin\nbob@example.com,{PASSWORD},\n");
        let content = format!("{head}\n{bad}\neve@example.com,{PASSWORD},\n");
        let refusal = import(&place, "plain", &content).refused(1);
        assert_eq!(refusal, format!("error: line 4: {reason}\nerror: no user was added\n"));
        assert_eq!(place.emails(), ["ada@example.com"]);
    }
}

#[test]
fn bad_lines_are_named_at_once_and_many_are_counted() {
    let place = Place::new();
    place.add("ada@example.com");
    let short: Vec<String> = (3..=26).map(|line| format!("{line}@example.com,canary\n")).collect();
    let content = format!("email,password\nada@example.com,{PASSWORD}\n{}", short.concat());
    let refusal = import(&place, "plain", &content).refused(1);
    let lines: Vec<&str> = refusal.lines().collect();
    assert_eq!(lines.len(), 22);
    assert_eq!(lines[0], "error: line 2: there is a user with this e-mail already");
    assert_eq!(lines[19], "error: line 21: the password is shorter than 8 characters");
    assert_eq!(lines[20..], ["error: 5 more lines are wrong", "error: no user was added"]);
}

#[test]
fn a_missing_file_is_named() {
    let run = Place::new().run(["user", "import", "--passwords", "plain", "/no/such.csv"]);
    assert!(run.refused(1).starts_with("error: /no/such.csv: "));
}

#[test]
fn a_hundred_users_keep_their_own_passwords() {
    let place = Place::new();
    let lines: Vec<String> =
        (0..100).map(|number| format!("{number}@example.com,canary number {number}\n")).collect();
    let content = format!("email,password\n{}", lines.concat());
    assert_eq!(import(&place, "plain", &content).good(), "added 100 users\n");
    for number in [0, 57, 99] {
        let password = format!("canary number {number}");
        assert!(place.logs_in(&format!("{number}@example.com"), &password));
    }
}
