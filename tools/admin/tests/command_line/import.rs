//! `user import`

use crate::support::{BCRYPT, PASSWORD, Place, finish_unchecked};

fn import(place: &Place, content: &str) -> crate::support::Run {
    import_as(place, "plain", content)
}

fn import_as(place: &Place, passwords: &str, content: &str) -> crate::support::Run {
    let file = place.write("users.csv", content);
    let file = file.display().to_string();
    place.run(["user", "import", "--passwords", passwords, &file])
}

#[test]
fn plain_texts_and_hashes_are_imported() {
    let place = Place::new();
    let mut hash = place.command();
    let hash = finish_unchecked(hash.args(["hash", "--password-stdin"]), PASSWORD).good();
    let content = format!(
        "\u{feff}email,password,admin\r\n\
         ada@example.com,{PASSWORD},true\r\n\
         dan@example.com,\"canary, with \"\"quotes\"\"\",0\r\n"
    );
    assert_eq!(import(&place, &content).good(), "added 2 users\n");
    let content = format!(
        "email,password\r\n\
         bob@example.com,{BCRYPT}\r\n\
         cyd@example.com,\"{}\"\r\n\
         eve@example.com,16530af42cc6581f55270f558583d035\r\n",
        hash.trim_end()
    );
    assert_eq!(import_as(&place, "hashed", &content).good(), "added 3 users\n");

    let admins: Vec<bool> = place.rows().iter().map(|row| row.user.admin).collect();
    assert_eq!(admins, [true, false, false, false, false]);
    assert!(place.logs_in("ada@example.com", PASSWORD));
    assert_eq!(place.stored("bob@example.com"), BCRYPT);
    assert!(place.logs_in("cyd@example.com", PASSWORD));
    assert!(place.logs_in("eve@example.com", PASSWORD));
    assert!(place.logs_in("dan@example.com", "canary, with \"quotes\""));
}

#[test]
fn the_column_admin_can_be_left_out() {
    let place = Place::new();
    let content = format!("email,password\nada@example.com,{PASSWORD}\n");
    assert_eq!(import(&place, &content).good(), "added 1 user\n");
    assert!(!place.rows()[0].user.admin);
}

#[test]
fn one_bad_line_and_nobody_is_added() {
    let place = Place::new();
    place.add("ada@example.com");
    for (bad, reason) in [
        ("no-at,a canary sings,", "the e-mail is not of the form name@domain"),
        ("ADA@example.com,a canary sings,", "there is a user with this e-mail already"),
        ("BOB@example.com,a canary sings,", "the e-mail stands in line 2 already"),
        ("cyd@example.com,canary,", "the password is shorter than 8 characters"),
        ("cyd@example.com,,", "the password is shorter than 8 characters"),
        (
            "cyd@example.com,$canary$v=19$aaaaaaaa,",
            "the password looks like a hash; give --passwords hashed, or --allow-hash-like if it \
             is a password",
        ),
        ("cyd@example.com,canary sings", "has not as many fields as the header"),
        ("cyd@example.com,a canary, sings,", "has not as many fields as the header"),
        ("cyd@example.com,a canary sings,canary", "admin is neither true nor false"),
        (
            "cyd@example.com,\"a canary\nsings\",",
            "the password has a line break in it; is a quote missing?",
        ),
    ] {
        let content = format!(
            "email,password,admin\nbob@example.com,{PASSWORD},\n\n{bad}\neve@example.com,{PASSWORD},\n"
        );
        let refusal = import(&place, &content).refused(1);
        assert_eq!(refusal, format!("error: line 4: {reason}\nerror: no user was added\n"));
        assert_eq!(place.emails(), ["ada@example.com"]);
    }
}

#[test]
fn every_bad_line_is_named_at_once() {
    let place = Place::new();
    place.add("ada@example.com");
    let content = "email,password\nada@example.com,a canary sings\nbob@example.com,canary\n";
    let refusal = import(&place, content).refused(1);
    assert!(refusal.contains("line 2: ") && refusal.contains("line 3: "), "{refusal}");
}

#[test]
fn what_passwords_are_has_to_be_said() {
    let place = Place::new();
    let file = place.write("users.csv", &format!("email,password\nada@example.com,{PASSWORD}\n"));
    let run = place.run(["user".as_ref(), "import".as_ref(), file.as_os_str()]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("--passwords <PASSWORDS>"), "{}", run.err);
}

#[test]
fn a_missing_header_is_not_quoted() {
    let place = Place::new();
    let refusal = import(&place, "ada@example.com,a canary sings\n").refused(1);
    assert!(refusal.starts_with("error: line 1: the header is not"), "{refusal}");
}

#[test]
fn a_missing_file_is_named() {
    let refusal =
        Place::new().run(["user", "import", "--passwords", "plain", "/no/such.csv"]).refused(1);
    assert!(refusal.starts_with("error: /no/such.csv: "), "{refusal}");
}

#[test]
fn a_hundred_users_are_hashed_in_the_order_of_the_file() {
    let place = Place::new();
    let lines: Vec<String> =
        (0..100).map(|number| format!("{number}@example.com,canary number {number}\n")).collect();
    let run = import(&place, &format!("email,password\n{}", lines.concat()));
    assert!(run.out == "added 100 users\n" && run.code == Some(0), "{run:?}");
    for number in [0, 57, 99] {
        assert!(
            place.logs_in(&format!("{number}@example.com"), &format!("canary number {number}"))
        );
    }
}
