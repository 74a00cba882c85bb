//! What heads of a department and administrators see of others' transfers, and what an administrator can end.

use crate::harness::people::{administrator, set, sign_in_as};
use crate::harness::sender::sign_in;
use crate::harness::{Client, DAY, Parcel, Sender, Site, rows};
use protocol::people::{Installation, SeenPage};
use protocol::sign_in::Role;
use protocol::transfers::{State, TransferLog};

const ADA: &str = "ada@clinic.example";
const ANA: &str = "ana@clinic.example";
const HEAD: &str = "head@clinic.example";

async fn seen(client: &Client, path: &str) -> Vec<String> {
    let page: SeenPage = client.get(path).await.expect(200).json();
    page.transfers.into_iter().map(|seen| seen.summary.recipient.email).collect()
}

async fn sender_in(site: &Site, department: &str) -> Client {
    let sender = Sender::sign_in(site, ANA).await;
    set(site, ANA, &format!("department = '{department}'")).await;
    sender.client
}

#[actix_web::test]
async fn a_head_sees_what_was_sent_in_their_department_and_nothing_else_also_after_someone_moved() {
    let site = Site::start().await;
    let radiology = sign_in_as(&site, HEAD, &[Role::DepartmentHead]).await;
    let surgery = sign_in_as(&site, "surgery@clinic.example", &[Role::DepartmentHead]).await;
    set(&site, "surgery@clinic.example", "department = 'Surgery'").await;
    let ana = Sender::resume(&site, sender_in(&site, "Radiology").await);
    let parcel = |to: &str| Parcel::scribble(&site, &[10]).to(to);
    let first = parcel("first@home.example");
    ana.send(&first).await;
    site.wait(1);
    set(&site, ANA, "department = 'Surgery'").await;
    ana.send(&parcel("second@home.example")).await;
    site.wait(1);
    set(&site, ANA, "department = ''").await;
    ana.send(&parcel("third@home.example")).await;
    let path = "/api/v1/department/transfers";
    assert_eq!(seen(&radiology, path).await, ["first@home.example"]);
    assert_eq!(seen(&surgery, path).await, ["second@home.example"]);
    assert_eq!(seen(&surgery, &format!("{path}?search=first")).await, Vec::<String>::new());
    // Another department's transfer is no place in the list either.
    assert_eq!(seen(&surgery, &format!("{path}?before={}", first.id())).await, Vec::<String>::new());
    // The head moves: the view goes with the department, at once; a head of none sees nothing.
    set(&site, HEAD, "department = 'Surgery'").await;
    assert_eq!(seen(&radiology, path).await, ["second@home.example"]);
    set(&site, HEAD, "department = ''").await;
    radiology.get(path).await.refused(403, "role-missing");
    // Metadata only: what belongs to its sender stays theirs.
    for call in ["", "/log"] {
        surgery.get(&format!("/api/v1/transfers/{}{call}", first.id())).await.refused(403, "role-missing");
    }
}

#[actix_web::test]
async fn an_administrator_ends_anothers_transfer_and_the_log_names_them() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await;
    let ana = Sender::sign_in(&site, ANA).await;
    let (parcel, draft) = (Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]));
    let recipient = ana.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    ana.create(&draft).await.expect(201);
    assert_eq!(seen(&ada, "/api/v1/admin/transfers").await.len(), 2);
    for ended in [&parcel, &draft] {
        let path = format!("/api/v1/admin/transfers/{}/end", ended.id());
        ada.send("POST", &path, &[], "").await.expect(204);
        ada.send("POST", &path, &[], "").await.expect(204);
        assert_eq!(ana.look(&ended.id()).await.state, State::Revoked);
    }
    recipient.fetch(&ticket, &parcel.object_id(0), "bytes=0-").await.refused(401, "ticket-invalid");
    assert_eq!(seen(&ada, "/api/v1/admin/transfers").await.len(), 0);
    let told = rows::query(&site, "SELECT actor || ': ' || detail FROM audit WHERE event = 'transfer.revoked'").await;
    assert_eq!(told, [format!("{ADA}: ended by an administrator"), format!("{ADA}: ended by an administrator")]);
    let nothing = Parcel::scribble(&site, &[1]).id();
    ada.send("POST", &format!("/api/v1/admin/transfers/{nothing}/end"), &[], "").await.refused(404, "not-found");
}

