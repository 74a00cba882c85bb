//! A recipient without a browser.

use super::client::{Answer, Client};
use super::site::Site;
use envelope::{Contents, Link, ObjectEntry, Opening, Passcode};
use protocol::open::{MailboxCodeRequest, OpenAnswer, OpenRequest, ReceiptRequest, UnlockAnswer, UnlockRequest};
use protocol::{LinkToken, ObjectId, Proof, Ticket, TransferId, layout};

/// Whoever holds a link.
#[derive(Clone)]
pub(crate) struct Recipient {
    pub(crate) client: Client,
    pub(crate) token: LinkToken,
    pub(crate) transfer_id: TransferId,
}

impl Recipient {
    /// Reads a link as it is mailed.
    pub(crate) fn with_link(site: &Site, link: &str) -> Self {
        let (page, fragment) = link.split_once('#').unwrap();
        assert_eq!(page, format!("{}/open", site.origin()));
        let link = Link::parse_fragment(fragment).unwrap();
        Self {
            client: site.client(),
            token: LinkToken::from_bytes(*link.token.as_bytes()),
            transfer_id: TransferId::from_bytes(link.transfer_id),
        }
    }

    /// The same link elsewhere.
    pub(crate) fn at_address(&self, address: &str) -> Self {
        Self { client: self.client.at_address(address), ..self.clone() }
    }

    /// Asks what the link leads to.
    pub(crate) async fn ask(&self) -> Answer {
        let request = OpenRequest { token: self.token.clone(), transfer_id: self.transfer_id };
        self.client.post("/api/v1/open", &request).await
    }

    /// Has a code mailed to the recipient.
    pub(crate) async fn ask_for_code(&self) -> Answer {
        let request = OpenRequest { token: self.token.clone(), transfer_id: self.transfer_id };
        self.client.post("/api/v1/open/mailbox", &request).await
    }

    pub(crate) async fn enter_code(&self, code: &str) -> Answer {
        let (token, transfer_id) = (self.token.clone(), self.transfer_id);
        let request = MailboxCodeRequest { token, transfer_id, code: code.to_owned() };
        self.client.post("/api/v1/open/mailbox/code", &request).await
    }

    pub(crate) async fn unlock(&self, proof: &Proof) -> Answer {
        let request = UnlockRequest { token: self.token.clone(), transfer_id: self.transfer_id, proof: proof.clone() };
        self.client.post("/api/v1/open/unlock", &request).await
    }

    /// A wrong passcode's proof.
    pub(crate) async fn guess(&self) -> Answer {
        self.unlock(&Proof::from_bytes([0x5a; 32])).await
    }

    /// Unlocks and keeps only the ticket.
    pub(crate) async fn take_ticket(&self, proof: &Proof) -> Ticket {
        self.unlock(proof).await.expect(200).json::<UnlockAnswer>().ticket
    }

    pub(crate) async fn fetch(&self, ticket: &Ticket, object_id: &ObjectId, range: &str) -> Answer {
        self.client
            .send("GET", &object_path(object_id), &[("authorization", &bearer(ticket)), ("range", range)], "")
            .await
    }

    pub(crate) async fn receipt(&self, ticket: &Ticket, verified: u32, total: u32) -> Answer {
        let body = serde_json::to_vec(&ReceiptRequest { verified, total }).unwrap();
        let headers = [("authorization", &*bearer(ticket)), ("content-type", "application/json")];
        self.client.send("POST", "/api/v1/open/receipt", &headers, body).await
    }

    /// The whole way of an honest recipient, receipt included: what was said, and every file's plaintext.
    pub(crate) async fn open(&self, passcode: &Passcode) -> (Contents, Vec<Vec<u8>>) {
        let asked: OpenAnswer = self.ask().await.expect(200).json();
        let opening = Opening::derive(passcode, self.transfer_id.as_bytes(), &asked.h.0).unwrap();
        let answer: UnlockAnswer =
            self.unlock(&Proof::from_bytes(*opening.proof().as_bytes())).await.expect(200).json();
        let entry = |object: &protocol::transfers::ObjectEntry| ObjectEntry {
            object_id: *object.object_id.as_bytes(),
            object_len: object.object_len,
        };
        let objects: Vec<ObjectEntry> = answer.objects.iter().map(entry).collect();
        let mut opened = opening.unlock(&answer.capsule.0, &answer.manifest.0, &objects).unwrap();
        let contents = opened.contents().clone();
        let mut files = Vec::new();
        for (index, file) in contents.files.iter().enumerate() {
            let mut plain = Vec::new();
            for n in 0..opened.part_count(index).unwrap() {
                let from = n * layout::PART_LEN;
                let range = format!("bytes={from}-{}", from + layout::part_len(file.object_len, n).unwrap() - 1);
                let object_id = ObjectId::from_bytes(file.object_id);
                let mut part = self.fetch(&answer.ticket, &object_id, &range).await.expect(206).body.to_vec();
                opened.open_part(index, n, &mut part).unwrap();
                plain.extend(part);
            }
            assert!(opened.is_verified(index));
            files.push(plain);
        }
        let total = files.len() as u32;
        self.receipt(&answer.ticket, total, total).await.expect(204);
        (contents, files)
    }
}

pub(crate) fn object_path(object_id: &ObjectId) -> String {
    format!("/api/v1/open/objects/{object_id}")
}

/// The value of `Authorization`.
pub(crate) fn bearer(ticket: &Ticket) -> String {
    format!("Ticket {}", ticket.to_text())
}
