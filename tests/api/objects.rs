//! Fetching with a ticket: ranges, whose objects, until when.

use crate::harness::recipient::{bearer, object_path};
use crate::harness::{Answer, DAY, HOUR, Parcel, Recipient, Sender, Site};
use futures_util::StreamExt as _;
use protocol::open::ReceiptRequest;
use protocol::transfers::TransferLog;
use protocol::{ObjectId, Ticket, layout};

const ANA: &str = "ana@clinic.example";
const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

/// A transfer that was just unlocked.
async fn unlocked(site: &Site, parcel: &Parcel) -> (Recipient, Ticket) {
    let recipient = Sender::sign_in(site, ANA).await.send(parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    (recipient, ticket)
}

#[actix_web::test]
async fn ranges_are_served_to_the_byte_within_and_across_parts() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[2 * PART_PLAIN_LEN + 1000]);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    let (object, part) = (&parcel.objects[0], layout::PART_LEN as usize);
    let len = object.len();
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=0-99".to_owned(), 0, 100),
        (format!("bytes={}-{}", part - 1, part), part - 1, part + 1),
        (format!("bytes={}-{}", part, 2 * part - 1), part, 2 * part),
        (format!("bytes={}-{}", part - 7, 2 * part + 7), part - 7, 2 * part + 8),
        (format!("bytes={}-", len - 5), len - 5, len),
        (format!("bytes={}-", 2 * part), 2 * part, len),
        ("bytes=-16".to_owned(), len - 16, len),
        (format!("bytes={}-99999999999", len - 1), len - 1, len),
        ("bytes=0-18446744073709551615".to_owned(), 0, len),
        ("bytes=-18446744073709551615".to_owned(), 0, len),
    ] {
        let answer = recipient.fetch(&ticket, &parcel.object_id(0), &range).await.expect(206);
        assert!(answer.body == object[from..to], "{range}: {} bytes", answer.body.len());
        assert_eq!(answer.header("content-range"), format!("bytes {from}-{}/{len}", to - 1), "{range}");
        assert_eq!(answer.header("content-length"), (to - from).to_string());
    }
}

#[actix_web::test]
async fn without_a_usable_range_the_whole_object_is_served() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 50]);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    for range in
        ["", "bytes=0-1,5-9", "bytes=5-4", "bytes=a-b", "bytes=", "bytes=-", "chunks=0-1", "bytes 0-1", "bytes=+1-2"]
    {
        let answer = recipient.fetch(&ticket, &parcel.object_id(0), range).await.expect(200);
        assert!(answer.body == parcel.objects[0], "{range:?}");
        assert_eq!((answer.header("accept-ranges"), answer.header("content-range")), ("bytes", ""));
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[actix_web::test]
async fn a_range_behind_the_end_is_refused_with_the_length() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[0]);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    for range in ["bytes=16-", "bytes=16-20", "bytes=-0", "bytes=18446744073709551615-"] {
        let answer = recipient.fetch(&ticket, &parcel.object_id(0), range).await;
        answer.refused(416, "range-invalid");
        assert_eq!(answer.header("content-range"), "bytes */16", "{range}");
    }
}

#[actix_web::test]
async fn head_tells_the_length_without_the_bytes() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[1000]);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    for (range, status, len) in [("", 200, "1016"), ("bytes=10-19", 206, "10")] {
        let headers = [("authorization", &*bearer(&ticket)), ("range", range)];
        let answer =
            recipient.client.send("HEAD", &object_path(&parcel.object_id(0)), &headers, "").await.expect(status);
        assert_eq!((answer.header("content-length"), answer.body.len()), (len, 0));
    }
}

async fn fetch_with(recipient: &Recipient, path: &str, authorization: &str) -> Answer {
    recipient.client.send("GET", path, &[("authorization", authorization)], "").await
}

#[actix_web::test]
async fn only_the_ticket_itself_opens_the_door() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[1]);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    let path = object_path(&parcel.object_id(0));
    let text = ticket.to_text();
    for bad in [
        String::new(),
        "Ticket".to_owned(),
        "Ticket ".to_owned(),
        text.clone(),
        format!("Ticket {text}="),
        format!("Ticket {}", &text[1..]),
        format!("Ticket {}", "A".repeat(43)),
        format!("Ticket {}", recipient.token.to_text()),
        format!("Ticket {}", "é".repeat(20)),
    ] {
        fetch_with(&recipient, &path, &bad).await.refused(401, "ticket-invalid");
    }
    // Under the scheme of access tokens it is none, and those open nothing here.
    fetch_with(&recipient, &path, &format!("Bearer {text}")).await.refused(403, "token-not-taken");
    // Neither does the sender's own session.
    let sender = Sender::sign_in(&site, ANA).await;
    sender.client.get(&path).await.refused(401, "ticket-invalid");
    fetch_with(&recipient, &path, &bearer(&ticket)).await.expect(200);
}

