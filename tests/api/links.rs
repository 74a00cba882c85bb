//! What a link alone leads to: the same nothing for every bad one, and no trace of having been asked.

use crate::harness::parcel::random;
use crate::harness::{DAY, Parcel, Recipient, Sender, Site, rows};
use envelope::capsule::CAPSULE_LEN;
use protocol::open::OpenAnswer;
use protocol::transfers::RecipientKind;
use protocol::{LinkToken, TransferId};

const ANA: &str = "ana@clinic.example";

#[actix_web::test]
async fn a_link_tells_who_sent_it_until_when_and_what_the_passcode_is_tried_with() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let mut parcel = Parcel::scribble(&site, &[1]);
    parcel.create.recipient.kind = RecipientKind::Patient;
    let answer: OpenAnswer = sender.send(&parcel).await.ask().await.expect(200).json();
    let capsule = parcel.seal_request().capsule.0;
    assert_eq!(capsule.len(), CAPSULE_LEN);
    assert_eq!(answer.h.0, capsule[..52]);
    assert_eq!((&*answer.sender.name, &*answer.sender.organisation), ("Dr. Ana Ruiz", "North Clinic"));
    assert_eq!((answer.recipient_kind, answer.expires_at), (RecipientKind::Patient, parcel.create.expires_at));
}

/// Links that open nothing, each for another reason.
async fn bad_links(site: &Site) -> Vec<(&'static str, Recipient)> {
    let sender = Sender::sign_in(site, ANA).await;
    let now = site.clock.now();
    let mut parcels: Vec<Parcel> =
        (0..6).map(|_| Parcel::scribble(site, &[1]).openings(1).ending(now.plus(DAY))).collect();
    parcels[0] = Parcel::scribble(site, &[1]).ending(now.plus(600));
    let [expired, ended, used, swapped, other, resent] = &*parcels else { unreachable!() };
    let (expired, ended_link) = (sender.send(expired).await, sender.send(ended).await);
    let (used_link, swapped, other) = (sender.send(used).await, sender.send(swapped).await, sender.send(other).await);
    let resent_link = sender.send(resent).await;
    sender.end(ended).await.expect(204);
    used_link.unlock(&used.proof()).await.expect(200);
    sender.resend(resent).await.expect(202);
    let draft = Parcel::scribble(site, &[1]);
    sender.upload(&draft).await;
    site.wait(600);
    let with_token = |recipient: &Recipient, token: LinkToken| Recipient { token, ..recipient.clone() };
    let with_id = |recipient: &Recipient, transfer_id: TransferId| Recipient { transfer_id, ..recipient.clone() };
    let flipped = {
        let mut bytes = *other.token.as_bytes();
        bytes[31] ^= 1;
        LinkToken::from_bytes(bytes)
    };
    vec![
        ("expired", expired),
        ("ended", ended_link),
        ("used up", used_link),
        ("resent", resent_link),
        ("unknown", with_id(&other, TransferId::from_bytes(random()))),
        ("another transfer's token", with_token(&swapped, other.token.clone())),
        ("another transfer's id", with_id(&swapped, other.transfer_id)),
        ("one bit off", with_token(&other, flipped)),
        ("zero token", with_token(&other, LinkToken::from_bytes([0; 32]))),
        ("a draft", with_id(&other, draft.id())),
        ("a draft, zero token", with_token(&with_id(&other, draft.id()), LinkToken::from_bytes([0; 32]))),
    ]
}

#[actix_web::test]
async fn every_bad_link_gets_one_and_the_same_answer() {
    let site = Site::start().await;
    let links = bad_links(&site).await;
    let nothing = links[0].1.ask().await;
    nothing.refused(404, "link-invalid");
    for swept in [false, true] {
        let before = rows::dump(&site).await;
        for (what, link) in &links {
            assert_eq!(link.ask().await.visible(), nothing.visible(), "asking, {what}, swept: {swept}");
            assert_eq!(link.guess().await.visible(), nothing.visible(), "unlocking, {what}, swept: {swept}");
        }
        // What ends by the clock is written down by whoever asks first; after that, a bad link has nothing written, whichever it is.
        assert!(!swept || rows::written_since(&site, &before).await.is_empty());
        site.tidy().await;
    }
}

#[actix_web::test]
async fn wrong_passcodes_for_bad_links_count_nowhere() {
    let site = Site::start().await;
    let links = bad_links(&site).await;
    for (_, link) in &links {
        for _ in 0..3 {
            link.guess().await.refused(404, "link-invalid");
        }
    }
    assert_eq!(rows::count(&site, "passcode_failures").await, 0);
    let attempts = rows::query(&site, "SELECT DISTINCT CAST(refused_attempts AS TEXT) FROM transfers").await;
    assert_eq!(attempts, ["0"]);
}

#[actix_web::test]
async fn looking_at_a_link_two_hundred_times_spends_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]).openings(1);
    let recipient = sender.send(&parcel).await;
    let before = rows::dump(&site).await;
    for _ in 0..200 {
        recipient.ask().await.expect(200);
    }
    let mut after = rows::dump(&site).await;
    // Requests are counted against floods; nothing of the transfer may move.
    after.insert("rate_windows".into(), before["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn who_asks_for_links_without_end_has_to_wait() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let recipient = sender.send(&Parcel::scribble(&site, &[1])).await.at_address("203.0.113.5");
    let guesser = Recipient { token: LinkToken::from_bytes(random()), ..recipient.clone() };
    for _ in 0..50 {
        guesser.ask().await.refused(404, "link-invalid");
    }
    // Thousands more, without the waiting.
    rows::execute(&site, "UPDATE rate_windows SET hits = hits + 5000 WHERE scope LIKE '%203.0.113.5%'").await;
    let wait = guesser.ask().await.refused(429, "too-many-requests").retry_after.unwrap();
    recipient.ask().await.refused(429, "too-many-requests");
    recipient.at_address("203.0.113.6").ask().await.expect(200);
    site.wait(wait as i64);
    recipient.ask().await.expect(200);
}

#[actix_web::test]
async fn a_link_works_until_its_last_second() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]).ending(site.clock.now().plus(600));
    let recipient = sender.send(&parcel).await;
    site.wait(599);
    recipient.unlock(&parcel.proof()).await.expect(200);
    site.wait(1);
    recipient.ask().await.refused(404, "link-invalid");
    recipient.unlock(&parcel.proof()).await.refused(404, "link-invalid");
}
