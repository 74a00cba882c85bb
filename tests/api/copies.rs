//! Rows that are moved: to another engine and back, into a backup, and out of it again.

use crate::harness::postgres::TestDatabase;
use crate::harness::{Parcel, Recipient, Sender, Site, rows};
use filmjacket::config::Database;
use filmjacket::store::{CopyError, Restored, back_up, copy_database, restore};
use protocol::transfers::State;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const ANA: &str = "ana@clinic.example";

fn quietly(_: &str, _: u64) {}

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// The file's rows, without a log beside it.
async fn back_up_to(site: &Site, name: &str) -> PathBuf {
    let file = site.data().join(name);
    back_up(&site.app().config.database, &file, &mut quietly).await.unwrap();
    file
}

/// Stops the server, restores, and starts it again.
async fn restore_at(site: &mut Site, file: &Path) -> Restored {
    site.app().store.close().await;
    let outcome = restore(file, &site.app().config.database, true, site.clock.now(), &mut quietly).await.unwrap();
    site.restart().await;
    outcome
}

#[actix_web::test]
async fn rows_moved_to_postgres_and_back_are_the_same_and_their_transfers_open() {
    let mut site = Site::start_on(None, |_| {}).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (ready, over) = (Parcel::scribble(&site, &[10, 0]), Parcel::scribble(&site, &[20]));
    let (link, ended) = (sender.send(&ready).await, sender.send(&over).await);
    link.guess().await.refused(403, "wrong-passcode");
    let ticket = link.take_ticket(&ready.proof()).await;
    sender.create(&Parcel::scribble(&site, &[30])).await.expect(201);
    sender.end(&over).await.expect(204);
    drop(sender);
    let before = rows::dump(&site).await;
    let moved = TestDatabase::make_bare();
    let told = copy_database(&site.app().config.database, &moved.settings(), &mut quietly).await.unwrap();
    assert_eq!(rows::difference(&before, &rows::dump_of(&moved.url()).await), "");
    // Every table there is, with all of its rows.
    let mut counts: Vec<(&str, u64)> = told.iter().map(|table| (table.table, table.rows)).collect();
    counts.sort_unstable();
    assert_eq!(counts, before.iter().map(|(table, rows)| (table.as_str(), rows.len() as u64)).collect::<Vec<_>>());
    let back = site.data().join("back.sqlite");
    let again = copy_database(&moved.settings(), &Database::File(back.clone()), &mut quietly).await.unwrap();
    assert_eq!(again, told);
    assert_eq!(rows::difference(&before, &rows::dump_of(&url(&back)).await), "");
    site.move_to(moved).await;
    let at_home = |link: Recipient| Recipient { client: site.client(), ..link };
    let (link, ended) = (at_home(link), at_home(ended));
    link.fetch(&ticket, &ready.object_id(0), "").await.expect(200);
    link.unlock(&ready.proof()).await.expect(200);
    ended.ask().await.refused(404, "link-invalid");
}

#[actix_web::test]
async fn a_target_with_rows_and_a_source_that_is_not_there_are_refused_and_nothing_changes() {
    let (site, other) = (Site::start().await, Site::start().await);
    Sender::sign_in(&site, ANA).await.send(&Parcel::scribble(&site, &[10])).await;
    Sender::sign_in(&other, ANA).await;
    let before = rows::dump(&other).await;
    let (from, to) = (&site.app().config.database, &other.app().config.database);
    assert!(matches!(copy_database(from, to, &mut quietly).await, Err(CopyError::NotEmpty("accounts"))));
    let nothing = Database::File(site.data().join("no-such.sqlite"));
    assert!(matches!(copy_database(&nothing, to, &mut quietly).await, Err(CopyError::NoFile(_))));
    let file = back_up_to(&site, "backup").await;
    let refused = restore(&file, to, false, site.clock.now(), &mut quietly).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty(_))), "{refused:?}");
    assert_eq!(rows::difference(&before, &rows::dump(&other).await), "");
}

#[actix_web::test]
async fn tables_of_another_version_are_not_copied() {
    let database = TestDatabase::make_bare();
    let site = Site::start_on(Some(database.into()), |_| {}).await;
    rows::execute(&site, "DELETE FROM _sqlx_migrations WHERE version > 2").await;
    let to = Database::File(site.data().join("target.sqlite"));
    let refused = copy_database(&site.app().config.database, &to, &mut quietly).await;
    assert!(matches!(refused, Err(CopyError::Version { from: 2, to: 3.. })), "{refused:?}");
}

