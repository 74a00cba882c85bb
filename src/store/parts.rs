//! What has arrived of each object.

use super::locks::lock_transfer_of;
use super::transfers::state_now;
use super::{Result, Store, damaged, to_time, to_u64};
use crate::transfer::parse_state;
use protocol::transfers::State;
use protocol::{ObjectId, Sha256Digest, Timestamp, TransferId};
use sqlx::FromRow;

/// Where a part goes.
#[derive(Debug, Clone)]
pub struct PartPlace {
    /// Where its transfer is in its life.
    pub state: State,
    /// Its object's announced length.
    pub object_len: u64,
    /// What is stored there already.
    pub stored: Option<Sha256Digest>,
    /// What the store of bytes calls its object, once begun.
    pub upload: Option<String>,
}

#[derive(FromRow)]
struct PlaceRow {
    state: String,
    expires_at: i64,
    object_len: i64,
    upload: Option<String>,
    sha256: Option<String>,
}

/// What came of writing down a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartAdded {
    /// It counts now, or did before with the same bytes.
    Counts,
    /// Other bytes count there.
    Different,
    /// Its transfer is no draft any more.
    NotDraft(State),
}

impl Store {
    /// Where a part of a sender's object goes; `None` if there is no such object, or it is another sender's.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_part_place(
        &self,
        account_id: &str,
        transfer_id: &TransferId,
        object_id: &ObjectId,
        n: u32,
        now: Timestamp,
    ) -> Result<Option<PartPlace>> {
        let row: Option<PlaceRow> = sqlx::query_as(
            "SELECT t.state, t.expires_at, o.object_len, o.upload, p.sha256
             FROM transfers t JOIN objects o ON o.transfer_id = t.transfer_id
             LEFT JOIN parts p ON p.object_id = o.object_id AND p.n = $4
             WHERE t.account_id = $1 AND t.transfer_id = $2 AND o.object_id = $3",
        )
        .bind(account_id)
        .bind(transfer_id.to_text())
        .bind(object_id.to_text())
        .bind(i64::from(n))
        .fetch_optional(&self.reads)
        .await?;
        let Some(PlaceRow { state, expires_at, object_len, upload, sha256 }) = row else { return Ok(None) };
        Ok(Some(PartPlace {
            state: state_now(&state, to_time(expires_at), now)?,
            object_len: to_u64(object_len),
            stored: sha256.map(|text| Sha256Digest::parse(&text).map_err(|_| damaged("digest"))).transpose()?,
            upload,
        }))
    }

    /// Makes a stored part count. Its bytes must be durable already.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn add_part(
        &self,
        object_id: &ObjectId,
        n: u32,
        sha256: &Sha256Digest,
        now: Timestamp,
    ) -> Result<PartAdded> {
        let mut transaction = self.begin().await?;
        lock_transfer_of(&mut transaction, object_id).await?;
        let added = sqlx::query(
            "INSERT INTO parts (object_id, n, sha256)
             SELECT o.object_id, $2, $3 FROM objects o JOIN transfers t ON t.transfer_id = o.transfer_id
             WHERE o.object_id = $1 AND t.state = 'draft'
             ON CONFLICT (object_id, n) DO NOTHING",
        )
        .bind(object_id.to_text())
        .bind(i64::from(n))
        .bind(sha256.to_text())
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() != 1 {
            drop(transaction);
            return self.why_not_added(object_id, n, sha256).await;
        }
        sqlx::query(
            "UPDATE transfers SET touched_at = $2
             WHERE transfer_id = (SELECT transfer_id FROM objects WHERE object_id = $1)",
        )
        .bind(object_id.to_text())
        .bind(now.as_unix())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(PartAdded::Counts)
    }

    async fn why_not_added(&self, object_id: &ObjectId, n: u32, sha256: &Sha256Digest) -> Result<PartAdded> {
        let row: Option<(String, Option<String>)> = sqlx::query_as(
            "SELECT t.state, p.sha256 FROM objects o JOIN transfers t ON t.transfer_id = o.transfer_id
             LEFT JOIN parts p ON p.object_id = o.object_id AND p.n = $2 WHERE o.object_id = $1",
        )
        .bind(object_id.to_text())
        .bind(i64::from(n))
        .fetch_optional(&self.reads)
        .await?;
        // The object is purged in the meantime: its transfer ended while the part was on its way.
        let Some((state, stored)) = row else { return Ok(PartAdded::NotDraft(State::Revoked)) };
        match (parse_state(&state).ok_or_else(|| damaged("state"))?, stored) {
            (_, Some(stored)) if stored == sha256.to_text() => Ok(PartAdded::Counts),
            (State::Draft, _) => Ok(PartAdded::Different),
            (state, _) => Ok(PartAdded::NotDraft(state)),
        }
    }
}
