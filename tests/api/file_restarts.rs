//! Starting a file again: a new object in the old one's place, in a draft, by its sender, once.

use crate::harness::parcel::{Parcel, random, scribble};
use crate::harness::{DAY, Sender, Site, rows};
use protocol::transfers::{LinkAnswer, ObjectEntry};
use protocol::{ObjectId, layout};
use serde_json::json;

const ANA: &str = "ana@clinic.example";
const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

fn path(parcel: &Parcel, index: usize) -> String {
    format!("{}/objects/{}/restart", parcel.path(), parcel.object_id(index))
}

fn object(plain_len: u64) -> ObjectEntry {
    ObjectEntry { object_id: ObjectId::from_bytes(random()), object_len: layout::object_len(plain_len) }
}

/// The parcel as its sender has it after a restart.
fn replace(parcel: &mut Parcel, index: usize, entry: &ObjectEntry) {
    parcel.objects[index] = scribble(entry.object_len);
    parcel.create.objects[index] = entry.clone();
}

#[actix_web::test]
async fn a_file_starts_again_in_a_new_object_at_the_same_place_and_the_transfer_is_sent() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let mut parcel = Parcel::scribble(&site, &[100, PART_PLAIN_LEN + 1, 3]);
    sender.create(&parcel).await.expect(201);
    for (index, n) in [(0, 0), (1, 0), (2, 0)] {
        sender.put_part(&parcel, index, n).await.expect(204);
    }
    let entry = object(PART_PLAIN_LEN + 7);
    let (old_path, old_part) = (parcel.part_path(1, 1), parcel.part(1, 1));
    sender.client.post(&path(&parcel, 1), &entry).await.expect(204);
    replace(&mut parcel, 1, &entry);

    let told = sender.objects(&parcel).await;
    assert_eq!(told.iter().map(|object| object.object_id).collect::<Vec<_>>(), [0, 1, 2].map(|i| parcel.object_id(i)));
    assert_eq!(told.iter().map(|object| object.parts.len()).collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(sender.look(&parcel.id()).await.total_len, 100 + PART_PLAIN_LEN + 7 + 3);
    sender.put_bytes(&old_path, old_part).await.refused(404, "not-found");
    let missing = sender.seal(&parcel).await.refused(409, "parts-missing").missing.unwrap();
    assert!(missing.contains("object 2"), "{missing}");

    site.tidy().await;
    assert_eq!(rows::stored_files(&site).len(), 2, "the old object's bytes are gone");
    for n in [0, 1] {
        sender.put_part(&parcel, 1, n).await.expect(204);
    }
    let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
    let recipient = crate::harness::Recipient::with_link(&site, &link);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    let served = recipient.fetch(&ticket, &parcel.object_id(1), "").await.expect(200).body;
    assert!(served == parcel.objects[1]);
    assert_eq!(sender.events(&parcel).await[..3], ["transfer.created", "transfer.file_restarted", "transfer.sealed"]);
}

#[actix_web::test]
async fn a_repeated_restart_is_answered_as_before_and_another_one_is_refused() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let mut parcel = Parcel::scribble(&site, &[100]);
    sender.create(&parcel).await.expect(201);
    let (first_path, first, second) = (path(&parcel, 0), object(200), object(300));
    let answers = futures_util::future::join_all((0..4).map(|_| sender.client.post(&first_path, &first))).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [204; 4]);
    replace(&mut parcel, 0, &first);
    sender.client.post(&path(&parcel, 0), &second).await.expect(204);
    let before = rows::dump(&site).await;
    // Also when what it made was replaced itself.
    sender.client.post(&first_path, &first).await.expect(204);
    for other in [object(200), ObjectEntry { object_len: 217, ..first.clone() }] {
        sender.client.post(&first_path, &other).await.refused(409, "transfer-exists");
    }
    let mut after = rows::dump(&site).await;
    after.insert("rate_windows".into(), before["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
    assert_eq!(rows::count(&site, "objects").await, 1);
}

#[actix_web::test]
async fn of_two_different_restarts_racing_one_counts() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for _ in 0..5 {
        let parcel = Parcel::scribble(&site, &[100]);
        sender.create(&parcel).await.expect(201);
        let entries: Vec<ObjectEntry> = (1..5).map(object).collect();
        let path = path(&parcel, 0);
        let answers =
            futures_util::future::join_all(entries.iter().map(|entry| sender.client.post(&path, entry))).await;
        let winners: Vec<usize> = (0..4).filter(|i| answers[*i].status == 204).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(sender.objects(&parcel).await[0].object_id, entries[winners[0]].object_id);
    }
}

