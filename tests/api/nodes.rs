//! Several nodes on one PostgreSQL database: whatever is counted, limited or claimed is so once over all of them. These
//! run on PostgreSQL whichever engine the others run on.

use crate::harness::postgres::TestDatabase;
use crate::harness::sender::sign_in;
use crate::harness::{Answer, DAY, HOUR, Parcel, Recipient, Sender, Site, people, rows};
use filmjacket::config::Config;
use filmjacket::jobs;
use filmjacket::store::Store;
use futures_util::future::{join, join_all};
use protocol::transfers::State;
use serde_json::json;
use std::sync::Arc;

const ANA: &str = "ana@clinic.example";

/// Two nodes of one installation.
async fn start() -> [Site; 2] {
    start_with(|_| {}).await
}

async fn start_with(change: fn(&mut Config)) -> [Site; 2] {
    let first = Site::start_on(Some(Arc::new(TestDatabase::make())), change).await;
    let second = first.another_node().await;
    [first, second]
}

/// The same link, opened at another node.
fn at(site: &Site, recipient: &Recipient) -> Recipient {
    Recipient { client: site.client(), ..recipient.clone() }
}

/// The same sender's browser, led to another node.
fn resume_at<'a>(site: &'a Site, sender: &Sender<'_>) -> Sender<'a> {
    let client = site.client();
    client.set_cookie("filmjacket-session", &sender.client.cookie("filmjacket-session").unwrap());
    Sender::resume(site, client)
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// That the audit's numbers go from 1 on without a gap, and how far.
async fn audit_len(site: &Site) -> usize {
    let numbers = rows::query(site, "SELECT CAST(seq AS TEXT) FROM audit ORDER BY audit.seq").await;
    assert_eq!(numbers, (1..=numbers.len()).map(|n| n.to_string()).collect::<Vec<_>>());
    numbers.len()
}

#[actix_web::test]
async fn two_hundred_unlocks_over_two_nodes_open_exactly_five_times() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    let parcel = Parcel::scribble(&first, &[1]).openings(5);
    let recipient = sender.send(&parcel).await;
    let links = [at(&first, &recipient), at(&second, &recipient)];
    let proof = parcel.proof();
    let answers = join_all((0..200).map(|n| links[n % 2].unlock(&proof))).await;
    assert_eq!((count(&answers, 200), count(&answers, 404)), (5, 195));
    assert_eq!(sender.look(&parcel.id()).await.openings, 5);
    assert_eq!(rows::count(&first, "tickets").await, 5);
    assert_eq!(sender.events(&parcel).await.iter().filter(|event| *event == "transfer.opened").count(), 5);
    audit_len(&first).await;
}

#[actix_web::test]
async fn each_mail_leaves_once_when_two_nodes_send_at_the_same_time() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    for _ in 0..20 {
        sender.send(&Parcel::scribble(&first, &[1])).await;
    }
    let (one, other) = join(jobs::send_outbox(first.app()), jobs::send_outbox(second.app())).await;
    one.and(other).unwrap();
    let mut links: Vec<Vec<u8>> =
        [&first, &second].iter().flat_map(|site| site.mail()).map(|mail| mail.message).collect();
    // The sign-in code is the one more.
    assert_eq!(links.len(), 21);
    links.sort();
    links.dedup();
    assert_eq!(links.len(), 21);
    assert_eq!(rows::count(&first, "outbox").await, 0);
    assert_eq!(rows::one(&first, "SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE event = 'mail.accepted'").await, "20");
}

#[actix_web::test]
async fn what_is_over_ends_and_is_purged_once_when_two_nodes_do_it_at_the_same_time() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    let parcels: Vec<Parcel> = (0..10).map(|_| Parcel::scribble(&first, &[1, 2])).collect();
    for parcel in &parcels {
        sender.send(parcel).await;
    }
    first.wait(40 * DAY);
    let (one, other) = join(jobs::settle(first.app()), jobs::settle(second.app())).await;
    one.and(other).unwrap();
    let sender = Sender::sign_in(&first, ANA).await;
    for parcel in &parcels {
        let events = sender.events(parcel).await;
        for event in ["transfer.expired", "transfer.purged"] {
            assert_eq!(events.iter().filter(|other| *other == event).count(), 1, "{events:?}");
        }
    }
    for site in [&first, &second] {
        site.send_mail().await;
    }
    let told: Vec<String> = [first.mail_kinds(), second.mail_kinds()].concat();
    assert_eq!(told.iter().filter(|mail| mail.ends_with(": expired")).count(), 10, "{told:?}");
    assert!(rows::stored_files(&first).is_empty());
    audit_len(&first).await;
}

