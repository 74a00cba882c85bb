//! Direct mode, on a real bucket: parts that pass no server of ours, and what a sender and a recipient may try with
//! signed requests. What one signed request can do is in `tests/contract/blobs_s3_direct.rs`.

use crate::bucket::{in_bucket, objects_in};
use crate::harness::parcel::scribble;
use crate::harness::recipient::{bearer, object_path};
use crate::harness::sender::digest_of;
use crate::harness::{Answer, Parcel, Recipient, Sender, Site};
use crate::s3_server::ask_store;
use filmjacket::config::{Config, Storage};
use protocol::direct::{PartDigest, SignedRequest, Way};
use protocol::open::UnlockAnswer;
use protocol::transfers::{LinkAnswer, State, TransferCreated};
use protocol::{ObjectId, Sha256Digest, Ticket, layout};

const ANA: &str = "ruiz@north.example";
const EVE: &str = "eve@north.example";
const ONE_PART: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

fn direct(config: &mut Config) {
    in_bucket(config);
    if let Storage::S3(s3) = &mut config.storage {
        s3.mode = Way::Direct;
    }
}

impl Sender<'_> {
    async fn ask_url(&self, parcel: &Parcel, n: usize, sha256: Sha256Digest) -> Answer {
        self.client.post(&format!("{}/url", parcel.part_path(0, n)), &PartDigest { sha256 }).await
    }

    async fn note_stored(&self, parcel: &Parcel, n: usize, sha256: Sha256Digest) -> Answer {
        self.client.post(&format!("{}/stored", parcel.part_path(0, n)), &PartDigest { sha256 }).await
    }

    async fn sign(&self, parcel: &Parcel, n: usize, bytes: &[u8]) -> SignedRequest {
        self.ask_url(parcel, n, digest_of(bytes)).await.expect(200).json()
    }

    /// Sends a part as a browser does.
    async fn put_straight(&self, parcel: &Parcel, n: usize) -> SignedRequest {
        let part = parcel.part(0, n);
        let signed = self.sign(parcel, n, &part).await;
        assert_eq!(ask_store("PUT", &signed, &part).0, 200);
        self.note_stored(parcel, n, digest_of(&part)).await.expect(204);
        signed
    }
}

impl Recipient {
    async fn ask_url(&self, ticket: &Ticket, object_id: &ObjectId, n: u32) -> Answer {
        let path = format!("{}/parts/{n}/url", object_path(object_id));
        self.client.send("GET", &path, &[("authorization", &bearer(ticket))], "").await
    }
}

async fn seal(site: &Site, sender: &Sender<'_>, parcel: &Parcel) -> Recipient {
    let LinkAnswer { link } = sender.seal(parcel).await.expect(200).json();
    Recipient::with_link(site, &link)
}

#[actix_web::test]
async fn parts_go_straight_to_the_bucket_and_come_straight_from_it() {
    let site = Site::start_with(direct).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[ONE_PART + 5000]);
    let created: TransferCreated = sender.create(&parcel).await.expect(201).json();
    assert_eq!(created.upload, Way::Direct);
    let past = site.clock.now();
    for n in [1, 0] {
        let signed = sender.put_straight(&parcel, n).await;
        assert!(signed.url.starts_with(site.app().store_origin.as_deref().unwrap()));
        // Dated by the server's clock, which a test can set.
        assert!(signed.url.contains("X-Amz-Date=20270115T08") && past.as_unix() == 1_800_000_000, "{}", signed.url);
        // What is there already need not be sent.
        sender.ask_url(&parcel, n, digest_of(&parcel.part(0, n))).await.expect(204);
        sender.note_stored(&parcel, n, digest_of(&parcel.part(0, n))).await.expect(204);
    }
    assert_eq!(sender.objects(&parcel).await[0].parts.len(), 2);
    let recipient = seal(&site, &sender, &parcel).await;
    let unlocked: UnlockAnswer = recipient.unlock(&parcel.proof()).await.expect(200).json();
    assert_eq!(unlocked.download, Way::Direct);
    let id = parcel.object_id(0);
    for n in 0..2 {
        let signed: SignedRequest = recipient.ask_url(&unlocked.ticket, &id, n).await.expect(200).json();
        let (status, bytes) = ask_store("GET", &signed, b"");
        assert!(status == 206 && bytes == parcel.part(0, n as usize));
    }
    recipient.ask_url(&unlocked.ticket, &id, 2).await.refused(416, "range-invalid");
    // Where a network does not let anyone reach the bucket, the way through the server is there.
    assert_eq!(recipient.fetch(&unlocked.ticket, &id, "bytes=0-99").await.expect(206).body, parcel.part(0, 0)[..100]);
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    assert_eq!(objects_in(&site).await, 0);
}

