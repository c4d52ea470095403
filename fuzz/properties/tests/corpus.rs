//! The properties hold for the whole corpus, for damaged inputs of it, and for random ones.

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use fuzz_properties::{PROPERTIES, Property};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{TestError, TestRunner},
};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the files in a directory, without `ending`.
fn names(directory: &Path, ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(directory).expect("a directory");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    names.map(|name| name.strip_suffix(ending).expect(ending).to_owned()).collect()
}

/// The inputs that were written for a property, by name.
fn corpus(property: &str) -> Vec<(String, Vec<u8>)> {
    let directory = fuzz().join("corpus").join(property);
    let names = names(&directory, "").into_iter();
    names.map(|name| (name.clone(), fs::read(directory.join(name)).expect("a file"))).collect()
}

#[test]
fn every_property_has_a_target_and_a_corpus() {
    let properties: BTreeSet<String> = PROPERTIES.map(|(name, _)| name.to_owned()).into();
    assert_eq!(names(&fuzz().join("fuzz_targets"), ".rs"), properties);
    assert_eq!(names(&fuzz().join("corpus"), ""), properties);
}

#[test]
fn every_property_holds_for_its_corpus() {
    let mut broken = Vec::new();
    for (property, holds) in PROPERTIES {
        let inputs = corpus(property);
        assert!(inputs.len() >= 10, "{property}");
        for (name, input) in inputs {
            if catch_unwind(AssertUnwindSafe(|| holds(&input))).is_err() {
                broken.push(format!("{property}/{name}"));
            }
        }
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

/// A number of inputs that takes some seconds even for the slowest property.
const INPUTS: u32 = 10_000;

fn holds_for(property: &str, holds: Property) {
    let corpus: Vec<Vec<u8>> = corpus(property).into_iter().map(|(_, input)| input).collect();
    let inputs = prop_oneof![
        6 => damaged(&corpus),
        1 => prop::collection::vec(any::<u8>(), 0..300),
        1 => ".{0,200}".prop_map(String::into_bytes),
    ];
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(INPUTS) };
    let outcome = TestRunner::new(config).run(&inputs, |input| {
        holds(&input);
        Ok(())
    });
    if let Err(TestError::Fail(reason, input)) = outcome {
        panic!("{reason}; to keep in corpus/{property}: {:?}", input.escape_ascii().to_string());
    }
}

macro_rules! holds_for_damaged_and_random_inputs {
    ($($property:ident)*) => {$(
        #[test]
        fn $property() {
            holds_for(stringify!($property), fuzz_properties::$property);
        }
    )*};
}

mod any_input {
    use super::holds_for;

    holds_for_damaged_and_random_inputs! {
        basic bearer jwk key_material lambda_event pem signed_token stored_hash
    }
}
