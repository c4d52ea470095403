//! The rows of `credentials.rs`.

use crate::row::Expected::{self, InvalidCredentials, MissingBasic, Passes};

/// The password of every row's user.
pub(crate) const PASSWORD: &str = "Right: Passwört 1";

/// What is tried, its source, what comes of it, and what is encoded for the row's e-mail.
type Credentials = (&'static str, &'static str, Expected, fn(&str) -> Vec<u8>);

const BASIC: &str = "RFC 7617 2";
const CHARSET: &str = "RFC 7617 2.1";
const EXACT: &str = "ASVS 6.2.8";
const ACCOUNT: &str = "CVE-2025-24806, CVE-2026-47203";
const SQL: &str = "CWE-89";

fn of(user_id: &str, password: impl AsRef<[u8]>) -> Vec<u8> {
    [user_id.as_bytes(), b":", password.as_ref()].concat()
}

pub(crate) static CREDENTIALS: &[Credentials] = &[
    ("the first colon splits", BASIC, Passes, |email| of(email, PASSWORD)),
    ("a colon more in front of the password", BASIC, InvalidCredentials, |email| {
        of(email, format!(":{PASSWORD}"))
    }),
    ("the password up to its colon", BASIC, InvalidCredentials, |email| of(email, "Right")),
    ("the password behind its colon", BASIC, InvalidCredentials, |email| of(email, " Passwört 1")),
    ("no password", BASIC, InvalidCredentials, |email| of(email, "")),
    ("no colon", BASIC, MissingBasic, |email| email.into()),
    ("no colon, and nothing else", BASIC, MissingBasic, |_| b"x".into()),
    ("a NUL behind the e-mail", BASIC, MissingBasic, |email| of(&format!("{email}\0"), PASSWORD)),
    ("a NUL in the e-mail", BASIC, MissingBasic, |email| of(&email.replace('@', "\0@"), PASSWORD)),
    ("a line break behind the e-mail", BASIC, MissingBasic, |email| {
        of(&format!("{email}\n"), PASSWORD)
    }),
    ("a header break behind the e-mail", BASIC, MissingBasic, |email| {
        of(&format!("{email}\r\nX-A: 1"), PASSWORD)
    }),
    ("a tab before the e-mail", BASIC, MissingBasic, |email| of(&format!("\t{email}"), PASSWORD)),
    ("an escape in the e-mail", BASIC, MissingBasic, |email| {
        of(&format!("\u{1b}[2J{email}"), PASSWORD)
    }),
    ("DEL in the e-mail", BASIC, MissingBasic, |email| of(&format!("{email}\u{7f}"), PASSWORD)),
    ("a C1 control in the e-mail", BASIC, MissingBasic, |email| {
        of(&format!("{email}\u{85}"), PASSWORD)
    }),
    ("a NUL behind the password", EXACT, InvalidCredentials, |email| {
        of(email, format!("{PASSWORD}\0"))
    }),
    ("a line break behind the password", EXACT, InvalidCredentials, |email| {
        of(email, format!("{PASSWORD}\n"))
    }),
    ("a blank behind the password", EXACT, InvalidCredentials, |email| {
        of(email, format!("{PASSWORD} "))
    }),
    ("a blank before the password", EXACT, InvalidCredentials, |email| {
        of(email, format!(" {PASSWORD}"))
    }),
    ("the password in lower case", EXACT, InvalidCredentials, |email| {
        of(email, PASSWORD.to_lowercase())
    }),
    ("the password but its last letter", EXACT, InvalidCredentials, |email| {
        of(email, &PASSWORD[..17])
    }),
    ("the password twice", EXACT, InvalidCredentials, |email| of(email, PASSWORD.repeat(2))),
    ("the password with a NUL and itself", EXACT, InvalidCredentials, |email| {
        of(email, format!("{PASSWORD}\0{PASSWORD}"))
    }),
    ("the password decomposed", EXACT, InvalidCredentials, |email| {
        of(email, PASSWORD.replace('ö', "o\u{308}"))
    }),
    ("the password without its accent", EXACT, InvalidCredentials, |email| {
        of(email, PASSWORD.replace('ö', "o"))
    }),
    ("1,024 bytes", EXACT, InvalidCredentials, |email| of(email, "p".repeat(1024))),
    ("1,025 bytes", "ASVS 6.2.9", InvalidCredentials, |email| of(email, "p".repeat(1025))),
    ("8,000 bytes", "ASVS 6.2.9", InvalidCredentials, |email| of(email, "p".repeat(8000))),
    ("ISO-8859-1", CHARSET, MissingBasic, |email| of(email, b"Right: Passw\xf6rt 1")),
    ("ISO-8859-1 in the e-mail", CHARSET, MissingBasic, |email| {
        [b"\xe4", &of(email, PASSWORD)[..]].concat()
    }),
    ("UTF-16", CHARSET, MissingBasic, |email| {
        format!("{email}:{PASSWORD}").encode_utf16().flat_map(u16::to_be_bytes).collect()
    }),
    ("a byte order mark", CHARSET, InvalidCredentials, |email| {
        of(&format!("\u{feff}{email}"), PASSWORD)
    }),
    ("a NUL in two bytes", "RFC 3629 10", MissingBasic, |email| of(email, b"Right\xc0\x80")),
    ("a surrogate", "RFC 3629 3", MissingBasic, |email| of(email, b"\xed\xa0\x80")),
    ("the e-mail in upper case", ACCOUNT, Passes, |email| of(&email.to_uppercase(), PASSWORD)),
    ("a blank behind the e-mail", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email} "), PASSWORD)
    }),
    ("a blank before the e-mail", ACCOUNT, InvalidCredentials, |email| {
        of(&format!(" {email}"), PASSWORD)
    }),
    ("a no-break space behind the e-mail", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email}\u{a0}"), PASSWORD)
    }),
    ("an accent on the e-mail", ACCOUNT, InvalidCredentials, |email| {
        of(&email.replacen('a', "á", 1), PASSWORD)
    }),
    ("an accent of its own", ACCOUNT, InvalidCredentials, |email| {
        of(&email.replacen('a', "a\u{301}", 1), PASSWORD)
    }),
    ("a wide letter", ACCOUNT, InvalidCredentials, |email| {
        of(&email.replacen('c', "\u{ff43}", 1), PASSWORD)
    }),
    ("a Cyrillic letter", ACCOUNT, InvalidCredentials, |email| {
        of(&email.replacen('c', "с", 1), PASSWORD)
    }),
    ("a letter that shows nothing", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email}\u{200b}"), PASSWORD)
    }),
    ("a letter that is ignored", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email}\u{ad}"), PASSWORD)
    }),
    ("a dot behind the domain", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email}."), PASSWORD)
    }),
    ("a tag", ACCOUNT, InvalidCredentials, |email| of(&email.replace('@', "+x@"), PASSWORD)),
    ("1,024 bytes of e-mail", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email}{}", "x".repeat(1000)), PASSWORD)
    }),
    ("8,000 bytes of e-mail", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email}{}", "x".repeat(8000)), PASSWORD)
    }),
    ("the e-mail and blanks up to its column's length", ACCOUNT, InvalidCredentials, |email| {
        of(&format!("{email:<255}"), PASSWORD)
    }),
    ("a wildcard", SQL, InvalidCredentials, |email| of(&email.replace("example", "%"), PASSWORD)),
    ("a wildcard for a letter", SQL, InvalidCredentials, |email| {
        of(&email.replacen('c', "_", 1), PASSWORD)
    }),
    ("a quote", SQL, InvalidCredentials, |email| of(&format!("{email}'"), PASSWORD)),
    ("a comment", SQL, InvalidCredentials, |email| of(&format!("{email}' -- "), PASSWORD)),
    ("what is always true", SQL, InvalidCredentials, |email| {
        of(&format!("{email}' OR '1'='1"), "' OR '1'='1")
    }),
    ("a second statement", SQL, InvalidCredentials, |email| {
        of(&format!("{email}'; DROP TABLE user; -- "), PASSWORD)
    }),
    ("a union", SQL, InvalidCredentials, |email| {
        of(&format!("x' UNION SELECT * FROM user WHERE email='{email}"), PASSWORD)
    }),
    ("a backslash", SQL, InvalidCredentials, |email| of(&format!("{email}\\"), PASSWORD)),
    ("the word null", SQL, InvalidCredentials, |_| of("null", "null")),
];

