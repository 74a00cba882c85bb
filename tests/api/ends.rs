//! What time does: transfers end, bytes and keys go, senders are told, and no clock brings anything back.

use crate::harness::{DAY, HOUR, MINUTE, Parcel, Recipient, Sender, Site, rows};
use filmjacket::jobs;
use protocol::transfers::{State, TransferDetail};

const ANA: &str = "ana@clinic.example";

/// One transfer ended in each way there is, with what was handed out for it before.
async fn ended_each_way(site: &Site) -> Vec<(State, Parcel, Recipient)> {
    let sender = Sender::sign_in(site, ANA).await;
    let soon = site.clock.now().plus(20 * HOUR);
    let (expiring, revoked) = (Parcel::scribble(site, &[10]).ending(soon), Parcel::scribble(site, &[10]));
    let used = Parcel::scribble(site, &[10]).openings(1);
    let links = [sender.send(&expiring).await, sender.send(&revoked).await, sender.send(&used).await];
    links[0].take_ticket(&expiring.proof()).await;
    links[1].take_ticket(&revoked.proof()).await;
    links[2].take_ticket(&used.proof()).await;
    sender.end(&revoked).await.expect(204);
    site.wait(20 * HOUR);
    site.tidy().await;
    let states = [State::Expired, State::Revoked, State::UsedUp];
    states.into_iter().zip([expiring, revoked, used]).zip(links).map(|((a, b), c)| (a, b, c)).collect()
}

#[actix_web::test]
async fn what_is_over_keeps_its_line_in_the_list_and_nothing_that_opens_it() {
    let site = Site::start().await;
    let ended = ended_each_way(&site).await;
    assert!(rows::stored_files(&site).is_empty());
    for table in ["sealed", "transfer_keys", "tickets", "objects", "parts", "outbox"] {
        assert_eq!(rows::count(&site, table).await, 0, "{table}");
    }
    let kept = "SELECT CAST(COUNT(*) AS TEXT) FROM transfers WHERE token_hash IS NOT NULL OR verifier IS NOT NULL";
    assert_eq!(rows::one(&site, kept).await, "0");
    let sender = Sender::sign_in(&site, ANA).await;
    for (state, parcel, recipient) in &ended {
        let detail: TransferDetail = sender.client.get(&parcel.path()).await.expect(200).json();
        assert_eq!((detail.summary.state, detail.summary.files, detail.objects.len()), (*state, 1, 0));
        assert_eq!(sender.events(parcel).await.last().unwrap(), "transfer.purged");
        recipient.ask().await.refused(404, "link-invalid");
        recipient.unlock(&parcel.proof()).await.refused(404, "link-invalid");
    }
}

#[actix_web::test]
async fn a_used_up_transfer_ends_when_its_last_ticket_has_run_out() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]).openings(2);
    let recipient = sender.send(&parcel).await;
    recipient.take_ticket(&parcel.proof()).await;
    site.wait(2 * HOUR);
    let last = recipient.take_ticket(&parcel.proof()).await;
    site.wait(12 * HOUR - 1);
    site.tidy().await;
    recipient.fetch(&last, &parcel.object_id(0), "").await.expect(200);
    site.wait(1);
    site.tidy().await;
    let sender = Sender::sign_in(&site, ANA).await;
    assert_eq!(sender.look(&parcel.id()).await.state, State::UsedUp);
    assert!(rows::stored_files(&site).is_empty());
}

#[actix_web::test]
async fn a_clock_set_back_revives_nothing() {
    let site = Site::start().await;
    let ended = ended_each_way(&site).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let sender = Sender::sign_in(&site, ANA).await;
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    site.wait(13 * HOUR);
    site.tidy().await;
    for back in [13 * HOUR, 20 * HOUR, 3 * DAY] {
        site.wait(-back);
        for (_, parcel, recipient) in &ended {
            recipient.ask().await.refused(404, "link-invalid");
            recipient.unlock(&parcel.proof()).await.refused(404, "link-invalid");
        }
        recipient.fetch(&ticket, &parcel.object_id(0), "").await.refused(401, "ticket-invalid");
        sender.client.get("/api/v1/me").await.refused(401, "sign-in-needed");
        site.tidy().await;
        site.wait(back);
    }
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn a_link_that_was_seen_expired_stays_so_even_before_any_job_ran() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]).ending(site.clock.now().plus(HOUR));
    let recipient = sender.send(&parcel).await;
    site.wait(HOUR);
    recipient.ask().await.refused(404, "link-invalid");
    site.wait(-HOUR);
    recipient.ask().await.refused(404, "link-invalid");
}

