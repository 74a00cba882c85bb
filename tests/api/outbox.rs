//! Mail on its way: tried again, refused, given up, never lost, never twice.

use crate::harness::{DAY, HOUR, MINUTE, Parcel, Recipient, Sender, Site, rows};
use filmjacket::jobs;
use filmjacket::mail::{Letter, MailError};
use protocol::transfers::{LinkAnswer, MailState, TransferLog};

const ANA: &str = "ana@clinic.example";
const ANNA: &str = "anna@clinic.example";

fn not_now() -> MailError {
    MailError::Temporary("450 4.2.0 greylisted".into())
}

fn refused() -> MailError {
    MailError::Refused("550 5.1.1 no such mailbox".into())
}

#[actix_web::test]
async fn a_mail_that_is_not_taken_now_is_tried_again_later_and_later() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.send(&parcel).await;
    for _ in 0..4 {
        site.fail_next_mail(not_now());
    }
    let mut pauses = Vec::new();
    while site.mail_kinds().is_empty() {
        site.send_mail().await;
        assert_eq!(rows::count(&site, "outbox").await, usize::from(site.mail_kinds().is_empty()));
        if site.mail_kinds().is_empty() {
            assert_eq!(sender.look(&parcel.id()).await.mail, Some(MailState::Queued));
            let next: i64 = rows::one(&site, "SELECT CAST(next_try_at AS TEXT) FROM outbox").await.parse().unwrap();
            let pause = next - site.clock.now().as_unix();
            site.wait(pause - 1);
            site.send_mail().await;
            assert!(site.mail_kinds().is_empty(), "tried before its time");
            site.wait(1);
            pauses.push(pause);
        }
    }
    assert_eq!(pauses.len(), 4);
    assert!(pauses[0] <= 5 * MINUTE && pauses.is_sorted_by(|a, b| a < b), "{pauses:?}");
    assert_eq!(sender.look(&parcel.id()).await.mail, Some(MailState::Accepted));
}

#[actix_web::test]
async fn a_mail_that_nobody_takes_for_two_days_is_given_up_and_the_sender_is_told() {
    let site = Site::start().await;
    let start = site.clock.now();
    let parcel = Parcel::scribble(&site, &[1]);
    Sender::sign_in(&site, ANA).await.send(&parcel).await;
    let mut tries = 0;
    loop {
        site.fail_next_mail(not_now());
        site.send_mail().await;
        tries += 1;
        let waiting = "SELECT CAST(next_try_at AS TEXT) FROM outbox WHERE kind = 'transfer_link'";
        let Some(next) = rows::query(&site, waiting).await.pop() else { break };
        assert!(tries < 100, "no end of it");
        site.wait(next.parse::<i64>().unwrap() - site.clock.now().as_unix());
    }
    let hours = (site.clock.now().as_unix() - start.as_unix()) / HOUR;
    assert!((40..=48).contains(&hours), "given up after {hours} hours");
    assert!((10..40).contains(&tries), "{tries} tries");
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), ["ana@clinic.example: refused"]);
    let sender = Sender::sign_in(&site, ANA).await;
    let Some(MailState::Refused { reason }) = sender.look(&parcel.id()).await.mail else { panic!("not refused") };
    assert!(reason.contains("greylisted"), "{reason}");
}

