//! The properties hold for the whole corpus, and for damaged inputs of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use fuzz_properties::{PROPERTIES, Property};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// A line an input: its property, its name, and its bytes, percent-encoded.
const CORPUS: &str = include_str!("../../corpus.tsv");
/// Damaged inputs: some seconds even for the slowest property.
const DAMAGED: usize = 10_000;

/// Runs the inputs that were written for a property, then the same with some bytes taken out and put in.
fn holds_for(property: &str, holds: Property) {
    let inputs = CORPUS.lines().filter_map(|line| {
        let (name, bytes) = line.split_once('\t').expect("a name and an input");
        let of_it = name.split_once('/').is_some_and(|(owner, _)| owner == property);
        of_it.then(|| percent_decode_str(bytes).collect())
    });
    let corpus: Vec<Vec<u8>> = inputs.collect();
    assert!(corpus.len() >= 10, "{property}");
    let mut random = Rng::new();
    let damaged = std::iter::repeat_with(|| {
        let mut input = corpus[random.usize(..corpus.len())].clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=input.len());
            let to = input.len().min(at + random.usize(..3));
            let inserted: Vec<u8> = (0..random.usize(..3)).map(|_| random.u8(..)).collect();
            input.splice(at..to, inserted);
        }
        input
    });
    for input in corpus.iter().cloned().chain(damaged.take(DAMAGED)) {
        if catch_unwind(AssertUnwindSafe(|| holds(&input))).is_err() {
            let input = percent_encode(&input, NON_ALPHANUMERIC);
            panic!("to keep in tests/fuzz/corpus.tsv: {property}/NAME\t{input}");
        }
    }
}

#[test]
fn every_property_holds_for_its_corpus_and_for_damaged_inputs() {
    let threads =
        PROPERTIES.map(|(name, holds)| std::thread::spawn(move || holds_for(name, holds)));
    let failed = threads.map(|thread| thread.join().is_err());
    assert!(!failed.contains(&true), "the inputs are above");
}
