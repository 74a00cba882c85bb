//! Uploading parts: any order, again, other bytes, wrong everything.

use crate::harness::client::Client;
use crate::harness::parcel::{Parcel, random, scribble};
use crate::harness::sender::digest_header;
use crate::harness::{Sender, Site, rows};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use protocol::transfers::{State, StoredPart};
use protocol::{ObjectId, Sha256Digest, TransferId, layout};
use sha2::{Digest as _, Sha256};

const ANA: &str = "ana@clinic.example";
const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

fn stored(n: u32, bytes: &[u8]) -> StoredPart {
    StoredPart { n, sha256: Sha256Digest::from_bytes(Sha256::digest(bytes).into()) }
}

#[actix_web::test]
async fn parts_come_in_any_order_and_the_server_tells_what_it_holds() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 5, 0]);
    sender.create(&parcel).await.expect(201);
    let mut held = vec![Vec::new(), Vec::new()];
    for (index, n) in [(1, 0), (0, 1), (0, 0)] {
        sender.put_part(&parcel, index, n).await.expect(204);
        held[index].insert(0, stored(n as u32, &parcel.part(index, n)));
        let told: Vec<_> = sender.objects(&parcel).await.into_iter().map(|object| object.parts).collect();
        assert_eq!(told, held);
    }
    sender.seal(&parcel).await.expect(200);
}

#[actix_web::test]
async fn a_part_sent_again_is_answered_as_before() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 1]);
    sender.create(&parcel).await.expect(201);
    for _ in 0..3 {
        sender.put_part(&parcel, 0, 0).await.expect(204);
    }
    let answers = futures_util::future::join_all((0..4).map(|_| sender.put_part(&parcel, 0, 1))).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [204; 4]);
    assert_eq!(rows::stored_files(&site).len(), 2);
    // A lost answer is asked for again after the seal, too.
    sender.seal(&parcel).await.expect(200);
    sender.put_part(&parcel, 0, 1).await.expect(204);
}

#[actix_web::test]
async fn other_bytes_for_a_stored_part_are_refused_and_change_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    let before = rows::dump(&site).await;
    sender.put_bytes(&parcel.part_path(0, 0), scribble(116)).await.refused(409, "part-differs");
    assert_eq!(rows::difference(&before, &rows::dump(&site).await), "");
    assert_eq!(std::fs::read(&rows::stored_files(&site)[0]).unwrap(), parcel.part(0, 0));
    sender.seal(&parcel).await.expect(200);
    sender.put_bytes(&parcel.part_path(0, 0), scribble(116)).await.refused(409, "part-differs");
}

#[actix_web::test]
async fn of_two_bodies_racing_for_one_part_the_one_that_counts_is_the_one_that_is_served() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for _ in 0..5 {
        let parcel = Parcel::scribble(&site, &[50_000]);
        sender.create(&parcel).await.expect(201);
        let bodies: Vec<Vec<u8>> = (0..4).map(|_| scribble(50_016)).collect();
        let path = parcel.part_path(0, 0);
        let answers =
            futures_util::future::join_all(bodies.iter().map(|body| sender.put_bytes(&path, body.clone()))).await;
        let winners: Vec<_> = (0..4).filter(|i| answers[*i].status == 204).collect();
        assert_eq!(winners.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        answers
            .iter()
            .filter(|answer| answer.status != 204)
            .for_each(|answer| drop(answer.refused(409, "part-differs")));
        let winner = &bodies[winners[0]];
        assert_eq!(sender.objects(&parcel).await[0].parts, [stored(0, winner)]);
        let recipient_link = sender.seal(&parcel).await.expect(200).json::<protocol::transfers::LinkAnswer>().link;
        let recipient = crate::harness::Recipient::with_link(&site, &recipient_link);
        let ticket = recipient.take_ticket(&parcel.proof()).await;
        assert_eq!(recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body, *winner);
    }
    assert_eq!(rows::stored_files(&site).len(), 5, "the losers' bytes were left behind");
}

#[actix_web::test]
async fn a_part_of_the_wrong_length_is_refused_with_the_right_one() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
    sender.create(&parcel).await.expect(201);
    for (n, len) in [(1, 115), (1, 117), (1, 0), (0, 116), (0, layout::PART_LEN - 1)] {
        let problem = sender.put_bytes(&parcel.part_path(0, n), scribble(len)).await.refused(422, "part-length");
        let right = if n == 0 { "8390656" } else { "116" };
        assert!(problem.detail.contains(right), "{}", problem.detail);
    }
    for n in [2, 10_000, u32::MAX as usize] {
        sender.put_bytes(&parcel.part_path(0, n), scribble(116)).await.refused(422, "part-length");
    }
    assert!(rows::stored_files(&site).is_empty());
}

