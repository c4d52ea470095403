//! Which key verifies which token: key kinds, names, and the attacks that mix them up.

use aws_lc_rs::hmac;
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use serde_json::json;

use super::*;

/// The three kinds of key pairs: algorithm, private key, public key.
const PAIRS: [(&str, &str, &str); 3] = [
    (
        "RS256",
        include_str!("../../keys/tests/pem/rsa-2048.pem"),
        include_str!("../../keys/tests/pem/rsa-2048-public.pem"),
    ),
    (
        "ES256",
        include_str!("../../keys/tests/pem/p256.pem"),
        include_str!("../../keys/tests/pem/p256-public.pem"),
    ),
    (
        "EdDSA",
        include_str!("../../keys/tests/pem/ed25519.pem"),
        include_str!("../../keys/tests/pem/ed25519-public.pem"),
    ),
];

/// A token with this header, signed with the first of `keys`.
fn signed_with(keys: &Keys, header: &str) -> String {
    let [header, payload] = [header, &claims(&json!({}))].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = format!("{header}.{payload}");
    let signature = keys.signing().unwrap().sign(message.as_bytes()).unwrap();
    format!("{message}.{signature}")
}

fn outcome_with(keys: &Keys, token: &str) -> Result<(), InvalidToken> {
    verify(keys, &TokenConfig::default(), token, now()).map(drop)
}

#[test]
fn each_kind_of_key_issues_tokens_that_its_public_half_verifies() {
    for (algorithm, private, public) in PAIRS {
        let subject = Subject { id: "7", username: "ada@example.com", admin: false };
        let private = keys(private);
        let issued = issue(&private, &TokenConfig::default(), subject, now()).unwrap();
        for keys in [&private, &keys(public)] {
            assert_eq!(outcome_with(keys, &issued.token), Ok(()), "{algorithm}");
        }
        let header = URL_SAFE_NO_PAD.decode(issued.token.split('.').next().unwrap()).unwrap();
        let kid = private.signing().unwrap().id().unwrap();
        let expected = format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#);
        assert_eq!(String::from_utf8(header).unwrap(), expected);
    }
}

#[test]
fn eddsa_has_a_second_name() {
    let keys = keys(PAIRS[2].1);
    for (alg, expected) in [
        ("EdDSA", Ok(())),
        ("Ed25519", Ok(())),
        ("Ed448", Err(InvalidToken::UnsupportedHeader)),
        ("ed25519", Err(InvalidToken::UnsupportedHeader)),
        ("ES256", Err(InvalidToken::UnknownKey)),
    ] {
        let token = signed_with(&keys, &format!(r#"{{"alg":"{alg}"}}"#));
        assert_eq!(outcome_with(&keys, &token), expected, "{alg}");
    }
}

/// The classic attack (RFC 8725 section 2.1): what everybody may know is taken for the
/// secret of an HMAC.
#[test]
fn a_public_key_in_any_form_is_no_hs256_secret() {
    for (algorithm, private, public) in PAIRS {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).unwrap();
        let jwk_set = keys(public).public_set();
        let jwk = jwk_set.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}");
        let kid = keys(public).iter().next().unwrap().id().unwrap().to_owned();
        let with_secret = format!(
            r#"{{"keys":[{{"kty":"oct","k":"{}"}},{jwk}]}}"#,
            URL_SAFE_NO_PAD.encode(SECRET)
        );
        for (form, secret) in [
            ("PEM", public.as_bytes()),
            ("PEM without its last line break", public.trim_end().as_bytes()),
            ("PEM with other line ends", public.replace('\n', "\r\n").as_bytes()),
            ("DER", &der),
            ("JWK", jwk.as_bytes()),
            ("JWK Set", jwk_set.as_bytes()),
            ("kid", kid.as_bytes()),
        ] {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            for header in [
                r#"{"typ":"JWT","alg":"HS256"}"#.to_owned(),
                format!(r#"{{"typ":"JWT","alg":"HS256","kid":"{kid}"}}"#),
                format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#),
            ] {
                let parts = [&header, &claims(&json!({}))].map(|part| URL_SAFE_NO_PAD.encode(part));
                let message = parts.join(".");
                let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
                for keys in [keys(private), keys(public), keys(&with_secret)] {
                    let outcome = outcome_with(&keys, &format!("{message}.{mac}"));
                    assert!(
                        matches!(
                            outcome,
                            Err(InvalidToken::UnknownKey | InvalidToken::WrongSignature)
                        ),
                        "{algorithm}, {form}, {header}: {outcome:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_kid_names_the_one_key_that_may_have_signed() {
    let oct = |kid: &str, letter: &str| {
        format!(r#"{{"kty":"oct","kid":"{kid}","k":"{}"}}"#, letter.repeat(64))
    };
    let set = |members: &[String]| keys(&format!(r#"{{"keys":[{}]}}"#, members.join(",")));
    let both = set(&[oct("a", "a"), oct("b", "b")]);
    let only_b = set(&[oct("b", "b")]);
    for (why, signer, header, expected) in [
        ("its own", &only_b, r#"{"alg":"HS256","kid":"b"}"#, Ok(())),
        ("none at all", &only_b, r#"{"alg":"HS256"}"#, Ok(())),
        (
            "that of another key",
            &only_b,
            r#"{"alg":"HS256","kid":"a"}"#,
            Err(InvalidToken::WrongSignature),
        ),
        (
            "that of a key that is gone",
            &only_b,
            r#"{"alg":"HS256","kid":"c"}"#,
            Err(InvalidToken::UnknownKey),
        ),
    ] {
        assert_eq!(outcome_with(&both, &signed_with(signer, header)), expected, "{why}");
    }
    let retired = signed_with(&set(&[oct("a", "a")]), r#"{"alg":"HS256"}"#);
    assert_eq!(outcome_with(&only_b, &retired), Err(InvalidToken::WrongSignature));
}
