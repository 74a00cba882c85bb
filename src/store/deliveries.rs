//! Mail as the worker takes it from the outbox, one by one, and what becomes of it.

use super::audit::{AuditEntry, append};
use super::locks::lock_transfer;
use super::outbox::{MailKind, queue_notice};
use super::{Result, Store, damaged, to_time};
use crate::transfer::{parse_kind, parse_state};
use protocol::transfers::{RecipientKind, State};
use protocol::{Timestamp, TransferId};
use sqlx::FromRow;

/// A mail whose turn it is.
#[derive(Debug, Clone)]
pub struct QueuedMail {
    /// Stays the same over all tries.
    pub mail_id: String,
    /// What it says.
    pub kind: MailKind,
    /// To whom.
    pub recipient: String,
    /// About which transfer.
    pub transfer_id: Option<TransferId>,
    /// Sealed under the server key.
    pub secret: Option<String>,
    /// What the mail server said about the mail that this one tells of; for an auditor or an account's owner, what there is to
    /// tell.
    pub reason: Option<String>,
    /// When it became true.
    pub created_at: Timestamp,
    /// Until when it makes sense.
    pub give_up_at: Timestamp,
    /// Tries, this one included.
    pub tries: i64,
}

#[derive(FromRow)]
struct QueuedRow {
    mail_id: String,
    kind: String,
    recipient: String,
    transfer_id: Option<String>,
    secret: Option<String>,
    reason: Option<String>,
    created_at: i64,
    give_up_at: i64,
    tries: i64,
}

/// What letters say about a transfer.
#[derive(Debug, Clone)]
pub struct MailSubject {
    /// Where it is in its life.
    pub state: State,
    /// The mail with the current link.
    pub mail_id: Option<String>,
    /// Whom it was sent to.
    pub recipient: String,
    /// Whose words are used.
    pub recipient_kind: RecipientKind,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// As the sender gave it.
    pub sender_name: String,
    /// As the sender gave it.
    pub organisation: String,
}

