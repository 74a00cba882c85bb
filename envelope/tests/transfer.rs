//! A whole transfer through the public door: what is enforced, and what a changed transfer comes to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail the test")]

use envelope::age::{self, Identity, PART_PLAIN_LEN};
use envelope::capsule::{H_LEN, Keys, Preamble, Unsupported};
use envelope::manifest::{File, Manifest, Sender};
use envelope::{
    Damaged, FileDetails, ObjectEntry, Opening, PartOpener, Passcode, SealError, Sealed, Sealing, SealingDetails,
};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

const NOT_AFTER: u64 = 1_800_000_000;
const CREATED: u64 = 1_790_000_000;
const LONG: usize = PART_PLAIN_LEN + 70_000;

fn details(names: &[&str]) -> SealingDetails {
    SealingDetails {
        not_after: NOT_AFTER,
        created: CREATED,
        sender: Sender { name: "Dr. Ana Ruiz".into(), email: "ana@clinic.example".into() },
        message: "Please compare with 2024. 🩻".into(),
        files: names.iter().map(|name| FileDetails { name: (*name).into(), media_type: "image/png".into() }).collect(),
    }
}

/// A transfer as the server would hold it, and its passcode.
struct Held {
    passcode: String,
    transfer_id: [u8; 16],
    sealed: Sealed,
    objects: Vec<ObjectEntry>,
    /// For each file, its parts.
    parts: Vec<Vec<Vec<u8>>>,
}

