//! A sender without a browser.

use super::client::{Answer, Client};
use super::parcel::Parcel;
use super::recipient::Recipient;
use super::site::Site;
use protocol::sign_in::{ProfileRequest, SignInCodeRequest, SignInRequest};
use protocol::transfers::{LinkAnswer, StoredObject, TransferDetail, TransferLog, TransferSummary};
use protocol::{ContentDigest, Sha256Digest, TransferId};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// A signed-in sender.
pub(crate) struct Sender<'a> {
    site: &'a Site,
    pub(crate) client: Client,
}

impl<'a> Sender<'a> {
    /// Signs in by the mailed code and gives a name.
    pub(crate) async fn sign_in(site: &'a Site, address: &str) -> Self {
        let sender = Self { site, client: sign_in(site, address).await };
        let profile = ProfileRequest { name: "Dr. Ana Ruiz".into(), organisation: "North Clinic".into() };
        sender.client.put("/api/v1/me", &profile).await.expect(204);
        sender
    }

    /// A browser that is signed in already.
    pub(crate) fn resume(site: &'a Site, client: Client) -> Self {
        Self { site, client }
    }

    pub(crate) async fn create(&self, parcel: &Parcel) -> Answer {
        self.client.post("/api/v1/transfers", &parcel.create).await
    }

    pub(crate) async fn put_part(&self, parcel: &Parcel, index: usize, n: usize) -> Answer {
        self.put_bytes(&parcel.part_path(index, n), parcel.part(index, n)).await
    }

    /// Any bytes, with their digest.
    pub(crate) async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Answer {
        self.client.send("PUT", path, &[("content-digest", &digest_header(&bytes))], bytes).await
    }

    /// Announces a transfer and uploads all of it.
    pub(crate) async fn upload(&self, parcel: &Parcel) {
        self.create(parcel).await.expect(201);
        for (index, n) in parcel.parts() {
            self.put_part(parcel, index, n).await.expect(204);
        }
    }

    pub(crate) async fn seal(&self, parcel: &Parcel) -> Answer {
        self.client.post(&format!("{}/seal", parcel.path()), &parcel.seal_request()).await
    }

    /// Sends a parcel; whoever holds its link is returned.
    pub(crate) async fn send(&self, parcel: &Parcel) -> Recipient {
        self.upload(parcel).await;
        let LinkAnswer { link } = self.seal(parcel).await.expect(200).json();
        Recipient::with_link(self.site, &link)
    }

    pub(crate) async fn end(&self, parcel: &Parcel) -> Answer {
        self.client.post(&format!("{}/end", parcel.path()), &json!({})).await
    }

    pub(crate) async fn resend(&self, parcel: &Parcel) -> Answer {
        self.client.post(&format!("{}/mail", parcel.path()), &json!({})).await
    }

    /// What the sender is told of a transfer.
    pub(crate) async fn look(&self, transfer_id: &TransferId) -> TransferSummary {
        self.detail(transfer_id).await.summary
    }

    pub(crate) async fn objects(&self, parcel: &Parcel) -> Vec<StoredObject> {
        self.detail(&parcel.id()).await.objects
    }

    async fn detail(&self, transfer_id: &TransferId) -> TransferDetail {
        self.client.get(&format!("/api/v1/transfers/{transfer_id}")).await.expect(200).json()
    }

    /// The names of a transfer's events, oldest first.
    pub(crate) async fn events(&self, parcel: &Parcel) -> Vec<String> {
        let log: TransferLog = self.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
        log.events.into_iter().map(|entry| entry.event).collect()
    }
}

/// A browser that is signed in, and has said nothing more.
pub(crate) async fn sign_in(site: &Site, address: &str) -> Client {
    let client = site.client();
    client.post("/api/v1/sign-in", &SignInRequest { email: address.into() }).await.expect(202);
    let code = site.code_for(address).await;
    client.post("/api/v1/sign-in/code", &SignInCodeRequest { email: address.into(), code }).await.expect(204);
    client
}

pub(crate) fn digest_of(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::from_bytes(Sha256::digest(bytes).into())
}

/// `sha-256=:…:` (RFC 9530).
pub(crate) fn digest_header(bytes: &[u8]) -> String {
    ContentDigest::Sha256(digest_of(bytes)).to_string()
}

/// `crc32c=:…:`.
pub(crate) fn crc32c_header(bytes: &[u8]) -> String {
    let crc32c = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32;
    ContentDigest::Crc32c(crc32c.to_be_bytes()).to_string()
}
