//! Killed on the way of a draft and its parts: what was acknowledged is there, what was not can be sent again.

use crate::faults_md::saw;
use crate::faulty_line::{Fault, FaultyLine, Plan};
use crate::garage;
use crate::harness::aftermath::{Found, look, send_to_the_end};
use crate::harness::parcel::random;
use crate::harness::site::Setup;
use crate::harness::unanswered;
use crate::harness::{ANA, Parcel, Sender, Site, rows, until};
use protocol::transfers::State;
use protocol::{ObjectId, layout};
use std::path::Path;

const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

/// A draft of two parts of which so many count.
const fn draft_with(parts: usize) -> Found {
    Found { state: State::Draft, parts: (parts, 2) }
}

/// One on each engine.
fn sites() -> [Site; 2] {
    [Site::start(), Site::start_on_postgres()]
}

/// The settings of a bucket behind this line, for a server of a test's own.
pub(crate) fn bucket(line: &FaultyLine, prefix: &str) -> Setup {
    let settings = format!(
        "[storage.s3]\nbucket = \"{}\"\nendpoint = \"{}\"\nregion = \"{}\"\naccess_key_id = \"{}\"\nsecret_access_key = \"{}\"\nprefix = \"{prefix}\"\n",
        garage::BUCKET,
        line.endpoint,
        garage::REGION,
        garage::KEY_ID,
        garage::SECRET
    );
    Setup { settings, ..Setup::default() }
}

#[actix_web::test]
async fn a_draft_announced_again_after_a_kill_is_the_same_draft() {
    let mut told = Vec::new();
    for site in sites() {
        let sender = Sender::sign_in(&site, ANA).await;
        let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
        let lost = unanswered::post(&site, &sender, "/api/v1/transfers", &parcel.create);
        until("the draft's row", async || (rows::count(&site, "transfers").await == 1).then_some(())).await;
        site.kill();
        drop(lost);
        site.start_again();
        let found = look(&site, &sender, &parcel).await;
        assert_eq!(found, draft_with(0));
        let mails = send_to_the_end(&site, &sender, &parcel).await;
        told.push(format!("{found}; announced again it is the same one; sent to its end, {mails} mail"));
    }
    assert_eq!(told[0], told[1]);
    saw(
        "a_draft_announced_again_after_a_kill_is_the_same_draft",
        "kill -9: draft made",
        "the row is there, nobody read the answer; SQLite and PostgreSQL",
        &told[0],
    );
}

#[actix_web::test]
async fn a_draft_that_was_not_committed_when_the_server_was_killed_never_was() {
    let mut told = Vec::new();
    for site in sites() {
        let sender = Sender::sign_in(&site, ANA).await;
        let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
        let holder = rows::hold_write_lock(&site).await;
        let lost = unanswered::post(&site, &sender, "/api/v1/transfers", &parcel.create);
        site.kill();
        drop((lost, holder));
        site.start_again();
        sender.client.get(&parcel.path()).await.refused(404, "not-found");
        let mails = send_to_the_end(&site, &sender, &parcel).await;
        told.push(format!("no transfer; announced again it is made; sent to its end, {mails} mail"));
    }
    assert_eq!(told[0], told[1]);
    saw(
        "a_draft_that_was_not_committed_when_the_server_was_killed_never_was",
        "kill -9: draft asked for",
        "a lock keeps the row from being written; SQLite and PostgreSQL",
        &told[0],
    );
}

#[actix_web::test]
async fn half_a_part_is_gone_after_a_kill_and_bytes_without_rows_are_swept() {
    let site = Site::start();
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
    sender.create(&parcel).await.expect(201);
    let lost = unanswered::put_half_a_part(&site, &sender, &parcel, 0, 0);
    let half = parcel.part(0, 0).len() as u64 / 2;
    let arrived = |len: &u64| *len > half / 2;
    until("half a part on the disk", async || site.unfinished_files().iter().any(arrived).then_some(())).await;
    site.kill();
    drop(lost);
    assert_eq!(site.unfinished_files().len(), 1, "the kill came too late");
    let orphan = leave_an_orphan(&site.data());
    site.start_again();
    let found = look(&site, &sender, &parcel).await;
    assert_eq!(found, draft_with(0));
    until("the orphan to go", async || (!orphan.exists()).then_some(())).await;
    let mails = send_to_the_end(&site, &sender, &parcel).await;
    assert_eq!(rows::stored_files(&site).len(), 2);
    saw(
        "half_a_part_is_gone_after_a_kill_and_bytes_without_rows_are_swept",
        "kill -9: part half received",
        "the client sends half a body and waits",
        &format!("{found}, the half file gone, and so are bytes that no row knows; sent to its end, {mails} mail"),
    );
}