#[actix_web::test]
async fn some_parts_may_go_straight_and_others_through_the_server() {
    let site = Site::start_with(direct).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[2 * ONE_PART + 1]);
    sender.create(&parcel).await.expect(201);
    sender.put_straight(&parcel, 0).await;
    sender.put_part(&parcel, 0, 1).await.expect(204);
    sender.put_straight(&parcel, 2).await;
    let recipient = seal(&site, &sender, &parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    let whole = recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body;
    assert!(whole == parcel.objects[0]);
}

#[actix_web::test]
async fn other_bytes_for_a_part_that_counts_are_refused_before_anything_is_signed() {
    let site = Site::start_with(direct).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.create(&parcel).await.expect(201);
    sender.put_straight(&parcel, 0).await;
    let other = digest_of(b"other bytes");
    sender.ask_url(&parcel, 0, other).await.refused(409, "part-differs");
    sender.note_stored(&parcel, 0, other).await.refused(409, "part-differs");
    sender.ask_url(&parcel, 1, other).await.refused(422, "part-length");
    sender.note_stored(&parcel, 1, other).await.refused(422, "part-length");
    seal(&site, &sender, &parcel).await;
    sender.ask_url(&parcel, 0, other).await.refused(409, "part-differs");
    // An answer that was lost is given again.
    sender.ask_url(&parcel, 0, digest_of(&parcel.part(0, 0))).await.expect(204);
}

#[actix_web::test]
async fn a_part_that_was_only_said_to_be_stored_makes_no_transfer_ready_and_is_named() {
    let site = Site::start_with(direct).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[ONE_PART + 5000]);
    sender.create(&parcel).await.expect(201);
    sender.put_straight(&parcel, 0).await;
    sender.note_stored(&parcel, 1, digest_of(&parcel.part(0, 1))).await.expect(204);
    let problem = sender.seal(&parcel).await.refused(409, "parts-missing");
    assert_eq!(problem.missing.as_deref(), Some("object 1, part 1"));
    assert_eq!(sender.look(&parcel.id()).await.state, State::Draft);
    sender.put_straight(&parcel, 1).await;
    seal(&site, &sender, &parcel).await;
    // Not even an upload was begun.
    let nothing = Parcel::scribble(&site, &[100]);
    sender.create(&nothing).await.expect(201);
    sender.note_stored(&nothing, 0, digest_of(&nothing.part(0, 0))).await.expect(204);
    sender.seal(&nothing).await.refused(409, "parts-missing");
}

