//! Making a draft: the id, the sender's and the department's quotas and the object ids, all in one transaction.

use super::audit::{AuditEntry, append};
use super::locks::{lock_account, lock_department};
use super::{Result, Store, damaged, from_len, to_text, to_u64};
use crate::transfer::{DepartmentFull, Draft, Room, kind_text, parse_state};
use protocol::transfers::State;
use protocol::{DAY, ObjectId, Timestamp, TransferId};
use sqlx::{Any, Executor, Transaction};

/// What the transfers of a department hold, which are not purged. Their index (`transfers_by_department_waiting`) has all that is added up.
pub(super) const DEPARTMENT_STORED: &str = "SELECT CAST(COALESCE(SUM(total_len), 0) AS BIGINT) FROM transfers
     WHERE department = $1 AND department <> '' AND purged_at IS NULL";

/// What came of an announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// The draft is made.
    Made,
    /// The same request made it before; this is its state now.
    Same(State),
    /// Another request, or another sender, has the id.
    Different,
    /// An object id is taken.
    ObjectTaken,
    /// The sender began as many transfers in 24 hours as allowed.
    DayFull,
    /// The sender has this many bytes waiting, and there is no room for these.
    StorageFull {
        /// Plaintext bytes that wait.
        stored: u64,
    },
    /// The department has no room for these bytes.
    DepartmentFull(DepartmentFull),
}

impl Store {
    /// Makes a draft in a department, if the id is free and sender and department have room left.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn create_transfer(
        &self,
        account_id: &str,
        department: &str,
        draft: &Draft,
        request_hash: &[u8; 32],
        room: Room<'_>,
        entry: &AuditEntry,
    ) -> Result<Creation> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, account_id).await?;
        let quota = room.quotas.of(department);
        if quota.is_some() {
            lock_department(&mut transaction, department).await?;
        }
        let request = &draft.request;
        let made = sqlx::query(
            "INSERT INTO transfers (transfer_id, account_id, request_hash, recipient_email, recipient_kind, state, files,
                 total_len, max_openings, openings, refused_attempts, notify_opened, created_at, touched_at, expires_at,
                 department, mailbox_code, recipient_key)
             SELECT $1, $2, $3, $4, $5, 'draft', $6, $7, $8, 0, 0, $9, $10, $10, $11, $17, $15, $16
             WHERE (SELECT COUNT(*) FROM transfers WHERE account_id = $2 AND created_at > $12) < $13
               AND (SELECT COALESCE(SUM(total_len), 0) FROM transfers WHERE account_id = $2 AND purged_at IS NULL) + $7 <= $14
               AND (SELECT COALESCE(SUM(total_len), 0) FROM transfers
                    WHERE department = $17 AND department <> '' AND purged_at IS NULL) + $7 <= $18
             ON CONFLICT (transfer_id) DO NOTHING",
        )
        .bind(request.transfer_id.to_text())
        .bind(account_id)
        .bind(to_text(request_hash))
        .bind(request.recipient.email.as_str())
        .bind(kind_text(request.recipient.kind))
        .bind(from_len(request.objects.len() as u64))
        .bind(from_len(draft.total_len))
        .bind(i64::from(request.max_openings))
        .bind(i64::from(request.notify_opened))
        .bind(entry.at.as_unix())
        .bind(request.expires_at.as_unix())
        .bind(entry.at.plus(-DAY).as_unix())
        .bind(i64::from(room.limits.max_transfers_per_day))
        .bind(from_len(room.limits.max_stored))
        .bind(i64::from(request.mailbox_code))
        .bind(request.recipient.email.to_ascii_lowercase())
        .bind(department)
        .bind(from_len(quota.unwrap_or(u64::MAX)))
        .execute(&mut *transaction)
        .await?;
        if made.rows_affected() != 1 {
            let before = find_same(&mut *transaction, account_id, &request.transfer_id, request_hash).await?;
            return match before {
                Some(before) => Ok(before),
                None => why_no_room(&mut transaction, account_id, department, draft.total_len, room, entry.at).await,
            };
        }
        for (position, object) in (0_i64..).zip(&request.objects) {
            let id = &request.transfer_id;
            if !insert_object(&mut transaction, id, &object.object_id, object.object_len, position).await? {
                return Ok(Creation::ObjectTaken);
            }
        }
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Creation::Made)
    }

    /// What a request with this hash made before, whatever the limits are now; `None` if the id is free.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_created(
        &self,
        account_id: &str,
        transfer_id: &TransferId,
        request_hash: &[u8; 32],
    ) -> Result<Option<Creation>> {
        find_same(&self.reads, account_id, transfer_id, request_hash).await
    }
}

