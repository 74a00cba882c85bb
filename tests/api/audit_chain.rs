//! The audit's chain: whoever changes a row, removes one, or computes all anew is found out.

use crate::harness::postgres::TestDatabase;
use crate::harness::{DAY, Parcel, Sender, Site, rows};
use filmjacket::audit::{Anchor, Finding, Row, Verified, derive_hash, genesis};
use filmjacket::config::Database;
use filmjacket::jobs;
use filmjacket::store::{VerifyError, back_up, restore, verify_audit};
use protocol::{Sha256Digest, Timestamp};
use std::process::Command;

const ANA: &str = "ana@clinic.example";

fn quietly(_: &str, _: u64) {}

/// A site with a dozen rows of several kinds.
async fn site_with_rows() -> Site {
    let site = Site::start().await;
    fill(&site).await;
    site
}

async fn fill(site: &Site) {
    let sender = Sender::sign_in(site, ANA).await;
    let parcel = Parcel::scribble(site, &[10]);
    let recipient = sender.send(&parcel).await;
    site.send_mail().await;
    recipient.guess().await.refused(403, "wrong-passcode");
    site.wait(600);
    recipient.take_ticket(&parcel.proof()).await;
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
}

async fn verify_with(site: &Site, anchors: &[Anchor]) -> Result<Verified, VerifyError> {
    verify_audit(&site.app().config.database, anchors.to_vec(), &mut quietly).await
}

async fn finding_with(site: &Site, anchors: &[Anchor]) -> Option<Finding> {
    match verify_with(site, anchors).await {
        Ok(_) => None,
        Err(VerifyError::Found(finding)) => Some(finding),
        Err(error) => panic!("{error}"),
    }
}

async fn finding(site: &Site) -> Option<Finding> {
    finding_with(site, &[]).await
}

async fn len(site: &Site) -> i64 {
    rows::count(site, "audit").await as i64
}

/// The anchors that the server wrote, checked with the public key that it tells.
fn anchors(site: &Site) -> Vec<Anchor> {
    let text = std::fs::read_to_string(site.data().join("audit-anchors.ndjson")).unwrap();
    let key = site.app().keys.derive_anchor_key().unwrap().public();
    text.lines().map(|line| key.check(line).unwrap()).collect()
}

async fn anchor(site: &Site) {
    jobs::audit::anchor(site.app()).await.unwrap();
}

/// What someone with the database in hand and this source code would do: every hash anew.
async fn compute_anew(site: &Site) {
    let (mut hash, mut seq) = (genesis(), 0);
    let all = rows::query(
        site,
        "SELECT CAST(at AS TEXT) || '|' || event || '|' || actor || '|' || COALESCE(transfer_id, '-') || '|' ||
             COALESCE(address, '-') || '|' || detail FROM audit ORDER BY seq",
    )
    .await;
    for row in all {
        let mut fields = row.split('|').map(str::to_owned);
        let mut next = || fields.next().unwrap();
        seq += 1;
        let row = Row {
            seq,
            at: Timestamp::from_unix(next().parse().unwrap()),
            event: next(),
            actor: next(),
            transfer_id: Some(next()).filter(|id| id != "-"),
            address: Some(next()).filter(|address| address != "-"),
            detail: next(),
        };
        hash = derive_hash(&hash, &row);
        rows::execute(site, &format!("UPDATE audit SET hash = '{hash}' WHERE seq = {seq}")).await;
    }
    rows::execute(site, &format!("UPDATE audit_head SET seq = {seq}, hash = '{hash}'")).await;
}

#[actix_web::test]
async fn every_field_of_every_row_is_held_by_the_chain() {
    let site = site_with_rows().await;
    let rows = len(&site).await;
    assert!(rows >= 8, "only {rows} rows");
    assert_eq!(verify_with(&site, &[]).await.unwrap().rows, rows as u64);
    for seq in 1..=rows {
        for (column, change) in [
            ("at", "at + 1"),
            ("event", "event || 'x'"),
            ("actor", "actor || ' '"),
            ("transfer_id", "COALESCE(transfer_id || 'A', '')"),
            ("address", "COALESCE(address || '1', '')"),
            ("detail", "detail || ' '"),
            ("hash", "CASE WHEN hash LIKE 'A%' THEN 'B' ELSE 'A' END || SUBSTR(hash, 2)"),
        ] {
            rows::execute(&site, &format!("CREATE TABLE kept AS SELECT * FROM audit WHERE seq = {seq}")).await;
            rows::execute(&site, &format!("UPDATE audit SET {column} = {change} WHERE seq = {seq}")).await;
            assert_eq!(finding(&site).await, Some(Finding::Changed(seq)), "{column} of {seq}");
            let back = format!("UPDATE audit SET {column} = (SELECT {column} FROM kept) WHERE seq = {seq}");
            rows::execute(&site, &format!("{back}; DROP TABLE kept")).await;
        }
    }
    assert_eq!(finding(&site).await, None);
}

