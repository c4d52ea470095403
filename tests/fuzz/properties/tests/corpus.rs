//! The properties hold for the whole corpus, for damaged inputs of it, and for random ones.

use fuzz_properties::{PROPERTIES, Property};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{TestError, TestRunner},
};

/// A line an input: its property, its name, and its bytes, percent-encoded.
const CORPUS: &str = include_str!("../../corpus.tsv");

/// An input of the corpus with some bytes taken out and put in.
fn damaged(corpus: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let byte = prop_oneof![any::<u8>(), b' '..=b'~'];
    let edit = (any::<Index>(), 0..3_usize, prop::collection::vec(byte, 0..3));
    let edits = prop::collection::vec(edit, 0..4);
    (prop::sample::select(corpus.to_vec()), edits).prop_map(|(mut input, edits)| {
        for (at, removed, inserted) in edits {
            let at = at.index(input.len() + 1);
            input.splice(at..input.len().min(at + removed), inserted);
        }
        input
    })
}

/// Runs the inputs that were written for a property, then changed and random ones.
fn holds_for(property: &str, holds: Property) {
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    for line in CORPUS.lines() {
        let (name, bytes) = line.split_once('\t').expect("a name and an input");
        if name.split_once('/').is_some_and(|(owner, _)| owner == property) {
            println!("{name}");
            corpus.push(percent_decode_str(bytes).collect());
            holds(&corpus[corpus.len() - 1]);
        }
    }
    assert!(corpus.len() >= 10, "{property}");
    let inputs = prop_oneof![
        6 => damaged(&corpus),
        1 => prop::collection::vec(any::<u8>(), 0..300),
        1 => ".{0,200}".prop_map(String::into_bytes),
    ];
    // A number of inputs that takes some seconds even for the slowest property.
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) };
    let outcome = TestRunner::new(config).run(&inputs, |input| {
        holds(&input);
        Ok(())
    });
    if let Err(TestError::Fail(reason, input)) = outcome {
        let input = percent_encode(&input, NON_ALPHANUMERIC);
        panic!("{reason}; to keep in tests/fuzz/corpus.tsv: {property}/NAME\t{input}");
    }
}

#[test]
fn every_property_holds_for_its_corpus_and_for_damaged_and_random_inputs() {
    let threads =
        PROPERTIES.map(|(name, holds)| std::thread::spawn(move || holds_for(name, holds)));
    let failed = threads.map(|thread| thread.join().is_err());
    assert!(!failed.contains(&true), "the inputs are above");
}
