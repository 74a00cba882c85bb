//! Unlocking: the only step that counts, wrong passcodes and their growing pauses, races for the last opening.

use crate::harness::{DAY, Parcel, Sender, Site, rows};
use protocol::open::UnlockAnswer;
use protocol::transfers::State;

const ANA: &str = "ana@clinic.example";

#[actix_web::test]
async fn the_right_passcode_releases_what_was_sealed_and_counts_one_opening() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1, 100_000]);
    let recipient = sender.send(&parcel).await;
    let answer: UnlockAnswer = recipient.unlock(&parcel.proof()).await.expect(200).json();
    let sealed = parcel.seal_request();
    assert!(answer.capsule == sealed.capsule && answer.manifest == sealed.manifest);
    assert_eq!(answer.objects, parcel.create.objects);
    assert_eq!(sender.look(&parcel.id()).await.openings, 1);
}

#[actix_web::test]
async fn wrong_passcode_spends_no_opening() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]).openings(1);
    let recipient = sender.send(&parcel).await;
    recipient.guess().await.refused(403, "wrong-passcode");
    let summary = sender.look(&parcel.id()).await;
    assert_eq!((summary.openings, summary.refused_attempts), (0, 1));
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn wrong_passcodes_lead_to_growing_pauses_and_never_to_a_lock() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    let mut told = Vec::new();
    for n in 0..12 {
        // From ever another network, so that only the transfer's own count matters.
        let problem = recipient.at_address(&format!("203.0.113.{n}")).guess().await.refused(403, "wrong-passcode");
        told.push((problem.tries.unwrap(), problem.retry_after.unwrap_or(0)));
        site.wait(problem.retry_after.unwrap_or(0) as i64);
    }
    let tries: Vec<u32> = told.iter().map(|(tries, _)| *tries).collect();
    assert_eq!(tries[..6], [4, 3, 2, 1, 0, 0]);
    let pauses: Vec<u64> = told.iter().map(|(_, pause)| *pause).collect();
    assert_eq!(pauses[..4], [0; 4]);
    assert!(pauses[4] > 0 && pauses[5] > pauses[4] && pauses.is_sorted(), "{pauses:?}");
    assert!(pauses[11] <= 15 * 60, "a pause that long locks the recipient out: {pauses:?}");
    assert_eq!(sender.look(&parcel.id()).await.refused_attempts, 12);
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn during_a_pause_even_the_right_passcode_waits_and_nothing_is_counted() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    let mut pause = 0;
    while pause == 0 {
        pause = recipient.guess().await.refused(403, "wrong-passcode").retry_after.unwrap_or(0);
    }
    let counted = sender.look(&parcel.id()).await.refused_attempts;
    for proof in [parcel.proof(), protocol::Proof::from_bytes([1; 32])] {
        let refused = recipient.unlock(&proof).await;
        let wait = refused.problem().retry_after.unwrap();
        assert!(refused.status == 403 || refused.status == 429, "{}", refused.status);
        assert!(0 < wait && wait <= pause, "{wait} of {pause}");
        assert_eq!(refused.header("retry-after"), wait.to_string());
    }
    let summary = sender.look(&parcel.id()).await;
    assert_eq!((summary.openings, summary.refused_attempts), (0, counted));
    site.wait(pause as i64 - 1);
    assert_eq!(recipient.unlock(&parcel.proof()).await.problem().retry_after, Some(1));
    site.wait(1);
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn the_answer_to_a_guess_in_a_pause_does_not_tell_whether_it_was_right() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    while recipient.guess().await.problem().retry_after.is_none() {}
    assert_eq!(recipient.guess().await.visible(), recipient.unlock(&parcel.proof()).await.visible());
}

