use secrecy::ExposeSecret;

use super::*;

const BCRYPT: &str = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";

const PLAIN: ImportDetails =
    ImportDetails { passwords: PasswordsAre::Plain, allow_hash_like: false };
const HASHED: ImportDetails =
    ImportDetails { passwords: PasswordsAre::Hashed, allow_hash_like: false };

fn bad_lines(text: &str) -> Vec<String> {
    parse(text.as_bytes(), &PLAIN).1.iter().map(ToString::to_string).collect()
}

#[test]
fn plain_texts_are_read_exactly() {
    let text = "email,password,admin\n\
                ada@example.com, correct horse ,true\n\
                \"cyd@example.com\",\"a \"\"quoted\"\", one\",FALSE\n";
    let (entries, bad) = parse(text.as_bytes(), &PLAIN);
    assert!(bad.is_empty(), "{bad:?}");
    let read = |Entry { line, email, password, admin }: &Entry| {
        let Password::Input(Input::Password(text)) = password else { panic!("{email}") };
        (*line, email.clone(), text.expose_secret().to_owned(), *admin)
    };
    assert_eq!(
        entries.iter().map(read).collect::<Vec<_>>(),
        [
            (2, "ada@example.com".into(), " correct horse ".into(), true),
            (3, "cyd@example.com".into(), "a \"quoted\", one".into(), false),
        ]
    );
}

#[test]
fn the_caller_says_what_passwords_are_and_nothing_is_guessed() {
    let md5 = "9cc2ae8a1ba7a93da39b46fc1019c481";
    for (password, hashed, plain) in [
        (BCRYPT, true, false),
        (md5, true, false),
        ("{SSHA}dAU8SC82C+OW5inOjFCuY6angdOO0dqb", true, false),
        ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", false, false),
        (&format!("b'{BCRYPT}'"), false, false),
        (&format!("{md5}:salt"), false, false),
        ("correct horse battery", false, true),
        ("", false, false),
    ] {
        let text = format!("email,password\na@b,\"{password}\"\n");
        for (details, accepted) in [
            (&HASHED, hashed),
            (&PLAIN, plain),
            (&ImportDetails { allow_hash_like: true, ..PLAIN }, !password.is_empty()),
        ] {
            let (entries, bad) = parse(text.as_bytes(), details);
            let expected = (usize::from(accepted), usize::from(!accepted));
            assert_eq!((entries.len(), bad.len()), expected, "{password}: {details:?} {bad:?}");
        }
    }
}

#[test]
fn the_mark_of_a_locked_user_is_no_password_whatever_is_said() {
    let meant = ImportDetails { allow_hash_like: true, ..PLAIN };
    for password in ["!", "*LK*", "!xv3dvK9mhf5AwUb2qE02sPdgVpfS0pt24tGF7168"] {
        let text = format!("email,password\na@b,{password}\n");
        let bad = parse(text.as_bytes(), &meant).1;
        assert_eq!(bad[0].to_string(), "line 2: the password is the mark of a locked user");
    }
}

#[test]
fn every_bad_line_is_named_with_its_reason() {
    let text = "\
email,password,admin
no-at,correct horse battery,
ada@example.com,short,
ada@example.com,correct horse battery,maybe
bob@example.com,$1$salt$qJH7.N4xYta3aEG/dfqo/0,
cyd@example.com,correct horse battery
BOB@EXAMPLE.COM,correct horse battery,
dan@example.com,\"correct horse
eve@example.com,correct horse battery,
";
    assert_eq!(
        bad_lines(text),
        [
            "line 2: the e-mail is not of the form name@domain",
            "line 3: the password is shorter than 8 characters",
            "line 4: the e-mail stands in line 3 already",
            "line 5: the password looks like a hash; give --passwords hashed, or --allow-hash-like \
             if it is a password",
            "line 6: has not as many fields as the header",
            "line 7: the e-mail stands in line 5 already",
            "line 8: has not as many fields as the header",
        ]
    );
    let open_quote = "email,password\ndan@example.com,\"correct horse\neve@example.com,secret\n";
    assert_eq!(
        bad_lines(open_quote),
        ["line 2: the password has a line break in it; is a quote missing?"]
    );
    let maybe = "email,password,admin\na@b,correct horse battery,maybe\n";
    assert_eq!(bad_lines(maybe), ["line 2: admin is neither true nor false"]);
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    for line_break in ["\n", "\r\n"] {
        let text = ["email,password", "", "", "x,y", "\"a", "b\",c", "", "x,y,z", "x,y"];
        let lines: Vec<u64> =
            parse(text.join(line_break).as_bytes(), &PLAIN).1.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [4, 5, 8, 9], "{line_break:?}");
    }
}

#[test]
fn a_line_that_is_not_utf_8_does_not_hide_the_next() {
    let (_, bad) = parse(b"email,password\na@b,\xff\xff\xff\xff\xff\xff\xff\xff\nx,y\n", &PLAIN);
    let bad: Vec<String> = bad.iter().map(ToString::to_string).collect();
    assert_eq!(bad[0], "line 2: is not UTF-8");
    assert!(bad[1].starts_with("line 3: "), "{bad:?}");
}

#[test]
fn a_wrong_header_is_never_quoted() {
    for text in ["", "\n", "ada@example.com,canary\n", "password,email\n", "email,password,x\n"] {
        let header = "line 1: the header is not email,password or email,password,admin";
        assert_eq!(bad_lines(text), [header], "{text}");
    }
}