impl Held {
    fn seal(files: &[(&str, &[u8])]) -> Self {
        let mut sealing = Sealing::make().unwrap();
        let (mut objects, mut parts) = (Vec::new(), Vec::new());
        for (i, (_, plain)) in files.iter().enumerate() {
            assert_eq!(sealing.add_file(plain.len() as u64).unwrap(), i);
            let (object_id, object_len) = (*sealing.object_id(i).unwrap(), sealing.object_len(i).unwrap());
            objects.push(ObjectEntry { object_id, object_len });
            let plain_part = |n: u64| {
                let start = n as usize * PART_PLAIN_LEN;
                plain[start..plain.len().min(start + PART_PLAIN_LEN)].to_vec()
            };
            let sealed_parts = (0..sealing.part_count(i).unwrap()).map(|n| {
                let mut part = plain_part(n);
                sealing.seal_part(i, n, &mut part).map(|()| part)
            });
            parts.push(sealed_parts.collect::<Result<Vec<_>, _>>().unwrap());
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        let sealed = sealing.finish(details(&names)).unwrap();
        let passcode = sealing.passcode().to_text().to_string();
        Self { passcode, transfer_id: *sealing.transfer_id(), sealed, objects, parts }
    }

    fn opening(&self) -> Opening {
        let passcode = Passcode::parse(&self.passcode).unwrap();
        Opening::derive(&passcode, &self.transfer_id, &self.sealed.capsule[..H_LEN]).unwrap()
    }
}

/// One transfer for all tests that only read it: Argon2id runs once.
static TWO_FILES: LazyLock<(Held, Opening)> = LazyLock::new(|| {
    let held = Held::seal(&[("../scan.png", &vec![7; LONG]), ("scan.png", b"")]);
    let opening = held.opening();
    (held, opening)
});

#[test]
fn what_was_sealed_opens_in_any_order_and_is_complete_only_at_the_end() {
    let (held, opening) = &*TWO_FILES;
    assert!(held.sealed.proof.equals(opening.proof().as_bytes()));
    let mut opened = opening.unlock(&held.sealed.capsule, &held.sealed.manifest, &held.objects).unwrap();
    let contents = opened.contents();
    assert_eq!((contents.created, contents.total_plain), (CREATED, LONG as u64));
    assert_eq!(contents.sender.name, "Dr. Ana Ruiz");
    assert_eq!(contents.message, "Please compare with 2024. 🩻");
    assert_eq!(contents.files.iter().map(|file| &file.name).collect::<Vec<_>>(), ["scan.png", "scan (2).png"]);
    assert_eq!((opened.part_count(0), opened.part_count(1), opened.part_count(2)), (Ok(2), Ok(1), Err(Damaged)));
    for n in [1, 0] {
        assert!(!opened.is_verified(0));
        let mut part = held.parts[0][n].clone();
        opened.open_part(0, n as u64, &mut part).unwrap();
        assert!(part.iter().all(|byte| *byte == 7));
        assert_eq!(part.len(), [PART_PLAIN_LEN, 70_000][n]);
    }
    assert!(opened.is_verified(0) && !opened.is_verified(1) && !opened.is_verified(2));
}

#[test]
fn a_part_opened_elsewhere_counts_only_with_its_own_voucher() {
    let (held, opening) = &*TWO_FILES;
    let mut opened = opening.unlock(&held.sealed.capsule, &held.sealed.manifest, &held.objects).unwrap();
    let elsewhere = |index| PartOpener::parse(&*opened.part_opener(index).unwrap().to_bytes()).unwrap();
    let openers = [elsewhere(0), elsewhere(1)];
    let voucher = |index: usize, n: usize| {
        let mut part = held.parts[index][n].clone();
        *openers[index].open_part(n as u64, &mut part).unwrap().as_bytes()
    };
    let (first, last, other) = (voucher(0, 0), voucher(0, 1), voucher(1, 0));
    let mut flipped = last;
    flipped[31] ^= 1;
    for (index, n, wrong) in
        [(0, 0, last), (0, 1, first), (0, 0, other), (1, 0, first), (0, 1, flipped), (0, 1, [0; 32])]
    {
        assert_eq!(opened.accept(index, n, &wrong), Err(Damaged), "file {index}, part {n}");
    }
    assert_eq!(opened.accept(0, 2, &last), Err(Damaged));
    assert_eq!(opened.accept(2, 0, &first), Err(Damaged));
    // The same part twice is one part.
    opened.accept(0, 0, &first).unwrap();
    opened.accept(0, 0, &first).unwrap();
    assert!(!opened.is_verified(0));
    opened.accept(0, 1, &last).unwrap();
    assert!(opened.is_verified(0) && !opened.is_verified(1));

    // What does not open leaves nothing, and no voucher.
    let mut swapped = held.parts[0][1].clone();
    assert!(openers[0].open_part(0, &mut swapped).is_err() && swapped.is_empty());
    assert!(PartOpener::parse(&opened.part_opener(0).unwrap().to_bytes()[..39]).is_err());
}

#[test]
fn nothing_secret_or_sealed_shows_itself_in_debug() {
    let (held, opening) = &*TWO_FILES;
    let opened = opening.unlock(&held.sealed.capsule, &held.sealed.manifest, &held.objects).unwrap();
    let shown = format!("{opening:?} {opened:?} {:?} {:?}", opened.contents(), details(&["scan.png"]));
    for canary in ["scan", "Ruiz", "clinic", "compare", "image/png"] {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
    let identity = Identity::from_bytes([77; 32]);
    let sealing = Sealing::make().unwrap();
    let shown = format!("{identity:?} {:?} {sealing:?} {:?}", identity.derive_recipient(), held.sealed.proof);
    assert!(!shown.contains("77, 77") && !shown.contains(sealing.passcode().symbols().as_str()));
    assert_eq!(shown.matches("redacted").count(), 6, "{shown}");
}

#[test]
fn a_part_that_is_swapped_cut_extended_or_repeated_is_damaged() {
    let (held, opening) = &*TWO_FILES;
    let mut opened = opening.unlock(&held.sealed.capsule, &held.sealed.manifest, &held.objects).unwrap();
    let (first, last) = (&held.parts[0][0], &held.parts[0][1]);
    let cut = |part: &[u8], by: usize| part[..part.len() - by].to_vec();
    let without_last_chunk = last[..age::CHUNK_LEN].to_vec();
    for (file, n, wrong) in [
        (0, 0, last.clone()),
        (0, 1, first.clone()),
        (0, 2, last.clone()),
        (1, 0, last.clone()),
        (2, 0, first.clone()),
        (0, 1, without_last_chunk),
        (0, 1, cut(last, 1)),
        (0, 0, cut(first, age::CHUNK_LEN)),
        (0, 1, [last.as_slice(), &[0]].concat()),
        (0, 1, held.parts[1][0].clone()),
        (1, 0, Vec::new()),
        (0, u64::MAX, first.clone()),
    ] {
        let mut part = wrong;
        assert_eq!(opened.open_part(file, n, &mut part), Err(Damaged), "file {file}, part {n}");
        assert!(part.is_empty(), "nothing of a damaged part is handed out");
    }
    assert!(!opened.is_verified(0) && !opened.is_verified(1));
}

#[test]
fn each_part_is_sealed_once() {
    let mut sealing = Sealing::make().unwrap();
    sealing.add_file(3).unwrap();
    let mut wrong = vec![1, 2];
    assert_eq!(sealing.seal_part(0, 0, &mut wrong), Err(SealError::PartLength { expected: 3, given: 2 }));
    assert_eq!(wrong, [1, 2], "a refused part is untouched");
    assert_eq!(sealing.seal_part(0, 1, &mut wrong), Err(SealError::NoSuchPart));
    assert_eq!(sealing.seal_part(1, 0, &mut wrong), Err(SealError::NoSuchFile));
    assert_eq!(sealing.seal_part(0, 0, &mut vec![1, 2, 3]), Ok(()));
    assert_eq!(sealing.seal_part(0, 0, &mut vec![1, 2, 3]), Err(SealError::AlreadySealed));
}

#[test]
fn nothing_is_finished_before_every_part_is_sealed_and_only_once() {
    let mut sealing = Sealing::make().unwrap();
    assert_eq!(sealing.finish(details(&[])).unwrap_err(), SealError::FileCount);
    sealing.add_file(1).unwrap();
    assert_eq!(sealing.finish(details(&["a", "b"])).unwrap_err(), SealError::FileCount);
    assert_eq!(sealing.finish(details(&["a"])).unwrap_err(), SealError::NotComplete);
    sealing.seal_part(0, 0, &mut vec![9]).unwrap();
    let too_long = SealingDetails { message: "x".repeat(1 << 20), ..details(&["a"]) };
    assert_eq!(sealing.finish(too_long).unwrap_err(), SealError::ManifestTooLong);
    assert!(sealing.finish(details(&["a"])).is_ok());
    assert_eq!(sealing.finish(details(&["a"])).unwrap_err(), SealError::AlreadySealed);
    assert_eq!(sealing.add_file(1), Err(SealError::AlreadySealed));
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let mut sealing = Sealing::make().unwrap();
    assert!(sealing.add_file(age::MAX_PLAIN_LEN).is_ok());
    let refused = sealing.add_file(age::MAX_PLAIN_LEN + 1).unwrap_err();
    assert_eq!(refused.to_string(), "This file is 79 GB; the format's limit is 78 GB. Please split it.");
}

#[test]
fn another_suite_mode_length_or_transfer_is_refused_before_anything_is_derived() {
    let (held, _) = &*TWO_FILES;
    let h = &held.sealed.capsule[..H_LEN];
    let passcode = Passcode::parse(&held.passcode).unwrap();
    let with = |at: usize, byte: u8| {
        let mut changed = h.to_vec();
        changed[at] = byte;
        changed
    };
    for (why, wrong) in [
        ("magic", with(0, b'f')),
        ("suite", with(8, 2)),
        ("mode", with(9, 2)),
        ("transfer", with(12, h[12] ^ 1)),
        ("short", h[..H_LEN - 1].to_vec()),
        ("long", held.sealed.capsule.to_vec()),
        ("empty", Vec::new()),
    ] {
        assert_eq!(Opening::derive(&passcode, &held.transfer_id, &wrong).unwrap_err(), Unsupported, "{why}");
    }
}

#[test]
fn parts_of_two_transfers_cannot_be_mixed() {
    let (held, opening) = &*TWO_FILES;
    let other = Held::seal(&[("scan.png", b"another")]);
    let (ours, theirs) = (&held.sealed, &other.sealed);
    assert!(opening.unlock(&theirs.capsule, &theirs.manifest, &other.objects).is_err());
    assert!(opening.unlock(&ours.capsule, &theirs.manifest, &held.objects).is_err());
    assert!(opening.unlock(&ours.capsule, &ours.manifest, &other.objects).is_err());
    let other_opening = other.opening();
    let mut opened = other_opening.unlock(&theirs.capsule, &theirs.manifest, &other.objects).unwrap();
    assert!(opened.open_part(0, 0, &mut held.parts[1][0].clone()).is_err());
}

#[test]
fn the_server_must_hold_exactly_the_manifest_s_objects() {
    let (held, opening) = &*TWO_FILES;
    let unlock = |objects: &[ObjectEntry]| opening.unlock(&held.sealed.capsule, &held.sealed.manifest, objects);
    let [a, b] = held.objects.as_slice() else { panic!("two objects") };
    let longer = ObjectEntry { object_len: a.object_len + 1, ..a.clone() };
    let renamed = ObjectEntry { object_id: [0; 16], ..a.clone() };
    for wrong in [
        vec![],
        vec![a.clone()],
        vec![a.clone(), a.clone()],
        vec![a.clone(), b.clone(), renamed.clone()],
        vec![longer, b.clone()],
        vec![renamed, b.clone()],
    ] {
        assert_eq!(unlock(&wrong).unwrap_err(), Damaged);
    }
    assert!(unlock(&[b.clone(), a.clone()]).is_ok(), "their order says nothing");
}

/// A sender's client that seals whatever it is told, to show what a reader refuses even under the right passcode.
struct Forge {
    opening: Opening,
    keys: Keys,
    identity: Identity,
    manifest: Manifest,
}

impl Forge {
    fn make() -> Self {
        let passcode = Passcode::make().unwrap();
        let preamble = Preamble { slot: 0, transfer_id: [3; 16], salt: [4; 16], not_after: NOT_AFTER };
        let keys = Keys::derive(&passcode, &preamble);
        let opening = Opening::derive(&passcode, &[3; 16], &preamble.to_bytes()).unwrap();
        let identity = Identity::make().unwrap();
        let file = |index: u32, plain_len: u64| File {
            index,
            object_id: [index as u8; 16],
            name: "a".into(),
            media_type: "b/c".into(),
            plain_len,
            object_len: age::object_len(plain_len),
            head: *age::Head::make(&identity.derive_recipient()).unwrap().0.as_bytes(),
        };
        let sender = Sender { name: String::new(), email: String::new() };
        let manifest = Manifest::new([3; 16], CREATED, sender, String::new(), vec![file(0, 10), file(1, 0)]);
        Self { opening, keys, identity, manifest }
    }

    fn body(&self, manifest: &[u8]) -> envelope::capsule::Body {
        envelope::capsule::Body {
            file_count: 2,
            identity: self.identity.clone(),
            manifest_sha256: Sha256::digest(manifest).into(),
            manifest_len: manifest.len() as u64,
            total_plain: 10,
            created: CREATED,
        }
    }

    fn unlock(&self, json: &[u8], change: impl FnOnce(&mut envelope::capsule::Body)) -> Result<(), Damaged> {
        let sealed = age::seal(&self.identity.derive_recipient(), json).unwrap();
        let mut body = self.body(&sealed);
        change(&mut body);
        let objects: Vec<_> = (self.manifest.files.iter())
            .map(|file| ObjectEntry { object_id: file.object_id, object_len: file.object_len })
            .collect();
        self.opening.unlock(&self.keys.seal(&body, &[5; 24]), &sealed, &objects).map(|_| ())
    }
}

#[test]
fn a_capsule_that_disagrees_with_its_manifest_is_damaged() {
    let forge = Forge::make();
    let json = forge.manifest.to_json().unwrap();
    assert_eq!(forge.unlock(&json, |_| ()), Ok(()));
    assert_eq!(forge.unlock(&json, |body| body.file_count += 1), Err(Damaged));
    assert_eq!(forge.unlock(&json, |body| body.total_plain += 1), Err(Damaged));
    assert_eq!(forge.unlock(&json, |body| body.created += 1), Err(Damaged));
    assert_eq!(forge.unlock(&json, |body| body.manifest_len += 1), Err(Damaged));
    assert_eq!(forge.unlock(&json, |body| body.manifest_sha256[0] ^= 1), Err(Damaged));
    assert_eq!(forge.unlock(&json, |body| body.identity = Identity::make().unwrap()), Err(Damaged));
}

#[test]
fn a_malformed_manifest_is_damaged_even_from_the_sender() {
    let forge = Forge::make();
    let other_identity = Identity::make().unwrap();
    let changed = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = forge.manifest.clone();
        change(&mut manifest);
        manifest.to_json().unwrap().to_vec()
    };
    let edited = |from: &str, to: &str| {
        let json = String::from_utf8(forge.manifest.to_json().unwrap().to_vec()).unwrap();
        let mut json = json.trim_end().replacen(from, to, 1).into_bytes();
        json.resize(json.len().next_multiple_of(4096), b' ');
        json
    };
    for (why, json) in [
        ("another transfer", changed(&|m| m.transfer_id = [4; 16])),
        ("another time", changed(&|m| m.created += 1)),
        ("files in another order", changed(&|m| m.files.swap(0, 1))),
        ("a file too few", changed(&|m| m.files.truncate(1))),
        ("no files", changed(&|m| m.files.clear())),
        ("one object twice", changed(&|m| m.files[1].object_id = m.files[0].object_id)),
        ("an object length that does not fit", changed(&|m| m.files[0].object_len += 1)),
        ("another total", changed(&|m| (m.files[0].plain_len, m.files[0].object_len) = (11, 27))),
        ("a total beyond 64 bits", changed(&|m| m.files[0].plain_len = u64::MAX)),
        ("a head that is none", changed(&|m| m.files[0].head[0] ^= 1)),
        (
            "a head for another identity",
            changed(&|m| {
                m.files[0].head = *age::Head::make(&other_identity.derive_recipient()).unwrap().0.as_bytes();
            }),
        ),
        ("an unknown key", edited("{\"v\":1", "{\"w\":1,\"v\":1")),
        ("a repeated key", edited("{\"v\":1", "{\"v\":1,\"v\":1")),
        ("another version", edited("{\"v\":1", "{\"v\":2")),
        ("no version", edited("{\"v\":1,", "{")),
        ("a fraction", edited("\"plain_len\":10", "\"plain_len\":10.0")),
        ("padded base64", edited("AwMDAwMDAwMDAwMDAwMDAw", "AwMDAwMDAwMDAwMDAwMDAw==")),
        (
            "not UTF-8",
            edited("\"message\":\"", "\"message\":\"\u{fffd}")
                .iter()
                .map(|b| if *b == 0xef { 0xff } else { *b })
                .collect(),
        ),
        ("no padding", edited("", "").trim_ascii_end().to_vec()),
        ("something after it", edited("}]}", "}]}x")),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(forge.unlock(&json, |_| ()), Err(Damaged), "{why}");
    }
    assert_eq!(forge.unlock(&edited("{\"v\":1", "{ \"v\":1"), |_| ()), Ok(()), "white space says nothing");
    assert_eq!(forge.unlock(&edited("\"index\":0", "\"dicom\":{},\"index\":0"), |_| ()), Ok(()), "files may say more");
}
