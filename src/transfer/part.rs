//! Which bytes a part must have, and which parts a range of an object touches.

use protocol::{Problem, ProblemKind, layout};
use std::ops::Range;

/// Holds a part's number and length against its object.
///
/// # Errors
/// [`ProblemKind::PartLength`] with what would be right.
pub fn check_part(object_len: u64, n: u32, len: u64) -> Result<(), Problem> {
    let right = find_part_len(object_len, n)?;
    if right == len {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::PartLength, format!("Part {n} of this object has {right} bytes, not {len}.")))
}

/// The length that a part of an object must have.
///
/// # Errors
/// [`ProblemKind::PartLength`] if the object has no such part.
pub fn find_part_len(object_len: u64, n: u32) -> Result<u64, Problem> {
    layout::part_len(object_len, u64::from(n)).ok_or_else(|| {
        let count = layout::part_count(object_len);
        let detail = format!("This object has {count} parts, numbered from 0; there is no part {n}.");
        Problem::new(ProblemKind::PartLength, detail)
    })
}

/// What a `Range` header asks for, held against an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRange {
    /// No range, or one that may be ignored (RFC 9110 §14.2): other units, several ranges, bad syntax.
    Whole,
    /// These bytes.
    Some(Range<u64>),
    /// No byte of the object.
    Unsatisfiable,
}

/// Reads a `Range` header (RFC 9110 §14.1.2).
pub fn parse_range(header: &str, object_len: u64) -> ByteRange {
    parse_one_range(header, object_len).unwrap_or(ByteRange::Whole)
}

fn parse_one_range(header: &str, object_len: u64) -> Option<ByteRange> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    let number =
        |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u64>().ok() } else { None };
    let range = match (first, last) {
        ("", suffix) => object_len.saturating_sub(number(suffix)?)..object_len,
        (first, "") => number(first)?..object_len,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(object_len)
        }
    };
    Some(if range.is_empty() { ByteRange::Unsatisfiable } else { ByteRange::Some(range) })
}

/// A stretch within one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRange {
    /// Which part.
    pub n: u32,
    /// Bytes of it, counted from its start.
    pub bytes: Range<u64>,
}

/// The parts that hold `range`, in order, each with its share.
pub fn parts_of_range(range: Range<u64>) -> impl Iterator<Item = PartRange> {
    let mut next = range.start;
    std::iter::from_fn(move || {
        if next >= range.end {
            return None;
        }
        let n = next / layout::PART_LEN;
        let start = next % layout::PART_LEN;
        let len = (layout::PART_LEN - start).min(range.end - next);
        next += len;
        Some(PartRange { n: u32::try_from(n).ok()?, bytes: start..start + len })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use layout::PART_LEN;

    #[test]
    fn a_part_has_the_length_that_its_place_demands() {
        let object_len = 2 * PART_LEN + 100;
        for (n, len) in [(0, PART_LEN), (1, PART_LEN), (2, 100)] {
            assert!(check_part(object_len, n, len).is_ok());
            assert!(check_part(object_len, n, len - 1).is_err());
            assert!(check_part(object_len, n, len + 1).is_err());
        }
        assert!(check_part(object_len, 3, 100).unwrap_err().detail.contains("3 parts"));
        assert!(check_part(object_len, u32::MAX, 0).is_err());
    }

    #[test]
    fn ranges_read_as_rfc_9110_has_them() {
        use ByteRange::{Some, Unsatisfiable, Whole};
        for (header, range) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=0-", Some(0..100)),
            ("bytes=99-", Some(99..100)),
            ("bytes=10-19", Some(10..20)),
            ("bytes=90-1000", Some(90..100)),
            ("bytes=-1", Some(99..100)),
            ("bytes=-1000", Some(0..100)),
            ("bytes=0-18446744073709551615", Some(0..100)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=100-200", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=5-4", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("chunks=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(parse_range(header, 100), range, "{header:?}");
        }
    }

    #[test]
    fn a_range_is_cut_at_every_part_and_nowhere_else() {
        for range in [0..1, 5..PART_LEN, PART_LEN - 1..PART_LEN + 1, 0..3 * PART_LEN, PART_LEN + 7..4 * PART_LEN - 9] {
            let mut next = range.start;
            for part in parts_of_range(range.clone()) {
                assert_eq!(u64::from(part.n) * PART_LEN + part.bytes.start, next);
                assert!(part.bytes.end <= PART_LEN && !part.bytes.is_empty());
                next += part.bytes.end - part.bytes.start;
            }
            assert_eq!(next, range.end);
        }
    }
}
