//! The disk is full: parts are refused with a sentence; reading, opening and ending go on, and make room again.

use crate::faults_md::saw;
use crate::harness::site::Setup;
use crate::harness::{ANA, Parcel, Recipient, Sender, Site, until};
use protocol::layout;
use protocol::transfers::{LinkAnswer, State};

const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

/// Rows, ciphertext and key share this disk.
const DISK: u64 = 80 << 20;

/// Sends ever smaller files until not even one byte is taken; answers a draft that was refused, and how many parts were.
async fn fill(site: &Site, sender: &Sender<'_>) -> (Parcel, usize) {
    let mut refused = 0;
    for len in [PART_PLAIN_LEN, 1 << 20, 1 << 16, 1] {
        loop {
            let parcel = Parcel::scribble(site, &[len]);
            sender.create(&parcel).await.expect(201);
            let answer = sender.put_part(&parcel, 0, 0).await;
            if answer.status != 204 {
                let problem = answer.refused(507, "storage-full");
                assert!(problem.detail.contains("no room left"), "{problem:?}");
                refused += 1;
                if len == 1 {
                    return (parcel, refused);
                }
                break;
            }
        }
    }
    unreachable!("the loop ends when one byte is refused")
}

async fn fetches(recipient: &Recipient, parcel: &Parcel) {
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    let fetched = recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    assert!(fetched.body == parcel.objects[0]);
    recipient.receipt(&ticket, 1, 1).await.expect(204);
}

#[actix_web::test]
async fn a_full_disk_refuses_parts_with_a_sentence_and_opening_and_ending_make_room_again() {
    let site = Site::start_with(Setup { disk: Some(DISK), ..Setup::default() });
    let sender = Sender::sign_in(&site, ANA).await;
    let (kept, ended) = (Parcel::scribble(&site, &[PART_PLAIN_LEN]), Parcel::scribble(&site, &[PART_PLAIN_LEN]));
    let recipient = sender.send(&kept).await;
    sender.send(&ended).await;
    let (waiting, refused) = fill(&site, &sender).await;
    assert_eq!(refused, 4);
    // All that needs no room for files still works.
    assert_eq!(sender.look(&waiting.id()).await.state, State::Draft);
    fetches(&recipient, &kept).await;
    sender.end(&ended).await.expect(204);
    let purged = async || (sender.events(&ended).await.last().unwrap() == "transfer.purged").then_some(());
    until("the purge", purged).await;
    sender.put_part(&waiting, 0, 0).await.expect(204);
    let LinkAnswer { link } = sender.seal(&waiting).await.expect(200).json();
    fetches(&Recipient::with_link(&site, &link), &waiting).await;
    assert!(site.process.lives());
    saw(
        "a_full_disk_refuses_parts_with_a_sentence_and_opening_and_ending_make_room_again",
        "disk full",
        "files of ever smaller lengths are sent to a server whose data folder is a tmpfs of 80 MiB, until one byte is refused",
        "507 with a sentence for every length; looking, opening, fetching and ending go on; what was ended is purged, and the refused part goes through, is sealed and opened",
    );
}
