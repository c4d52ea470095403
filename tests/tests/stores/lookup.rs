//! Who is found by which e-mail.

use secrecy::ExposeSecret;
use shared::users::UserDirectory;

use crate::{add, find, new_user};

pub(crate) async fn suite(users: &dyn UserDirectory) {
    ascii_case_does_not_matter_and_the_stored_spelling_is_returned(users).await;
    collations_never_decide(users).await;
    an_unknown_email_is_nobody(users).await;
    odd_characters_are_but_characters(users).await;
    a_candidate_that_the_database_thinks_equal_is_not(users).await;
}

async fn ascii_case_does_not_matter_and_the_stored_spelling_is_returned(users: &dyn UserDirectory) {
    let added = add(users, "Bob@Example.com").await;
    assert_eq!(added.password.expose_secret(), "hash");
    assert!(!added.admin);
    for spelling in ["bob@example.com", "BOB@EXAMPLE.COM", "Bob@Example.com"] {
        let user = find(users, spelling).await.unwrap();
        assert_eq!((user.email.as_str(), &user.id), ("Bob@Example.com", &added.id));
    }
}

/// The first of each pair is stored, the second is somebody else.
async fn collations_never_decide(users: &dyn UserDirectory) {
    for (stored, other) in [
        ("josé@example.com", "jose@example.com"),
        ("marie@example.com", "marié@example.com"),
        ("Ärger@example.com", "ärger@example.com"),
        ("straße@example.com", "strasse@example.com"),
        ("pad@example.com", "pad@example.com "),
        ("front@example.com", " front@example.com"),
        ("tab@example.com", "tab@example.com\t"),
        ("zero@example.com", "zero@example.com\0"),
        // Precomposed and decomposed, half and full width, soft hyphen.
        ("no\u{e8}l@example.com", "noe\u{300}l@example.com"),
        ("wide@example.com", "ｗｉｄｅ@example.com"),
        ("shy@example.com", "s\u{ad}hy@example.com"),
        // All the same to utf8mb4_general_ci, which knows no weights beyond U+FFFF.
        ("😀@example.com", "😁@example.com"),
        ("kelvin@example.com", "\u{212a}elvin@example.com"),
        ("i@example.com", "ı@example.com"),
    ] {
        add(users, stored).await;
        assert!(find(users, other).await.is_none(), "{other:?} found {stored:?}");
    }
}

async fn an_unknown_email_is_nobody(users: &dyn UserDirectory) {
    let long = format!("{}@example.com", "x".repeat(10 * 1024));
    for email in ["nobody@example.com", "", "@", "NULL", "0", "1", &long] {
        assert!(find(users, email).await.is_none(), "{email:?}");
    }
}

async fn odd_characters_are_but_characters(users: &dyn UserDirectory) {
    let long = format!("{}@example.com", "l".repeat(255 - "@example.com".len()));
    let odd = [
        "o'brien@example.com",
        "\"quoted\"@example.com",
        "100%@example.com",
        "under_score@example.com",
        r"back\slash@example.com",
        r"trailing\",
        "x'; DROP TABLE user; --",
        "?@example.com",
        ":name@example.com",
        "line\nbreak@example.com",
        "юзер@пример.рф",
        "名@例.jp",
        "math𝒳@example.com",
        "👩‍👩‍👧@example.com",
        &long,
    ];
    for email in odd {
        assert_eq!(add(users, email).await.email, email);
    }
    for pattern in ["%", "100_@example.com", "%@example.com", "' OR '1'='1", "x' OR 1=1 --"] {
        assert!(find(users, pattern).await.is_none(), "{pattern:?}");
    }
}

/// They may be one address to a database, and so never be stored side by side. Where
/// they are, each finds itself.
async fn a_candidate_that_the_database_thinks_equal_is_not(users: &dyn UserDirectory) {
    add(users, "renée@example.com").await;
    if users.add(&[new_user("renee@example.com")]).await.is_ok() {
        assert_eq!(find(users, "renee@example.com").await.unwrap().email, "renee@example.com");
    }
    assert_eq!(find(users, "RENéE@example.com").await.unwrap().email, "renée@example.com");
}