#[actix_web::test]
async fn a_part_on_its_way_to_an_object_that_is_given_up_leaves_nothing_behind() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for _ in 0..8 {
        let parcel = Parcel::scribble(&site, &[300_000]);
        sender.create(&parcel).await.expect(201);
        let (entry, path) = (object(1), path(&parcel, 0));
        let (put, restart) =
            futures_util::future::join(sender.put_part(&parcel, 0, 0), sender.client.post(&path, &entry)).await;
        restart.expect(204);
        assert!([204, 404, 409].contains(&put.status), "{}", put.status);
        assert!(sender.objects(&parcel).await[0].parts.is_empty());
        site.tidy().await;
    }
    assert_eq!(rows::stored_files(&site), Vec::<std::path::PathBuf>::new());
    assert_eq!(rows::count(&site, "parts").await, 0);
}

#[actix_web::test]
async fn only_the_sender_of_a_draft_starts_its_files_again() {
    let site = Site::start().await;
    let (ana, eve) = (Sender::sign_in(&site, ANA).await, Sender::sign_in(&site, "eve@clinic.example").await);
    let (draft, sent, ended) =
        (Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]));
    ana.create(&draft).await.expect(201);
    ana.send(&sent).await;
    ana.create(&ended).await.expect(201);
    ana.end(&ended).await.expect(204);
    let hers = Parcel::scribble(&site, &[100]);
    eve.create(&hers).await.expect(201);
    let before = rows::dump(&site).await;
    eve.client.post(&path(&draft, 0), &object(1)).await.refused(404, "not-found");
    // Under her own transfer's name, too.
    let mixed = format!("{}/objects/{}/restart", hers.path(), draft.object_id(0));
    eve.client.post(&mixed, &object(1)).await.refused(404, "not-found");
    ana.client.post(&path(&sent, 0), &object(1)).await.refused(409, "wrong-state");
    ana.client.post(&path(&ended, 0), &object(1)).await.refused(409, "wrong-state");
    let mut after = rows::dump(&site).await;
    after.insert("rate_windows".into(), before["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
    site.wait(8 * DAY);
    let ana = Sender::sign_in(&site, ANA).await;
    ana.client.post(&path(&draft, 0), &object(1)).await.refused(409, "wrong-state");
}

#[actix_web::test]
async fn an_object_id_is_used_once() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100, 100]);
    sender.create(&parcel).await.expect(201);
    let entry = object(1);
    sender.client.post(&path(&parcel, 0), &entry).await.expect(204);
    let taken = [parcel.object_id(0), parcel.object_id(1), entry.object_id];
    for object_id in taken {
        let again = ObjectEntry { object_id, object_len: 17 };
        sender.client.post(&path(&parcel, 1), &again).await.refused(409, "transfer-exists");
        let mut other = Parcel::scribble(&site, &[1]);
        other.create.objects[0].object_id = object_id;
        sender.create(&other).await.refused(409, "transfer-exists");
    }
    assert_eq!(sender.objects(&parcel).await[1].object_id, parcel.object_id(1));
}

#[actix_web::test]
async fn lengths_and_quotas_hold_for_a_file_that_starts_again() {
    let site = Site::start_with(|config| {
        config.limits.max_file_len = 1000;
        config.limits.max_transfer_len = 1500;
        config.limits.max_stored = 2000;
    })
    .await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[700, 700]);
    sender.create(&parcel).await.expect(201);
    let path = path(&parcel, 0);
    let detail = sender.client.post(&path, &object(1001)).await.refused(422, "object-too-long").detail;
    assert!(detail.contains("1000"), "{detail}");
    for object_len in [0, 15] {
        let odd = ObjectEntry { object_len, ..object(1) };
        sender.client.post(&path, &odd).await.refused(422, "invalid-field");
    }
    sender.client.post(&path, &json!({"object_id": object(1).object_id})).await.refused(400, "bad-request");
    sender.client.post(&path, &object(801)).await.refused(422, "transfer-too-long");
    let other = Parcel::scribble(&site, &[550]);
    sender.create(&other).await.expect(201);
    sender.client.post(&path, &object(751)).await.refused(429, "quota-reached");
    // What was refused changed nothing; what fits is counted once.
    sender.client.post(&path, &object(750)).await.expect(204);
    assert_eq!(sender.look(&parcel.id()).await.total_len, 1450);
    sender.create(&Parcel::scribble(&site, &[1])).await.refused(429, "quota-reached");
}

#[actix_web::test]
async fn a_restart_keeps_a_draft_alive_and_its_purge_leaves_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    site.wait(DAY - 1);
    let sender = Sender::sign_in(&site, ANA).await;
    sender.client.post(&path(&parcel, 0), &object(5)).await.expect(204);
    site.wait(2);
    site.tidy().await;
    assert_eq!(rows::one(&site, "SELECT state FROM transfers").await, "draft");
    site.wait(DAY);
    site.tidy().await;
    for table in ["objects", "parts", "replaced_objects"] {
        assert_eq!(rows::count(&site, table).await, 0, "{table}");
    }
    assert!(rows::stored_files(&site).is_empty());
}
