//! What a sender sees of their transfers and does with them: the list, the log, a new link, the end.

use crate::harness::{HOUR, MINUTE, Parcel, Recipient, Sender, Site, rows};
use protocol::TransferId;
use protocol::transfers::{LinkAnswer, State, TransferLog, TransferPage};

const ANA: &str = "ana@clinic.example";

async fn page(sender: &Sender<'_>, query: &str) -> TransferPage {
    sender.client.get(&format!("/api/v1/transfers{query}")).await.expect(200).json()
}

fn ids(page: &TransferPage) -> Vec<TransferId> {
    page.transfers.iter().map(|transfer| transfer.transfer_id).collect()
}

#[actix_web::test]
async fn the_list_is_newest_first_and_pages_without_gaps_or_repeats() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    assert_eq!(page(&sender, "").await, TransferPage { transfers: Vec::new(), next: None });
    let mut made = Vec::new();
    for n in 0..7 {
        let parcel = Parcel::scribble(&site, &[1]);
        sender.create(&parcel).await.expect(201);
        made.insert(0, parcel.id());
        // Several within one second, so that time alone does not order them.
        site.wait(n % 3);
    }
    let all = page(&sender, "").await;
    assert_eq!((all.transfers.len(), all.next), (7, None));
    let times: Vec<_> = all.transfers.iter().map(|transfer| transfer.created_at).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let mut walked = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let next = page(&sender, &query).await;
        assert!(next.transfers.len() <= 2);
        walked.extend(ids(&next));
        let Some(before) = next.next else { break };
        query = format!("?limit=2&before={before}");
    }
    assert_eq!(walked, ids(&all));
    made.sort();
    walked.sort();
    assert_eq!(walked, made);
}

#[actix_web::test]
async fn a_page_that_ends_exactly_at_the_last_transfer_has_no_next() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for _ in 0..2 {
        sender.create(&Parcel::scribble(&site, &[1])).await.expect(201);
    }
    assert_eq!(page(&sender, "?limit=2").await.next, None);
    let first = page(&sender, "?limit=1").await;
    assert_eq!(page(&sender, &format!("?limit=1&before={}", first.next.unwrap())).await.next, None);
}

#[actix_web::test]
async fn odd_questions_for_the_list_are_answered_or_refused_with_a_sentence() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let eve = Sender::sign_in(&site, "eve@clinic.example").await;
    let (mine, hers) = (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]));
    sender.create(&mine).await.expect(201);
    eve.create(&hers).await.expect(201);
    for query in ["?limit=0", "?limit=4294967295"] {
        assert_eq!(ids(&page(&sender, query).await), [mine.id()], "{query}");
    }
    // Another sender's transfer is no place in this list.
    assert!(page(&sender, &format!("?before={}", hers.id())).await.transfers.is_empty());
    for query in
        ["?limit=x", "?limit=-1", "?limit=4294967296", "?before=x", "?before=", "?order=asc", "?limit=1&limit=2"]
    {
        sender.client.get(&format!("/api/v1/transfers{query}")).await.refused(400, "bad-request");
    }
}

#[actix_web::test]
async fn the_log_tells_what_happened_when_by_whom_from_where_and_how_far() {
    let site = Site::start().await;
    let mut sender = Sender::sign_in(&site, ANA).await;
    sender.client = sender.client.at_address("203.0.113.7");
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await.at_address("198.51.100.9");
    site.wait(MINUTE);
    site.send_mail().await;
    site.wait(MINUTE);
    recipient.guess().await.refused(403, "wrong-passcode");
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    recipient.receipt(&ticket, 1, 1).await.expect(204);
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    let log: TransferLog = sender.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    let start = log.events[0].at;
    let told: Vec<_> = log
        .events
        .iter()
        .map(|entry| {
            let seconds = entry.at.as_unix() - start.as_unix();
            let address = entry.address.as_deref().unwrap_or("-");
            format!("{seconds} {} {} {address} {:?}", entry.event, entry.actor, entry.detail)
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"0 transfer.created ana@clinic.example 203.0.113.7 """#,
            r#"0 transfer.sealed ana@clinic.example 203.0.113.7 """#,
            r#"60 mail.accepted system - """#,
            r#"120 transfer.refused recipient 198.51.100.9 """#,
            r#"120 transfer.opened recipient 198.51.100.9 """#,
            r#"120 transfer.received recipient 198.51.100.9 "1 of 1 files verified""#,
            r#"120 transfer.revoked ana@clinic.example 203.0.113.7 """#,
            r#"120 transfer.purged system - """#,
        ]
    );
}

#[actix_web::test]
async fn a_forged_client_address_is_not_written_into_the_log() {
    let site = Site::start_with(|config| config.trusted_proxies.clear()).await;
    let mut sender = Sender::sign_in(&site, ANA).await;
    sender.client = sender.client.at_address("203.0.113.7");
    let parcel = Parcel::scribble(&site, &[1]);
    sender.create(&parcel).await.expect(201);
    let log: TransferLog = sender.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    assert_eq!(log.events[0].address.as_deref(), Some("127.0.0.1"));
}

