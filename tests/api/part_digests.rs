//! What a sender says of a part's bytes beforehand, and what counts if it is not true.

use crate::harness::client::Answer;
use crate::harness::parcel::{Parcel, scribble};
use crate::harness::sender::{crc32c_header, digest_header, digest_of};
use crate::harness::{Sender, Site, rows};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::transfers::StoredPart;
use sha2::{Digest as _, Sha256};

const ANA: &str = "ana@clinic.example";

/// A sender whose transfer of one file of `plain_len` bytes is announced.
async fn begin(site: &Site, plain_len: u64) -> (Sender<'_>, Parcel) {
    let (sender, parcel) = (Sender::sign_in(site, ANA).await, Parcel::scribble(site, &[plain_len]));
    sender.create(&parcel).await.expect(201);
    (sender, parcel)
}

async fn put(sender: &Sender<'_>, parcel: &Parcel, digest: &str, bytes: Vec<u8>) -> Answer {
    sender.client.send("PUT", &parcel.part_path(0, 0), &[("content-digest", digest)], bytes).await
}

async fn put_by_crc(sender: &Sender<'_>, parcel: &Parcel, bytes: &[u8]) -> Answer {
    put(sender, parcel, &crc32c_header(bytes), bytes.to_vec()).await
}

/// The same bytes but for the bits of the CRC's own polynomial, which it cannot see.
fn of_the_same_crc(bytes: &[u8]) -> Vec<u8> {
    const POLYNOMIAL: u64 = 1 | 0x82f6_3b78 << 1;
    let mut other = bytes.to_vec();
    other.iter_mut().skip(50).zip(POLYNOMIAL.to_le_bytes()).for_each(|(byte, bits)| *byte ^= bits);
    assert_eq!(crc32c_header(&other), crc32c_header(bytes));
    other
}

#[actix_web::test]
async fn bytes_that_changed_on_the_way_are_refused_and_not_kept() {
    let site = Site::start().await;
    let (sender, parcel) = begin(&site, 100).await;
    let mut changed = parcel.part(0, 0);
    changed[57] ^= 0x20;
    for digest in [digest_header(&parcel.part(0, 0)), crc32c_header(&parcel.part(0, 0))] {
        put(&sender, &parcel, &digest, changed.clone()).await.refused(400, "digest-mismatch");
        put(&sender, &parcel, &digest, scribble(116)).await.refused(400, "digest-mismatch");
    }
    assert!(rows::stored_files(&site).is_empty());
    assert_eq!(rows::count(&site, "parts").await, 0);
    sender.put_part(&parcel, 0, 0).await.expect(204);
}

#[actix_web::test]
async fn a_part_must_say_its_digest() {
    let site = Site::start().await;
    let (sender, parcel) = begin(&site, 100).await;
    let bytes = parcel.part(0, 0);
    let (right, crc) = (digest_header(&bytes), crc32c_header(&bytes));
    let as_url = format!("sha-256=:{}:", URL_SAFE_NO_PAD.encode(Sha256::digest(&bytes)));
    let bad = ["", "x", "sha-256=::", "sha-512=:AAAA:", &right[..20], &right.replace("sha-256", "md5"), &as_url];
    for bad in bad.into_iter().chain([&crc[..10], &crc.replace("crc32c", "crc32"), "crc32c=:AAAA:"]) {
        let answer = put(&sender, &parcel, bad, bytes.clone()).await;
        assert!(answer.refused(400, "bad-request").detail.contains("SHA-256 or its CRC-32C"), "{bad:?}");
    }
    put(&sender, &parcel, &format!("md5=:AAAA:, {right}"), bytes).await.expect(204);
}

#[actix_web::test]
async fn of_two_digests_the_stronger_must_be_right() {
    let site = Site::start().await;
    let (sender, parcel) = begin(&site, 100).await;
    let bytes = parcel.part(0, 0);
    let wrong = format!("{}, {}", crc32c_header(&bytes), digest_header(b"other"));
    put(&sender, &parcel, &wrong, bytes.clone()).await.refused(400, "digest-mismatch");
    assert_eq!(rows::count(&site, "parts").await, 0);
}

