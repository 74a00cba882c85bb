//! docs/ASVS.md answers the whole standard, and names only what is there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::test_names;

const DOCUMENT: &str = include_str!("../../docs/ASVS.md");

/// Chapter, section, and how many requirements of levels 1 and 2 it has; they are numbered from 1 (OWASP ASVS 5.0.0).
const SECTIONS: [(u8, u8, u8); 75] = [
    (1, 1, 2),
    (1, 2, 9),
    (1, 3, 11),
    (1, 4, 3),
    (1, 5, 2),
    (2, 1, 3),
    (2, 2, 3),
    (2, 3, 4),
    (2, 4, 1),
    (3, 2, 2),
    (3, 3, 4),
    (3, 4, 6),
    (3, 5, 5),
    (3, 7, 2),
    (4, 1, 3),
    (4, 2, 1),
    (4, 3, 2),
    (4, 4, 4),
    (5, 1, 1),
    (5, 2, 3),
    (5, 3, 2),
    (5, 4, 3),
    (6, 1, 3),
    (6, 2, 12),
    (6, 3, 4),
    (6, 4, 4),
    (6, 5, 5),
    (6, 6, 3),
    (6, 8, 4),
    (7, 1, 3),
    (7, 2, 4),
    (7, 3, 2),
    (7, 4, 5),
    (7, 5, 2),
    (7, 6, 2),
    (8, 1, 2),
    (8, 2, 3),
    (8, 3, 1),
    (8, 4, 1),
    (9, 1, 3),
    (9, 2, 4),
    (10, 1, 2),
    (10, 2, 2),
    (10, 3, 4),
    (10, 4, 11),
    (10, 5, 5),
    (10, 6, 2),
    (10, 7, 3),
    (11, 1, 2),
    (11, 2, 3),
    (11, 3, 3),
    (11, 4, 4),
    (11, 5, 1),
    (11, 6, 1),
    (12, 1, 3),
    (12, 2, 2),
    (12, 3, 4),
    (13, 1, 1),
    (13, 2, 5),
    (13, 3, 2),
    (13, 4, 5),
    (14, 1, 2),
    (14, 2, 4),
    (14, 3, 3),
    (15, 1, 3),
    (15, 2, 3),
    (15, 3, 7),
    (16, 1, 1),
    (16, 2, 5),
    (16, 3, 4),
    (16, 4, 3),
    (16, 5, 3),
    (17, 1, 1),
    (17, 2, 4),
    (17, 3, 2),
];

/// The cells of every row of the tables.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    DOCUMENT.lines().filter(|line| line.starts_with("| V")).map(|line| line.split('|').map(str::trim).collect())
}

/// `V1.2.3`, in three numbers.
fn parse(requirement: &str) -> (u8, u8, u8) {
    let numbers: Vec<u8> =
        requirement.trim_start_matches('V').split('.').map(|number| number.parse().unwrap()).collect();
    (numbers[0], numbers[1], numbers[2])
}

/// `V1.2.3, V1.2.5 – V1.2.7`, one by one.
fn expand(cell: &str) -> Vec<(u8, u8, u8)> {
    let mut all = Vec::new();
    for piece in cell.split(", ") {
        let (first, last) = piece.split_once(" – ").unwrap_or((piece, piece));
        let ((chapter, section, from), (_, _, to)) = (parse(first), parse(last));
        assert_eq!((chapter, section), (parse(last).0, parse(last).1), "{piece} leaves its section");
        all.extend((from..=to).map(|number| (chapter, section, number)));
    }
    all
}

#[test]
fn every_requirement_of_the_standard_is_answered_once() {
    let mut answered: Vec<(u8, u8, u8)> = rows().flat_map(|row| expand(row[1])).collect();
    answered.sort_unstable();
    let wanted: Vec<(u8, u8, u8)> = SECTIONS
        .iter()
        .flat_map(|&(chapter, section, count)| (1..=count).map(move |number| (chapter, section, number)))
        .collect();
    assert_eq!(answered, wanted);
}

#[test]
fn every_kept_requirement_names_a_test_and_every_named_place_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: BTreeSet<String> = test_names::all();
    for row in rows() {
        let (requirement, stance, how, place) = (row[1], row[2], row[3], row[4]);
        assert!(["kept", "by construction", "yours", "deviates", "none"].contains(&stance), "{requirement}: {stance}");
        assert!(!how.is_empty(), "{requirement} says nothing");
        let named: Vec<&str> = place.split('`').skip(1).step_by(2).collect();
        let (named_tests, places): (Vec<&str>, Vec<&str>) =
            named.iter().partition(|name| name.matches('_').count() > 2 && !name.contains('/'));
        for name in &named_tests {
            assert!(tests.contains(*name), "{requirement} names {name}, which is no test");
        }
        for name in places {
            assert!(root.join(name).exists(), "{requirement} names {name}, which is not there");
        }
        assert!(stance != "kept" || !named_tests.is_empty(), "{requirement} is called kept, and no test keeps it");
    }
}
