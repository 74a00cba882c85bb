//! Announcing a transfer: the same again, other bodies, every limit, and drafts that nobody finishes.

use crate::harness::parcel::random;
use crate::harness::{DAY, HOUR, MINUTE, Parcel, Sender, Site, rows};
use protocol::direct::Way;
use protocol::transfers::{State, TransferCreated, TransferPage};
use protocol::{ObjectId, Problem, Timestamp, layout};

const ANA: &str = "ana@clinic.example";

#[actix_web::test]
async fn announcing_makes_a_draft_and_mails_nobody() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[0, 70_000]);
    let created: TransferCreated = sender.create(&parcel).await.expect(201).json();
    assert_eq!(created, TransferCreated { state: State::Draft, part_len: layout::PART_LEN, upload: Way::Proxied });
    let summary = sender.look(&parcel.id()).await;
    assert_eq!((summary.state, summary.files, summary.total_len, summary.mail), (State::Draft, 2, 70_000, None));
    assert_eq!((summary.recipient, summary.expires_at), (parcel.create.recipient.clone(), parcel.create.expires_at));
    site.send_mail().await;
    assert!(site.mail_kinds().is_empty());
}

#[actix_web::test]
async fn the_same_announcement_again_gets_the_same_answer_and_changes_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let first = sender.create(&parcel).await.expect(201);
    let (transfers, audit) = (rows::count(&site, "transfers").await, rows::count(&site, "audit").await);
    // Also later, when its end would be too near for a new one.
    for wait in [0, HOUR / 2] {
        site.wait(wait);
        assert_eq!(sender.create(&parcel).await.visible(), first.visible());
    }
    assert_eq!((rows::count(&site, "transfers").await, rows::count(&site, "audit").await), (transfers, audit));
}

#[actix_web::test]
async fn an_announcement_sent_twice_at_once_makes_one_draft() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let answers = futures_util::future::join_all((0..8).map(|_| sender.create(&parcel))).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [201; 8]);
    assert_eq!(rows::count(&site, "transfers").await, 1);
    assert_eq!(sender.events(&parcel).await, ["transfer.created"]);
}

#[actix_web::test]
async fn another_announcement_under_the_same_id_is_refused() {
    let site = Site::start().await;
    let (ana, eve) = (Sender::sign_in(&site, ANA).await, Sender::sign_in(&site, "eve@clinic.example").await);
    let parcel = Parcel::scribble(&site, &[10]);
    ana.create(&parcel).await.expect(201);
    let changes: [fn(&mut Parcel); 5] = [
        |parcel| parcel.create.recipient.email = "eve@evil.example".into(),
        |parcel| parcel.create.max_openings += 1,
        |parcel| parcel.create.notify_opened = true,
        |parcel| parcel.create.expires_at = parcel.create.expires_at.plus(1),
        |parcel| parcel.create.objects[0].object_len += 1,
    ];
    for change in changes {
        let mut other = Parcel::scribble(&site, &[10]);
        other.create = parcel.create.clone();
        change(&mut other);
        ana.create(&other).await.refused(409, "transfer-exists");
    }
    // Someone else with the very same body is told no more than that the id is taken.
    eve.create(&parcel).await.refused(409, "transfer-exists");
    assert_eq!(ana.look(&parcel.id()).await.recipient.email, "anna@clinic.example");
}

#[actix_web::test]
async fn an_object_id_is_used_once() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (first, mut second) = (Parcel::scribble(&site, &[10]), Parcel::scribble(&site, &[10, 20]));
    sender.create(&first).await.expect(201);
    second.create.objects[1].object_id = first.object_id(0);
    sender.create(&second).await.refused(409, "transfer-exists");
    assert_eq!(rows::count(&site, "transfers").await, 1, "half a draft was left behind");
    second.create.objects[1].object_id = second.object_id(0);
    assert_eq!(field(&sender, &second).await, "objects");
}

async fn field(sender: &Sender<'_>, parcel: &Parcel) -> String {
    sender.create(parcel).await.refused(422, "invalid-field").field.unwrap()
}

