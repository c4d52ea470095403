//! The properties hold for the whole corpus, for damaged inputs of it, and for random ones.

use std::panic::catch_unwind;

use fuzz_properties::{PROPERTIES, Property};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{TestError, TestRunner},
};

/// A line an input: its property, its name, and its bytes, percent-encoded.
const CORPUS: &str = include_str!("../../corpus.tsv");

/// The inputs that were written for a property, by name.
fn corpus(property: &str) -> Vec<(&'static str, Vec<u8>)> {
    let input = |line: &'static str| {
        let (name, bytes) = line.split_once('\t').expect("a name and an input");
        let (owner, name) = name.split_once('/').expect("a property and a name");
        (owner == property).then(|| (name, percent_decode_str(bytes).collect()))
    };
    CORPUS.lines().filter_map(input).collect()
}

#[test]
fn every_property_holds_for_its_corpus() {
    let mut broken = Vec::new();
    for (property, holds) in PROPERTIES {
        let inputs = corpus(property);
        assert!(inputs.len() >= 10, "{property}");
        let fails = |(_, input): &(_, Vec<u8>)| catch_unwind(|| holds(input)).is_err();
        broken
            .extend(inputs.into_iter().filter(fails).map(|(name, _)| format!("{property}/{name}")));
    }
    assert!(broken.is_empty(), "{broken:?}");
}

/// An input of the corpus with some bytes changed, taken out or put in, or its tail taken
/// from another one.
fn damaged(corpus: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let one = prop::sample::select(corpus.to_vec());
    let edit = (any::<Index>(), prop_oneof![any::<u8>(), b' '..=b'~'], 0..3_u8);
    let edits = prop::collection::vec(edit, 0..4);
    let tail = prop::option::weighted(0.2, (any::<Index>(), one.clone()));
    (one, edits, tail).prop_map(|(mut input, edits, tail)| {
        if let Some((at, other)) = tail {
            let at = at.index(input.len().min(other.len()) + 1);
            input.truncate(at);
            input.extend_from_slice(&other[at..]);
        }
        for (at, byte, kind) in edits {
            let at = at.index(input.len() + 1);
            match kind {
                0 if at < input.len() => input[at] = byte,
                1 if at < input.len() => drop(input.remove(at)),
                _ => input.insert(at, byte),
            }
        }
        input
    })
}

fn holds_for(property: &str, holds: Property) {
    let corpus: Vec<Vec<u8>> = corpus(property).into_iter().map(|(_, input)| input).collect();
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
fn every_property_holds_for_damaged_and_random_inputs() {
    let threads =
        PROPERTIES.map(|(name, holds)| std::thread::spawn(move || holds_for(name, holds)));
    let failed = threads.map(|thread| thread.join().is_err());
    assert!(!failed.contains(&true), "the inputs are above");
}