#[actix_web::test]
async fn rows_removed_exchanged_renumbered_or_inserted_are_named() {
    let site = site_with_rows().await;
    let rows = len(&site).await;
    let attacks = [
        ("DELETE FROM audit WHERE seq = 3", Finding::Missing { expected: 3, found: 4 }),
        (
            "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = -seq WHERE seq > 3; UPDATE audit SET seq = -seq - 1 WHERE seq < 0",
            Finding::Changed(3),
        ),
        (
            "UPDATE audit SET seq = -2 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = -2",
            Finding::Changed(2),
        ),
        (
            "UPDATE audit SET seq = -seq WHERE seq > 4; UPDATE audit SET seq = 1 - seq WHERE seq < 0;
             INSERT INTO audit SELECT 5, at, event, actor, transfer_id, address, detail, hash FROM audit WHERE seq = 4",
            Finding::Changed(5),
        ),
        ("DELETE FROM audit WHERE seq <= 2", Finding::Missing { expected: 1, found: 3 }),
    ];
    let last = rows + 1;
    let after_the_end = format!(
        "INSERT INTO audit SELECT {last}, at, event, actor, transfer_id, address, detail, hash FROM audit WHERE seq = 1"
    );
    let cut = format!("DELETE FROM audit WHERE seq = {rows}");
    let attacks = attacks
        .into_iter()
        .map(|(sql, finding)| (sql.to_owned(), finding))
        .chain([(after_the_end, Finding::Changed(last)), (cut, Finding::Short(rows, rows))]);
    rows::execute(&site, "CREATE TABLE kept AS SELECT * FROM audit").await;
    for (sql, expected) in attacks {
        rows::execute(&site, &sql).await;
        assert_eq!(finding(&site).await, Some(expected), "{sql}");
        rows::execute(&site, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept").await;
        assert_eq!(finding(&site).await, None, "after {sql}");
    }
    rows::execute(&site, "DROP TABLE kept").await;
}

#[actix_web::test]
async fn a_beginning_that_was_removed_with_its_trace_is_found_because_no_row_tells_of_it() {
    let site = site_with_rows().await;
    rows::execute(
        &site,
        "UPDATE audit_head SET cut_seq = 2, cut_hash = (SELECT hash FROM audit WHERE seq = 2); DELETE FROM audit WHERE seq <= 2",
    )
    .await;
    assert_eq!(finding(&site).await, Some(Finding::Removed(1, 2)));
}

#[actix_web::test]
async fn the_last_row_deleted_or_all_hashes_computed_anew_is_found_by_the_anchor() {
    let site = site_with_rows().await;
    anchor(&site).await;
    let (signed, last) = (anchors(&site), len(&site).await);
    assert_eq!(verify_with(&site, &signed).await.unwrap().anchors, 1);
    rows::execute(&site, "CREATE TABLE kept AS SELECT * FROM audit").await;
    // Whoever deletes the last row mends the note of the end as well.
    rows::execute(&site, &format!("DELETE FROM audit WHERE seq = {last}")).await;
    compute_anew(&site).await;
    assert_eq!(finding(&site).await, None, "by the chain alone it cannot be told");
    let found = finding_with(&site, &signed).await;
    assert_eq!(found, Some(Finding::CutShort { first: last, anchor: signed[0].clone() }));
    rows::execute(&site, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept").await;
    rows::execute(&site, "UPDATE audit SET address = '192.0.2.1' WHERE seq = 3").await;
    compute_anew(&site).await;
    assert_eq!(finding(&site).await, None);
    let found = finding_with(&site, &signed).await;
    assert_eq!(found, Some(Finding::Rewritten { anchor: signed[0].clone(), agreed: 0 }));
}

/// Where a text stands in a file.
fn places(bytes: &[u8], text: &str) -> Vec<usize> {
    memchr::memmem::find_iter(bytes, text).collect()
}

#[actix_web::test]
async fn one_byte_of_a_row_changed_in_the_database_file_is_found_wherever_it_is() {
    let mut site = Site::start_on(None, |_| {}).await;
    fill(&site).await;
    let hash = rows::one(&site, "SELECT hash FROM audit WHERE event = 'transfer.opened'").await;
    let len: usize = rows::one(
        &site,
        "SELECT CAST(LENGTH(event) + LENGTH(actor) + LENGTH(transfer_id) + LENGTH(address) + LENGTH(detail) AS TEXT)
             FROM audit WHERE event = 'transfer.opened'",
    )
    .await
    .parse()
    .unwrap();
    let Database::File(path) = site.app().config.database.clone() else { unreachable!("it is a file") };
    let mut bytes = Vec::new();
    site.restart_on(|| bytes = std::fs::read(&path).unwrap()).await;
    let copy = site.data().join("copy.sqlite");
    let ends: Vec<usize> = places(&bytes, &hash).iter().map(|place| place + hash.len()).collect();
    assert_eq!(ends.len(), 1, "only the row itself holds its hash");
    // Before the texts: the cell's length and number (3 bytes), the record's header (9), seq (1) and at (4).
    let begin = ends[0] - hash.len() - len - 5 - 9 - 3;
    for place in begin..ends[0] {
        for bit in [0x01, 0x40] {
            let mut changed = bytes.clone();
            changed[place] ^= bit;
            std::fs::write(&copy, &changed).unwrap();
            let verdict = verify_audit(&Database::File(copy.clone()), Vec::new(), &mut quietly).await;
            assert!(verdict.is_err(), "byte {} of the row, bit {bit:x}", place - begin);
        }
    }
    std::fs::write(&copy, &bytes).unwrap();
    verify_audit(&Database::File(copy), Vec::new(), &mut quietly).await.unwrap();
}

#[actix_web::test]
async fn rows_from_before_there_was_a_chain_are_chained_at_the_first_start_and_never_again() {
    let mut site = site_with_rows().await;
    let before = rows::dump(&site).await;
    rows::execute(&site, "UPDATE audit SET hash = ''; DELETE FROM audit_head").await;
    site.restart().await;
    let after = rows::dump(&site).await;
    assert_eq!(before["audit"], after["audit"]);
    assert_eq!(finding(&site).await, None);
    rows::execute(&site, "UPDATE audit SET hash = '' WHERE seq = 3").await;
    site.restart().await;
    assert_eq!(finding(&site).await, Some(Finding::Changed(3)));
}

#[actix_web::test]
async fn a_removed_head_stops_everything_that_would_append() {
    let site = site_with_rows().await;
    rows::execute(&site, "DELETE FROM audit_head").await;
    let before = rows::dump(&site).await;
    let client = site.client();
    let asked = serde_json::json!({"email": ANA});
    client.post("/api/v1/sign-in", &asked).await;
    let code = site.code_for(ANA).await;
    let entered = client.post("/api/v1/sign-in/code", &serde_json::json!({"email": ANA, "code": code})).await;
    assert!(entered.status >= 500, "{}", entered.status);
    assert_eq!(before["sessions"], rows::dump(&site).await["sessions"]);
}

#[actix_web::test]
async fn one_anchor_is_signed_a_day_mailed_to_each_auditor_and_appended_to_the_file() {
    let site = Site::start_with(|config| {
        config.audit.anchor_mail = vec!["audit@clinic.example".into(), "officer@clinic.example".into()];
    })
    .await;
    anchor(&site).await;
    assert!(site.mail().is_empty(), "nothing happened yet that could be signed");
    fill(&site).await;
    for _ in 0..3 {
        anchor(&site).await;
    }
    site.wait(DAY);
    anchor(&site).await;
    site.send_mail().await;
    let signed = anchors(&site);
    assert_eq!(signed.len(), 2);
    assert_eq!(signed[1].at, signed[0].at.plus(DAY));
    assert_eq!(verify_with(&site, &signed).await.unwrap().anchors, 2);
    let file = std::fs::read_to_string(site.data().join("audit-anchors.ndjson")).unwrap();
    for address in ["audit@clinic.example", "officer@clinic.example"] {
        let mut mailed = site.mail().into_iter().filter(|mail| mail.to == address).map(|mail| mail.letter);
        let lines: Vec<String> = mailed
            .by_ref()
            .map(|letter| match letter {
                filmjacket::mail::Letter::AuditAnchor(letter) => letter.anchor + "\n",
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lines.concat(), file);
    }
    // A clock that is set back makes no second anchor for the same day.
    site.wait(-DAY / 2);
    anchor(&site).await;
    assert_eq!(anchors(&site).len(), 2);
}

#[actix_web::test]
async fn several_nodes_sign_one_anchor_a_day_and_each_has_it_in_its_file() {
    let database = std::sync::Arc::new(TestDatabase::make());
    let first = Site::start_on(Some(std::sync::Arc::clone(&database)), |_| {}).await;
    fill(&first).await;
    let second = first.another_node().await;
    for day in 1..=3 {
        tokio::join!(anchor(&first), anchor(&second));
        anchor(&first).await;
        assert_eq!(rows::count(&first, "audit_anchors").await, day);
        first.wait(DAY);
    }
    assert_eq!(anchors(&first).len(), 3);
}

#[actix_web::test]
async fn a_file_of_anchors_that_lost_lines_or_holds_half_a_one_is_made_whole() {
    let mut site = site_with_rows().await;
    for _ in 0..3 {
        anchor(&site).await;
        site.wait(DAY);
    }
    let file = site.data().join("audit-anchors.ndjson");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&file, format!("{}\n{}", lines[0], &lines[1][..20])).unwrap();
    site.restart().await;
    anchor(&site).await;
    assert_eq!(anchors(&site)[..3], text.lines().map(|line| check(&site, line)).collect::<Vec<_>>());
}

fn check(site: &Site, line: &str) -> Anchor {
    site.app().keys.derive_anchor_key().unwrap().public().check(line).unwrap()
}

/// What the command says about a site's audit, as (success, standard output and error).
fn command(site: &Site, arguments: &[&str]) -> (bool, String) {
    let database = site.database_url().replacen("sqlite://", "sqlite:", 1);
    let output = Command::new(env!("CARGO_BIN_EXE_filmjacket"))
        .args(["audit", arguments[0], "--database", &database])
        .args(&arguments[1..])
        .current_dir(site.data())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), told)
}

