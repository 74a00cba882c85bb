//! What the transfers of a department may hold together, and ways around it that must not work.

use crate::harness::people::{administrator, set};
use crate::harness::{Answer, Client, DAY, Parcel, Sender, Site, rows};
use filmjacket::config::Config;
use futures_util::future::join_all;
use protocol::ObjectId;
use protocol::people::Installation;
use protocol::sign_in::{DepartmentUse, Me};
use protocol::transfers::ObjectEntry;

const ADA: &str = "ada@clinic.example";
const ANA: &str = "ana@clinic.example";
const BEN: &str = "ben@clinic.example";
const EVE: &str = "eve@clinic.example";

fn ten_thousand_bytes_each(config: &mut Config) {
    config.department_quotas.everyones = Some(10_000);
    config.department_quotas.named.insert("Radiology".into(), Some(25_000));
    config.department_quotas.named.insert("Archive".into(), None);
}

async fn sender_in<'a>(site: &'a Site, email: &str, department: &str) -> Sender<'a> {
    let sender = Sender::sign_in(site, email).await;
    set(site, email, &format!("department = '{department}'")).await;
    sender
}

async fn try_to_send(site: &Site, sender: &Sender<'_>, len: u64) -> Answer {
    sender.create(&Parcel::scribble(site, &[len])).await
}

async fn told(client: &Client) -> Option<DepartmentUse> {
    let me: Me = client.get("/api/v1/me").await.expect(200).json();
    me.department
}

fn in_use(name: &str, stored: u64, max_stored: Option<u64>) -> DepartmentUse {
    DepartmentUse { name: name.to_owned(), stored, max_stored }
}

#[actix_web::test]
async fn a_departments_senders_share_its_quota_and_nobody_elses() {
    let site = Site::start_with(ten_thousand_bytes_each).await;
    let (ana, ben) = (sender_in(&site, ANA, "Radiology").await, sender_in(&site, BEN, "Radiology").await);
    try_to_send(&site, &ana, 20_000).await.expect(201);
    let detail = try_to_send(&site, &ben, 5_001).await.refused(429, "quota-reached").detail;
    for part in ["Radiology hold 19.6 KB", "the limit is 24.5 KB", "end transfers that are no longer needed"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    try_to_send(&site, &ben, 5_000).await.expect(201);
    let eve = sender_in(&site, EVE, "Surgery").await;
    try_to_send(&site, &eve, 10_001).await.refused(429, "quota-reached");
    try_to_send(&site, &eve, 10_000).await.expect(201);
    for without_quota in ["Archive", ""] {
        set(&site, EVE, &format!("department = '{without_quota}'")).await;
        try_to_send(&site, &eve, 30_000).await.expect(201);
    }
}

#[actix_web::test]
async fn a_departments_bytes_count_from_the_announcement_until_they_are_gone_wherever_their_sender_moves() {
    let site = Site::start_with(ten_thousand_bytes_each).await;
    let ana = sender_in(&site, ANA, "Surgery").await;
    let (sent, draft) = (Parcel::scribble(&site, &[6_000]), Parcel::scribble(&site, &[4_000]));
    ana.send(&sent).await;
    ana.create(&draft).await.expect(201);
    try_to_send(&site, &ana, 1).await.refused(429, "quota-reached");
    // What is made already is answered as before.
    ana.create(&draft).await.expect(201);
    // Ended, the bytes are still there; purged, they are not.
    ana.end(&sent).await.expect(204);
    try_to_send(&site, &ana, 1).await.refused(429, "quota-reached");
    site.tidy().await;
    try_to_send(&site, &ana, 6_000).await.expect(201);
    // The sender moves: what was made in Surgery stays there, and Urology starts empty.
    set(&site, ANA, "department = 'Urology'").await;
    try_to_send(&site, &ana, 10_000).await.expect(201);
    let ben = sender_in(&site, BEN, "Surgery").await;
    try_to_send(&site, &ben, 1).await.refused(429, "quota-reached");
    // Drafts that nobody goes on with are swept after a day.
    site.wait(2 * DAY);
    site.tidy().await;
    let ben = Sender::sign_in(&site, BEN).await;
    try_to_send(&site, &ben, 10_000).await.expect(201);
}

#[actix_web::test]
async fn a_file_that_starts_again_larger_is_held_against_the_quota_of_the_department_it_was_announced_in() {
    let site = Site::start_with(ten_thousand_bytes_each).await;
    let ana = sender_in(&site, ANA, "Surgery").await;
    let parcel = Parcel::scribble(&site, &[3_000]);
    ana.create(&parcel).await.expect(201);
    try_to_send(&site, &ana, 5_000).await.expect(201);
    set(&site, ANA, "department = 'Archive'").await;
    let restart = async |plain_len: u64| {
        let path = format!("{}/objects/{}/restart", parcel.path(), parcel.object_id(0));
        let object_len = protocol::layout::object_len(plain_len);
        ana.client.post(&path, &ObjectEntry { object_id: ObjectId::from_bytes([7; 16]), object_len }).await
    };
    let detail = restart(5_001).await.refused(429, "quota-reached").detail;
    assert!(detail.contains("Surgery hold 4.9 KB"), "{detail}");
    restart(5_000).await.expect(204);
    assert_eq!(ana.look(&parcel.id()).await.total_len, 5_000);
}

#[actix_web::test]
async fn fifty_announcements_at_once_fill_a_departments_quota_to_the_last_byte_and_not_beyond() {
    let site = Site::start_with(ten_thousand_bytes_each).await;
    let mut senders = Vec::new();
    for number in 0..5 {
        senders.push(sender_in(&site, &format!("sender{number}@clinic.example"), "Radiology").await);
    }
    let parcels: Vec<Parcel> = (0..50).map(|_| Parcel::scribble(&site, &[1_000])).collect();
    let answers = join_all(parcels.iter().enumerate().map(|(n, parcel)| senders[n % 5].create(parcel))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 25);
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| drop(answer.refused(429, "quota-reached")));
    assert_eq!(rows::one(&site, "SELECT CAST(SUM(total_len) AS TEXT) FROM transfers").await, "25000");
}

#[actix_web::test]
async fn senders_and_administrators_are_told_how_full_a_department_is() {
    let site = Site::start_with(ten_thousand_bytes_each).await;
    let ana = sender_in(&site, ANA, "Radiology").await;
    try_to_send(&site, &ana, 4_000).await.expect(201);
    assert_eq!(told(&ana.client).await, Some(in_use("Radiology", 4_000, Some(25_000))));
    let ada = administrator(&site, ADA).await;
    let eve = sender_in(&site, EVE, "Urology").await;
    try_to_send(&site, &eve, 1).await.expect(201);
    let state: Installation = ada.get("/api/v1/admin/state").await.expect(200).json();
    // One that the configuration names and nobody is in may be a misspelt one.
    assert_eq!(
        state.departments,
        [in_use("Archive", 0, None), in_use("Radiology", 4_000, Some(25_000)), in_use("Urology", 1, Some(10_000)),]
    );
    for without_quota in ["Archive", ""] {
        set(&site, ANA, &format!("department = '{without_quota}'")).await;
        assert_eq!(told(&ana.client).await, None, "{without_quota:?}");
    }
}
