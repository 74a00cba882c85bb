//! What must hold for every input: exhaustive where that is quick, sampled elsewhere.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use envelope::age::{self, CHUNK_LEN, CHUNK_PLAIN_LEN, HEAD_LEN, Head, Identity, PART_LEN, PART_PLAIN_LEN, Payload};
use envelope::capsule::H_LEN;
use envelope::manifest::Sender;
use envelope::{Damaged, FileDetails, ObjectEntry, Opening, Sealed, Sealing, SealingDetails};
use proptest::prelude::*;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// Lengths at and around the borders of chunks.
fn lengths() -> impl Strategy<Value = usize> {
    let border = (0..=3_usize, -2..=2_isize).prop_map(|(n, d)| (n * CHUNK_PLAIN_LEN).saturating_add_signed(d));
    prop_oneof![border, 0..4 * CHUNK_PLAIN_LEN]
}

fn payload_of(identity: &Identity, head: &Head, len: usize) -> Payload {
    Payload::new(&head.open(identity).unwrap(), len as u64).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_was_sealed_opens(len in lengths()) {
        let identity = Identity::make().unwrap();
        let file = age::seal(&identity.derive_recipient(), &pattern(len)).unwrap();
        prop_assert_eq!(file.len() as u64, HEAD_LEN as u64 + age::object_len(len as u64));
        prop_assert_eq!(age::open(&identity, &file), Ok(pattern(len)));
    }

    #[test]
    fn a_chunk_opened_alone_equals_the_whole(len in lengths(), at in any::<prop::sample::Index>()) {
        let identity = Identity::make().unwrap();
        let file = age::seal(&identity.derive_recipient(), &pattern(len)).unwrap();
        let (head, object) = file.split_first_chunk::<HEAD_LEN>().unwrap();
        let payload = payload_of(&identity, &Head::parse(head).unwrap(), len);
        let i = at.index(object.chunks(CHUNK_LEN).count());
        let mut chunk = object.chunks(CHUNK_LEN).nth(i).unwrap().to_vec();
        let moved = chunk.clone();
        payload.open_chunk(i as u64, &mut chunk).unwrap();
        prop_assert_eq!(chunk, &pattern(len)[i * CHUNK_PLAIN_LEN..len.min((i + 1) * CHUNK_PLAIN_LEN)]);
        for other in [i.wrapping_sub(1), i + 1] {
            prop_assert_eq!(payload.open_chunk(other as u64, &mut moved.clone()), Err(Damaged));
        }
    }

    #[test]
    fn any_bit_flipped_in_a_payload_is_found(len in lengths(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let identity = Identity::make().unwrap();
        let mut file = age::seal(&identity.derive_recipient(), &pattern(len)).unwrap();
        let at = HEAD_LEN + at.index(file.len() - HEAD_LEN);
        file[at] ^= 1_u8 << bit;
        prop_assert_eq!(age::open(&identity, &file), Err(Damaged));
    }

    #[test]
    fn a_file_cut_or_extended_anywhere_is_found(len in lengths(), at in any::<prop::sample::Index>(), more in 1..40_usize) {
        let identity = Identity::make().unwrap();
        let file = age::seal(&identity.derive_recipient(), &pattern(len)).unwrap();
        prop_assert_eq!(age::open(&identity, &file[..at.index(file.len())]), Err(Damaged));
        prop_assert_eq!(age::open(&identity, &[file, vec![0; more]].concat()), Err(Damaged));
    }

    #[test]
    fn chunks_in_another_order_are_found(chunks in 2..5_usize, one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()) {
        let identity = Identity::make().unwrap();
        let file = age::seal(&identity.derive_recipient(), &pattern(chunks * CHUNK_PLAIN_LEN)).unwrap();
        let (one, other) = (one.index(chunks), other.index(chunks));
        prop_assume!(one != other);
        let mut order: Vec<usize> = (0..chunks).collect();
        order.swap(one, other);
        let object: Vec<&[u8]> = file[HEAD_LEN..].chunks(CHUNK_LEN).collect();
        let mixed: Vec<u8> = order.into_iter().flat_map(|i| object[i].to_vec()).collect();
        prop_assert_eq!(age::open(&identity, &[&file[..HEAD_LEN], &mixed].concat()), Err(Damaged));
    }

    #[test]
    fn a_header_that_parses_is_written_back_the_same(header in "age-encryption.org/v1\n(-> [!-~]{1,9}( [!-~]{1,9}){0,3}\n([A-Za-z0-9+/]{64}\n){0,2}[A-Za-z0-9+/]{0,63}\n){0,3}--- [A-Za-z0-9+/]{43}\n") {
        if let Ok((parsed, rest)) = age::Header::parse(header.as_bytes()) {
            prop_assert!(rest.is_empty());
            prop_assert_eq!(parsed.to_bytes(), header.as_bytes());
        }
    }

    #[test]
    fn lengths_and_object_lengths_agree(len in 0..age::MAX_PLAIN_LEN, object_len in any::<u64>()) {
        prop_assert_eq!(age::plain_len(age::object_len(len)), Some(len));
        if let Some(plain_len) = age::plain_len(object_len) {
            prop_assert_eq!(age::object_len(plain_len), object_len);
        }
    }
}

#[test]
fn parts_of_a_long_file_are_sealed_and_opened_in_any_order() {
    let identity = Identity::make().unwrap();
    let (head, key) = Head::make(&identity.derive_recipient()).unwrap();
    let plain = pattern(2 * PART_PLAIN_LEN + 100_000);
    let sealing = Payload::new(&key, plain.len() as u64).unwrap();
    let mut parts: Vec<Vec<u8>> = plain.chunks(PART_PLAIN_LEN).map(<[u8]>::to_vec).collect();
    for n in [2, 0, 1] {
        sealing.seal_part(n as u64, &mut parts[n]).unwrap();
    }
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [PART_LEN, PART_LEN, 100_032]);
    let file = [head.as_bytes(), parts.concat().as_slice()].concat();
    assert!(age::open(&identity, &file).unwrap() == plain, "head ‖ object is a whole age file");
    let opening = payload_of(&identity, &head, plain.len());
    for n in [1, 2, 0] {
        opening.open_part(n as u64, &mut parts[n]).unwrap();
    }
    assert!(parts.concat() == plain);
}

