//! What auditors look at: rows by person, address, transfer, event and time, newest first; and days in figures.

use super::audit_rows::RowFields;
use super::{Result, Store, to_u64};
use crate::audit::StoredRow;
use protocol::audit::{AuditCursor, AuditDay, AuditQuery};
use protocol::{DAY, Timestamp, TransferId};
use sqlx::AssertSqlSafe;

/// A value that a row is asked for.
enum Value {
    Text(String),
    Number(i64),
}

/// The conditions of a query and the values in them, which are only ever bound.
fn conditions(query: &AuditQuery) -> (String, Vec<Value>) {
    let texts = [
        ("actor = ", query.person.clone()),
        ("address = ", query.address.clone()),
        ("transfer_id = ", query.transfer_id.as_ref().map(TransferId::to_text)),
        ("event = ", query.event.clone()),
    ];
    let times = [("at >= ", query.from), ("at < ", query.to)];
    let mut asked: Vec<(&str, Value)> =
        texts.into_iter().filter_map(|(what, text)| Some((what, Value::Text(text?)))).collect();
    asked.extend(times.into_iter().filter_map(|(what, at)| Some((what, Value::Number(at?.as_unix())))));
    let mut sql = String::from("1 = 1");
    let mut values = Vec::new();
    for (what, value) in asked {
        values.push(value);
        sql.push_str(&format!(" AND {what}${}", values.len()));
    }
    if let Some(AuditCursor { at, seq }) = query.before {
        values.extend([Value::Number(at.as_unix()), Value::Number(seq)]);
        sql.push_str(&format!(" AND (at, seq) < (${}, ${})", values.len() - 1, values.len()));
    }
    (sql, values)
}

impl Store {
    /// The newest rows that a query asks for, at most so many. Rows that are appended meanwhile are newer, so that no page
    /// after this one changes.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn audit_page(&self, query: &AuditQuery, limit: u32) -> Result<Vec<StoredRow>> {
        let (asked, mut values) = conditions(query);
        values.push(Value::Number(i64::from(limit)));
        let sql = format!(
            "SELECT seq, at, event, actor, transfer_id, address, detail, hash FROM audit
             WHERE {asked} ORDER BY at DESC, seq DESC LIMIT ${}",
            values.len()
        );
        let mut rows = sqlx::query_as(AssertSqlSafe(sql));
        for value in values {
            rows = match value {
                Value::Text(text) => rows.bind(text),
                Value::Number(number) => rows.bind(number),
            };
        }
        let rows: Vec<RowFields> = rows.fetch_all(&self.reads).await?;
        Ok(rows.into_iter().map(StoredRow::from).collect())
    }

    /// Openings, failures and sealed bytes of the last `days` days in UTC, today included, oldest first.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn audit_days(&self, days: u32, now: Timestamp) -> Result<Vec<AuditDay>> {
        let today = now.as_unix().div_euclid(DAY);
        let first = today + 1 - i64::from(days);
        let counts: Vec<(i64, String, i64)> = sqlx::query_as(
            "SELECT at / 86400, event, COUNT(*) FROM audit
             WHERE event IN ('transfer.opened', 'transfer.refused', 'sign_in.refused', 'factor.refused', 'mailbox.refused', 'mine.refused') AND at >= $1
             GROUP BY at / 86400, event",
        )
        .bind(first * DAY)
        .fetch_all(&self.reads)
        .await?;
        let volumes: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT ready_at / 86400, CAST(SUM(total_len) AS BIGINT) FROM transfers WHERE ready_at >= $1
             GROUP BY ready_at / 86400",
        )
        .bind(first * DAY)
        .fetch_all(&self.reads)
        .await?;
        let make = |day: i64| {
            let count = |wanted: fn(&str) -> bool| {
                let of_day = counts.iter().filter(|(at, event, _)| *at == day && wanted(event));
                of_day.map(|(_, _, count)| to_u64(*count)).sum()
            };
            AuditDay {
                day: Timestamp::from_unix(day * DAY),
                opened: count(|event| event == "transfer.opened"),
                refused: count(|event| event.ends_with(".refused")),
                bytes: volumes.iter().find(|(at, _)| *at == day).map_or(0, |(_, bytes)| to_u64(*bytes)),
            }
        };
        Ok((first..=today).map(make).collect())
    }
}