#[actix_web::test]
async fn the_sixth_file_is_refused_with_the_limit() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let problem = sender.create(&Parcel::scribble(&site, &[1; 6])).await.refused(422, "too-many-files");
    assert!(problem.detail.contains('6') && problem.detail.contains('5'), "{}", problem.detail);
    assert_eq!(field(&sender, &Parcel::scribble(&site, &[])).await, "objects");
    sender.create(&Parcel::scribble(&site, &[1; 5])).await.expect(201);
}

/// Refuses an announcement of objects of these lengths, whose bytes nobody has.
async fn refuse_lengths(sender: &Sender<'_>, site: &Site, object_lens: &[u64]) -> Problem {
    let mut parcel = Parcel::scribble(site, &vec![0; object_lens.len()]);
    for (object, len) in parcel.create.objects.iter_mut().zip(object_lens) {
        object.object_len = *len;
    }
    let answer = sender.create(&parcel).await;
    assert_eq!(answer.status, 422, "{object_lens:?}: {}", answer.text());
    answer.problem()
}

#[actix_web::test]
async fn files_that_are_too_long_are_refused_before_a_byte_is_sent() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let limit = layout::object_len(20 << 30);
    let one = refuse_lengths(&sender, &site, &[limit + 1]).await;
    assert_eq!(one.r#type, "/problems/object-too-long");
    assert!(one.detail.contains("20 GB"), "{}", one.detail);
    let together = refuse_lengths(&sender, &site, &[limit, limit, limit]).await;
    assert_eq!(together.r#type, "/problems/transfer-too-long");
    assert!(together.detail.contains("60 GB") && together.detail.contains("50 GB"), "{}", together.detail);
    refuse_lengths(&sender, &site, &[u64::MAX, u64::MAX]).await;
}

#[actix_web::test]
async fn lengths_that_no_file_seals_to_are_refused() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for len in [0, 15, layout::CHUNK_LEN + 1, layout::CHUNK_LEN + 16, 2 * layout::CHUNK_LEN + 15] {
        assert_eq!(refuse_lengths(&sender, &site, &[len]).await.field.as_deref(), Some("objects"), "{len}");
    }
}

#[actix_web::test]
async fn an_end_in_the_past_or_too_far_is_refused() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let now = site.clock.now();
    let far = Timestamp::from_unix(253_402_300_799);
    for bad in [now, now.plus(-DAY), now.plus(1), now.plus(31 * DAY), far, Timestamp::from_unix(0)] {
        let parcel = Parcel::scribble(&site, &[1]).ending(bad);
        assert_eq!(field(&sender, &parcel).await, "expires_at", "{bad:?}");
    }
    for good in [now.plus(HOUR), now.plus(30 * DAY)] {
        sender.create(&Parcel::scribble(&site, &[1]).ending(good)).await.expect(201);
    }
}

#[actix_web::test]
async fn openings_are_one_to_a_hundred() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for (openings, allowed) in [(0, false), (1, true), (100, true), (101, false), (u32::MAX, false)] {
        let answer = sender.create(&Parcel::scribble(&site, &[1]).openings(openings)).await;
        assert_eq!(answer.is_success(), allowed, "{openings}");
        if !allowed {
            assert_eq!(answer.refused(422, "invalid-field").field.as_deref(), Some("max_openings"));
        }
    }
}

#[actix_web::test]
async fn a_recipient_that_is_not_one_plain_address_is_refused() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for bad in [
        "",
        "anna",
        "anna@clinic",
        "anna@clinic.example, eve@evil.example",
        "anna@clinic.example\r\nBcc: eve@evil.example",
        "Anna <anna@clinic.example>",
        "anna@clinic.example\u{202e}",
        &format!("{}@clinic.example", "a".repeat(300)),
    ] {
        let parcel = Parcel::scribble(&site, &[1]).to(bad);
        assert_eq!(field(&sender, &parcel).await, "recipient.email", "{bad:?}");
    }
}

