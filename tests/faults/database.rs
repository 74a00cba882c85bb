//! The database is gone, or others have it: requests are told to come again, nothing is half done, and the server goes on
//! by itself.

use crate::faults_md::saw;
use crate::harness::aftermath::{Found, look, send_to_the_end};
use crate::harness::client::Answer;
use crate::harness::postgres;
use crate::harness::site::Setup;
use crate::harness::{ANA, Parcel, Sender, Site, rows, until};
use futures_util::future::{join, join3};
use protocol::layout;
use protocol::transfers::State;

const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

/// Told to come again, and when.
#[track_caller]
fn come_again(answer: &Answer) {
    let seconds = answer.refused(503, "unavailable").retry_after.unwrap();
    assert_eq!(answer.header("retry-after"), seconds.to_string());
}

#[actix_web::test]
async fn a_database_killed_in_mid_request_is_answered_with_try_again_and_found_again() {
    let mut server = postgres::start();
    let mut admin = rows::connect_to(&server.url("postgres")).await;
    // As in production: what was committed is there after the database itself was killed.
    for sql in ["ALTER SYSTEM SET synchronous_commit = on", "SELECT pg_reload_conf()", "CREATE DATABASE films"] {
        sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
    }
    let site = Site::start_with(Setup { database_url: Some(server.url("films")), ..Setup::default() });
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 100]);
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 1).await.expect(204);
    let holder = rows::hold_write_lock(&site).await;
    let is_there = || rows::stored_files(&site).iter().any(|file| file.to_string_lossy().contains("/0-"));
    let kill = async {
        until("the part's file", async || is_there().then_some(())).await;
        server.order("-m immediate stop");
    };
    let (answer, ()) = join(sender.put_part(&parcel, 0, 0), kill).await;
    come_again(&answer);
    drop((holder, admin));
    come_again(&sender.create(&Parcel::scribble(&site, &[1])).await);
    come_again(&sender.client.get("/api/v1/me").await);
    assert!(site.process.ask("/readyz").starts_with("HTTP/1.1 503 "));
    server.order("start");
    sender.client.get("/api/v1/me").await.expect(200);
    let found = look(&site, &sender, &parcel).await;
    assert_eq!(found, Found { state: State::Draft, parts: (1, 2) });
    let mails = send_to_the_end(&site, &sender, &parcel).await;
    assert!(site.process.lives(), "another process than before");
    saw(
        "a_database_killed_in_mid_request_is_answered_with_try_again_and_found_again",
        "database gone",
        "PostgreSQL is shut down at once while a part's row waits for its turn, and started again",
        &format!(
            "503 with Retry-After, also for whatever is asked meanwhile; then, without a restart, {found}; sent to its end, {mails} mail"
        ),
    );
}

#[actix_web::test]
async fn a_database_held_by_another_process_is_answered_with_try_again_and_nothing_is_half_done() {
    let mut told = Vec::new();
    for site in [Site::start(), Site::start_on_postgres()] {
        let sender = Sender::sign_in(&site, ANA).await;
        let (begun, whole, new) =
            (Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]));
        sender.create(&begun).await.expect(201);
        sender.upload(&whole).await;
        let holder = rows::hold_write_lock(&site).await;
        let (created, put, sealed) =
            join3(sender.create(&new), sender.put_part(&begun, 0, 0), sender.seal(&whole)).await;
        [created, put, sealed].iter().for_each(come_again);
        // Reading goes on.
        let (found, ready) = (look(&site, &sender, &begun).await, look(&site, &sender, &whole).await);
        assert_eq!(found, Found { state: State::Draft, parts: (0, 1) });
        assert_eq!(ready, Found { state: State::Draft, parts: (1, 1) });
        drop(holder);
        sender.client.get(&new.path()).await.refused(404, "not-found");
        let mails = send_to_the_end(&site, &sender, &whole).await;
        told.push(format!(
            "503 with Retry-After; no transfer, {found}, {ready}, no mail; reading goes on; then sent to its end, {mails} mail"
        ));
    }
    assert_eq!(told[0], told[1]);
    saw(
        "a_database_held_by_another_process_is_answered_with_try_again_and_nothing_is_half_done",
        "database busy for more than 5 s",
        "another process holds the write lock while a draft, a part and a seal come in; SQLite and PostgreSQL",
        &told[0],
    );
}