impl Store {
    /// Takes the mail whose turn it is, and lends it until `lease_until`: a worker that dies gives it back by that. A
    /// turn after `latest` was given before the clock was set back, and is taken too. Of several nodes, each takes
    /// another mail.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn claim_mail(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<QueuedMail>> {
        loop {
            if let Some(mail) = self.claim_first_mail(now, lease_until, latest).await? {
                return Ok(Some(mail));
            }
            // Another node may have taken the very mail that this one waited for, and left others.
            let due = sqlx::query("SELECT 1 FROM outbox WHERE next_try_at <= $1 OR next_try_at > $2 LIMIT 1")
                .bind(now.as_unix())
                .bind(latest.as_unix())
                .fetch_optional(&self.reads)
                .await?;
            if due.is_none() {
                return Ok(None);
            }
        }
    }

    async fn claim_first_mail(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<QueuedMail>> {
        let row: Option<QueuedRow> = sqlx::query_as(
            "UPDATE outbox SET next_try_at = $2, tries = tries + 1
             WHERE (next_try_at <= $1 OR next_try_at > $3) AND mail_id =
                 (SELECT mail_id FROM outbox WHERE next_try_at <= $1 OR next_try_at > $3
                  ORDER BY next_try_at, mail_id LIMIT 1)
             RETURNING mail_id, kind, recipient, transfer_id, secret, reason, created_at, give_up_at, tries",
        )
        .bind(now.as_unix())
        .bind(lease_until.as_unix())
        .bind(latest.as_unix())
        .fetch_optional(&self.writes)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let transfer_id =
            row.transfer_id.map(|id| TransferId::parse(&id).map_err(|_| damaged("transfer id"))).transpose()?;
        Ok(Some(QueuedMail {
            kind: MailKind::ALL.into_iter().find(|kind| kind.text() == row.kind).ok_or_else(|| damaged("mail"))?,
            mail_id: row.mail_id,
            recipient: row.recipient,
            transfer_id,
            secret: row.secret,
            reason: row.reason,
            created_at: to_time(row.created_at),
            give_up_at: to_time(row.give_up_at),
            tries: row.tries,
        }))
    }

    /// What a letter about this transfer says.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_mail_subject(&self, transfer_id: &TransferId) -> Result<Option<MailSubject>> {
        type Row = (String, Option<String>, String, String, i64, String, String);
        let row: Option<Row> = sqlx::query_as(
            "SELECT t.state, t.mail_id, t.recipient_email, t.recipient_kind, t.expires_at, a.name, a.organisation
             FROM transfers t JOIN accounts a ON a.account_id = t.account_id WHERE t.transfer_id = $1",
        )
        .bind(transfer_id.to_text())
        .fetch_optional(&self.reads)
        .await?;
        let Some((state, mail_id, recipient, kind, expires_at, sender_name, organisation)) = row else {
            return Ok(None);
        };
        Ok(Some(MailSubject {
            state: parse_state(&state).ok_or_else(|| damaged("state"))?,
            mail_id,
            recipient,
            recipient_kind: parse_kind(&kind).ok_or_else(|| damaged("kind"))?,
            expires_at: to_time(expires_at),
            sender_name,
            organisation,
        }))
    }

    /// Takes a mail out of the outbox because nobody needs it any more.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn drop_mail(&self, mail_id: &str) -> Result<()> {
        sqlx::query("DELETE FROM outbox WHERE mail_id = $1").bind(mail_id).execute(&self.writes).await?;
        Ok(())
    }

    /// Has a mail tried again at `next_try_at`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn postpone_mail(&self, mail_id: &str, next_try_at: Timestamp) -> Result<()> {
        sqlx::query("UPDATE outbox SET next_try_at = $2 WHERE mail_id = $1")
            .bind(mail_id)
            .bind(next_try_at.as_unix())
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Writes down that a mail was taken over; with it goes the last trace of the token.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn mark_mail_accepted(&self, mail: &QueuedMail, entry: Option<&AuditEntry>) -> Result<()> {
        self.settle_mail(mail, "accepted", None, entry, None).await
    }

    /// Writes down that a mail was refused for good, and tells the sender with a mail named `notice_id`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn mark_mail_refused(
        &self,
        mail: &QueuedMail,
        reason: &str,
        entry: Option<&AuditEntry>,
        notice_id: &str,
    ) -> Result<()> {
        self.settle_mail(mail, "refused", Some(reason), entry, Some(notice_id)).await
    }

    async fn settle_mail(
        &self,
        mail: &QueuedMail,
        state: &str,
        reason: Option<&str>,
        entry: Option<&AuditEntry>,
        notice_id: Option<&str>,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        if let Some(id) = &mail.transfer_id {
            lock_transfer(&mut transaction, id).await?;
        }
        sqlx::query("DELETE FROM outbox WHERE mail_id = $1")
            .bind(mail.mail_id.as_str())
            .execute(&mut *transaction)
            .await?;
        if let (MailKind::TransferLink, Some(entry), Some(id)) = (mail.kind, entry, &mail.transfer_id) {
            let id = id.to_text();
            // Only the mail with the current link says anything about the transfer.
            let current = sqlx::query(
                "UPDATE transfers SET mail_state = $3, mail_reason = $4 WHERE transfer_id = $1 AND mail_id = $2",
            )
            .bind(&id)
            .bind(mail.mail_id.as_str())
            .bind(state)
            .bind(reason)
            .execute(&mut *transaction)
            .await?;
            if let (1, Some(notice_id)) = (current.rows_affected(), notice_id) {
                queue_notice(&mut transaction, MailKind::Refused, notice_id, &id, reason, entry.at).await?;
            }
            append(&mut transaction, entry).await?;
        }
        Ok(transaction.commit().await?)
    }
}