#[actix_web::test]
async fn the_sender_is_told_of_openings_only_if_asked() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for (parcel, openings) in [
        (Parcel::scribble(&site, &[1]).telling_when_opened().to("told@x.example"), 2),
        (Parcel::scribble(&site, &[1]), 1),
    ] {
        let recipient = sender.send(&parcel).await;
        recipient.guess().await.refused(403, "wrong-passcode");
        for _ in 0..openings {
            recipient.take_ticket(&parcel.proof()).await;
        }
    }
    site.send_mail().await;
    let told: Vec<String> = site.mail_kinds().into_iter().filter(|mail| mail.starts_with(ANA)).collect();
    assert_eq!(told, ["ana@clinic.example: opened"; 2]);
}

#[actix_web::test]
async fn the_sender_of_an_unopened_transfer_is_told_a_day_before_and_at_the_end_once() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let end = site.clock.now().plus(7 * DAY);
    let (unopened, opened) = (Parcel::scribble(&site, &[1]).ending(end), Parcel::scribble(&site, &[1]).ending(end));
    sender.send(&unopened).await;
    sender.send(&opened).await.take_ticket(&opened.proof()).await;
    site.send_mail().await;
    let told = |site: &Site| site.mail_kinds().into_iter().filter(|mail| mail.starts_with(ANA)).collect::<Vec<_>>();
    site.wait(6 * DAY - 1);
    site.tidy().await;
    assert!(told(&site).is_empty());
    for wait in [1, HOUR, 23 * HOUR - 1] {
        site.wait(wait);
        site.tidy().await;
        assert_eq!(told(&site), ["ana@clinic.example: expires soon"]);
    }
    for wait in [1, DAY] {
        site.wait(wait);
        site.tidy().await;
        assert_eq!(told(&site), ["ana@clinic.example: expired", "ana@clinic.example: expires soon"]);
    }
}

#[actix_web::test]
async fn nobody_is_warned_of_what_is_ended_by_hand_or_lives_only_a_day() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let now = site.clock.now();
    let (ended, short) =
        (Parcel::scribble(&site, &[1]).ending(now.plus(3 * DAY)), Parcel::scribble(&site, &[1]).ending(now.plus(DAY)));
    sender.send(&ended).await;
    sender.send(&short).await.take_ticket(&short.proof()).await;
    site.send_mail().await;
    sender.end(&ended).await.expect(204);
    for _ in 0..4 {
        site.wait(DAY);
        site.tidy().await;
    }
    assert!(site.mail_kinds().iter().all(|mail| !mail.starts_with(ANA)), "{:?}", site.mail_kinds());
}

#[actix_web::test]
async fn old_codes_sessions_counts_and_pauses_are_forgotten() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let recipient = sender.send(&parcel).await;
    recipient.guess().await.refused(403, "wrong-passcode");
    site.client().post("/api/v1/sign-in", &serde_json::json!({ "email": ANA })).await.expect(202);
    site.wait(2 * DAY);
    site.tidy().await;
    for table in ["sessions", "sign_in_codes", "rate_windows", "passcode_failures"] {
        assert_eq!(rows::count(&site, table).await, 0, "{table}");
    }
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn a_purge_that_was_cut_short_is_finished_by_the_next() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10, 20]);
    sender.send(&parcel).await;
    sender.end(&parcel).await.expect(204);
    rows::fail(&site, "DELETE ON parts").await;
    jobs::purge(site.app()).await.unwrap_err();
    rows::mend(&site).await;
    site.tidy().await;
    assert!(rows::stored_files(&site).is_empty());
    assert_eq!(rows::count(&site, "objects").await, 0);
    assert_eq!(sender.events(&parcel).await.iter().filter(|event| *event == "transfer.purged").count(), 1);
}

#[actix_web::test]
async fn a_purge_that_fails_holds_up_neither_mail_nor_other_purges() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (stuck, other, ready) =
        (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]));
    for parcel in [&stuck, &other] {
        sender.send(parcel).await;
        sender.end(parcel).await.expect(204);
        site.wait(MINUTE);
    }
    sender.send(&ready).await;
    // What should be a folder is none: the operating system refuses to remove it as one.
    let id = stuck.object_id(0).to_text();
    let folder = site.data().join("blobs/objects").join(&id[..2]).join(&id);
    std::fs::rename(&folder, folder.with_extension("aside")).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    assert!(jobs::settle(site.app()).await.is_err(), "a fault must be told");
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
    assert_eq!(sender.events(&other).await.last().unwrap(), "transfer.purged");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(folder.with_extension("aside"), &folder).unwrap();
    site.tidy().await;
    assert_eq!(rows::stored_files(&site).len(), 1);
    assert_eq!(sender.events(&stuck).await.last().unwrap(), "transfer.purged");
}