#[actix_web::test]
async fn a_sender_learns_who_ended_their_transfer_and_not_from_where() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await.at_address("198.51.100.77");
    let ana = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    ana.send(&parcel).await.guess().await.refused(403, "wrong-passcode");
    ada.send("POST", &format!("/api/v1/admin/transfers/{}/end", parcel.id()), &[], "").await.expect(204);
    let address = rows::one(&site, "SELECT address FROM audit WHERE event = 'transfer.revoked'").await;
    assert_eq!(address, "198.51.100.77");
    let answer = ana.client.get(&format!("/api/v1/transfers/{}/log", parcel.id())).await.expect(200);
    let log: TransferLog = answer.json();
    let from = |event: &str| log.events.iter().find(|entry| entry.event == event).unwrap().address.clone();
    assert_eq!(from("transfer.revoked"), None);
    assert!(answer.text().contains(ADA) && !answer.text().contains(&address), "{}", answer.text());
    // Where they themselves and the recipient were, they see.
    assert!(from("transfer.created").is_some() && from("transfer.refused").is_some());
}

#[actix_web::test]
async fn an_administrator_opens_no_transfer_and_touches_none_in_another_way() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await;
    let ana = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    ana.send(&parcel).await;
    let path = format!("/api/v1/transfers/{}", parcel.id());
    ada.get(&path).await.refused(403, "role-missing");
    ada.get(&format!("{path}/log")).await.refused(403, "role-missing");
    ada.send("POST", &format!("{path}/mail"), &[], "").await.refused(403, "role-missing");
    ada.get(&format!("/api/v1/open/objects/{}", parcel.object_id(0))).await.refused(401, "ticket-invalid");
    // Also not by sending themselves: another's transfer is like none.
    sign_in_as(&site, ADA, &[Role::Administrator, Role::Sender]).await;
    ada.get(&path).await.refused(404, "not-found");
    let shown = ada.get("/api/v1/admin/transfers").await.text();
    for secret in ["capsule", "manifest", "object_id", "link", "token"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[actix_web::test]
async fn what_is_under_way_is_paged_and_what_is_over_is_left_out() {
    let site = Site::start().await;
    let ana = Sender::sign_in(&site, ANA).await;
    for number in 0..5 {
        site.wait(1);
        ana.send(&Parcel::scribble(&site, &[1]).to(&format!("p{number}@home.example"))).await;
    }
    let ada = administrator(&site, ADA).await;
    let first: SeenPage = ada.get("/api/v1/admin/transfers?limit=3").await.json();
    let rest: SeenPage =
        ada.get(&format!("/api/v1/admin/transfers?limit=3&before={}", first.next.unwrap())).await.json();
    assert_eq!((first.transfers.len(), rest.transfers.len(), rest.next), (3, 2, None));
    assert_eq!(first.transfers[0].summary.recipient.email, "p4@home.example");
    assert_eq!((&*first.transfers[0].sender.email, &*first.transfers[0].sender.name), (ANA, "Dr. Ana Ruiz"));
    site.wait(40 * DAY);
    let ada = sign_in(&site, ADA).await;
    assert!(seen(&ada, "/api/v1/admin/transfers").await.is_empty(), "over by the clock, before any job came round");
}

#[actix_web::test]
async fn the_state_tells_what_is_in_force_and_no_secret() {
    let site = Site::start_with(|config| config.limits.max_files = 3).await;
    let ada = administrator(&site, ADA).await;
    Sender::sign_in(&site, ANA).await.send(&Parcel::scribble(&site, &[1000])).await;
    let answer = ada.get("/api/v1/admin/state").await.expect(200);
    let state: Installation = answer.json();
    assert!(state.ready.iter().all(|need| need.is_ready) && state.ready.len() == 5, "{:?}", state.ready);
    assert_eq!((state.limits.max_files, state.stored_len, state.mail_waiting), (3, 1000, 1));
    assert_eq!(state.transfers.iter().map(|count| (&*count.name, count.count)).collect::<Vec<_>>(), [("ready", 1)]);
    for secret in [site.data().to_str().unwrap(), "postgres://", "key\":"] {
        assert!(!answer.text().contains(secret), "{secret}");
    }
}