#[actix_web::test]
async fn bytes_put_over_a_part_that_counts_are_found_at_the_seal() {
    let site = Site::start_with(direct).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.create(&parcel).await.expect(201);
    let other = scribble(parcel.part(0, 0).len() as u64);
    // Asked for while nothing counted yet.
    let signed = sender.sign(&parcel, 0, &other).await;
    sender.put_straight(&parcel, 0).await;
    assert_eq!(ask_store("PUT", &signed, &other).0, 200);
    let problem = sender.seal(&parcel).await.refused(409, "parts-missing");
    assert_eq!(problem.missing.as_deref(), Some("object 1, part 0"));
    sender.put_straight(&parcel, 0).await;
    let recipient = seal(&site, &sender, &parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    assert_eq!(recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body, parcel.part(0, 0));
}

#[actix_web::test]
async fn a_signed_put_that_was_kept_changes_nothing_after_the_seal_and_brings_nothing_back_after_the_purge() {
    let site = Site::start_with(direct).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.create(&parcel).await.expect(201);
    let other = scribble(parcel.part(0, 0).len() as u64);
    let kept = sender.sign(&parcel, 0, &other).await;
    let same = sender.put_straight(&parcel, 0).await;
    let recipient = seal(&site, &sender, &parcel).await;
    assert_eq!(ask_store("PUT", &kept, &other).0, 404);
    assert_eq!(ask_store("PUT", &same, &parcel.part(0, 0)).0, 404);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    assert_eq!(recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body, parcel.part(0, 0));
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    assert_eq!(ask_store("PUT", &kept, &other).0, 404);
    assert_eq!(objects_in(&site).await, 0);
    // A draft that ends takes its upload with it.
    let draft = Parcel::scribble(&site, &[5000]);
    sender.create(&draft).await.expect(201);
    let signed = sender.put_straight(&draft, 0).await;
    sender.end(&draft).await.expect(204);
    sender.ask_url(&draft, 0, digest_of(b"new")).await.refused(409, "part-differs");
    site.tidy().await;
    assert_eq!(ask_store("PUT", &signed, &draft.part(0, 0)).0, 404);
    assert_eq!(objects_in(&site).await, 0);
}

#[actix_web::test]
async fn nobody_is_given_requests_for_anothers_transfer() {
    let site = Site::start_with(direct).await;
    let ana = Sender::sign_in(&site, ANA).await;
    let eve = Sender::sign_in(&site, EVE).await;
    let (mine, hers) = (Parcel::scribble(&site, &[5000]), Parcel::scribble(&site, &[5000]));
    ana.create(&mine).await.expect(201);
    eve.create(&hers).await.expect(201);
    let digest = digest_of(&mine.part(0, 0));
    eve.ask_url(&mine, 0, digest).await.refused(404, "not-found");
    eve.note_stored(&mine, 0, digest).await.refused(404, "not-found");
    // Her own transfer's name leads to no object of his.
    let path = format!("{}/objects/{}/parts/0/url", hers.path(), mine.object_id(0));
    eve.client.post(&path, &PartDigest { sha256: digest }).await.refused(404, "not-found");
    ana.put_straight(&mine, 0).await;
    eve.put_straight(&hers, 0).await;
    let (to_mine, to_hers) = (seal(&site, &ana, &mine).await, seal(&site, &eve, &hers).await);
    let (my_ticket, her_ticket) = (to_mine.take_ticket(&mine.proof()).await, to_hers.take_ticket(&hers.proof()).await);
    to_hers.ask_url(&her_ticket, &mine.object_id(0), 0).await.refused(404, "not-found");
    to_hers.ask_url(&Ticket::from_bytes([7; 32]), &mine.object_id(0), 0).await.refused(401, "ticket-invalid");
    to_mine.ask_url(&my_ticket, &mine.object_id(0), 0).await.expect(200);
}

#[actix_web::test]
async fn revocation_ends_the_signing_at_once_and_what_was_signed_with_the_bytes() {
    let site = Site::start_with(direct).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.create(&parcel).await.expect(201);
    sender.put_straight(&parcel, 0).await;
    let recipient = seal(&site, &sender, &parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    let id = parcel.object_id(0);
    let signed: SignedRequest = recipient.ask_url(&ticket, &id, 0).await.expect(200).json();
    sender.end(&parcel).await.expect(204);
    recipient.ask_url(&ticket, &id, 0).await.refused(401, "ticket-invalid");
    // docs/THREATS.md: until the purge a few seconds later, a minute at most, the store still answers.
    assert_eq!(ask_store("GET", &signed, b"").0, 206);
    site.tidy().await;
    assert_eq!(ask_store("GET", &signed, b"").0, 404);
}

#[actix_web::test]
async fn where_bytes_pass_through_the_server_nothing_is_signed_and_nobodys_word_counts() {
    let site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    let created: TransferCreated = sender.create(&parcel).await.expect(201).json();
    assert_eq!(created.upload, Way::Proxied);
    let digest = digest_of(&parcel.part(0, 0));
    sender.ask_url(&parcel, 0, digest).await.refused(409, "not-direct");
    sender.note_stored(&parcel, 0, digest).await.refused(409, "not-direct");
    assert!(sender.objects(&parcel).await[0].parts.is_empty());
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    recipient.ask_url(&ticket, &parcel.object_id(0), 0).await.refused(409, "not-direct");
}

#[actix_web::test]
async fn pages_may_talk_to_the_one_bucket_in_direct_mode_and_to_nobody_else() {
    let policy = async |change: fn(&mut Config)| {
        let site = Site::start_with(change).await;
        let policy = site.client().get("/").await.header("content-security-policy").to_owned();
        let connect = policy.split("; ").find(|rule| rule.starts_with("connect-src ")).unwrap().to_owned();
        (connect, site.app().store_origin.clone())
    };
    let (connect, origin) = policy(direct).await;
    assert_eq!(connect, format!("connect-src 'self' {}", origin.unwrap()));
    assert_eq!(policy(in_bucket).await, ("connect-src 'self'".to_owned(), None));
}
