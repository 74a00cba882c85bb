//! Lengths of objects and parts (docs/FORMAT.md, "Files"): all that the server needs to know of a file's inside.

/// Plaintext bytes in every chunk but the last (age v1 payload, STREAM).
pub const CHUNK_PLAIN_LEN: u64 = 64 * 1024;

/// Bytes of the ChaCha20-Poly1305 tag that follows each chunk.
pub const TAG_LEN: u64 = 16;

/// Bytes of a sealed chunk: plaintext and tag.
pub const CHUNK_LEN: u64 = CHUNK_PLAIN_LEN + TAG_LEN;

/// Chunks uploaded together. 128 keeps a part above S3's 5 MiB minimum and far below proxies' usual 100 MB body limit.
pub const CHUNKS_PER_PART: u64 = 128;

/// Bytes of every part but an object's last: 8,390,656.
pub const PART_LEN: u64 = CHUNK_LEN * CHUNKS_PER_PART;

/// Parts an object may have; S3's limit, so that every back end can hold every object.
pub const MAX_PARTS: u64 = 10_000;

/// Length of the object that seals `plain_len` bytes: one chunk at least, also for an empty file.
pub const fn object_len(plain_len: u64) -> u64 {
    let chunks = plain_len.div_ceil(CHUNK_PLAIN_LEN);
    plain_len + TAG_LEN * if chunks == 0 { 1 } else { chunks }
}

/// Plaintext length of an object, or `None` if no file seals to that length.
pub const fn plain_len(object_len: u64) -> Option<u64> {
    if object_len < TAG_LEN || object_len > MAX_PARTS * PART_LEN {
        return None;
    }
    let chunks = object_len.div_ceil(CHUNK_LEN);
    let last_chunk = object_len - (chunks - 1) * CHUNK_LEN;
    // Only an empty file ends in an empty chunk (age v1: the last chunk may be empty only if it is the first).
    if last_chunk < TAG_LEN || (last_chunk == TAG_LEN && chunks > 1) {
        return None;
    }
    Some(object_len - chunks * TAG_LEN)
}

/// Number of parts of an object of `object_len` bytes (≥ 1 for a valid length).
pub const fn part_count(object_len: u64) -> u64 {
    object_len.div_ceil(PART_LEN)
}

/// Length of part `n` (from 0) of an object, or `None` if it has no such part.
pub const fn part_len(object_len: u64, n: u64) -> Option<u64> {
    if n >= part_count(object_len) {
        return None;
    }
    let rest = object_len - n * PART_LEN;
    Some(if rest < PART_LEN { rest } else { PART_LEN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_length_is_the_published_one() {
        assert_eq!(PART_LEN, 8_390_656);
    }

    #[test]
    fn every_plain_length_around_a_boundary_reads_back_from_its_object_length() {
        let near = |x: u64| x.saturating_sub(2)..=x + 2;
        for base in [0, CHUNK_PLAIN_LEN, 2 * CHUNK_PLAIN_LEN, CHUNK_PLAIN_LEN * CHUNKS_PER_PART, 20 << 30] {
            for plain in near(base) {
                assert_eq!(plain_len(object_len(plain)), Some(plain), "plain length {plain}");
            }
        }
    }

    #[test]
    fn lengths_that_no_file_seals_to_are_refused() {
        for len in [0, 15, CHUNK_LEN + 1, CHUNK_LEN + 16, 2 * CHUNK_LEN + 16, MAX_PARTS * PART_LEN + 1] {
            assert_eq!(plain_len(len), None, "object length {len}");
        }
    }

    #[test]
    fn parts_add_up_to_the_object() {
        for len in [16, PART_LEN - 1, PART_LEN, PART_LEN + 17, 5 * PART_LEN + 40_000] {
            let sum: u64 = (0..part_count(len)).filter_map(|n| part_len(len, n)).sum();
            assert_eq!(sum, len);
            assert_eq!(part_len(len, part_count(len)), None);
        }
    }
}
