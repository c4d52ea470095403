//! Signatures of key pairs that are none: RS256, ES256 and `EdDSA`.

use serde_json::json;
use shared::token::InvalidToken::{UnknownKey, UnsupportedHeader, WrongSignature};
use system_tests::forge::{self, KeyPair, Scheme};

use crate::{
    table::{
        Expected::{Passes, Refused},
        Family,
    },
    target::honest,
};

/// Algorithm, the file of the key, and how it signs.
pub(crate) const PAIRS: [(&str, &str, Scheme); 3] = [
    ("RS256", "rsa-2048", Scheme::Pkcs1Sha256),
    ("ES256", "p256", Scheme::P256Fixed),
    ("EdDSA", "ed25519", Scheme::Ed25519),
];

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

/// A signature by one of [`PAIRS`], and attacks on its form.
struct Signature {
    key: KeyPair,
    scheme: Scheme,
    message: String,
    bytes: Vec<u8>,
    family: Family,
}

impl Signature {
    fn of((algorithm, file, scheme): (&str, &str, Scheme)) -> Self {
        let key = KeyPair::of_tests(file);
        let message = forge::message(header(algorithm), honest());
        let bytes = key.sign(scheme, &message);
        let public = forge::pem(&format!("{file}-public"));
        let mut family = Family::new(public, forge::seal(&message, &bytes));
        let stranger = KeyPair::new(algorithm).token(scheme, &header(algorithm), honest());
        family.tokens("RFC 7515 5.2", Refused(WrongSignature), [("another key", stranger)]);
        let again = key.token(scheme, &header(algorithm), honest());
        family.tokens("control", Passes, [("another signature of the key", again)]);
        Self { key, scheme, message, bytes, family }
    }

    /// Signatures of the message that are none.
    fn wrong<const N: usize>(&mut self, source: &'static str, rows: [(&str, Vec<u8>); N]) {
        let rows = rows.map(|(name, bytes)| (name, forge::seal(&self.message, bytes)));
        self.family.tokens(source, Refused(WrongSignature), rows);
    }

    /// The right signature under other names of algorithms.
    fn unsupported<const N: usize>(&mut self, source: &'static str, names: [&str; N]) {
        let token = |name| (name, self.key.token(self.scheme, &header(name), honest()));
        self.family.tokens(source, Refused(UnsupportedHeader), names.map(token));
    }
}

pub(crate) fn header(algorithm: &str) -> String {
    json!({ "alg": algorithm }).to_string()
}

pub(crate) fn rsa() -> Family {
    const PINNED: &str = "RFC 8725 3.1";
    let mut attacked = Signature::of(PAIRS[0]);
    let signature = attacked.bytes.clone();
    let [mut changed, mut one] = [signature.clone(), vec![0; 256]];
    changed[255] ^= 1;
    one[255] = 1;
    attacked.wrong(
        "RFC 8017 8.2.2",
        [
            ("the last bit changed", changed),
            ("shorter by a byte", signature[..255].to_vec()),
            ("a zero before it", [&[0], &signature[..]].concat()),
            ("a byte behind it", [&signature[..], &[0]].concat()),
            ("the number 0", vec![0; 256]),
            ("the number 1", one),
            ("the highest number", vec![0xff; 256]),
            ("nothing", vec![]),
        ],
    );
    let modulus = attacked.key.public_jwk()["n"].as_str().unwrap().to_owned();
    let modulus = [("the modulus", format!("{}.{modulus}", attacked.message))];
    attacked.family.tokens("RFC 8017 8.2.2", Refused(WrongSignature), modulus);
    for (scheme, own) in [
        (Scheme::Pkcs1Sha384, "RS384"),
        (Scheme::Pkcs1Sha512, "RS512"),
        (Scheme::PssSha256, "PS256"),
    ] {
        let token = |name| attacked.key.token(scheme, &header(name), honest());
        let [pinned, honest] = [token("RS256"), token(own)];
        attacked.family.tokens(PINNED, Refused(WrongSignature), [(own, pinned)]);
        attacked.family.tokens(PINNED, Refused(UnsupportedHeader), [(own, honest)]);
    }
    attacked.unsupported(PINNED, ["PS256", "RS384", "RS1", "rs256"]);
    attacked.family
}

