use super::*;

const BCRYPT: &str = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";

fn details(passwords: PasswordsAre, allow_hash_like: bool) -> ImportDetails {
    ImportDetails { file: "users.csv".into(), passwords, allow_hash_like }
}

fn bad_lines(text: &[u8]) -> Vec<BadLine> {
    parse(text, &details(PasswordsAre::Plain, false)).1
}

#[test]
fn the_caller_says_what_passwords_are_and_nothing_is_guessed() {
    let md5 = "9cc2ae8a1ba7a93da39b46fc1019c481";
    for (password, hashed, plain, hash_like) in [
        (BCRYPT, true, false, true),
        (md5, true, false, true),
        ("{SSHA}dAU8SC82C+OW5inOjFCuY6angdOO0dqb", true, false, true),
        ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", false, false, true),
        (&format!("b'{BCRYPT}'"), false, false, true),
        (&format!("{md5}:salt"), false, false, true),
        ("correct horse battery", false, true, true),
        ("", false, false, false),
        // The marks of locked users are no passwords, whatever is said.
        ("!", false, false, false),
        ("*LK*", false, false, false),
        ("!xv3dvK9mhf5AwUb2qE02sPdgVpfS0pt24tGF7168", false, false, false),
    ] {
        let text = format!("email,password\na@b,\"{password}\"\n");
        for (details, accepted) in [
            (details(PasswordsAre::Hashed, false), hashed),
            (details(PasswordsAre::Plain, false), plain),
            (details(PasswordsAre::Plain, true), hash_like),
        ] {
            let (entries, bad) = parse(text.as_bytes(), &details);
            let expected = (usize::from(accepted), usize::from(!accepted));
            assert_eq!((entries.len(), bad.len()), expected, "{password}: {details:?} {bad:?}");
        }
    }
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    for line_break in ["\n", "\r\n"] {
        let text = ["email,password", "", "", "x,y", "\"a", "b\",c", "", "x,y,z", "x,y"];
        let bad = bad_lines(text.join(line_break).as_bytes());
        let lines: Vec<u64> = bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 8, 9], "{line_break:?}");
    }
}

#[test]
fn a_line_that_is_not_utf_8_does_not_hide_the_next() {
    let bad = bad_lines(b"email,password\na@b,\xff\xff\xff\xff\xff\xff\xff\xff\nx,y\n");
    assert_eq!((bad[0].0, bad[0].1.as_str(), bad[1].0), (2, "is not UTF-8", 3));
}

#[test]
fn a_wrong_header_is_never_quoted() {
    for text in ["", "\n", "ada@example.com,canary\n", "password,email\n", "email,password,x\n"] {
        let header = "the header is not email,password or email,password,admin";
        assert_eq!(bad_lines(text.as_bytes()), [(1, header.to_owned())], "{text}");
    }
}
