//! What must be true after every fault, and what a sender does who comes back.
//!
//! *Ready* means that every object is there with its recorded length and digests, and capsule, manifest and key stored; a
//! mail exists only for what is ready. A draft has none of these, and can be finished. There is nothing in between.

use super::site::Site;
use super::{ANNA, Parcel, Recipient, Sender, rows, until};
use protocol::Sha256Digest;
use protocol::transfers::{LinkAnswer, State};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A transfer as its sender finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) state: State,
    /// Parts that count, and of how many.
    pub(crate) parts: (usize, usize),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (there, all) = self.parts;
        match self.state {
            State::Draft => write!(f, "a draft with {there} of {all} parts"),
            state => write!(f, "{} with {there} of {all} parts", format!("{state:?}").to_lowercase()),
        }
    }
}

/// Looks at the transfer through the API, the rows and the folder, and holds it to the invariant.
pub(crate) async fn look(site: &Site, sender: &Sender<'_>, parcel: &Parcel) -> Found {
    let state = sender.look(&parcel.id()).await.state;
    let mut there = 0;
    for (index, object) in sender.objects(parcel).await.iter().enumerate() {
        for part in &object.parts {
            assert_eq!(part.sha256, sha256_of(&parcel.part(index, part.n as usize)), "another digest than was sent");
            there += 1;
        }
    }
    let found = Found { state, parts: (there, parcel.parts().len()) };
    let is_ready = state == State::Ready;
    assert!(is_ready || state == State::Draft, "{found}");
    assert!(!is_ready || there == parcel.parts().len(), "{found}");
    let id = parcel.id();
    let rows_of = async |table: &str| -> usize {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE transfer_id = '{id}'");
        rows::one(site, &sql).await.parse().unwrap()
    };
    for table in ["sealed", "transfer_keys"] {
        assert_eq!(rows_of(table).await, usize::from(is_ready), "{found}, and its rows in {table}");
    }
    let secrets =
        format!("SELECT CAST(COUNT(token_hash) + COUNT(verifier) AS TEXT) FROM transfers WHERE transfer_id = '{id}'");
    assert_eq!(rows::one(site, &secrets).await, if is_ready { "2" } else { "0" });
    if !is_ready {
        assert_eq!(rows_of("outbox").await, 0, "a mail waits for a draft");
        assert!(site.links_for(ANNA).is_empty(), "a draft was mailed");
    }
    check_files(site);
    found
}

/// A file that has its name holds what the name says, whenever the server was killed; what has none yet does not outlive it.
fn check_files(site: &Site) {
    if !site.data().join("blobs").exists() {
        return;
    }
    assert!(site.unfinished_files().is_empty(), "halves of parts were left");
    for file in rows::stored_files(site) {
        let name = file.file_name().unwrap().to_str().unwrap().split_once('-').unwrap().1;
        assert_eq!(sha256_of(&std::fs::read(&file).unwrap()).to_text(), name, "{}", file.display());
    }
}

fn sha256_of(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::from_bytes(Sha256::digest(bytes).into())
}

/// Sends everything again from the beginning, as a page does that heard no answer, and opens it; answers how many mails
/// brought the link. Each request gets the answer that it would have got before.
pub(crate) async fn send_to_the_end(site: &Site, sender: &Sender<'_>, parcel: &Parcel) -> usize {
    sender.create(parcel).await.expect(201);
    for (index, n) in parcel.parts() {
        sender.put_part(parcel, index, n).await.expect(204);
    }
    let LinkAnswer { link } = sender.seal(parcel).await.expect(200).json();
    assert_eq!(sender.seal(parcel).await.expect(200).json::<LinkAnswer>().link, link, "two links");
    assert_eq!(look(site, sender, parcel).await.state, State::Ready);
    until("the mail to be written off", async || (rows::count(site, "outbox").await == 0).then_some(())).await;
    let mailed = site.links_for(ANNA);
    assert!(mailed.iter().all(|other| *other == link), "another link was mailed");
    opens(site, parcel, &link).await;
    check_audit(site, sender, parcel).await;
    mailed.len()
}

/// Whoever has the link gets every byte as it was sent.
async fn opens(site: &Site, parcel: &Parcel, link: &str) {
    let recipient = Recipient::with_link(site, link);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    for (index, object) in parcel.objects.iter().enumerate() {
        let fetched = recipient.fetch(&ticket, &parcel.object_id(index), "").await.expect(200);
        assert!(fetched.body == *object, "object {index} is not what was sent");
    }
}

/// The audit has no gap, and says of each thing once that it happened.
pub(crate) async fn check_audit(site: &Site, sender: &Sender<'_>, parcel: &Parcel) {
    let numbers = rows::query(site, "SELECT CAST(seq AS TEXT) FROM audit ORDER BY audit.seq").await;
    assert_eq!(numbers, (1..=numbers.len()).map(|n| n.to_string()).collect::<Vec<_>>());
    let events = sender.events(parcel).await;
    for once in ["transfer.created", "transfer.sealed"] {
        assert_eq!(events.iter().filter(|event| *event == once).count(), 1, "{events:?}");
    }
}
