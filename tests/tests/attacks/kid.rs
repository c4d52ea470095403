//! `kid` as a path, a query, a command: it is compared, and nothing else.

use serde_json::json;
use system_tests::{contract::SECRET, forge};

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{Target, honest},
};

const INJECTION: &str = "RFC 8725 3.10";

#[test]
fn a_kid_is_compared_and_nothing_else() {
    let set = json!({ "keys": [
        { "kty": "oct", "kid": "named", "k": forge::encode(SECRET) },
        { "kty": "oct", "kid": "ä", "k": forge::encode(SECRET.to_uppercase()) },
    ]});
    let target = Target::validate(&set.to_string());
    let signed = |secret: &str, kid: &str| {
        let header = json!({ "alg": "HS256", "kid": kid }).to_string();
        forge::hs256(secret, &header, honest())
    };
    let mut rows = names(&signed);
    rows.extend(contents(&signed));
    try_all(&target, "validate", &bearer(&signed(SECRET, "named")), &rows);
    target.end(&[SECRET]);
}

/// The signature is right, and the name leads nowhere.
fn names(signed: &dyn Fn(&str, &str) -> String) -> Vec<Attack> {
    let long = "k".repeat(5_000);
    let mut rows = vec![passes("a name outside ASCII", &signed(&SECRET.to_uppercase(), "ä"))];
    for (what, kid) in [
        ("empty", ""),
        ("a blank", " "),
        ("a path", "../../../../../../dev/null"),
        ("an absolute path", "/dev/null"),
        ("a file URL", "file:///dev/null"),
        ("a Windows path", r"..\..\nul"),
        ("a NUL behind the name", "named\0"),
        ("a NUL and an ending", "named\0.pem"),
        ("a blank behind the name", "named "),
        ("a line break behind the name", "named\n"),
        ("the name in another case", "Named"),
        ("the name's beginning", "name"),
        ("the name and more", "named2"),
        ("a percent-encoded name", "%6eamed"),
        ("SQL", "' UNION SELECT '1"),
        ("SQL that is true", "named' OR '1'='1"),
        ("a wildcard", "%"),
        ("a pattern", "*"),
        ("a regular expression", ".*"),
        ("a command behind a pipe", "|sleep 5"),
        ("a command substitution", "$(sleep 5)"),
        ("a template", "{{7*7}}"),
        ("a JNDI look-up", "${jndi:ldap://127.0.0.1:1/a}"),
        ("an LDAP filter", "*)(uid=*"),
        ("a header break", "named\r\nX-Auth-Request-User: root"),
        ("an escape sequence of a terminal", "\u{1b}[2Jnamed"),
        ("the name of a property", "__proto__"),
        ("the other key's name", "ä"),
        ("the other key's name decomposed", "a\u{308}"),
        ("5,000 bytes", &long),
    ] {
        let token = signed(SECRET, kid);
        rows.push(refused(format!("the right signature, kid {what}"), INJECTION, &token));
    }
    rows
}

/// The key is what a naive look-up of the name would find.
fn contents(signed: &dyn Fn(&str, &str) -> String) -> Vec<Attack> {
    let rows = [
        ("an empty file", "", "/dev/null"),
        ("a file of one line", "2\n", "/proc/sys/kernel/randomize_va_space"),
        ("a file of one line, trimmed", "2", "../../../proc/sys/kernel/randomize_va_space"),
        ("a row of a query", "1", "' UNION SELECT '1"),
        ("the name itself", "named", "named"),
        ("nothing, for no such name", "", "missing"),
        ("null", "null", "missing"),
    ];
    let row = |(what, secret, kid): (&str, &str, &str)| {
        let name = format!("signed with {what}, kid {kid:?} ({} bytes)", secret.len());
        refused(name, INJECTION, &signed(secret, kid))
    };
    rows.map(row).into()
}