#[actix_web::test]
async fn a_purged_transfer_stays_unopenable_from_yesterdays_backup_and_a_live_one_opens() {
    let mut site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let [live, ended, draft] = [10, 20, 30].map(|len| Parcel::scribble(&site, &[len]));
    let links = [sender.send(&live).await, sender.send(&ended).await];
    sender.create(&draft).await.expect(201);
    site.send_mail().await;
    let file = back_up_to(&site, "yesterday").await;
    sender.end(&ended).await.expect(204);
    let session = sender.client.cookie("filmjacket-session").unwrap();
    drop(sender);
    site.tidy().await;
    let restored = restore_at(&mut site, &file).await;
    assert_eq!((restored.live, restored.ended), (1, 2));
    let [live_link, ended_link] = links.map(|link| Recipient { client: site.client(), ..link });
    for proof in [ended.proof(), live.proof()] {
        ended_link.ask().await.refused(404, "link-invalid");
        ended_link.unlock(&proof).await.refused(404, "link-invalid");
    }
    let ticket = live_link.take_ticket(&live.proof()).await;
    live_link.fetch(&ticket, &live.object_id(0), "").await.expect(200);
    // The backup had its capsule; without the key it is worth nothing, and it does not stay either.
    assert_eq!((rows::count(&site, "sealed").await, rows::count(&site, "transfer_keys").await), (1, 1));
    // Who was signed in then is not signed in now.
    let client = site.client();
    client.set_cookie("filmjacket-session", &session);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
    let sender = Sender::sign_in(&site, ANA).await;
    assert_eq!(sender.look(&live.id()).await.state, State::Ready);
    for parcel in [&ended, &draft] {
        assert_eq!(sender.look(&parcel.id()).await.state, State::Expired);
        assert!(sender.events(parcel).await.contains(&"transfer.expired".to_owned()));
    }
    site.tidy().await;
    assert_eq!(rows::stored_files(&site).len(), 1);
}

#[actix_web::test]
async fn a_backup_restored_where_no_key_is_opens_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.send(&parcel).await;
    let file = back_up_to(&site, "backup").await;
    let elsewhere = TestDatabase::make_bare();
    let restored = restore(&file, &elsewhere.settings(), false, site.clock.now(), &mut quietly).await.unwrap();
    assert_eq!((restored.live, restored.ended), (0, 1));
    let rows = rows::dump_of(&elsewhere.url()).await;
    for table in ["transfer_keys", "sealed", "tickets", "outbox", "sessions"] {
        assert!(rows[table].is_empty(), "{table}");
    }
    assert_eq!((rows["accounts"].len(), rows["transfers"].len()), (1, 1));
    assert!(rows["transfers"][0].contains("state='expired'") && rows["transfers"][0].contains("token_hash=NULL"));
}

#[actix_web::test]
async fn a_backup_holds_no_key_session_ticket_or_mail_and_only_its_owner_may_read_it() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let recipient = sender.send(&parcel).await;
    recipient.take_ticket(&parcel.proof()).await;
    recipient.guess().await.refused(403, "wrong-passcode");
    let there = rows::dump(&site).await;
    let file = back_up_to(&site, "backup").await;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&file).unwrap();
    let kept = rows::dump_of(&url(&file)).await;
    for table in ["transfer_keys", "sessions", "tickets", "outbox", "passcode_failures", "rate_windows"] {
        assert!(!there[table].is_empty(), "nothing was looked at in {table}");
        assert!(kept[table].is_empty(), "{table}");
    }
    for (column, table) in [
        ("wrapped_key", "transfer_keys"),
        ("secret", "outbox"),
        ("session_hash", "sessions"),
        ("ticket_hash", "tickets"),
    ] {
        let secret = rows::one(&site, &format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL")).await;
        // The middle of a long value lies within one page.
        assert!(memchr::memmem::find(&bytes, &secret.as_bytes()[..40]).is_none(), "{column}");
    }
    let name = there["accounts"][0].split('\'').nth(1).unwrap();
    assert!(memchr::memmem::find(&bytes, &name.as_bytes()[..40]).is_some(), "the search itself does not work");
    for table in ["accounts", "transfers", "objects", "parts", "sealed", "audit"] {
        assert_eq!(kept[table], there[table]);
    }
    // A file that is there is never written over.
    let again = back_up(&site.app().config.database, &file, &mut quietly).await;
    assert!(matches!(again, Err(CopyError::File(..))), "{again:?}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    let left: Vec<_> = std::fs::read_dir(site.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".filmjacket-backup")), "{left:?}");
}