#[actix_web::test]
async fn a_guesser_of_many_transfers_is_paused_by_network_and_nobody_else_is() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let guesser = "2001:db8:1:2::1";
    let mut parcels = Vec::new();
    for _ in 0..11 {
        let parcel = Parcel::scribble(&site, &[1]);
        parcels.push((sender.send(&parcel).await, parcel));
    }
    let mut guesses = 0;
    for (recipient, _) in &parcels {
        // The same /64 is the same network.
        let answer = recipient.at_address(&format!("2001:db8:1:2::{guesses:x}")).guess().await;
        guesses += 1;
        if answer.problem().retry_after.is_some() {
            break;
        }
    }
    assert!((5..=10).contains(&guesses), "{guesses}");
    let (recipient, parcel) = parcels.last().unwrap();
    recipient.at_address(guesser).unlock(&parcel.proof()).await.problem().retry_after.expect("a pause");
    recipient.at_address("2001:db8:1:3::1").unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn a_guesser_cannot_keep_the_recipient_out_for_long() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    let guesser = recipient.at_address("203.0.113.66");
    for _ in 0..50 {
        site.wait(guesser.guess().await.problem().retry_after.unwrap_or(0) as i64);
    }
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn wrong_passcodes_are_forgotten_after_a_day_and_by_the_right_one() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    for wait in [0, DAY] {
        site.wait(wait);
        for tries in [4, 3, 2] {
            assert_eq!(recipient.guess().await.problem().tries, Some(tries));
        }
    }
    recipient.unlock(&parcel.proof()).await.expect(200);
    let elsewhere = recipient.at_address("203.0.113.77");
    assert_eq!(elsewhere.guess().await.problem().tries, Some(4));
}

#[actix_web::test]
async fn guesses_at_once_are_counted_one_by_one() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    let answers = futures_util::future::join_all((0..40).map(|_| recipient.guess())).await;
    let looked_at = answers.iter().filter(|answer| answer.problem().tries.is_some()).count();
    assert_eq!(looked_at, 5, "more guesses were looked at than are free");
    assert_eq!(sender.look(&parcel.id()).await.refused_attempts, 5);
}

#[actix_web::test]
async fn two_hundred_unlocks_at_once_open_exactly_five_times() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]).openings(5).telling_when_opened();
    let recipient = sender.send(&parcel).await;
    let proof = parcel.proof();
    let answers = futures_util::future::join_all((0..200).map(|_| recipient.unlock(&proof))).await;
    let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(opened.len(), 5);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| drop(answer.refused(404, "link-invalid")));
    assert_eq!(sender.look(&parcel.id()).await.openings, 5);
    assert_eq!(rows::count(&site, "tickets").await, 5);
    assert_eq!(sender.events(&parcel).await.iter().filter(|event| *event == "transfer.opened").count(), 5);
    for answer in opened {
        recipient.fetch(&answer.json::<UnlockAnswer>().ticket, &parcel.object_id(0), "").await.expect(200);
    }
    site.send_mail().await;
    assert_eq!(site.mail_kinds().iter().filter(|mail| mail.ends_with("opened")).count(), 5);
}

#[actix_web::test]
async fn the_last_opening_leaves_its_ticket_alive_and_the_link_dead() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]).openings(1);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    recipient.ask().await.refused(404, "link-invalid");
    recipient.unlock(&parcel.proof()).await.refused(404, "link-invalid");
    site.tidy().await;
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    recipient.receipt(&ticket, 1, 1).await.expect(204);
    assert_eq!(sender.look(&parcel.id()).await.state, State::Ready);
}

#[actix_web::test]
async fn nothing_opens_if_the_audit_cannot_be_written() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    rows::fail(&site, "INSERT ON audit").await;
    let refused = recipient.unlock(&parcel.proof()).await;
    assert!(!refused.refused(500, "internal").detail.contains("power cut"), "{}", refused.text());
    assert_eq!(rows::one(&site, "SELECT CAST(openings AS TEXT) FROM transfers").await, "0");
    assert_eq!(rows::count(&site, "tickets").await, 0);
    rows::mend(&site).await;
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn the_sender_is_told_of_many_wrong_passcodes_once_a_day() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    let told = async || {
        site.send_mail().await;
        site.mail_kinds().iter().filter(|kind| **kind == format!("{ANA}: wrong passcodes")).count()
    };
    let guess = async || {
        let problem = recipient.guess().await.problem();
        site.wait(problem.retry_after.unwrap_or(0) as i64);
    };
    for _ in 0..4 {
        guess().await;
    }
    assert_eq!(told().await, 0, "a few slips are not worth a mail");
    for _ in 0..10 {
        guess().await;
        assert_eq!(told().await, 1);
    }
    // The next day, five in a row again.
    site.wait(DAY);
    for _ in 0..5 {
        assert_eq!(told().await, 1);
        guess().await;
    }
    assert_eq!(told().await, 2);
}