#[actix_web::test]
async fn a_part_must_say_its_length() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    sender.create(&parcel).await.expect(201);
    let bytes = parcel.part(0, 0);
    let digest = digest_header(&bytes);
    let body = stream::iter([Ok(Bytes::from(bytes))]);
    let answer = sender.client.stream("PUT", &parcel.part_path(0, 0), &[("content-digest", &digest)], body).await;
    answer.unwrap().refused(411, "length-required");
}

#[actix_web::test]
async fn a_part_goes_only_to_its_own_transfer_object_and_sender() {
    let site = Site::start().await;
    let (ana, eve) = (Sender::sign_in(&site, ANA).await, Sender::sign_in(&site, "eve@clinic.example").await);
    let (one, two) = (Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]));
    ana.create(&one).await.expect(201);
    ana.create(&two).await.expect(201);
    let bytes = one.part(0, 0);
    let path =
        |transfer: &TransferId, object: &ObjectId| format!("/api/v1/transfers/{transfer}/objects/{object}/parts/0");
    let nothing = path(&TransferId::from_bytes(random()), &ObjectId::from_bytes(random()));
    let missing = ana.put_bytes(&nothing, bytes.clone()).await;
    missing.refused(404, "not-found");
    for strange in [
        path(&one.id(), &two.object_id(0)),
        path(&two.id(), &one.object_id(0)),
        path(&one.id(), &ObjectId::from_bytes(random())),
        path(&TransferId::from_bytes(random()), &one.object_id(0)),
    ] {
        assert_eq!(ana.put_bytes(&strange, bytes.clone()).await.visible(), missing.visible(), "{strange}");
    }
    assert_eq!(eve.put_bytes(&one.part_path(0, 0), bytes).await.visible(), missing.visible());
    assert!(rows::stored_files(&site).is_empty());
}

#[actix_web::test]
async fn no_part_is_taken_once_the_transfer_is_sealed_ended_or_expired() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let sealed = Parcel::scribble(&site, &[100]);
    sender.send(&sealed).await;
    sender.put_bytes(&sealed.part_path(0, 0), scribble(116)).await.refused(409, "part-differs");
    let ended = Parcel::scribble(&site, &[100]);
    sender.create(&ended).await.expect(201);
    sender.end(&ended).await.expect(204);
    sender.put_part(&ended, 0, 0).await.refused(409, "wrong-state");
    let expired = Parcel::scribble(&site, &[100]).ending(site.clock.now().plus(600));
    sender.create(&expired).await.expect(201);
    site.wait(600);
    sender.put_part(&expired, 0, 0).await.refused(409, "wrong-state");
    assert_eq!(sender.look(&expired.id()).await.state, State::Expired);
    assert_eq!(rows::stored_files(&site).len(), 1);
}

#[actix_web::test]
async fn a_refusal_can_be_read_though_the_part_was_on_its_way() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN]);
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    let other = scribble(layout::PART_LEN);
    for _ in 0..5 {
        sender.put_bytes(&parcel.part_path(0, 0), other.clone()).await.refused(409, "part-differs");
        sender.put_bytes(&parcel.part_path(0, 1), other.clone()).await.refused(422, "part-length");
        sender.put_part(&parcel, 0, 0).await.expect(204);
        let stranger: Client = site.client();
        let headers = [("content-digest", &*digest_header(&other))];
        let answer = stranger.send("PUT", &parcel.part_path(0, 0), &headers, other.clone()).await;
        answer.refused(401, "sign-in-needed");
    }
}

#[actix_web::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN]);
    sender.create(&parcel).await.expect(201);
    let part = parcel.part(0, 0);
    let digest = digest_header(&part);
    let half = Bytes::from(part[..part.len() / 2].to_vec());
    let broken = stream::iter([Ok(half)]).chain(stream::iter([Err(std::io::Error::other("the line went dead"))]));
    let length = part.len().to_string();
    let headers = [("content-digest", &*digest), ("content-length", &*length)];
    let answer = sender.client.stream("PUT", &parcel.part_path(0, 0), &headers, broken).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status >= 400));
    assert_eq!(rows::count(&site, "parts").await, 0);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    assert_eq!(rows::stored_files(&site).len(), 1, "half a part was left behind");
}

#[actix_web::test]
async fn stored_bytes_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    sender.upload(&Parcel::scribble(&site, &[100])).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o077;
    for path in rows::stored_files(&site).iter().chain([&site.data().join("server.key")]) {
        assert_eq!(mode(path), 0, "{}", path.display());
    }
    assert_eq!(mode(&site.data().join("blobs/objects")), 0);
}
