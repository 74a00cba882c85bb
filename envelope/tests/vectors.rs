//! The committed capsule vectors: every one ends as it says, and the valid ones follow from docs/FORMAT.md.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's helpers may fail the test")]

#[path = "../vectors/check.rs"]
mod check;
#[path = "../vectors/reference.rs"]
mod reference;

use check::{Expect, Reader, Vectors, unhex};
use reference::Steps;
use std::collections::HashSet;

#[test]
fn every_vector_ends_as_it_says() {
    let vectors = Vectors::read();
    let mut reader = Reader::default();
    for vector in &vectors.vectors {
        assert_eq!(reader.open(&vectors, vector), vector.expect, "{}: {}", vector.name, vector.why);
    }
}

#[test]
fn every_field_has_its_vector() {
    let vectors = Vectors::read();
    let names: HashSet<_> = vectors.vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), vectors.vectors.len(), "names differ");
    for field in [
        "magic",
        "suite 2",
        "mode 2",
        "slot",
        "transfer_id",
        "salt",
        "not_after",
        "nonce",
        "commit",
        "ciphertext",
        "tag",
        "body type 2",
        "reserved bytes",
        "file_count",
        "identity",
        "manifest SHA-256",
        "manifest_len",
        "total_plain",
        "created",
    ] {
        assert!(names.contains(field), "no vector for {field}");
    }
}

#[test]
fn every_step_of_a_valid_vector_follows_from_the_one_before() {
    let vectors = Vectors::read();
    let valid: Vec<_> = vectors.vectors.iter().filter(|vector| vector.expect == Expect::Opens).collect();
    assert_eq!(valid.len(), 3);
    for vector in valid {
        let given = vector.steps.as_ref().expect("valid vectors show their steps");
        let h = unhex(&vector.h);
        let steps = Steps::derive(&vector.passcode.replace('-', "")[..15], &h);
        for (name, made) in
            [("a", steps.a), ("prk", steps.prk), ("key", steps.key), ("commit", steps.commit), ("proof", steps.proof)]
        {
            assert_eq!(unhex(&given[name]), made, "{}: {name}", vector.name);
        }
        let nonce: [u8; 24] = unhex(&given["nonce"]).try_into().unwrap();
        assert_eq!(steps.seal(&h, &nonce, &unhex(&given["p"])), unhex(&vector.capsule), "{}", vector.name);
    }
}