/// Bytes of an object that no row knows.
fn leave_an_orphan(data: &Path) -> std::path::PathBuf {
    let id = ObjectId::from_bytes(random()).to_text();
    let folder = data.join("blobs/objects").join(&id[..2]).join(&id);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("0-x"), "left over").unwrap();
    folder
}

#[actix_web::test]
async fn a_part_without_its_row_counts_for_nothing_after_a_kill() {
    let mut told = Vec::new();
    for site in sites() {
        let sender = Sender::sign_in(&site, ANA).await;
        let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
        sender.create(&parcel).await.expect(201);
        sender.put_part(&parcel, 0, 1).await.expect(204);
        let holder = rows::hold_write_lock(&site).await;
        let lost = unanswered::put_part(&site, &sender, &parcel, 0, 0);
        let whole = |site: &Site| rows::stored_files(site).iter().any(|file| file.to_string_lossy().contains("/0-"));
        until("the part's file", async || whole(&site).then_some(())).await;
        site.kill();
        drop((lost, holder));
        site.start_again();
        let found = look(&site, &sender, &parcel).await;
        assert_eq!(found, draft_with(1));
        let mails = send_to_the_end(&site, &sender, &parcel).await;
        assert_eq!(rows::stored_files(&site).len(), 2);
        told.push(format!("{found}, the file without a row counts for nothing; sent to its end, {mails} mail"));
    }
    assert_eq!(told[0], told[1]);
    saw(
        "a_part_without_its_row_counts_for_nothing_after_a_kill",
        "kill -9: part's file written, its row not",
        "a lock keeps the row from being written; SQLite and PostgreSQL",
        &told[0],
    );
}

#[actix_web::test]
async fn a_part_whose_answer_nobody_heard_counts_after_a_kill() {
    let mut told = Vec::new();
    for site in sites() {
        let sender = Sender::sign_in(&site, ANA).await;
        let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
        sender.create(&parcel).await.expect(201);
        let lost = unanswered::put_part(&site, &sender, &parcel, 0, 0);
        until("the part's row", async || (rows::count(&site, "parts").await == 1).then_some(())).await;
        site.kill();
        drop(lost);
        site.start_again();
        let found = look(&site, &sender, &parcel).await;
        assert_eq!(found, draft_with(1));
        let mails = send_to_the_end(&site, &sender, &parcel).await;
        assert_eq!(rows::stored_files(&site).len(), 2, "a part was stored twice");
        told.push(format!("{found}; sent again it is answered as before; sent to its end, {mails} mail"));
    }
    assert_eq!(told[0], told[1]);
    saw(
        "a_part_whose_answer_nobody_heard_counts_after_a_kill",
        "kill -9: part's row written, answer not read",
        "the row is there, nobody read the answer; SQLite and PostgreSQL",
        &told[0],
    );
}

#[actix_web::test]
async fn a_part_on_its_way_into_the_bucket_counts_for_nothing_after_a_kill() {
    let line = FaultyLine::to(garage::endpoint());
    let site = Site::start_with(bucket(&line, &garage::own_prefix()));
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 1).await.expect(204);
    line.set(Some(Plan { pieces: &["PUT ", "partNumber=1"], fault: Fault::Silence, times: usize::MAX }));
    let lost = unanswered::put_part(&site, &sender, &parcel, 0, 0);
    until("the part to be handed to the bucket", async || (line.met() > 0).then_some(())).await;
    site.kill();
    drop(lost);
    line.set(None);
    let spooled = || std::fs::read_dir(site.data().join("spool")).unwrap().count();
    assert_eq!(spooled(), 1, "the kill came too late");
    site.start_again();
    assert_eq!(spooled(), 0);
    let found = look(&site, &sender, &parcel).await;
    assert_eq!(found, draft_with(1));
    let mails = send_to_the_end(&site, &sender, &parcel).await;
    saw(
        "a_part_on_its_way_into_the_bucket_counts_for_nothing_after_a_kill",
        "kill -9: part half stored, bucket",
        "the bucket does not answer to UploadPart",
        &format!("{found}, the spooled file gone; sent to its end, {mails} mail"),
    );
}
