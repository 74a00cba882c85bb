//! What auditors see: rows by person, address, transfer, event and time; how the audit stands; exports.

use crate::harness::{Client, DAY, Parcel, Sender, Site, people, rows};
use filmjacket::jobs;
use protocol::audit::{AuditPage, AuditState};
use protocol::sign_in::Role;

async fn auditor(site: &Site) -> Client {
    people::sign_in_as(site, "audit@clinic.example", &[Role::Auditor]).await
}

async fn page(client: &Client, query: &str) -> AuditPage {
    client.get(&format!("/api/v1/audit?{query}")).await.expect(200).json()
}

/// A sender who sent, a recipient who tried from one place and opened from another.
async fn site_with_story() -> (Site, Parcel) {
    let site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[10]);
    {
        let sender = Sender::sign_in(&site, "ana@clinic.example").await;
        let recipient = sender.send(&parcel).await;
        recipient.at_address("192.0.2.1").guess().await.refused(403, "wrong-passcode");
        site.wait(DAY);
        recipient.at_address("192.0.2.9").take_ticket(&parcel.proof()).await;
    }
    (site, parcel)
}

#[actix_web::test]
async fn rows_are_found_by_person_address_transfer_event_and_time_newest_first() {
    let (site, parcel) = site_with_story().await;
    let client = auditor(&site).await;
    let all = page(&client, "limit=500").await.rows;
    assert_eq!(all.len(), rows::count(&site, "audit").await);
    assert!(all.windows(2).all(|two| (two[0].at, two[0].seq) > (two[1].at, two[1].seq)));
    let events = async |query: &str| {
        let rows = page(&client, query).await.rows;
        rows.into_iter().map(|row| row.event).collect::<Vec<_>>()
    };
    assert_eq!(
        events("person=ana@clinic.example").await,
        ["transfer.sealed", "transfer.created", "profile.changed", "session.started"]
    );
    assert_eq!(events("address=192.0.2.9").await, ["transfer.opened"]);
    assert_eq!(events("event=transfer.refused").await, ["transfer.refused"]);
    assert_eq!(
        events(&format!("transfer_id={}&person=recipient", parcel.id())).await,
        ["transfer.opened", "transfer.refused"]
    );
    assert_eq!(events("event=transfer.opened&to=2027-01-16T08:00:00Z").await, [""; 0]);
    assert_eq!(events("event=transfer.opened&from=2027-01-16T08:00:00Z").await, ["transfer.opened"]);
    assert_eq!(events("person=%27%20OR%201=1--").await, [""; 0]);
    client.get("/api/v1/audit?nonsense=1").await.refused(400, "bad-request");
    client.get("/api/v1/audit?before=yesterday").await.refused(400, "bad-request");
}

#[actix_web::test]
async fn pages_stay_as_they_are_while_rows_are_appended() {
    let (site, _) = site_with_story().await;
    let client = auditor(&site).await;
    let expected: Vec<i64> = page(&client, "limit=500").await.rows.iter().map(|row| row.seq).collect();
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let found = page(&client, &query).await;
        seen.extend(found.rows.iter().map(|row| row.seq));
        // Somebody signs in between any two pages.
        Sender::sign_in(&site, "ben@clinic.example").await;
        site.wait(1);
        match found.next {
            Some(next) => query = format!("limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[actix_web::test]
async fn the_state_tells_the_chain_the_flags_the_rules_and_the_days() {
    let (site, _) = site_with_story().await;
    let client = auditor(&site).await;
    let look = async || client.get("/api/v1/audit/state").await.expect(200).json::<AuditState>();
    let before = look().await;
    assert_eq!((before.verified, before.found), (None, None));
    jobs::audit::watch(site.app()).await.unwrap();
    let state = look().await;
    assert_eq!(state.verified.unwrap().seq, state.seq);
    assert_eq!((state.days.len(), state.rules.len()), (30, 4));
    let [.., yesterday, today] = &state.days[..] else { panic!("no days") };
    assert_eq!((yesterday.opened, yesterday.refused, yesterday.bytes), (0, 1, 10));
    assert_eq!((today.opened, today.refused, today.bytes), (1, 0, 0));
}

#[actix_web::test]
async fn the_page_shows_rows_as_text_and_leads_on_with_its_filter() {
    let (site, parcel) = site_with_story().await;
    let client = auditor(&site).await;
    rows::execute(&site, "UPDATE audit SET detail = '<script>alert(1)</script>' WHERE seq = 2").await;
    let shown = client.get("/audit").await.expect(200).text();
    assert!(shown.contains("&#60;script&#62;") && !shown.contains("<script>alert"), "{shown}");
    assert!(shown.contains("transfer.opened") && shown.contains(&parcel.id().to_text()));
    assert!(!shown.contains("style="), "the policy lets no style stand in a page");
    let filtered = client.get("/audit?event=transfer.opened&from=2027-01-16&to=2027-01-16").await.expect(200).text();
    assert!(filtered.contains("192.0.2.9") && !filtered.contains("192.0.2.1<"), "{filtered}");
    assert!(filtered.contains("from=2027-01-16T00%3A00%3A00Z&#38;to=2027-01-17T00%3A00%3A00Z"), "{filtered}");
    let wrong = client.get("/audit?from=someday").await.expect(200).text();
    assert!(wrong.contains("The first day does not read"), "{wrong}");
}

#[actix_web::test]
async fn exports_are_whole_and_named() {
    let (site, _) = site_with_story().await;
    let client = auditor(&site).await;
    for (format, kind, name) in [
        ("csv", "text/csv", "audit.csv"),
        ("ndjson", "application/x-ndjson", "audit.ndjson"),
        ("fhir", "application/fhir+ndjson", "audit.fhir.ndjson"),
    ] {
        let answer = client.get(&format!("/api/v1/audit/export?format={format}")).await.expect(200);
        assert!(answer.header("content-type").starts_with(kind), "{}", answer.header("content-type"));
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}\""));
        let lines = answer.text().lines().count() - usize::from(format == "csv");
        assert_eq!(lines, rows::count(&site, "audit").await);
    }
    let answer = client.get("/api/v1/audit/export?format=ndjson&from=2027-01-16T00:00:00Z").await.expect(200);
    assert!(answer.text().contains("transfer.opened") && !answer.text().contains("transfer.refused"));
    client.get("/api/v1/audit/export?format=xml").await.refused(400, "bad-request");
}