#[actix_web::test]
async fn a_resend_mails_a_new_link_and_kills_the_old_one() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let old = sender.send(&parcel).await;
    site.send_mail().await;
    let LinkAnswer { link } = sender.resend(&parcel).await.expect(202).json();
    let new = Recipient::with_link(&site, &link);
    assert_ne!(new.token.as_bytes(), old.token.as_bytes());
    old.ask().await.refused(404, "link-invalid");
    old.unlock(&parcel.proof()).await.refused(404, "link-invalid");
    assert_eq!(site.link_for("anna@clinic.example").await, link);
    new.unlock(&parcel.proof()).await.expect(200);
    // A late repetition of the seal must not tell the dead link as if it worked.
    sender.seal(&parcel).await.refused(409, "wrong-state");
}

#[actix_web::test]
async fn a_resend_before_the_first_mail_left_mails_only_the_new_link() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.send(&parcel).await;
    let LinkAnswer { link } = sender.resend(&parcel).await.expect(202).json();
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
    assert_eq!(site.link_for("anna@clinic.example").await, link);
}

#[actix_web::test]
async fn a_resend_does_not_end_a_download_under_way() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    sender.resend(&parcel).await.expect(202);
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
}

#[actix_web::test]
async fn only_what_can_still_be_opened_is_mailed_again() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (draft, ended, used) =
        (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]).openings(1));
    sender.create(&draft).await.expect(201);
    sender.send(&ended).await;
    sender.end(&ended).await.expect(204);
    sender.send(&used).await.unlock(&used.proof()).await.expect(200);
    let expired = Parcel::scribble(&site, &[1]).ending(site.clock.now().plus(600));
    sender.send(&expired).await;
    site.send_mail().await;
    let mails = site.mail().len();
    site.wait(600);
    for parcel in [&draft, &ended, &used, &expired] {
        sender.resend(parcel).await.refused(409, "wrong-state");
    }
    site.send_mail().await;
    assert_eq!(site.mail().len(), mails);
}

#[actix_web::test]
async fn a_mailbox_cannot_be_flooded_by_resends() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.send(&parcel).await;
    let mut mailed = 0;
    let refused = loop {
        let answer = sender.resend(&parcel).await;
        if answer.status != 202 {
            break answer;
        }
        mailed += 1;
        assert!(mailed <= 20, "no end of it");
    };
    assert!(refused.refused(429, "too-many-requests").retry_after.unwrap() > 0);
}

#[actix_web::test]
async fn ending_works_at_once_and_twice() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    recipient.ask().await.expect(200);
    for _ in 0..2 {
        sender.end(&parcel).await.expect(204);
    }
    recipient.ask().await.refused(404, "link-invalid");
    let summary = sender.look(&parcel.id()).await;
    assert_eq!((summary.state, summary.ended_at), (State::Revoked, Some(site.clock.now())));
    assert_eq!(sender.events(&parcel).await.iter().filter(|event| *event == "transfer.revoked").count(), 1);
    // The link that was never mailed is not mailed any more.
    site.send_mail().await;
    assert!(site.mail_kinds().is_empty());
}

#[actix_web::test]
async fn ending_what_is_over_does_not_rewrite_how_it_ended() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]).ending(site.clock.now().plus(600));
    sender.send(&parcel).await;
    site.wait(600);
    sender.end(&parcel).await.expect(204);
    assert_eq!(sender.look(&parcel.id()).await.state, State::Expired);
    site.tidy().await;
    sender.end(&parcel).await.expect(204);
    assert_eq!(sender.look(&parcel.id()).await.state, State::Expired);
}

#[actix_web::test]
async fn the_list_tells_openings_attempts_and_the_state_by_the_clock() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5, 6]).openings(2).ending(site.clock.now().plus(HOUR));
    let recipient = sender.send(&parcel).await;
    recipient.guess().await.refused(403, "wrong-passcode");
    site.wait(MINUTE);
    recipient.unlock(&parcel.proof()).await.expect(200);
    let line = page(&sender, "").await.transfers.remove(0);
    assert_eq!(
        (line.state, line.openings, line.max_openings, line.refused_attempts, line.files, line.total_len),
        (State::Ready, 1, 2, 1, 2, 11)
    );
    assert_eq!((line.last_opened_at, line.ended_at), (Some(site.clock.now()), None));
    // Without waiting for a job to write it down.
    site.wait(HOUR - MINUTE);
    let sender = Sender::sign_in(&site, ANA).await;
    assert_eq!(page(&sender, "").await.transfers[0].state, State::Expired);
    assert_eq!(rows::one(&site, "SELECT state FROM transfers").await, "ready");
}
