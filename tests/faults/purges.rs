//! Killed on the way out: what is over opens nothing at once, and its bytes go in the end.

use crate::drafts::bucket;
use crate::faults_md::saw;
use crate::faulty_line::{Fault, FaultyLine, Plan};
use crate::garage;
use crate::harness::aftermath::check_audit;
use crate::harness::{ANA, Parcel, Recipient, Sender, Site, rows, unanswered, until};
use crate::seals::{hold_the_audit, wait_for_the_audit};
use futures_util::future::join;
use protocol::transfers::State;

/// What must hold as soon as the sender ended it, whether the bytes are gone or not.
async fn is_over(sender: &Sender<'_>, parcel: &Parcel, recipient: &Recipient) {
    assert_eq!(sender.look(&parcel.id()).await.state, State::Revoked);
    recipient.ask().await.refused(404, "link-invalid");
    recipient.unlock(&parcel.proof()).await.refused(404, "link-invalid");
}

async fn is_purged_once(site: &Site, sender: &Sender<'_>, parcel: &Parcel) {
    let purged = async || {
        let events = sender.events(parcel).await;
        (events.last().unwrap() == "transfer.purged").then_some(events)
    };
    let events = until("the purge", purged).await;
    assert_eq!(events.iter().filter(|event| *event == "transfer.purged").count(), 1);
    assert_eq!(rows::count(site, "objects").await, 0);
    check_audit(site, sender, parcel).await;
}

#[actix_web::test]
async fn a_purge_killed_between_two_objects_is_finished_after_the_start() {
    let (line, prefix) = (FaultyLine::to(garage::endpoint()), garage::own_prefix());
    let spool = tempfile::tempdir().unwrap();
    let blobs = {
        let settings = garage::settings(garage::endpoint(), &prefix, spool.path());
        filmjacket::blobs::Blobs::S3(filmjacket::blobs::S3::open(&settings).unwrap())
    };
    let site = Site::start_with(bucket(&line, &prefix));
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000, 7000]);
    let recipient = sender.send(&parcel).await;
    // A plan outlives its test.
    let second: &'static str = parcel.object_id(1).to_text().leak();
    let pieces: &'static [&'static str] = vec!["DELETE ", second].leak();
    line.set(Some(Plan { pieces, fault: Fault::Silence, times: usize::MAX }));
    sender.end(&parcel).await.expect(204);
    until("the purge at the second object", async || (line.met() > 0).then_some(())).await;
    site.kill();
    line.set(None);
    let left = blobs.list_objects().await.unwrap();
    assert_eq!(left, [parcel.object_id(1)]);
    site.start_again();
    is_over(&sender, &parcel, &recipient).await;
    is_purged_once(&site, &sender, &parcel).await;
    assert_eq!(blobs.list_objects().await.unwrap(), []);
    saw(
        "a_purge_killed_between_two_objects_is_finished_after_the_start",
        "kill -9: purge half done, one object's bytes gone, the other's not",
        "the bucket does not answer to DeleteObject",
        &format!(
            "revoked, keys gone, opens nothing, {} of 2 objects left; purged after the start, written down once",
            left.len()
        ),
    );
}

#[actix_web::test]
async fn a_purge_whose_row_was_not_committed_is_written_down_once_after_a_kill() {
    let site = Site::start_on_postgres();
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000, 7000]);
    let recipient = sender.send(&parcel).await;
    until("the mail to be written off", async || (rows::count(&site, "outbox").await == 0).then_some(())).await;
    // The lock goes from hand to hand, so that it is held again before the purge can begin.
    let first = hold_the_audit(&site).await;
    let ended = unanswered::post(&site, &sender, &format!("{}/end", parcel.path()), &serde_json::json!({}));
    wait_for_the_audit(&site, 1).await;
    let hand_over = async {
        wait_for_the_audit(&site, 2).await;
        drop(first);
    };
    let (holder, ()) = join(hold_the_audit(&site), hand_over).await;
    wait_for_the_audit(&site, 1).await;
    assert!(rows::stored_files(&site).is_empty(), "bytes go before the row says so");
    site.kill();
    drop((ended, holder));
    site.start_again();
    is_over(&sender, &parcel, &recipient).await;
    is_purged_once(&site, &sender, &parcel).await;
    saw(
        "a_purge_whose_row_was_not_committed_is_written_down_once_after_a_kill",
        "kill -9: purge half done, bytes gone, the row not committed",
        "a lock keeps the audit's row, the transaction's last, from being written; PostgreSQL",
        "revoked, keys gone, opens nothing; purged after the start, written down once",
    );
}
