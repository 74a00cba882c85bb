//! What the store of bytes calls the objects that are being put together, and what it turned out not to have.

use super::{Result, Store, damaged};
use protocol::{ObjectId, TransferId};

impl Store {
    /// Writes down what the store of bytes calls an object, unless that is written down already. Answers what counts;
    /// `None` if the object's transfer is no draft any more.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn keep_upload(&self, object_id: &ObjectId, upload: &str) -> Result<Option<String>> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE objects SET upload = $2 WHERE object_id = $1 AND upload IS NULL")
            .bind(object_id.to_text())
            .bind(upload)
            .execute(&mut *transaction)
            .await?;
        let kept: Option<(String,)> = sqlx::query_as(
            "SELECT o.upload FROM objects o JOIN transfers t ON t.transfer_id = o.transfer_id
             WHERE o.object_id = $1 AND t.state = 'draft'",
        )
        .bind(object_id.to_text())
        .fetch_optional(&mut *transaction)
        .await?;
        // What counts for no draft is not written down either.
        if kept.is_some() {
            transaction.commit().await?;
        }
        Ok(kept.map(|(upload,)| upload))
    }

    /// Every object of every ready transfer.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_ready_objects(&self) -> Result<Vec<(TransferId, ObjectId)>> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT t.transfer_id, o.object_id FROM transfers t JOIN objects o ON o.transfer_id = t.transfer_id
             WHERE t.state = 'ready' ORDER BY t.transfer_id, o.position",
        )
        .fetch_all(&self.reads)
        .await?;
        to_ids(rows)
    }

    /// Forgets parts of a draft's object that the store of bytes does not hold as written down.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn forget_parts(&self, object_id: &ObjectId, numbers: &[u32]) -> Result<()> {
        let mut transaction = self.begin().await?;
        for n in numbers {
            sqlx::query(
                "DELETE FROM parts WHERE object_id = $1 AND n = $2 AND object_id IN
                     (SELECT o.object_id FROM objects o JOIN transfers t ON t.transfer_id = o.transfer_id
                      WHERE o.object_id = $1 AND t.state = 'draft')",
            )
            .bind(object_id.to_text())
            .bind(i64::from(*n))
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Forgets an upload of a draft's object that the store of bytes does not know any more, and with it all parts.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn forget_upload(&self, object_id: &ObjectId, upload: &str) -> Result<()> {
        let mut transaction = self.begin().await?;
        let forgotten = sqlx::query(
            "UPDATE objects SET upload = NULL WHERE object_id = $1 AND COALESCE(upload, '') = $2
               AND transfer_id IN (SELECT transfer_id FROM transfers WHERE state = 'draft')",
        )
        .bind(object_id.to_text())
        .bind(upload)
        .execute(&mut *transaction)
        .await?;
        if forgotten.rows_affected() == 1 {
            sqlx::query("DELETE FROM parts WHERE object_id = $1")
                .bind(object_id.to_text())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Which objects of which transfers.
pub(super) fn to_ids(rows: Vec<(String, String)>) -> Result<Vec<(TransferId, ObjectId)>> {
    let read = |(transfer, object): (String, String)| {
        let transfer = TransferId::parse(&transfer).map_err(|_| damaged("transfer id"))?;
        Ok((transfer, ObjectId::parse(&object).map_err(|_| damaged("object id"))?))
    };
    rows.into_iter().map(read).collect()
}