/// Adds an object of which nothing is stored; false if its id is taken, now or earlier.
pub(super) async fn insert_object(
    transaction: &mut Transaction<'_, Any>,
    transfer_id: &TransferId,
    object_id: &ObjectId,
    object_len: u64,
    position: i64,
) -> Result<bool> {
    let added = sqlx::query(
        "INSERT INTO objects (object_id, transfer_id, position, object_len) VALUES ($1, $2, $3, $4)
         ON CONFLICT (object_id) DO NOTHING",
    )
    .bind(object_id.to_text())
    .bind(transfer_id.to_text())
    .bind(position)
    .bind(from_len(object_len))
    .execute(&mut **transaction)
    .await?;
    // Asked afterwards: whoever was giving the id up while this waited for it has written that down now.
    let given_up = sqlx::query("SELECT 1 FROM replaced_objects WHERE object_id = $1")
        .bind(object_id.to_text())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(added.rows_affected() == 1 && given_up.is_none())
}

async fn find_same<'c>(
    reads: impl Executor<'c, Database = Any>,
    account_id: &str,
    transfer_id: &TransferId,
    request_hash: &[u8; 32],
) -> Result<Option<Creation>> {
    let row: Option<(String, String, String)> =
        sqlx::query_as("SELECT account_id, request_hash, state FROM transfers WHERE transfer_id = $1")
            .bind(transfer_id.to_text())
            .fetch_optional(reads)
            .await?;
    let Some((owner, hash, state)) = row else { return Ok(None) };
    if owner != account_id || hash != to_text(request_hash) {
        return Ok(Some(Creation::Different));
    }
    Ok(Some(Creation::Same(parse_state(&state).ok_or_else(|| damaged("state"))?)))
}

/// Of several limits, the one that the sender can do most about.
async fn why_no_room(
    transaction: &mut Transaction<'_, Any>,
    account_id: &str,
    department: &str,
    asked: u64,
    room: Room<'_>,
    now: Timestamp,
) -> Result<Creation> {
    let (today,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM transfers WHERE account_id = $1 AND created_at > $2")
        .bind(account_id)
        .bind(now.plus(-DAY).as_unix())
        .fetch_one(&mut **transaction)
        .await?;
    if today >= i64::from(room.limits.max_transfers_per_day) {
        return Ok(Creation::DayFull);
    }
    let (stored,): (i64,) = sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(total_len), 0) AS BIGINT) FROM transfers WHERE account_id = $1 AND purged_at IS NULL",
    )
    .bind(account_id)
    .fetch_one(&mut **transaction)
    .await?;
    let stored = to_u64(stored);
    match room.quotas.of(department) {
        Some(max_stored) if stored.saturating_add(asked) <= room.limits.max_stored => {
            let (stored,): (i64,) =
                sqlx::query_as(DEPARTMENT_STORED).bind(department).fetch_one(&mut **transaction).await?;
            let full = DepartmentFull { department: department.to_owned(), stored: to_u64(stored), max_stored };
            Ok(Creation::DepartmentFull(full))
        }
        _ => Ok(Creation::StorageFull { stored }),
    }
}
