//! Transfers, as those see them who do not own them.

use super::transfers::{SummaryRow, summary_columns};
use super::{Result, Store};
use protocol::people::{SeenSender, SeenTransfer};
use protocol::{Timestamp, TransferId};
use sqlx::FromRow;

/// Which transfers.
#[derive(Debug, Clone, Copy)]
pub enum Overseen<'a> {
    /// All that can still be opened or completed.
    UnderWay,
    /// All that were made in a department, drafts that came to nothing apart.
    Department(&'a str),
}

#[derive(FromRow)]
struct SeenRow {
    #[sqlx(flatten)]
    summary: SummaryRow,
    sender_email: String,
    sender_name: String,
    department: String,
}

/// `$1`, `$2`: the place before which to begin; `$3`: a pattern; `$4`: how many.
macro_rules! seen {
    ($which:literal) => {
        concat!(
            "SELECT ",
            summary_columns!(),
            ", a.email AS sender_email, a.name AS sender_name, t.department
             FROM transfers t JOIN accounts a ON a.account_id = t.account_id
             WHERE ",
            $which,
            " AND (t.created_at, t.transfer_id) < ($1, $2)
                 AND (LOWER(t.recipient_email) LIKE $3 ESCAPE '!' OR a.email_key LIKE $3 ESCAPE '!')
             ORDER BY t.created_at DESC, t.transfer_id DESC LIMIT $4"
        )
    };
}

impl Store {
    /// A page of transfers whose sender's or recipient's address holds `search`, newest first.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_overseen(
        &self,
        overseen: Overseen<'_>,
        search: &str,
        before: Option<&TransferId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<SeenTransfer>> {
        let (sql, department) = match overseen {
            Overseen::UnderWay => (seen!("t.state IN ('draft', 'ready') AND t.expires_at > $5"), None),
            Overseen::Department(name) => (
                seen!("t.department = $5 AND t.department <> '' AND (t.state = 'draft' OR t.ready_at IS NOT NULL)"),
                Some(name),
            ),
        };
        let Some((before_time, before_id)) = self.find_overseen_place(department, before).await? else {
            return Ok(Vec::new());
        };
        let query =
            sqlx::query_as(sql).bind(before_time).bind(before_id).bind(like_pattern(search)).bind(i64::from(limit));
        let query = match department {
            None => query.bind(now.as_unix()),
            Some(name) => query.bind(name.to_owned()),
        };
        let rows: Vec<SeenRow> = query.fetch_all(&self.reads).await?;
        let read = |row: SeenRow| {
            let sender = SeenSender { email: row.sender_email, name: row.sender_name, department: row.department };
            Ok(SeenTransfer { sender, summary: row.summary.read(now)? })
        };
        rows.into_iter().map(read).collect()
    }

    /// Where a transfer stands in the list; behind all if none is named, nowhere if it is not in this department.
    async fn find_overseen_place(
        &self,
        department: Option<&str>,
        transfer: Option<&TransferId>,
    ) -> Result<Option<(i64, String)>> {
        let Some(transfer) = transfer else { return Ok(Some((i64::MAX, String::new()))) };
        let row: Option<(i64,)> = sqlx::query_as(
            "SELECT created_at FROM transfers WHERE transfer_id = $1 AND department = COALESCE($2, department)",
        )
        .bind(transfer.to_text())
        .bind(department)
        .fetch_optional(&self.reads)
        .await?;
        Ok(row.map(|(created_at,)| (created_at, transfer.to_text())))
    }

    /// Whether there is such a transfer.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn knows_transfer(&self, transfer_id: &TransferId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM transfers WHERE transfer_id = $1")
            .bind(transfer_id.to_text())
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.is_some())
    }
}

/// A pattern for what holds `search` anywhere, with `!` as its escape. What is searched must be in lower case.
pub(super) fn like_pattern(search: &str) -> String {
    let plain = search.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{plain}%")
}
