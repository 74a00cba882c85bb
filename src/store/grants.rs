//! What a ticket lets fetch.

use super::{Result, Store, damaged, to_text, to_u32, to_u64};
use protocol::{ObjectId, Sha256Digest, Timestamp, TransferId};

/// What a ticket lets fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The objects of this transfer.
    pub transfer_id: TransferId,
    /// How many there are.
    pub files: u32,
}

/// An object whose parts are all there.
#[derive(Debug, Clone)]
pub struct WholeObject {
    /// Ciphertext bytes.
    pub object_len: u64,
    /// The digest of each part, in order.
    pub parts: Vec<Sha256Digest>,
}

impl Store {
    /// What a ticket lets fetch; `None` if it is unknown or over, or its transfer is.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_grant(&self, ticket_hash: &[u8; 32], now: Timestamp) -> Result<Option<Grant>> {
        let row: Option<(String, i64)> = sqlx::query_as(
            "SELECT t.transfer_id, t.files FROM tickets k JOIN transfers t ON t.transfer_id = k.transfer_id
             WHERE k.ticket_hash = $1 AND k.expires_at > $2 AND t.state = 'ready' AND t.expires_at > $2",
        )
        .bind(to_text(ticket_hash))
        .bind(now.as_unix())
        .fetch_optional(&self.reads)
        .await?;
        let Some((id, files)) = row else { return Ok(None) };
        let transfer_id = TransferId::parse(&id).map_err(|_| damaged("transfer id"))?;
        Ok(Some(Grant { transfer_id, files: to_u32(files) }))
    }

    /// An object of a ready transfer; `None` if the transfer has no such object.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_whole_object(
        &self,
        transfer_id: &TransferId,
        object_id: &ObjectId,
    ) -> Result<Option<WholeObject>> {
        let Some(object_len) = self.find_object_len(transfer_id, object_id).await? else { return Ok(None) };
        let digests: Vec<(String,)> = sqlx::query_as("SELECT sha256 FROM parts WHERE object_id = $1 ORDER BY n")
            .bind(object_id.to_text())
            .fetch_all(&self.reads)
            .await?;
        let read = |(text,): (String,)| Sha256Digest::parse(&text).map_err(|_| damaged("digest"));
        let parts = digests.into_iter().map(read).collect::<Result<_>>()?;
        Ok(Some(WholeObject { object_len, parts }))
    }

    /// The length of an object; `None` if the transfer has no such object.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_object_len(&self, transfer_id: &TransferId, object_id: &ObjectId) -> Result<Option<u64>> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT object_len FROM objects WHERE transfer_id = $1 AND object_id = $2")
                .bind(transfer_id.to_text())
                .bind(object_id.to_text())
                .fetch_optional(&self.reads)
                .await?;
        Ok(row.map(|(object_len,)| to_u64(object_len)))
    }
}