/// What is tried, its source, what comes of it, and the values of `Authorization`, with
/// the right credentials for `@`.
type Headers = (&'static str, &'static str, Expected, &'static [&'static str]);

const SCHEME: &str = "RFC 9110 11.4";
const ONE: &str = "RFC 9110 5.3, 11.6.2";
const BASE64: &str = "RFC 4648 3, 4";

pub(crate) static HEADERS: &[Headers] = &[
    ("as it should be", "control", Passes, &["Basic @"]),
    ("the scheme in lower case", SCHEME, Passes, &["basic @"]),
    ("two blanks", SCHEME, Passes, &["Basic  @"]),
    ("no header", "RFC 9110 11.6.1", MissingBasic, &[]),
    ("an empty header", SCHEME, MissingBasic, &[""]),
    ("no credentials", SCHEME, MissingBasic, &["Basic"]),
    ("credentials without a scheme", SCHEME, MissingBasic, &["@"]),
    ("Bearer and credentials", SCHEME, MissingBasic, &["Bearer @"]),
    ("Bearer and a token", SCHEME, MissingBasic, &["Bearer e30.e30.x"]),
    ("Digest", SCHEME, MissingBasic, &["Digest username=\"a\""]),
    ("a tab behind the scheme", SCHEME, MissingBasic, &["Basic\t@"]),
    ("a colon behind the scheme", SCHEME, MissingBasic, &["Basic: @"]),
    ("the scheme twice", SCHEME, MissingBasic, &["Basic Basic @"]),
    ("the header twice", ONE, MissingBasic, &["Basic @", "Basic @"]),
    ("the header twice, first another", ONE, MissingBasic, &["Basic YTpi", "Basic @"]),
    ("the header twice, then another", ONE, MissingBasic, &["Basic @", "Basic YTpi"]),
    ("Bearer beside it", ONE, MissingBasic, &["Basic @", "Bearer e30.e30.x"]),
    ("an empty one beside it", ONE, MissingBasic, &["", "Basic @"]),
    ("two joined by a comma", ONE, MissingBasic, &["Basic @, Basic @"]),
    ("two joined by a comma, without their scheme", ONE, MissingBasic, &["Basic @,@"]),
    ("a comma behind it", ONE, MissingBasic, &["Basic @,"]),
    ("a parameter behind it", ONE, MissingBasic, &["Basic @;charset=UTF-8"]),
    ("one = more", BASE64, MissingBasic, &["Basic @="]),
    ("three = more", BASE64, MissingBasic, &["Basic @==="]),
    ("a stray letter", BASE64, MissingBasic, &["Basic @A"]),
    ("a blank and more", BASE64, MissingBasic, &["Basic @ YTpi"]),
    ("in quotes", BASE64, MissingBasic, &["Basic \"@\""]),
    ("the letters of Base64url", BASE64, MissingBasic, &["Basic YTpi-_=="]),
    ("no padding", BASE64, MissingBasic, &["Basic YTpiYg"]),
    ("padding too short", BASE64, MissingBasic, &["Basic YTpiYg="]),
    ("bits that count for nothing", BASE64, MissingBasic, &["Basic YTpiYh=="]),
    ("padding in the middle", BASE64, MissingBasic, &["Basic YQ==OmI="]),
    ("only padding", BASE64, MissingBasic, &["Basic ===="]),
    ("plain text", BASE64, MissingBasic, &["Basic decoy:decoy"]),
    ("percent-encoded", BASE64, MissingBasic, &["Basic YTpiYg%3D%3D"]),
];