#[actix_web::test]
async fn a_refused_mail_is_shown_to_its_sender_with_the_reason_and_can_be_sent_anew() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.send(&parcel).await;
    site.fail_next_mail(refused());
    site.send_mail().await;
    let reason = "550 5.1.1 no such mailbox".to_owned();
    assert_eq!(sender.look(&parcel.id()).await.mail, Some(MailState::Refused { reason: reason.clone() }));
    let log: TransferLog = sender.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    let refusal = log.events.iter().find(|entry| entry.event == "mail.refused").unwrap();
    assert_eq!(refusal.detail, reason);
    let told = site
        .newest(ANA, |letter| match letter {
            Letter::Refused(letter) => Some(letter),
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!((told.recipient.as_str(), told.reason.as_str()), (ANNA, &*reason));
    assert_eq!(rows::count(&site, "outbox").await, 0);
    // The transfer lives: the link can be passed on by hand, or mailed again.
    let LinkAnswer { link } = sender.resend(&parcel).await.expect(202).json();
    site.send_mail().await;
    assert_eq!(sender.look(&parcel.id()).await.mail, Some(MailState::Accepted));
    Recipient::with_link(&site, &link).unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn one_mail_that_fails_holds_up_no_other() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for n in 0..3 {
        sender.send(&Parcel::scribble(&site, &[1]).to(&format!("recipient{n}@x.example"))).await;
    }
    site.fail_next_mail(not_now());
    site.fail_next_mail(refused());
    site.send_mail().await;
    let taken: Vec<String> = site.mail_kinds().into_iter().filter(|mail| mail.ends_with("link")).collect();
    assert_eq!(taken.len(), 1);
    site.wait(HOUR);
    site.send_mail().await;
    assert_eq!(site.mail_kinds().into_iter().filter(|mail| mail.ends_with("link")).count(), 2);
}

#[actix_web::test]
async fn workers_at_once_hand_over_each_mail_once() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for n in 0..6 {
        sender.send(&Parcel::scribble(&site, &[1]).to(&format!("recipient{n}@x.example"))).await;
    }
    let steps = (0..12).map(|_| jobs::send_next_mail(site.app()));
    futures_util::future::try_join_all(steps).await.unwrap();
    let expected: Vec<String> = (0..6).map(|n| format!("recipient{n}@x.example: link")).collect();
    assert_eq!(site.mail_kinds(), expected);
}

#[actix_web::test]
async fn a_sign_in_code_is_not_mailed_once_it_is_worth_nothing() {
    let site = Site::start().await;
    site.client().post("/api/v1/sign-in", &serde_json::json!({ "email": ANA })).await.expect(202);
    site.fail_next_mail(not_now());
    site.send_mail().await;
    site.wait(11 * MINUTE);
    site.send_mail().await;
    assert!(site.mail().is_empty());
    assert_eq!(rows::count(&site, "outbox").await, 0);
}

#[actix_web::test]
async fn a_link_whose_transfer_ended_meanwhile_is_not_mailed() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (ended, expired) =
        (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]).ending(site.clock.now().plus(HOUR)));
    for parcel in [&ended, &expired] {
        sender.send(parcel).await;
        site.fail_next_mail(not_now());
    }
    site.send_mail().await;
    sender.end(&ended).await.expect(204);
    site.wait(DAY);
    site.tidy().await;
    assert!(site.mail_kinds().iter().all(|mail| !mail.ends_with("link")), "{:?}", site.mail_kinds());
    assert_eq!(rows::count(&site, "outbox").await, 0);
}

#[actix_web::test]
async fn once_the_mail_is_taken_only_the_tokens_hash_remains() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.send(&parcel).await;
    let waiting = rows::query(&site, "SELECT secret FROM outbox WHERE secret IS NOT NULL").await;
    assert_eq!(waiting.len(), 1);
    site.send_mail().await;
    assert_eq!(rows::count(&site, "outbox").await, 0);
    let log: TransferLog = sender.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    assert_eq!(log.events.last().unwrap().event, "mail.accepted");
}

#[actix_web::test]
async fn a_clock_set_back_by_a_day_does_not_hold_mail_up() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    sender.send(&Parcel::scribble(&site, &[1])).await;
    site.wait(-DAY);
    site.tidy().await;
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
}

#[actix_web::test]
async fn a_reason_from_outside_is_one_harmless_line() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.send(&parcel).await;
    site.fail_next_mail(MailError::Refused(format!("550 no\r\nSubject: x\u{202e}{}", "y".repeat(100_000))));
    site.send_mail().await;
    let Some(MailState::Refused { reason }) = sender.look(&parcel.id()).await.mail else { panic!("not refused") };
    assert!(reason.starts_with("550 no Subject: xy") && reason.chars().count() < 300, "{reason:.300}");
}
