//! Checks the properties with the corpus and with random mutations of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use fuzz_properties::{PROPERTIES, Property};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// One input per line: its property, its name, and its bytes, percent-encoded.
const CORPUS: &str = include_str!("../../corpus.tsv");
/// The number of mutations: a few seconds for the slowest property.
const MUTATIONS: usize = 10_000;

/// Runs a property with its inputs of the corpus, then with mutations: bytes removed and inserted.
fn run(property: &str, check: Property) {
    let inputs = CORPUS.lines().filter_map(|line| {
        let (name, bytes) = line.split_once('\t').expect("a name and an input");
        let is_own = name.split_once('/').is_some_and(|(owner, _)| owner == property);
        is_own.then(|| percent_decode_str(bytes).collect())
    });
    let corpus: Vec<Vec<u8>> = inputs.collect();
    assert!(corpus.len() >= 10, "{property}");
    let mut random = Rng::new();
    let mutations = std::iter::repeat_with(|| {
        let mut input = corpus[random.usize(..corpus.len())].clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=input.len());
            let to = input.len().min(at + random.usize(..3));
            let inserted: Vec<u8> = (0..random.usize(..3)).map(|_| random.u8(..)).collect();
            input.splice(at..to, inserted);
        }
        input
    });
    for input in corpus.iter().cloned().chain(mutations.take(MUTATIONS)) {
        if catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
            let input = percent_encode(&input, NON_ALPHANUMERIC);
            panic!("add this line to tests/fuzz/corpus.tsv: {property}/NAME\t{input}");
        }
    }
}

#[test]
fn every_property_holds_for_its_corpus_and_for_mutations() {
    let threads = PROPERTIES.map(|(name, check)| std::thread::spawn(move || run(name, check)));
    let failed = threads.map(|thread| thread.join().is_err());
    assert!(!failed.contains(&true), "the inputs are above");
}
