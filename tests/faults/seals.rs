//! Killed on the way from draft to ready, and of the mail: one or the other, never in between; one link.

use crate::drafts::bucket;
use crate::faults_md::saw;
use crate::faulty_line::{Fault, FaultyLine, Plan};
use crate::garage;
use crate::harness::aftermath::{Found, look, send_to_the_end};
use crate::harness::unanswered;
use crate::harness::{ANA, ANNA, Parcel, Sender, Site, rows, until};
use protocol::transfers::{LinkAnswer, State};
use sqlx::AnyConnection;

const DRAFT: Found = Found { state: State::Draft, parts: (1, 1) };
const READY: Found = Found { state: State::Ready, parts: (1, 1) };

/// Keeps everyone from appending to the audit, which is the last that a transaction does before its commit: whoever appends
/// changes its head first (`store/locks.rs`).
pub(crate) async fn hold_the_audit(site: &Site) -> AnyConnection {
    let mut connection = rows::connect_to(&site.database_url()).await;
    sqlx::raw_sql("BEGIN; SELECT 1 FROM audit_head FOR UPDATE").execute(&mut connection).await.unwrap();
    connection
}

/// Waits until so many transactions have done all but their last step, or others ask for the same lock.
pub(crate) async fn wait_for_the_audit(site: &Site, waiting: usize) {
    let sql = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = waiting.to_string();
    until("a transaction at its last step", async || (rows::one(site, sql).await == waiting).then_some(())).await;
}

fn seal_path(parcel: &Parcel) -> String {
    format!("{}/seal", parcel.path())
}

#[actix_web::test]
async fn an_object_complete_in_the_bucket_without_its_seal_is_a_draft_after_a_kill() {
    let mut told = Vec::new();
    let steps: [&[&str]; 2] = [&["POST ", "uploadId="], &["HEAD ", "objects/"]];
    for pieces in steps {
        let line = FaultyLine::to(garage::endpoint());
        let site = Site::start_with(bucket(&line, &garage::own_prefix()));
        let sender = Sender::sign_in(&site, ANA).await;
        let parcel = Parcel::scribble(&site, &[5000]);
        sender.upload(&parcel).await;
        line.set(Some(Plan { pieces, fault: Fault::Silence, times: usize::MAX }));
        let lost = unanswered::post(&site, &sender, &seal_path(&parcel), &parcel.seal_request());
        until("the step at the bucket", async || (line.met() > 0).then_some(())).await;
        site.kill();
        drop(lost);
        line.set(None);
        site.start_again();
        let found = look(&site, &sender, &parcel).await;
        assert_eq!(found, DRAFT);
        told.push(format!("{found}, no mail; sealed again, {} mail", send_to_the_end(&site, &sender, &parcel).await));
    }
    assert_eq!(told[0], told[1]);
    saw(
        "an_object_complete_in_the_bucket_without_its_seal_is_a_draft_after_a_kill",
        "kill -9: before and after the bucket completed the object, seal not committed",
        "the bucket does not answer to CompleteMultipartUpload; does not answer to the look at what it made",
        &told[0],
    );
}

#[actix_web::test]
async fn a_seal_written_but_not_committed_is_a_draft_after_a_kill() {
    let site = Site::start_on_postgres();
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.upload(&parcel).await;
    let holder = hold_the_audit(&site).await;
    let lost = unanswered::post(&site, &sender, &seal_path(&parcel), &parcel.seal_request());
    wait_for_the_audit(&site, 1).await;
    site.kill();
    drop((lost, holder));
    site.start_again();
    let found = look(&site, &sender, &parcel).await;
    assert_eq!(found, DRAFT);
    let mails = send_to_the_end(&site, &sender, &parcel).await;
    saw(
        "a_seal_written_but_not_committed_is_a_draft_after_a_kill",
        "kill -9: seal and mail written, not committed",
        "a lock keeps the audit's row, the transaction's last, from being written; PostgreSQL",
        &format!("{found}, no mail; sealed again, {mails} mail"),
    );
}

#[actix_web::test]
async fn a_seal_whose_answer_nobody_heard_is_ready_with_the_same_link_after_a_kill() {
    let mut told = Vec::new();
    for site in [Site::start(), Site::start_on_postgres()] {
        let sender = Sender::sign_in(&site, ANA).await;
        let parcel = Parcel::scribble(&site, &[5000]);
        sender.upload(&parcel).await;
        let lost = unanswered::post(&site, &sender, &seal_path(&parcel), &parcel.seal_request());
        let ready = "SELECT CAST(COUNT(*) AS TEXT) FROM transfers WHERE state = 'ready'";
        until("the seal's commit", async || (rows::one(&site, ready).await == "1").then_some(())).await;
        site.kill();
        drop(lost);
        site.start_again();
        let found = look(&site, &sender, &parcel).await;
        assert_eq!(found, READY);
        // Killed again in the very moment of handing it over, the mail would wait for its next turn.
        make_waiting_mail_due(&site).await;
        let mails = send_to_the_end(&site, &sender, &parcel).await;
        assert!((1..=2).contains(&mails), "{mails} mails");
        told.push(format!("{found}; sealed again it answers the mailed link; at most one mail twice, same link"));
    }
    assert_eq!(told[0], told[1]);
    saw(
        "a_seal_whose_answer_nobody_heard_is_ready_with_the_same_link_after_a_kill",
        "kill -9: seal committed, answer not read",
        "the row says ready, nobody read the answer; SQLite and PostgreSQL",
        &told[0],
    );
}

/// As if the time had passed for which a dead worker keeps a mail to itself.
async fn make_waiting_mail_due(site: &Site) {
    rows::execute(site, "UPDATE outbox SET next_try_at = 0").await;
}

#[actix_web::test]
async fn a_mail_taken_but_not_written_down_is_mailed_once_more_with_the_same_link() {
    let site = Site::start_on_postgres();
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.upload(&parcel).await;
    let answer = site.mail.hold_next();
    let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
    until("the mail", async || (site.links_for(ANNA).len() == 1).then_some(())).await;
    let holder = hold_the_audit(&site).await;
    answer.send(()).unwrap();
    wait_for_the_audit(&site, 1).await;
    site.kill();
    drop(holder);
    site.start_again();
    let found = look(&site, &sender, &parcel).await;
    assert_eq!(found, READY);
    let next_try = "SELECT CAST(next_try_at AS TEXT) FROM outbox";
    let waits = rows::one(&site, next_try).await.parse::<i64>().unwrap() - site.clock.now().as_unix();
    assert!(waits > 60, "the dead worker's turn is over after {waits} s");
    make_waiting_mail_due(&site).await;
    let mails = send_to_the_end(&site, &sender, &parcel).await;
    let letters: Vec<_> = site.mail.taken().into_iter().filter(|mail| mail.to == ANNA).collect();
    assert_eq!((mails, letters.len()), (2, 2));
    assert_eq!(letters[0].message_id, letters[1].message_id);
    assert!(letters.iter().all(|letter| letter.text.contains(&link)));
    saw(
        "a_mail_taken_but_not_written_down_is_mailed_once_more_with_the_same_link",
        "kill -9: mail accepted, its row not committed",
        "a lock keeps the audit's row, the transaction's last, from being written; PostgreSQL",
        &format!(
            "{found}; when the dead worker's turn is over, one more mail with the same Message-ID and link: {mails}"
        ),
    );
}