#[actix_web::test]
async fn senders_are_told_once_that_a_transfer_ends_soon() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    for _ in 0..10 {
        sender.send(&Parcel::scribble(&first, &[1])).await;
    }
    let ends: i64 = rows::one(&first, "SELECT CAST(MIN(expires_at) AS TEXT) FROM transfers").await.parse().unwrap();
    first.wait(ends - first.clock.now().as_unix() - HOUR);
    let (one, other) = join(jobs::expire(first.app()), jobs::expire(second.app())).await;
    one.and(other).unwrap();
    let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE kind = 'expiring_unopened'";
    assert_eq!(rows::one(&first, waiting).await, "10");
}

#[actix_web::test]
async fn guesses_at_two_nodes_are_counted_together_and_pause_both() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    let parcel = Parcel::scribble(&first, &[1]);
    let recipient = sender.send(&parcel).await;
    let links = [at(&first, &recipient), at(&second, &recipient)];
    let answers = join_all((0..40).map(|n| links[n % 2].guess())).await;
    // Five are looked at; the fifth pauses everyone.
    assert_eq!((count(&answers, 403), count(&answers, 429)), (5, 35));
    assert_eq!(sender.look(&parcel.id()).await.refused_attempts, 5);
    for link in &links {
        link.unlock(&parcel.proof()).await.refused(429, "too-many-requests");
    }
}

#[actix_web::test]
async fn requests_at_two_nodes_are_counted_in_one_window() {
    let [first, second] = start().await;
    let ask = async |site: &Site| site.client().post("/api/v1/sign-in", &serde_json::json!({ "email": ANA })).await;
    let answers = join_all((0..20).map(|n| ask(if n % 2 == 0 { &first } else { &second }))).await;
    // rates::CODES_BY_ADDRESS_AND_NETWORK
    assert_eq!((count(&answers, 202), count(&answers, 429)), (5, 15));
}

#[actix_web::test]
async fn limits_of_a_sender_hold_when_transfers_are_announced_at_two_nodes_at_once() {
    let [first, second] = start_with(|config| config.limits.max_transfers_per_day = 7).await;
    let sender = Sender::sign_in(&first, ANA).await;
    let senders = [resume_at(&first, &sender), resume_at(&second, &sender)];
    let parcels: Vec<Parcel> = (0..30).map(|_| Parcel::scribble(&first, &[1])).collect();
    let answers = join_all(parcels.iter().enumerate().map(|(n, parcel)| senders[n % 2].create(parcel))).await;
    assert_eq!(count(&answers, 201), 7);
    assert_eq!(rows::count(&first, "transfers").await, 7);
    // The seven, and the sign-in and the profile before them.
    assert_eq!(audit_len(&first).await, 9);
}

#[actix_web::test]
async fn bytes_that_wait_never_exceed_the_limit_when_announced_at_two_nodes_at_once() {
    let [first, second] = start_with(|config| config.limits.max_stored = 5_000).await;
    let sender = Sender::sign_in(&first, ANA).await;
    let senders = [resume_at(&first, &sender), resume_at(&second, &sender)];
    let parcels: Vec<Parcel> = (0..20).map(|_| Parcel::scribble(&first, &[1_000])).collect();
    let answers = join_all(parcels.iter().enumerate().map(|(n, parcel)| senders[n % 2].create(parcel))).await;
    let made = count(&answers, 201);
    let stored: usize = rows::one(&first, "SELECT CAST(SUM(total_len) AS TEXT) FROM transfers").await.parse().unwrap();
    assert!((1..20).contains(&made) && stored <= 5_000, "{made} transfers with {stored} bytes");
    assert_eq!(rows::count(&first, "transfers").await, made);
}

#[actix_web::test]
async fn a_departments_quota_holds_when_its_senders_announce_at_two_nodes_at_once() {
    let [first, second] = start_with(|config| config.department_quotas.everyones = Some(25_000)).await;
    let mut senders = Vec::new();
    for number in 0..6 {
        let email = format!("sender{number}@clinic.example");
        let sender = Sender::sign_in(&first, &email).await;
        people::set(&first, &email, "department = 'Radiology'").await;
        senders.push(resume_at(if number % 2 == 0 { &first } else { &second }, &sender));
    }
    let parcels: Vec<Parcel> = (0..50).map(|_| Parcel::scribble(&first, &[1_000])).collect();
    let answers = join_all(parcels.iter().enumerate().map(|(n, parcel)| senders[n % 6].create(parcel))).await;
    assert_eq!((count(&answers, 201), count(&answers, 429)), (25, 25));
    assert_eq!(rows::one(&first, "SELECT CAST(SUM(total_len) AS TEXT) FROM transfers").await, "25000");
}