#[actix_web::test]
async fn the_command_verifies_with_the_public_key_alone_and_names_what_is_wrong() {
    let site = site_with_rows().await;
    anchor(&site).await;
    let key = site.app().keys.derive_anchor_key().unwrap().public().to_text();
    let with_anchors = ["verify", "--anchors", "audit-anchors.ndjson", "--key", &key];
    let (ok, told) = command(&site, &with_anchors);
    assert!(ok && told.contains("the audit is whole") && told.contains("1 anchors agree"), "{told}");
    let (ok, told) = command(&site, &["verify"]);
    assert!(ok && told.contains("no anchors were given"), "{told}");
    // A forged anchor, and one of another installation.
    let text = std::fs::read_to_string(site.data().join("audit-anchors.ndjson")).unwrap();
    std::fs::write(site.data().join("forged"), text.replacen("\"cut_seq\":0", "\"cut_seq\":1", 1)).unwrap();
    let (ok, told) = command(&site, &["verify", "--anchors", "forged", "--key", &key]);
    assert!(!ok && told.contains("line 1 of forged: its signature is not right"), "{told}");
    // Its first symbol is one that an option could begin with.
    let other = key.replacen(&key[..4], "-AAA", 1);
    let (ok, told) = command(&site, &["verify", "--anchors", "audit-anchors.ndjson", "--key", &other]);
    assert!(!ok && told.contains("not with this installation's"), "{told}");
    rows::execute(&site, "UPDATE audit SET actor = 'nobody' WHERE seq = 5").await;
    let (ok, told) = command(&site, &with_anchors);
    assert!(!ok && told.contains("row 5 does not follow"), "{told}");
}

