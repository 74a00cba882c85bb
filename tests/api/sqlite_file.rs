//! What is true of the SQLite file only: who may read it, and that nothing shredded is left in it.

use crate::harness::{Parcel, Recipient, Sender, Site, rows};
use std::path::Path;

const ANA: &str = "ana@clinic.example";

#[actix_web::test]
async fn what_was_shredded_is_in_no_page_of_the_database_and_not_in_its_log() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let recipient = sender.send(&parcel).await;
    recipient.take_ticket(&parcel.proof()).await;
    let mut secrets = Vec::new();
    for (column, table) in
        [("wrapped_key", "transfer_keys"), ("capsule", "sealed"), ("manifest", "sealed"), ("ticket_hash", "tickets")]
    {
        secrets.push(rows::one(&site, &format!("SELECT {column} FROM {table}")).await);
    }
    let found = |site: &Site| -> Vec<usize> {
        let files = ["filmjacket.sqlite", "filmjacket.sqlite-wal"]
            .map(|name| std::fs::read(site.data().join(name)).unwrap_or_default());
        // A long value is spread over pages: its middle lies within one.
        let holds = |text: &String| files.iter().any(|file| contains(file, &text.as_bytes()[..text.len().min(40)]));
        (0..secrets.len()).filter(|i| holds(&secrets[*i])).collect()
    };
    assert_eq!(found(&site), [0, 1, 2, 3], "the search itself does not work");
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    assert_eq!(found(&site), [0; 0]);
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

#[actix_web::test]
async fn an_old_copy_of_the_database_without_its_keys_opens_nothing() {
    let mut site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[10]);
    let copy = site.data().join("copy.sqlite");
    let (recipient, session) = {
        let sender = Sender::sign_in(&site, ANA).await;
        let recipient = sender.send(&parcel).await;
        rows::execute(&site, &format!("VACUUM INTO '{}'", copy.display())).await;
        sender.end(&parcel).await.expect(204);
        (recipient, sender.client.cookie("filmjacket-session").unwrap())
    };
    site.tidy().await;
    // The administrator restores the copy; the table of keys was never in it.
    let database = site.data().join("filmjacket.sqlite");
    site.restart_on(|| replace_database(&copy, &database)).await;
    rows::execute(&site, "DELETE FROM transfer_keys").await;
    assert_eq!(rows::count(&site, "sealed").await, 1, "the copy is not the old one");
    let link = Recipient { client: site.client(), ..recipient };
    link.ask().await.refused(404, "link-invalid");
    link.unlock(&parcel.proof()).await.refused(404, "link-invalid");
    // The capsule in the copy is not the capsule: it is wrapped under the key that is gone.
    let capsule = parcel.seal_request().capsule;
    let stored = rows::one(&site, "SELECT capsule FROM sealed").await;
    assert!(!stored.contains(&serde_json::to_string(&capsule).unwrap()[1..41]));
    let client = site.client();
    client.set_cookie("filmjacket-session", &session);
    let sender = Sender::resume(&site, client);
    sender.seal(&parcel).await.problem();
    sender.end(&parcel).await.expect(204);
}

fn replace_database(copy: &Path, database: &Path) {
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", database.display())));
    }
    std::fs::rename(copy, database).unwrap();
}

#[actix_web::test]
async fn only_its_owner_may_read_the_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::start().await;
    let files = std::fs::read_dir(site.data()).unwrap().map(|entry| entry.unwrap().path());
    let databases: Vec<_> = files.filter(|path| path.to_string_lossy().contains(".sqlite")).collect();
    assert!(databases.len() >= 2, "the database and its log: {databases:?}");
    for path in databases {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}