#[test]
fn every_one_bit_flip_in_a_head_and_every_truncation_is_found() {
    let identity = Identity::make().unwrap();
    let file = age::seal(&identity.derive_recipient(), b"").unwrap();
    for bit in 0..HEAD_LEN * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(age::open(&identity, &flipped), Err(Damaged), "bit {bit}");
    }
    for len in 0..file.len() {
        assert_eq!(age::open(&identity, &file[..len]), Err(Damaged), "cut to {len} bytes");
    }
}

/// One sealed transfer, its opening, and its only object.
fn small_transfer() -> (Sealed, Opening, Vec<ObjectEntry>) {
    let mut sealing = Sealing::make().unwrap();
    sealing.add_file(1).unwrap();
    sealing.seal_part(0, 0, &mut vec![1]).unwrap();
    let object = ObjectEntry { object_id: *sealing.object_id(0).unwrap(), object_len: 17 };
    let details = SealingDetails {
        not_after: 2,
        created: 1,
        sender: Sender { name: "A".into(), email: "a@b.example".into() },
        message: String::new(),
        files: vec![FileDetails { name: "a".into(), media_type: String::new() }],
    };
    let sealed = sealing.finish(details).unwrap();
    let h = &sealed.capsule[..H_LEN];
    let opening = Opening::derive(sealing.passcode(), sealing.transfer_id(), h).unwrap();
    for bit in (0..10 * 8).chain(12 * 8..28 * 8) {
        let mut flipped = h.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Opening::derive(sealing.passcode(), sealing.transfer_id(), &flipped).is_err(), "bit {bit} of H");
    }
    (sealed, opening, vec![object])
}

#[test]
fn every_one_bit_flip_in_capsule_and_manifest_and_every_truncation_is_found() {
    let (sealed, opening, objects) = small_transfer();
    let unlock = |capsule: &[u8], manifest: &[u8]| opening.unlock(capsule, manifest, &objects).map(|_| ());
    assert_eq!(unlock(&sealed.capsule, &sealed.manifest), Ok(()));
    for bit in 0..sealed.capsule.len() * 8 {
        let mut flipped = sealed.capsule;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unlock(&flipped, &sealed.manifest), Err(Damaged), "bit {bit} of the capsule");
    }
    for len in 0..sealed.capsule.len() {
        assert_eq!(unlock(&sealed.capsule[..len], &sealed.manifest), Err(Damaged), "capsule cut to {len} bytes");
    }
    for bit in 0..sealed.manifest.len() * 8 {
        let mut flipped = sealed.manifest.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unlock(&sealed.capsule, &flipped), Err(Damaged), "bit {bit} of the manifest");
    }
    for len in 0..sealed.manifest.len() {
        assert_eq!(unlock(&sealed.capsule, &sealed.manifest[..len]), Err(Damaged), "manifest cut to {len} bytes");
    }
}