#[actix_web::test]
async fn the_days_transfers_are_counted_over_24_hours() {
    let site = Site::start_with(|config| config.limits.max_transfers_per_day = 2).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let first = Parcel::scribble(&site, &[1]);
    sender.create(&first).await.expect(201);
    site.wait(MINUTE);
    sender.create(&Parcel::scribble(&site, &[1])).await.expect(201);
    let problem = sender.create(&Parcel::scribble(&site, &[1])).await.refused(429, "quota-reached");
    assert!(problem.detail.contains('2'), "{}", problem.detail);
    // Ending one makes no room: the day is counted by what was begun.
    sender.end(&first).await.expect(204);
    sender.create(&Parcel::scribble(&site, &[1])).await.refused(429, "quota-reached");
    // What is made already is answered as before, and nobody else is held up.
    sender.create(&first).await.expect(201);
    Sender::sign_in(&site, "bob@clinic.example").await.create(&Parcel::scribble(&site, &[1])).await.expect(201);
    site.wait(DAY - MINUTE);
    let sender = Sender::sign_in(&site, ANA).await;
    sender.create(&Parcel::scribble(&site, &[1])).await.expect(201);
    sender.create(&Parcel::scribble(&site, &[1])).await.refused(429, "quota-reached");
}

#[actix_web::test]
async fn the_days_limit_cannot_be_outrun() {
    let site = Site::start_with(|config| config.limits.max_transfers_per_day = 3).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcels: Vec<Parcel> = (0..12).map(|_| Parcel::scribble(&site, &[1])).collect();
    let answers = futures_util::future::join_all(parcels.iter().map(|parcel| sender.create(parcel))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| drop(answer.refused(429, "quota-reached")));
}

#[actix_web::test]
async fn storage_is_counted_until_the_bytes_are_gone() {
    let site = Site::start_with(|config| config.limits.max_stored = 100_000).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let first = Parcel::scribble(&site, &[60_000]);
    sender.upload(&first).await;
    sender.create(&Parcel::scribble(&site, &[40_001])).await.refused(429, "quota-reached");
    sender.create(&Parcel::scribble(&site, &[30_000, 10_000])).await.expect(201);
    sender.create(&Parcel::scribble(&site, &[1])).await.refused(429, "quota-reached");
    sender.end(&first).await.expect(204);
    site.tidy().await;
    sender.create(&Parcel::scribble(&site, &[60_000])).await.expect(201);
}

#[actix_web::test]
async fn an_abandoned_draft_is_swept_after_a_day_without_a_sign_of_life() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10, 20]);
    sender.create(&parcel).await.expect(201);
    site.wait(HOUR / 2);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    site.wait(DAY - 1);
    site.tidy().await;
    assert_eq!(rows::stored_files(&site).len(), 1, "the draft was still alive");
    site.wait(1);
    site.tidy().await;
    assert!(rows::stored_files(&site).is_empty());
    for table in ["objects", "parts"] {
        assert_eq!(rows::count(&site, table).await, 0, "{table}");
    }
    // Nobody is mailed about something that was never sent, the list does not show it, and its id stays taken.
    assert!(site.mail_kinds().is_empty());
    let sender = Sender::sign_in(&site, ANA).await;
    let page: TransferPage = sender.client.get("/api/v1/transfers").await.expect(200).json();
    assert!(page.transfers.is_empty());
    sender.put_part(&parcel, 1, 0).await.problem();
    assert_eq!(sender.seal(&parcel).await.status, 409);
    let mut again = Parcel::scribble(&site, &[10]);
    again.create.transfer_id = parcel.id();
    sender.create(&again).await.refused(409, "transfer-exists");
}

#[actix_web::test]
async fn a_cancelled_draft_leaves_no_bytes_and_takes_no_more() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10, 20]);
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    sender.end(&parcel).await.expect(204);
    sender.put_part(&parcel, 1, 0).await.refused(409, "wrong-state");
    sender.seal(&parcel).await.refused(409, "wrong-state");
    site.tidy().await;
    assert!(rows::stored_files(&site).is_empty());
    assert!(site.mail_kinds().is_empty());
}

#[actix_web::test]
async fn ids_are_taken_in_their_one_spelling_only() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let id = ObjectId::from_bytes(random()).to_text();
    let good = serde_json::to_value(&parcel.create).unwrap();
    for bad in ["", &id[1..], &format!("{id}="), &format!("{id}A"), &id.replace(&id[..1], "+"), "../../../etc/passwd12"]
    {
        for pointer in ["/transfer_id", "/objects/0/object_id"] {
            let mut body = good.clone();
            *body.pointer_mut(pointer).unwrap() = bad.into();
            sender.client.post("/api/v1/transfers", &body).await.refused(400, "bad-request");
        }
    }
}
