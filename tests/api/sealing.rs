//! From draft to ready: all checks, then one transaction, one mail, one link, however often it is asked for.

use crate::harness::parcel::{random, scribble};
use crate::harness::{Parcel, Recipient, Sender, Site, rows};
use protocol::transfers::{LinkAnswer, MailState, SealRequest, State};
use protocol::{Base64Bytes, Proof, layout};

const ANA: &str = "ana@clinic.example";
/// Spoils a capsule.
type Change = fn(&mut Vec<u8>);

const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

#[actix_web::test]
async fn sealing_makes_it_ready_and_mails_the_link_that_it_answers() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.upload(&parcel).await;
    let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
    let summary = sender.look(&parcel.id()).await;
    assert_eq!((summary.state, summary.mail), (State::Ready, Some(MailState::Queued)));
    assert_eq!(site.link_for("anna@clinic.example").await, link);
    assert_eq!(sender.look(&parcel.id()).await.mail, Some(MailState::Accepted));
    Recipient::with_link(&site, &link).ask().await.expect(200);
}

#[actix_web::test]
async fn a_seal_before_all_parts_are_there_names_the_first_missing_one() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10, PART_PLAIN_LEN + 1]);
    sender.create(&parcel).await.expect(201);
    for (missing, next) in [("object 1, part 0", (0, 0)), ("object 2, part 0", (1, 0)), ("object 2, part 1", (1, 1))] {
        let problem = sender.seal(&parcel).await.refused(409, "parts-missing");
        assert_eq!(problem.missing.as_deref(), Some(missing));
        sender.put_part(&parcel, next.0, next.1).await.expect(204);
    }
    sender.seal(&parcel).await.expect(200);
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
}

#[actix_web::test]
async fn a_capsule_that_no_client_would_open_is_refused() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.upload(&parcel).await;
    let good = parcel.seal_request();
    let changed = |change: Change| {
        let mut capsule = good.capsule.0.clone();
        change(&mut capsule);
        SealRequest { capsule: Base64Bytes(capsule), ..good.clone() }
    };
    let bad: [(&str, Change); 9] = [
        ("empty", |capsule| capsule.clear()),
        ("one byte short", |capsule| capsule.truncate(219)),
        ("one byte long", |capsule| capsule.push(0)),
        ("another magic", |capsule| capsule[7] = b'2'),
        ("another suite", |capsule| capsule[8] = 2),
        ("mode 2", |capsule| capsule[9] = 2),
        ("another transfer", |capsule| capsule[12] ^= 1),
        ("a later end", |capsule| capsule[51] ^= 1),
        ("an end of far away", |capsule| capsule[44] = 0xff),
    ];
    for (what, change) in bad {
        let answer = sender.client.post(&format!("{}/seal", parcel.path()), &changed(change)).await;
        assert_eq!(answer.refused(422, "invalid-field").field.as_deref(), Some("capsule"), "{what}");
    }
    assert_eq!(sender.look(&parcel.id()).await.state, State::Draft);
    sender.seal(&parcel).await.expect(200);
}

#[actix_web::test]
async fn a_manifest_that_is_too_long_or_not_sealed_is_refused() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.upload(&parcel).await;
    let path = format!("{}/seal", parcel.path());
    let with = |manifest: Vec<u8>| SealRequest { manifest: Base64Bytes(manifest), ..parcel.seal_request() };
    let sealed = |len| [b"age-encryption.org/v1\n".to_vec(), scribble(len)].concat();
    for manifest in [Vec::new(), br#"{"v":1}"#.to_vec(), sealed(97 * 1024)] {
        let answer = sender.client.post(&path, &with(manifest)).await;
        assert_eq!(answer.refused(422, "invalid-field").field.as_deref(), Some("manifest"));
    }
    sender.client.post(&path, &with(sealed(300 * 1024))).await.refused(413, "body-too-long");
    // The longest that sealing makes of five names and a long message passes.
    sender.client.post(&path, &with(sealed(90 * 1024))).await.expect(200);
}

#[actix_web::test]
async fn the_same_seal_again_gets_the_same_link_and_mails_once() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.upload(&parcel).await;
    let first = sender.seal(&parcel).await.expect(200).text();
    for _ in 0..2 {
        assert_eq!(sender.seal(&parcel).await.expect(200).text(), first);
        site.send_mail().await;
    }
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
}

#[actix_web::test]
async fn many_seals_at_once_make_one_link_and_one_mail() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.upload(&parcel).await;
    let answers = futures_util::future::join_all((0..10).map(|_| sender.seal(&parcel))).await;
    let mut links: Vec<String> = answers.into_iter().map(|answer| answer.expect(200).text()).collect();
    links.dedup();
    assert_eq!(links.len(), 1);
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
    assert_eq!(sender.events(&parcel).await.iter().filter(|event| *event == "transfer.sealed").count(), 1);
}

#[actix_web::test]
async fn another_seal_of_a_ready_transfer_is_refused() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let recipient = sender.send(&parcel).await;
    let path = format!("{}/seal", parcel.path());
    let good = parcel.seal_request();
    let mut capsule = good.capsule.0.clone();
    capsule[100] ^= 1;
    for other in [
        SealRequest { proof: Proof::from_bytes(random()), ..good.clone() },
        SealRequest { capsule: Base64Bytes(capsule), ..good.clone() },
        SealRequest { manifest: Base64Bytes([good.manifest.0.clone(), vec![0]].concat()), ..good.clone() },
    ] {
        sender.client.post(&path, &other).await.refused(409, "wrong-state");
    }
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn two_seals_that_differ_racing_make_one_of_them() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.upload(&parcel).await;
    let path = format!("{}/seal", parcel.path());
    let proofs: Vec<Proof> = (0..6).map(|_| Proof::from_bytes(random())).collect();
    let seals: Vec<SealRequest> =
        proofs.iter().map(|proof| SealRequest { proof: proof.clone(), ..parcel.seal_request() }).collect();
    let answers = futures_util::future::join_all(seals.iter().map(|seal| sender.client.post(&path, seal))).await;
    let won: Vec<usize> = (0..6).filter(|i| answers[*i].status == 200).collect();
    assert_eq!(won.len(), 1);
    let recipient = Recipient::with_link(&site, &answers[won[0]].json::<LinkAnswer>().link);
    recipient.unlock(&proofs[won[0]]).await.expect(200);
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link"]);
}

#[actix_web::test]
async fn a_draft_past_its_end_cannot_be_sealed() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]).ending(site.clock.now().plus(600));
    sender.upload(&parcel).await;
    site.wait(600);
    sender.seal(&parcel).await.refused(409, "wrong-state");
    site.tidy().await;
    assert!(site.mail_kinds().is_empty());
}

#[actix_web::test]
async fn sealing_and_ending_at_once_never_mails_a_dead_link() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for _ in 0..5 {
        let parcel = Parcel::scribble(&site, &[10]).to("race@clinic.example");
        sender.upload(&parcel).await;
        futures_util::future::join(sender.seal(&parcel), sender.end(&parcel)).await;
        assert_eq!(sender.look(&parcel.id()).await.state, State::Revoked);
    }
    site.tidy().await;
    assert!(site.mail_kinds().is_empty(), "{:?}", site.mail_kinds());
    assert_eq!(rows::count(&site, "transfer_keys").await, 0);
}
