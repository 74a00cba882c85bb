//! A sender without a browser: envelope's own sealing and the HTTP API.
//!
//! Tests about opening start here, so that they neither wait for nor depend on the send page; a sender that lies about
//! names exists only here, for the page would not.

use envelope::{FileDetails, Sealing, SealingDetails, manifest};
use protocol::sign_in::{ProfileRequest, SignInCodeRequest, SignInRequest};
use protocol::transfers::{CreateTransfer, LinkAnswer, ObjectEntry, Recipient, RecipientKind, SealRequest};
use protocol::{Base64Bytes, ObjectId, Proof, TransferId, layout};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::relay::{Answer, Request, ask, headers};
use super::site::Site;

/// A file to send.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    pub(crate) fn new(name: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), media_type: media_type.into(), bytes: bytes.into() }
    }
}

/// What to send, and to whom.
pub(crate) struct Parcel {
    pub(crate) recipient: String,
    pub(crate) kind: RecipientKind,
    pub(crate) message: String,
    pub(crate) files: Vec<File>,
    pub(crate) max_openings: u32,
    /// Whether a code from the recipient's mailbox is asked for.
    pub(crate) mailbox_code: bool,
    /// Seconds from now.
    pub(crate) lifetime: i64,
}

impl Parcel {
    /// To a clinician, for a week, five openings.
    pub(crate) fn of(files: impl IntoIterator<Item = File>) -> Self {
        Self {
            recipient: "anna@clinic.example".into(),
            kind: RecipientKind::Clinician,
            message: String::new(),
            files: files.into_iter().collect(),
            max_openings: 5,
            mailbox_code: false,
            lifetime: 7 * 24 * 3600,
        }
    }
}

/// What the sender passes on.
pub(crate) struct Sent {
    pub(crate) transfer_id: TransferId,
    pub(crate) link: String,
    pub(crate) passcode: String,
}

/// A signed-in sender.
pub(crate) struct Sender<'a> {
    site: &'a Site,
    /// The sign-in and the session cookie, `name=value` each.
    cookies: Vec<String>,
}

impl<'a> Sender<'a> {
    /// Signs in by the mailed code and gives a name.
    pub(crate) async fn sign_in(site: &'a Site, address: &str) -> Self {
        let mut sender = Self { site, cookies: Vec::new() };
        let answer = sender.expect(202, "POST", "/sign-in", &SignInRequest { email: address.into() }).await;
        sender.keep_cookies(&answer);
        let code = site.code_for(address).await;
        let answer =
            sender.expect(204, "POST", "/sign-in/code", &SignInCodeRequest { email: address.into(), code }).await;
        sender.keep_cookies(&answer);
        let profile = ProfileRequest { name: "Dr. Ana Ruiz".into(), organisation: "North Clinic".into() };
        sender.expect(204, "PUT", "/me", &profile).await;
        sender
    }

    /// Seals and sends.
    pub(crate) async fn send(&self, parcel: &Parcel) -> Sent {
        let mut sealing = Sealing::make().unwrap();
        for file in &parcel.files {
            sealing.add_file(file.bytes.len() as u64).unwrap();
        }
        let transfer_id = TransferId::from_bytes(*sealing.transfer_id());
        let passcode = sealing.passcode().to_text().to_string();
        let expires_at = self.site.clock.now().plus(parcel.lifetime);
        let entry = |index| ObjectEntry {
            object_id: ObjectId::from_bytes(*sealing.object_id(index).unwrap()),
            object_len: sealing.object_len(index).unwrap(),
        };
        let objects: Vec<ObjectEntry> = (0..parcel.files.len()).map(entry).collect();
        let create = CreateTransfer {
            transfer_id,
            recipient: Recipient { email: parcel.recipient.clone(), kind: parcel.kind },
            expires_at,
            max_openings: parcel.max_openings,
            notify_opened: false,
            mailbox_code: parcel.mailbox_code,
            objects: objects.clone(),
        };
        self.expect(201, "POST", "/transfers", &create).await;
        for (index, file) in parcel.files.iter().enumerate() {
            let part_plain_len = (layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART) as usize;
            for n in 0..sealing.part_count(index).unwrap() {
                let from = n as usize * part_plain_len;
                let mut part = file.bytes[from..file.bytes.len().min(from + part_plain_len)].to_vec();
                sealing.seal_part(index, n, &mut part).unwrap();
                self.put_part(&transfer_id, &objects[index].object_id, n, part).await;
            }
        }
        let details = SealingDetails {
            not_after: expires_at.as_unix().cast_unsigned(),
            created: self.site.clock.now().as_unix().cast_unsigned(),
            sender: manifest::Sender { name: "Dr. Ana Ruiz".into(), email: "ruiz@north.example".into() },
            message: parcel.message.clone(),
            files: parcel.files.iter().map(details_of).collect(),
        };
        let sealed = sealing.finish(details).unwrap();
        let seal = SealRequest {
            capsule: Base64Bytes(sealed.capsule.to_vec()),
            manifest: Base64Bytes(sealed.manifest),
            proof: Proof::from_bytes(*sealed.proof.as_bytes()),
        };
        let answer = self.expect(200, "POST", &format!("/transfers/{transfer_id}/seal"), &seal).await;
        let LinkAnswer { link } = serde_json::from_slice(&answer.body).unwrap();
        Sent { transfer_id, link, passcode }
    }

    /// Ends a transfer.
    pub(crate) async fn end(&self, transfer_id: &TransferId) {
        self.expect(204, "POST", &format!("/transfers/{transfer_id}/end"), &serde_json::json!({})).await;
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        let cookies = headers(&answer.head, "set-cookie").filter_map(|cookie| cookie.split(';').next());
        self.cookies.extend(cookies.map(str::to_owned));
    }

    async fn put_part(&self, transfer_id: &TransferId, object_id: &ObjectId, n: u64, part: Vec<u8>) {
        use base64::Engine as _;
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&part));
        let path = format!("/transfers/{transfer_id}/objects/{object_id}/parts/{n}");
        let headers = format!("Content-Type: application/octet-stream\r\nContent-Digest: sha-256=:{digest}:\r\n");
        let answer = self.ask("PUT", &path, &headers, part).await;
        assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
    }

    async fn expect(&self, status: u16, method: &str, path: &str, body: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        let answer = self.ask(method, path, "Content-Type: application/json\r\n", body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: Vec<u8>) -> Answer {
        let target = format!("/api/v1{path}");
        let (origin, cookies, len) = (self.site.origin(), self.cookies.join("; "), body.len());
        let host = origin.trim_start_matches("http://");
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n{headers}Content-Length: {len}\r\n"
        );
        ask(self.site.port(), &Request { method: method.into(), target, head, body }).await.unwrap()
    }
}

fn details_of(file: &File) -> FileDetails {
    FileDetails { name: file.name.clone(), media_type: file.media_type.clone() }
}