/// What is tried, its source, e-mail and password of a user, and what is sent instead of
/// them; `#` is 1,023 letters.
type User = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

pub(crate) static USERS: &[User] = &[
    ("1,024 bytes and one more", EXACT, "canary-long@x", "#q", "canary-long@x", "#qq"),
    ("1,024 bytes but the last", EXACT, "canary-cut@x", "#q", "canary-cut@x", "#"),
    ("1,024 bytes, the last another", EXACT, "canary-last@x", "#q", "canary-last@x", "#p"),
    ("composed for decomposed", EXACT, "canary-nfd@x", "pa\u{308}ss", "canary-nfd@x", "päss"),
    ("decomposed for composed", EXACT, "canary-nfc@x", "päss", "canary-nfc@x", "pa\u{308}ss"),
    ("an ellipsis for three dots", EXACT, "canary-nfkc@x", "p...", "canary-nfkc@x", "p\u{2026}"),
    ("a password without its blanks", EXACT, "canary-blank@x", "  p  ", "canary-blank@x", "p"),
    ("a password of blanks, one fewer", EXACT, "canary-blanks@x", "   ", "canary-blanks@x", "  "),
    ("a password up to its NUL", EXACT, "canary-nul@x", "p\0q", "canary-nul@x", "p"),
    (
        "a password with another behind its NUL",
        EXACT,
        "canary-nul2@x",
        "p\0q",
        "canary-nul2@x",
        "p\0r",
    ),
    ("another emoji of one family", EXACT, "canary-emoji@x", "👨‍👩‍👧", "canary-emoji@x", "👨"),
    (
        "72 bytes that are the same",
        EXACT,
        "canary-72@x",
        "0123456789012345678901234567890123456789012345678901234567890123456789012x",
        "canary-72@x",
        "0123456789012345678901234567890123456789012345678901234567890123456789012y",
    ),
    ("the sign for kelvin", ACCOUNT, "canary-kate@x", "p", "canary-\u{212a}ate@x", "p"),
    ("a long s", ACCOUNT, "canary-sam@x", "p", "canary-\u{17f}am@x", "p"),
    ("a dotless i", ACCOUNT, "canary-ivan@x", "p", "canary-\u{131}van@x", "p"),
    ("a dotted capital I", ACCOUNT, "canary-igor@x", "p", "canary-\u{130}gor@x", "p"),
    ("a sharp s for two", ACCOUNT, "canary-strasse@x", "p", "canary-straße@x", "p"),
    ("two s for a sharp one", ACCOUNT, "canary-gruß@x", "p", "canary-gruss@x", "p"),
    (
        "a capital letter with an accent",
        ACCOUNT,
        "canary-jos\u{e9}@x",
        "p",
        "canary-jos\u{c9}@x",
        "p",
    ),
    ("an e-mail decomposed", ACCOUNT, "canary-ren\u{e9}@x", "p", "canary-rene\u{301}@x", "p"),
    ("a ligature", ACCOUNT, "canary-fish@x", "p", "canary-\u{fb01}sh@x", "p"),
    ("an e-mail without its blank", ACCOUNT, "canary-tail@x ", "p", "canary-tail@x", "p"),
];