#[actix_web::test]
async fn the_crc_is_the_one_of_iscsi_with_its_highest_byte_first() {
    let site = Site::start().await;
    let (sender, parcel) = begin(&site, 16).await;
    // RFC 3720, appendix B.4: 32 bytes of zeros have 8A9136AA.
    put(&sender, &parcel, "crc32c=:qjaRig==:", vec![0; 32]).await.refused(400, "digest-mismatch");
    put(&sender, &parcel, "crc32c=:ipE2qg==:", vec![0; 32]).await.expect(204);
}

#[actix_web::test]
async fn a_part_that_comes_with_its_crc_is_known_by_its_sha_256() {
    let site = Site::start().await;
    let (sender, parcel) = begin(&site, 100).await;
    let bytes = parcel.part(0, 0);
    put_by_crc(&sender, &parcel, &bytes).await.expect(204);
    assert_eq!(sender.objects(&parcel).await[0].parts, [StoredPart { n: 0, sha256: digest_of(&bytes) }]);
    let before = rows::dump(&site).await;
    put_by_crc(&sender, &parcel, &bytes).await.expect(204);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    assert_eq!(rows::difference(&before, &rows::dump(&site).await), "");
    assert_eq!(std::fs::read(&rows::stored_files(&site)[0]).unwrap(), bytes);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    assert_eq!(recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body, bytes);
}

#[actix_web::test]
async fn other_bytes_of_the_same_crc_do_not_pass_for_a_stored_part() {
    let site = Site::start().await;
    let (sender, parcel) = begin(&site, 100).await;
    let bytes = parcel.part(0, 0);
    put_by_crc(&sender, &parcel, &bytes).await.expect(204);
    let before = rows::dump(&site).await;
    put_by_crc(&sender, &parcel, &of_the_same_crc(&bytes)).await.refused(409, "part-differs");
    put(&sender, &parcel, &crc32c_header(&bytes), scribble(116)).await.refused(400, "digest-mismatch");
    assert_eq!(rows::difference(&before, &rows::dump(&site).await), "");
    assert_eq!(rows::stored_files(&site).len(), 1, "what was only looked at was kept");
    assert_eq!(std::fs::read(&rows::stored_files(&site)[0]).unwrap(), bytes);
}

#[actix_web::test]
async fn of_two_bodies_of_one_crc_racing_for_one_part_one_counts() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for _ in 0..5 {
        let parcel = Parcel::scribble(&site, &[50_000]);
        sender.create(&parcel).await.expect(201);
        let one = parcel.part(0, 0);
        let other = of_the_same_crc(&one);
        let puts = [&one, &other, &one, &other].map(|bytes| put_by_crc(&sender, &parcel, bytes));
        let answers: Vec<_> = futures_util::future::join_all(puts).await.iter().map(|answer| answer.status).collect();
        let winner = if answers[0] == 204 { &one } else { &other };
        assert!(answers == [204, 409, 204, 409] || answers == [409, 204, 409, 204], "{answers:?}");
        assert_eq!(sender.objects(&parcel).await[0].parts[0].sha256, digest_of(winner));
    }
    assert_eq!(rows::stored_files(&site).len(), 5, "the losers' bytes were left behind");
}

#[actix_web::test]
async fn a_part_that_comes_again_after_the_seal_is_compared_and_not_stored() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    sender.send(&parcel).await;
    let bytes = parcel.part(0, 0);
    // Were it stored again, it would be there again; and a full disk must not keep anybody from hearing that it is there.
    std::fs::remove_file(&rows::stored_files(&site)[0]).unwrap();
    std::fs::remove_dir(site.data().join("blobs/tmp")).unwrap();
    put_by_crc(&sender, &parcel, &bytes).await.expect(204);
    put_by_crc(&sender, &parcel, &of_the_same_crc(&bytes)).await.refused(409, "part-differs");
    assert!(rows::stored_files(&site).is_empty());
    std::fs::create_dir(site.data().join("blobs/tmp")).unwrap();
    let ended = Parcel::scribble(&site, &[100]);
    sender.create(&ended).await.expect(201);
    sender.end(&ended).await.expect(204);
    put_by_crc(&sender, &ended, &ended.part(0, 0)).await.refused(409, "wrong-state");
    assert!(rows::stored_files(&site).is_empty());
}