#[actix_web::test]
async fn a_restore_keeps_the_audit_that_goes_on_from_the_backups() {
    let mut site = site_with_rows().await;
    let file = site.data().join("backup");
    back_up(&site.app().config.database, &file, &mut quietly).await.unwrap();
    fill(&site).await;
    anchor(&site).await;
    let (before, signed) = (rows::dump(&site).await["audit"].clone(), anchors(&site));
    site.app().store.close().await;
    let outcome = restore(&file, &site.app().config.database, true, site.clock.now(), &mut quietly).await.unwrap();
    assert!(outcome.audit_kept);
    site.restart().await;
    let mut after = rows::dump(&site).await["audit"].clone();
    after.retain(|row| !row.contains("event='database.restored'"));
    assert_eq!(after, before);
    assert_eq!(rows::one(&site, "SELECT event FROM audit ORDER BY seq DESC LIMIT 1").await, "database.restored");
    assert_eq!(verify_with(&site, &signed).await.unwrap().anchors, 1);
    // It is signed at once, not the next day.
    anchor(&site).await;
    assert_eq!(anchors(&site).len(), 2);
}

#[actix_web::test]
async fn a_restore_that_takes_rows_back_says_so_and_explains_the_older_anchors() {
    let mut site = site_with_rows().await;
    let file = site.data().join("backup");
    back_up(&site.app().config.database, &file, &mut quietly).await.unwrap();
    fill(&site).await;
    anchor(&site).await;
    let lost = anchors(&site);
    // The database lost its audit, and everything else.
    rows::execute(&site, "DELETE FROM audit; DELETE FROM audit_head; DELETE FROM audit_anchors").await;
    site.app().store.close().await;
    let outcome = restore(&file, &site.app().config.database, true, site.clock.now(), &mut quietly).await.unwrap();
    assert!(!outcome.audit_kept);
    site.restart().await;
    fill(&site).await;
    anchor(&site).await;
    let signed = anchors(&site);
    assert_eq!((signed.len(), &signed[0]), (2, &lost[0]), "the file is only ever appended to");
    let verified = verify_with(&site, &signed).await.unwrap();
    assert_eq!((verified.anchors, verified.taken_back.len()), (1, 1));
    // What is cut after the restore is not explained by it.
    let last = len(&site).await;
    rows::execute(&site, &format!("DELETE FROM audit WHERE seq = {last}")).await;
    compute_anew(&site).await;
    assert!(matches!(finding_with(&site, &signed).await, Some(Finding::CutShort { .. })));
}

