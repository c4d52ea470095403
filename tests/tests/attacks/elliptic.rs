//! Signatures on elliptic curves that are no such thing: ES256 and `EdDSA`.

use system_tests::forge::{self, KeyPair, Scheme};

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{Target, honest},
};

/// The order of P-256's base point, big-endian.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// The order of Ed25519's base point, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn only_two_numbers_that_fit_are_an_es256_signature() {
    let key = KeyPair::of_tests("p256");
    let target = Target::validate(&forge::pem("p256-public"));
    let message = forge::message(r#"{"alg":"ES256"}"#, honest());
    let signature = key.sign(Scheme::P256Fixed, &message);
    let good = forge::seal(&message, &signature);
    let rows = es256(&key, &message, &signature);
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[]);
}

fn es256(key: &KeyPair, message: &str, signature: &[u8]) -> Vec<Attack> {
    const PSYCHIC: &str = "CVE-2022-21449, FIPS 186-5 6.4.2";
    const FORM: &str = "RFC 7518 3.4";
    let (r, s) = signature.split_at(32);
    let [zero, mut one, mut less] = [[0; 32], [0; 32], N];
    one[31] = 1;
    less[31] -= 1;
    let of = |r: &[u8], s: &[u8]| forge::seal(message, [r, s].concat());
    let der = key.sign(Scheme::P256Der, message);
    let p384 = KeyPair::of_tests("p384").sign(Scheme::P384Fixed, message);
    let header =
        |alg: &str| key.token(Scheme::P256Fixed, &format!(r#"{{"alg":"{alg}"}}"#), honest());
    vec![
        passes("r and s as they are", &of(r, s)),
        passes("another signature of the same key", &header("ES256")),
        refused("r = s = 0", PSYCHIC, &of(&zero, &zero)),
        refused("r = 0", PSYCHIC, &of(&zero, s)),
        refused("s = 0", PSYCHIC, &of(r, &zero)),
        refused("r = s = 1", PSYCHIC, &of(&one, &one)),
        refused("r = n", PSYCHIC, &of(&N, s)),
        refused("s = n", PSYCHIC, &of(r, &N)),
        refused("r = s = n", PSYCHIC, &of(&N, &N)),
        refused("r = n - 1, s = n - 1", PSYCHIC, &of(&less, &less)),
        refused("r = n, s = 0", PSYCHIC, &of(&N, &zero)),
        refused("r and s the highest numbers", PSYCHIC, &of(&[0xff; 32], &[0xff; 32])),
        refused("s is r", FORM, &of(r, r)),
        refused("r and s swapped", FORM, &of(s, r)),
        refused("r alone", FORM, &of(r, &[])),
        refused("s shorter by its last byte", FORM, &of(r, &s[..31])),
        refused("a byte behind s", FORM, &of(r, &[s, &[0]].concat())),
        refused(
            "a zero before r and before s",
            FORM,
            &of(&[&[0], r].concat(), &[&[0], s].concat()),
        ),
        refused("nothing", FORM, &of(&[], &[])),
        refused("as ASN.1", FORM, &forge::seal(message, &der)),
        refused("zeros as ASN.1", PSYCHIC, &forge::seal(message, [0x30, 6, 2, 1, 0, 2, 1, 0])),
        refused("another curve and hash", "RFC 8725 3.1", &forge::seal(message, p384)),
        refused("of another key", "RFC 7515 5.2", &{
            KeyPair::new("ES256").token(Scheme::P256Fixed, r#"{"alg":"ES256"}"#, honest())
        }),
        refused("alg ES384", "RFC 8725 3.1", &header("ES384")),
        refused("alg ES512", "RFC 8725 3.1", &header("ES512")),
        refused("alg ES256K", "RFC 8812 3.2", &header("ES256K")),
        refused("alg ES256 in lower case", "RFC 7515 4.1.1", &header("es256")),
        refused("alg ESP256, which JWS does not know here", "RFC 9864 2.1", &header("ESP256")),
    ]
}

#[test]
fn an_eddsa_signature_has_one_form() {
    let key = KeyPair::of_tests("ed25519");
    let target = Target::validate(&forge::pem("ed25519-public"));
    let message = forge::message(r#"{"alg":"EdDSA"}"#, honest());
    let signature = key.sign(Scheme::Ed25519, &message);
    let good = forge::seal(&message, &signature);
    let rows = eddsa(&key, &message, &signature);
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[]);
}

fn eddsa(key: &KeyPair, message: &str, signature: &[u8]) -> Vec<Attack> {
    const MALLEABLE: &str = "RFC 8032 5.1.7";
    let (r, s) = signature.split_at(32);
    let of = |r: &[u8], s: &[u8]| forge::seal(message, [r, s].concat());
    let changed = |position: usize, bit: u8| {
        let mut signature = signature.to_vec();
        signature[position] ^= bit;
        forge::seal(message, signature)
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    let header = |alg: &str| key.token(Scheme::Ed25519, &format!(r#"{{"alg":"{alg}"}}"#), honest());
    vec![
        passes("the signature as it is", &of(r, s)),
        passes("the name of RFC 9864", &header("Ed25519")),
        refused("s + L", MALLEABLE, &of(r, &plus_order(s))),
        refused("s = L", MALLEABLE, &of(r, &L)),
        refused("the lowest bit of s", MALLEABLE, &changed(32, 1)),
        refused("the highest bit of s", MALLEABLE, &changed(63, 0x80)),
        refused("the sign of R", MALLEABLE, &changed(31, 0x80)),
        refused("R the neutral element, s = 0", MALLEABLE, &of(&identity, &[0; 32])),
        refused("R and s = 0", MALLEABLE, &of(&[0; 32], &[0; 32])),
        refused("R and s swapped", "RFC 8037 3.1", &of(s, r)),
        refused("shorter by a byte", "RFC 8037 3.1", &of(r, &s[..31])),
        refused("longer by a byte", "RFC 8037 3.1", &of(r, &[s, &[0]].concat())),
        refused("nothing", "RFC 8037 3.1", &of(&[], &[])),
        refused("of another key", "RFC 7515 5.2", &{
            KeyPair::new("EdDSA").token(Scheme::Ed25519, r#"{"alg":"EdDSA"}"#, honest())
        }),
        refused("alg Ed448", "RFC 9864 2.2", &header("Ed448")),
        refused("alg ed25519", "RFC 7515 4.1.1", &header("ed25519")),
        refused("alg ES256", "RFC 8725 3.1", &header("ES256")),
    ]
}

/// `s + L`: the same point, and so the same signature to whoever does not check its range.
fn plus_order(s: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let sum = s.iter().zip(L).map(|(byte, order)| {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        carry = sum >> 8;
        u8::try_from(sum & 0xff).unwrap()
    });
    sum.collect()
}
