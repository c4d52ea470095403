//! The rows of `credentials.rs`.

use crate::table::Expected::{self, InvalidCredentials, MissingBasic, Passes};

/// The password of every row's user, where it has no other.
pub(crate) const PASSWORD: &str = "Right: Passwört 1";
pub(crate) const BASIC: &str = "RFC 7617 2, 2.1, RFC 3629 3, 10";
const EXACT: &str = "ASVS 6.2.8";
const ACCOUNT: &str = "CVE-2025-24806, CVE-2026-47203";

/// Who describes it, what comes of it, and what is tried.
pub(crate) type Rows = (&'static str, Expected, &'static [&'static str]);

/// What is encoded. `{n}` is the row, `{email}` is `canary-{n}@x`, its user.
pub(crate) const CREDENTIALS: &[Rows] = &[
    (BASIC, Passes, &["{email}:{password}"]),
    (BASIC, InvalidCredentials, &["{email}::{password}", "{email}:Right", "{email}: Passwört 1"]),
    (BASIC, MissingBasic, &["{email}", "x", "{email}\0:{password}", "canary-{n}\0@x:{password}"]),
    (BASIC, MissingBasic, &["{email}\n:{password}", "{email}\r\nX-A: 1:{password}"]),
    (BASIC, MissingBasic, &["\t{email}:{password}", "\u{1b}[2J{email}:{password}"]),
    (BASIC, MissingBasic, &["{email}\u{7f}:{password}", "{email}\u{85}:{password}"]),
    (
        EXACT,
        InvalidCredentials,
        &[
            "{email}:",
            "{email}:{password}\0",
            "{email}:{password}\n",
            "{email}:{password} ",
            "{email}: {password}",
            "{email}:right: passwört 1",
            "{email}:Right: Passwört ",
            "{email}:{password}{password}",
            "{email}:{password}\0{password}",
            "{email}:Right: Passwo\u{308}rt 1",
            "{email}:Right: Passwort 1",
            "{email}:{1000}{1000}",
            "{email}:{1000}{1000}{1000}{1000}{1000}{1000}{1000}{1000}",
        ],
    ),
    (ACCOUNT, Passes, &["CANARY-{n}@X:{password}"]),
    (
        ACCOUNT,
        InvalidCredentials,
        &[
            "\u{feff}{email}:{password}",
            "{email} :{password}",
            " {email}:{password}",
            "{email}\u{a0}:{password}",
            "cánary-{n}@x:{password}",
            "ca\u{301}nary-{n}@x:{password}",
            "\u{ff43}anary-{n}@x:{password}",
            "\u{441}anary-{n}@x:{password}",
            "{email}\u{200b}:{password}",
            "{email}\u{ad}:{password}",
            "{email}.:{password}",
            "canary-{n}+x@x:{password}",
            "{email}{1000}:{password}",
            "{email}{1000}{1000}{1000}{1000}{1000}{1000}{1000}{1000}:{password}",
            "{email}{blanks}:{password}",
        ],
    ),
    (
        "CWE-89",
        InvalidCredentials,
        &[
            "canary-{n}@%:{password}",
            "_anary-{n}@x:{password}",
            "{email}':{password}",
            "{email}' -- :{password}",
            "{email}' OR '1'='1:' OR '1'='1",
            "{email}'; DROP TABLE user; -- :{password}",
            "x' UNION SELECT * FROM user WHERE email='{email}:{password}",
            "{email}\\:{password}",
            "null:null",
        ],
    ),
];

/// Credentials that are not UTF-8, without what stands before the colon.
pub(crate) const BYTES: [&[u8]; 4] =
    [b"Passw\xf6rt", b"Right\xc0\x80", b"\xed\xa0\x80", b"\xfe\xff\0R"];

/// Lines of `Authorization`, with the right credentials for `@`.
pub(crate) const HEADERS: &[Rows] = &[
    ("control", Passes, &["Basic @", "basic @", "Basic  @"]),
    (
        "RFC 9110 11.4",
        MissingBasic,
        &[
            "",
            "Basic",
            "@",
            "Bearer @",
            "Bearer e30.e30.x",
            "Digest username=\"a\"",
            "Basic\t@",
            "Basic: @",
            "Basic Basic @",
        ],
    ),
    (
        "RFC 9110 5.3, 11.6.2",
        MissingBasic,
        &[
            "Basic @\nBasic @",
            "Basic YTpi\nBasic @",
            "Basic @\nBasic YTpi",
            "Basic @\nBearer e30.e30.x",
            "\nBasic @",
            "Basic @, Basic @",
            "Basic @,@",
            "Basic @,",
            "Basic @;charset=UTF-8",
        ],
    ),
    (
        "RFC 4648 3, 4",
        MissingBasic,
        &[
            "Basic @=",
            "Basic @===",
            "Basic @A",
            "Basic @ YTpi",
            "Basic \"@\"",
            "Basic YTpi-_==",
            "Basic YTpiYg",
            "Basic YTpiYg=",
            "Basic YTpiYh==",
            "Basic YQ==OmI=",
            "Basic ====",
            "Basic decoy:decoy",
            "Basic YTpiYg%3D%3D",
        ],
    ),
];

/// Who describes it, e-mail and password of a user, and what is sent instead of them.
pub(crate) const USERS: &[(&str, &str, &str, &str, &str)] = &[
    (EXACT, "canary-long@x", "{1000}{23}q", "canary-long@x", "{1000}{23}qq"),
    (EXACT, "canary-cut@x", "{1000}{23}q", "canary-cut@x", "{1000}{23}"),
    (EXACT, "canary-last@x", "{1000}{23}q", "canary-last@x", "{1000}{23}p"),
    (EXACT, "canary-nfd@x", "pa\u{308}ss", "canary-nfd@x", "päss"),
    (EXACT, "canary-nfc@x", "päss", "canary-nfc@x", "pa\u{308}ss"),
    (EXACT, "canary-nfkc@x", "p...", "canary-nfkc@x", "p\u{2026}"),
    (EXACT, "canary-blank@x", "  p  ", "canary-blank@x", "p"),
    (EXACT, "canary-blanks@x", "   ", "canary-blanks@x", "  "),
    (EXACT, "canary-nul@x", "p\0q", "canary-nul@x", "p"),
    (EXACT, "canary-nul2@x", "p\0q", "canary-nul2@x", "p\0r"),
    (EXACT, "canary-emoji@x", "👨‍👩‍👧", "canary-emoji@x", "👨"),
    (EXACT, "canary-bcrypt@x", "{23}{23}{23}pppx", "canary-bcrypt@x", "{23}{23}{23}pppy"),
    (ACCOUNT, "canary-kate@x", "p", "canary-\u{212a}ate@x", "p"),
    (ACCOUNT, "canary-sam@x", "p", "canary-\u{17f}am@x", "p"),
    (ACCOUNT, "canary-ivan@x", "p", "canary-\u{131}van@x", "p"),
    (ACCOUNT, "canary-igor@x", "p", "canary-\u{130}gor@x", "p"),
    (ACCOUNT, "canary-strasse@x", "p", "canary-straße@x", "p"),
    (ACCOUNT, "canary-gruß@x", "p", "canary-gruss@x", "p"),
    (ACCOUNT, "canary-jos\u{e9}@x", "p", "canary-jos\u{c9}@x", "p"),
    (ACCOUNT, "canary-ren\u{e9}@x", "p", "canary-rene\u{301}@x", "p"),
    (ACCOUNT, "canary-fish@x", "p", "canary-\u{fb01}sh@x", "p"),
    (ACCOUNT, "canary-tail@x ", "p", "canary-tail@x", "p"),
];