pub(crate) fn es256() -> Family {
    const FORM: &str = "RFC 7518 3.4";
    let mut attacked = Signature::of(PAIRS[1]);
    let signature = attacked.bytes.clone();
    let (r, s) = signature.split_at(32);
    let [zero, mut one, mut less] = [[0; 32], [0; 32], N];
    one[31] = 1;
    less[31] -= 1;
    let pair = |r: &[u8], s: &[u8]| [r, s].concat();
    attacked.wrong(
        "CVE-2022-21449, FIPS 186-5 6.4.2",
        [
            ("r = s = 0", pair(&zero, &zero)),
            ("r = 0", pair(&zero, s)),
            ("s = 0", pair(r, &zero)),
            ("r = s = 1", pair(&one, &one)),
            ("r = n", pair(&N, s)),
            ("s = n", pair(r, &N)),
            ("r = s = n", pair(&N, &N)),
            ("r = s = n - 1", pair(&less, &less)),
            ("r = n, s = 0", pair(&N, &zero)),
            ("r and s the highest numbers", vec![0xff; 64]),
            ("zeros as ASN.1", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
        ],
    );
    let der = attacked.key.sign(Scheme::P256Der, &attacked.message);
    let p384 = KeyPair::of_tests("p384").sign(Scheme::P384Fixed, &attacked.message);
    attacked.wrong(
        FORM,
        [
            ("s is r", pair(r, r)),
            ("r and s swapped", pair(s, r)),
            ("r alone", r.to_vec()),
            ("s shorter by its last byte", pair(r, &s[..31])),
            ("a byte behind s", [r, s, &[0]].concat()),
            ("a zero before r and before s", [&[0], r, &[0], s].concat()),
            ("nothing", vec![]),
            ("as ASN.1", der),
            ("another curve and hash", p384),
        ],
    );
    attacked.unsupported("RFC 8725 3.1", ["ES384", "ES512", "ES256K", "es256", "ESP256"]);
    attacked.family
}

pub(crate) fn eddsa() -> Family {
    const FORM: &str = "RFC 8037 3.1";
    let mut attacked = Signature::of(PAIRS[2]);
    let signature = attacked.bytes.clone();
    let (r, s) = signature.split_at(32);
    let pair = |r: &[u8], s: &[u8]| [r, s].concat();
    let changed = |position: usize, bit: u8| {
        let mut signature = signature.clone();
        signature[position] ^= bit;
        signature
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    attacked.wrong(
        "RFC 8032 5.1.7",
        [
            ("s + L", pair(r, &plus_order(s))),
            ("s = L", pair(r, &L)),
            ("the lowest bit of s", changed(32, 1)),
            ("the highest bit of s", changed(63, 0x80)),
            ("the sign of R", changed(31, 0x80)),
            ("R the neutral element, s = 0", pair(&identity, &[0; 32])),
            ("R and s = 0", vec![0; 64]),
        ],
    );
    attacked.wrong(
        FORM,
        [
            ("R and s swapped", pair(s, r)),
            ("shorter by a byte", signature[..63].to_vec()),
            ("longer by a byte", [r, s, &[0]].concat()),
            ("nothing", vec![]),
        ],
    );
    attacked.unsupported("RFC 9864 2.2, RFC 7515 4.1.1", ["Ed448", "ed25519"]);
    let token = |name| (name, attacked.key.token(Scheme::Ed25519, &header(name), honest()));
    let [second_name, another] = [token("Ed25519"), token("ES256")];
    attacked.family.tokens("control", Passes, [second_name]);
    attacked.family.tokens("RFC 8725 3.1", Refused(UnknownKey), [another]);
    attacked.family
}

/// `s + L`: the same point, and so the same signature to a verifier that does not check the range.
fn plus_order(s: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let sum = s.iter().zip(L).map(|(byte, order)| {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        carry = sum >> 8;
        u8::try_from(sum & 0xff).unwrap()
    });
    sum.collect()
}