#[actix_web::test]
async fn rows_are_kept_for_ever_unless_it_is_said_otherwise_and_then_the_chain_goes_on_from_the_cut() {
    let mut site = site_with_rows().await;
    site.wait(4000 * DAY);
    anchor(&site).await;
    assert_eq!(rows::one(&site, "SELECT CAST(MIN(seq) AS TEXT) FROM audit").await, "1");
    let old = len(&site).await;
    site.restart_with(|config| config.audit.keep = Some(365 * DAY)).await;
    let lost = anchors(&site);
    fill(&site).await;
    site.wait(DAY);
    anchor(&site).await;
    let cut: i64 = rows::one(&site, "SELECT CAST(cut_seq AS TEXT) FROM audit_head").await.parse().unwrap();
    assert_eq!(cut, old);
    assert_eq!(rows::one(&site, "SELECT CAST(MIN(seq) AS TEXT) FROM audit").await, (old + 1).to_string());
    site.wait(DAY);
    anchor(&site).await;
    let signed = anchors(&site);
    assert_eq!((signed[0].seq, signed.last().unwrap().cut_seq), (lost[0].seq, cut));
    let verified = verify_with(&site, &signed).await.unwrap();
    assert_eq!((verified.cut_seq, verified.anchors), (cut, 2));
    // The first row that is left is held by the one before it, which is gone.
    rows::execute(&site, &format!("UPDATE audit SET detail = 'x' WHERE seq = {}", cut + 1)).await;
    assert_eq!(finding(&site).await, Some(Finding::Changed(cut + 1)));
}

#[actix_web::test]
async fn the_server_itself_finds_a_changed_row_and_tells_the_auditors_once() {
    let site = Site::start_with(|config| config.audit.alert_mail = vec!["audit@clinic.example".into()]).await;
    fill(&site).await;
    jobs::audit::watch(site.app()).await.unwrap();
    let (seq, _) = site.app().audit_watch.lock().await.verified().unwrap();
    assert_eq!(seq, len(&site).await);
    // A row that it has seen already is seen again a day later.
    rows::execute(&site, "UPDATE audit SET actor = 'nobody' WHERE seq = 2").await;
    jobs::audit::watch(site.app()).await.unwrap();
    assert!(site.app().audit_watch.lock().await.found().is_none());
    site.wait(DAY);
    for _ in 0..3 {
        jobs::audit::watch(site.app()).await.unwrap();
    }
    assert_eq!(site.app().audit_watch.lock().await.found(), Some(&Finding::Changed(2)));
    site.send_mail().await;
    assert_eq!(site.mail().iter().filter(|mail| mail.to == "audit@clinic.example").count(), 1);
}

#[actix_web::test]
async fn the_head_is_the_last_rows_hash_after_many_writers_at_once() {
    let site = Site::start().await;
    let mut senders = Vec::new();
    for n in 0..8 {
        senders.push(Sender::sign_in(&site, &format!("s{n}@clinic.example")).await);
    }
    let changes = senders.iter().flat_map(|sender| (0..5).map(move |_| sender));
    let profile = serde_json::json!({"name": "Dr. Ana Ruiz", "organisation": ""});
    futures_util::future::join_all(changes.map(|sender| sender.client.put("/api/v1/me", &profile))).await;
    let verified = verify_with(&site, &[]).await.unwrap();
    let last = rows::one(&site, "SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").await;
    assert_eq!(Sha256Digest::parse(&last), Ok(verified.hash));
}