#[actix_web::test]
async fn a_ticket_fetches_only_its_own_transfers_objects() {
    let site = Site::start().await;
    let (mine, other) = (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]));
    let (recipient, ticket) = unlocked(&site, &mine).await;
    let draft = Parcel::scribble(&site, &[1]);
    let sender = Sender::sign_in(&site, "bob@clinic.example").await;
    sender.send(&other).await;
    sender.upload(&draft).await;
    let nothing = recipient.fetch(&ticket, &ObjectId::from_bytes([0; 16]), "").await;
    nothing.refused(404, "not-found");
    for object_id in [other.object_id(0), draft.object_id(0)] {
        assert_eq!(recipient.fetch(&ticket, &object_id, "").await.visible(), nothing.visible());
    }
    for path in
        ["/api/v1/open/objects/", "/api/v1/open/objects/..", "/api/v1/open/objects/x", "/api/v1/open/objects/%2e%2e%2f"]
    {
        fetch_with(&recipient, path, &bearer(&ticket)).await.refused(404, "not-found");
    }
}

#[actix_web::test]
async fn a_ticket_ends_with_its_transfer() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (ended, expired) =
        (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]).ending(site.clock.now().plus(HOUR)));
    let mut held = Vec::new();
    for parcel in [&ended, &expired] {
        let recipient = sender.send(parcel).await;
        held.push((recipient.take_ticket(&parcel.proof()).await, recipient, parcel.object_id(0)));
    }
    sender.end(&ended).await.expect(204);
    site.wait(HOUR);
    for swept in [false, true] {
        for (ticket, recipient, object_id) in &held {
            recipient.fetch(ticket, object_id, "").await.refused(401, "ticket-invalid");
            recipient.receipt(ticket, 1, 1).await.refused(401, "ticket-invalid");
        }
        assert!(!swept || site.mail_kinds().iter().all(|mail| !mail.ends_with(": expired")));
        site.tidy().await;
    }
}

#[actix_web::test]
async fn a_ticket_lasts_twelve_hours_and_retries_inside_it_are_free() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[1]).openings(2);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    for _ in 0..5 {
        recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    }
    site.wait(12 * HOUR - 1);
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    site.wait(1);
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.refused(401, "ticket-invalid");
    let again = recipient.take_ticket(&parcel.proof()).await;
    recipient.fetch(&again, &parcel.object_id(0), "").await.expect(200);
}

#[actix_web::test]
async fn a_download_under_way_stops_when_the_transfer_is_ended() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[4 * PART_PLAIN_LEN]);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    let mut download =
        recipient.client.open(&object_path(&parcel.object_id(0)), &[("authorization", &bearer(&ticket))]).await;
    assert_eq!(download.status().as_u16(), 200);
    let mut received = download.next().await.unwrap().unwrap().len();
    sender.end(&parcel).await.expect(204);
    // What is in the sockets' buffers still comes; the last part, whose turn is after them, never does. The announced
    // length tells every client that this is not all.
    assert_eq!(download.headers().get("content-length").unwrap(), &parcel.objects[0].len().to_string());
    while let Some(Ok(bytes)) = download.next().await {
        received += bytes.len();
    }
    assert!(received <= 3 * layout::PART_LEN as usize, "{received} bytes came through");
}

#[actix_web::test]
async fn a_lost_or_shortened_part_is_an_error_and_never_a_whole_object() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[1000]);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    let file = &crate::harness::rows::stored_files(&site)[0];
    for shortened in [true, false] {
        if shortened {
            std::fs::write(file, [0; 500]).unwrap();
        } else {
            std::fs::remove_file(file).unwrap();
        }
        let refused = recipient.fetch(&ticket, &parcel.object_id(0), "").await.refused(500, "internal");
        let path = file.file_name().unwrap().to_str().unwrap();
        assert!(!refused.detail.contains(path) && !refused.detail.contains("blobs"), "{}", refused.detail);
    }
}

#[actix_web::test]
async fn a_receipt_is_written_into_the_senders_log() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[1, 2, 3]);
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    for (verified, total) in [(0, 2), (3, 4), (4, 3), (4, 4), (u32::MAX, 3)] {
        let refused = recipient.receipt(&ticket, verified, total).await.refused(422, "invalid-field");
        assert!(refused.detail.contains('3'), "{}", refused.detail);
    }
    for verified in [2, 3] {
        recipient.receipt(&ticket, verified, 3).await.expect(204);
    }
    let body = serde_json::to_vec(&ReceiptRequest { verified: 3, total: 3 }).unwrap();
    let json = ("content-type", "application/json");
    recipient.client.send("POST", "/api/v1/open/receipt", &[json], body).await.refused(401, "ticket-invalid");
    let sender = Sender::sign_in(&site, ANA).await;
    let log: TransferLog = sender.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    let receipts = log.events.iter().filter(|entry| entry.event == "transfer.received");
    let told: Vec<_> = receipts.map(|entry| entry.detail.as_str()).collect();
    assert_eq!(told, ["2 of 3 files verified", "3 of 3 files verified"]);
}

#[actix_web::test]
async fn receipts_without_end_cannot_fill_the_log() {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[1]).ending(site.clock.now().plus(DAY));
    let (recipient, ticket) = unlocked(&site, &parcel).await;
    for _ in 0..300 {
        recipient.receipt(&ticket, 1, 1).await;
    }
    let written =
        crate::harness::rows::one(&site, "SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE event = 'transfer.received'")
            .await;
    assert!(written.parse::<u32>().unwrap() <= 100, "{written} rows by one ticket");
}
