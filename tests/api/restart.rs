//! The server goes away at the worst moment and comes back on the same folder.

use crate::harness::parcel::{Parcel, random};
use crate::harness::{Recipient, Sender, Site, rows};
use filmjacket::jobs;
use protocol::ObjectId;
use protocol::layout;
use protocol::transfers::{LinkAnswer, State};

const ANA: &str = "ana@clinic.example";
const SESSION: &str = "filmjacket-session";
const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

#[actix_web::test]
async fn an_upload_goes_on_after_a_restart_where_it_stopped() {
    let mut site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100, 20]);
    let session = {
        let sender = Sender::sign_in(&site, ANA).await;
        sender.create(&parcel).await.expect(201);
        sender.put_part(&parcel, 0, 1).await.expect(204);
        sender.client.cookie(SESSION).unwrap()
    };
    site.restart().await;
    let client = site.client();
    client.set_cookie(SESSION, &session);
    let sender = Sender::resume(&site, client);
    let held: Vec<Vec<u32>> =
        sender.objects(&parcel).await.iter().map(|object| object.parts.iter().map(|part| part.n).collect()).collect();
    assert_eq!(held, [vec![1], vec![]]);
    sender.create(&parcel).await.expect(201);
    for (index, n) in [(0, 0), (1, 0), (0, 1)] {
        sender.put_part(&parcel, index, n).await.expect(204);
    }
    let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
    let recipient = Recipient::with_link(&site, &link);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    for index in 0..2 {
        let fetched = recipient.fetch(&ticket, &parcel.object_id(index), "").await.expect(200);
        assert!(fetched.body == parcel.objects[index]);
    }
}

#[actix_web::test]
async fn links_tickets_and_queued_mail_survive_a_restart() {
    let mut site = Site::start().await;
    let (parcel, opened) = (Parcel::scribble(&site, &[10]), Parcel::scribble(&site, &[10]).to("bob@clinic.example"));
    let (link, ticket) = {
        let sender = Sender::sign_in(&site, ANA).await;
        sender.upload(&parcel).await;
        let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
        let ticket = sender.send(&opened).await.take_ticket(&opened.proof()).await;
        (link, ticket)
    };
    site.restart().await;
    let fragment = link.split_once('#').unwrap().1;
    assert_eq!(site.link_for("anna@clinic.example").await, format!("{}/open#{fragment}", site.origin()));
    let recipient = Recipient::with_link(&site, &format!("{}/open#{fragment}", site.origin()));
    recipient.fetch(&ticket, &opened.object_id(0), "").await.expect(200);
    recipient.unlock(&parcel.proof()).await.expect(200);
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link", "bob@clinic.example: link"]);
}

#[actix_web::test]
async fn a_crash_between_hand_over_and_its_row_mails_the_same_link_at_most_twice() {
    let mut site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[10]);
    Sender::sign_in(&site, ANA).await.send(&parcel).await;
    // The mailer takes the mail; the commit that says so never comes.
    rows::fail(&site, "DELETE ON outbox").await;
    let mut mails = Vec::new();
    jobs::send_next_mail(site.app()).await.unwrap_err();
    mails.extend(site.mail().pop());
    rows::mend(&site).await;
    site.restart().await;
    // While the dead worker's turn lasts, nobody else takes the mail.
    site.send_mail().await;
    assert!(site.mail().is_empty());
    site.wait(10 * 60);
    for _ in 0..3 {
        site.send_mail().await;
    }
    mails.extend(site.mail());
    let texts: Vec<String> = mails.iter().map(|mail| String::from_utf8(mail.message.clone()).unwrap()).collect();
    assert_eq!(texts.len(), 2);
    let line = |text: &str, start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert_eq!(line(&texts[0], "Message-ID"), line(&texts[1], "Message-ID"));
    let fragments: Vec<String> = mails.iter().map(fragment).collect();
    assert_eq!(fragments[0], fragments[1]);
}

fn fragment(mail: &filmjacket::mail::SentMail) -> String {
    let filmjacket::mail::Letter::TransferLink(letter) = &mail.letter else {
        panic!("another mail: {:?}", mail.letter)
    };
    letter.link.expose().split_once('#').unwrap().1.to_owned()
}

#[actix_web::test]
async fn bytes_whose_row_was_never_written_are_swept_and_a_retry_stores_them_again() {
    let mut site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[10]);
    let session = {
        let sender = Sender::sign_in(&site, ANA).await;
        sender.create(&parcel).await.expect(201);
        rows::fail(&site, "INSERT ON parts").await;
        sender.put_part(&parcel, 0, 0).await.refused(500, "internal");
        sender.client.cookie(SESSION).unwrap()
    };
    rows::mend(&site).await;
    site.restart().await;
    let client = site.client();
    client.set_cookie(SESSION, &session);
    let sender = Sender::resume(&site, client);
    assert!(sender.objects(&parcel).await[0].parts.is_empty());
    assert_eq!(sender.seal(&parcel).await.refused(409, "parts-missing").missing.unwrap(), "object 1, part 0");
    sender.put_part(&parcel, 0, 0).await.expect(204);
    sender.seal(&parcel).await.expect(200);
    assert_eq!(rows::stored_files(&site).len(), 1);
}

#[actix_web::test]
async fn a_seal_that_could_not_be_committed_left_a_draft_and_no_mail() {
    let mut site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[10]);
    for table in ["sealed", "transfer_keys", "outbox", "audit"] {
        let sender = Sender::sign_in(&site, ANA).await;
        // From the second time on, its owner is told that a new browser signed in.
        site.send_mail().await;
        sender.create(&parcel).await.expect(201);
        sender.put_part(&parcel, 0, 0).await.expect(204);
        rows::fail(&site, &format!("INSERT ON {table}")).await;
        sender.seal(&parcel).await.refused(500, "internal");
        rows::mend(&site).await;
        assert_eq!(sender.look(&parcel.id()).await.state, State::Draft, "{table}");
        for emptied in ["sealed", "transfer_keys", "outbox"] {
            assert_eq!(rows::count(&site, emptied).await, 0, "{emptied} after a fault in {table}");
        }
        drop(sender);
        site.restart().await;
    }
    let sender = Sender::sign_in(&site, ANA).await;
    sender.seal(&parcel).await.expect(200);
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
}

#[actix_web::test]
async fn objects_that_no_row_knows_are_swept_and_all_others_stay() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.upload(&parcel).await;
    let known = rows::stored_files(&site);
    let orphan = ObjectId::from_bytes(random()).to_text();
    let folder = site.data().join("blobs/objects").join(&orphan[..2]).join(&orphan);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("0-x"), "left over").unwrap();
    assert_eq!(jobs::sweep_orphans(site.app()).await.unwrap(), 1);
    assert_eq!(rows::stored_files(&site), known);
    sender.seal(&parcel).await.expect(200);
    assert_eq!(jobs::sweep_orphans(site.app()).await.unwrap(), 0);
}

#[actix_web::test]
async fn a_database_that_others_hold_for_long_is_answered_with_try_again() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let holder = rows::hold_write_lock(&site).await;
    let refused = sender.create(&parcel).await;
    assert!(refused.refused(503, "unavailable").retry_after.unwrap() > 0);
    assert_eq!(refused.header("retry-after"), refused.problem().retry_after.unwrap().to_string());
    drop(holder);
    sender.create(&parcel).await.expect(201);
}