#[actix_web::test]
async fn of_two_links_from_two_consoles_used_at_once_one_makes_an_administrator() {
    let [first, second] = start().await;
    let sites = [&first, &second];
    let emails = ["ada@clinic.example", "ben@clinic.example"];
    let mut clients = Vec::new();
    for (site, email) in sites.iter().zip(emails) {
        clients.push(sign_in(site, email).await);
    }
    for _ in 0..10 {
        let mut requests = Vec::new();
        for (site, client) in sites.iter().zip(&clients) {
            let link = site.app().make_first_administrator_link().await.unwrap().expect("there is no administrator");
            let token = link.split_once('#').unwrap().1.to_owned();
            requests.push((client, json!({ "token": token })));
        }
        let answers =
            join_all(requests.iter().map(|(client, body)| client.post("/api/v1/first-administrator", body))).await;
        assert_eq!((count(&answers, 204), count(&answers, 404)), (1, 1));
        assert_eq!(rows::one(&first, "SELECT CAST(SUM(administrator) AS TEXT) FROM accounts").await, "1");
        rows::execute(&first, "UPDATE accounts SET administrator = 0").await;
    }
}

#[actix_web::test]
async fn one_announcement_at_two_nodes_makes_one_transfer() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    let senders = [resume_at(&first, &sender), resume_at(&second, &sender)];
    let parcel = Parcel::scribble(&first, &[1, 2]);
    let answers = join_all((0..20).map(|n| senders[n % 2].create(&parcel))).await;
    assert_eq!(count(&answers, 201), 20);
    assert_eq!((rows::count(&first, "transfers").await, rows::count(&first, "objects").await), (1, 2));
}

#[actix_web::test]
async fn a_file_restarted_at_one_node_is_not_sealed_half_at_the_other() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    let senders = [resume_at(&first, &sender), resume_at(&second, &sender)];
    for _ in 0..10 {
        let (parcel, fresh) = (Parcel::scribble(&first, &[100]), Parcel::scribble(&first, &[100]));
        senders[0].upload(&parcel).await;
        let path = format!("{}/objects/{}/restart", parcel.path(), parcel.object_id(0));
        let restart = senders[0].client.post(&path, &fresh.create.objects[0]);
        let (restarted, sealed) = join(restart, senders[1].seal(&parcel)).await;
        // Whoever came first: never both, and what is ready has every part.
        assert!((restarted.status < 300) != (sealed.status == 200), "{} and {}", restarted.status, sealed.status);
        let state = sender.look(&parcel.id()).await.state;
        assert_eq!(state == State::Ready, sealed.status == 200);
        let parts = sender.objects(&parcel).await.iter().map(|object| object.parts.len()).sum::<usize>();
        assert_eq!(parts, usize::from(state == State::Ready));
    }
}

#[actix_web::test]
async fn parts_and_a_restart_of_their_file_at_once_end_without_a_fault() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    let senders = [resume_at(&first, &sender), resume_at(&second, &sender)];
    for _ in 0..10 {
        let (parcel, fresh) = (Parcel::scribble(&first, &[100]), Parcel::scribble(&first, &[100]));
        senders[0].create(&parcel).await.expect(201);
        let path = format!("{}/objects/{}/restart", parcel.path(), parcel.object_id(0));
        let restart = senders[1].client.post(&path, &fresh.create.objects[0]);
        let (restarted, put) = join(restart, senders[0].put_part(&parcel, 0, 0)).await;
        assert!(restarted.status < 300, "{}", restarted.text());
        assert!(put.status < 500, "{}", put.text());
        assert_eq!(rows::count(&first, "parts").await, 0);
    }
}

#[actix_web::test]
async fn two_nodes_append_to_the_audit_at_once_without_loss_or_gap() {
    let [first, second] = start().await;
    let sender = Sender::sign_in(&first, ANA).await;
    let senders = [resume_at(&first, &sender), resume_at(&second, &sender)];
    let before = audit_len(&first).await;
    let profile = protocol::sign_in::ProfileRequest { name: "Dr. Ana Ruiz".into(), organisation: "North".into() };
    let answers = join_all((0..100).map(|n| senders[n % 2].client.put("/api/v1/me", &profile))).await;
    assert_eq!(count(&answers, 204), 100);
    assert_eq!(audit_len(&first).await, before + 100);
}

#[actix_web::test]
async fn nodes_that_start_at_once_on_an_empty_database_make_its_tables_once() {
    let database = TestDatabase::make_bare();
    let settings = database.settings();
    for store in join_all((0..5).map(|_| Store::open(&settings))).await {
        store.unwrap().ping().await.unwrap();
    }
}

#[actix_web::test]
async fn a_lost_connection_is_answered_with_try_again_and_then_replaced() {
    let [site, _] = start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let kill = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    rows::execute(&site, kill).await;
    // Connections that were at rest are found dead and replaced before anyone notices.
    sender.upload(&parcel).await;
    sender.seal(&parcel).await.expect(200);
    site.app().store.ping().await.unwrap();
}
