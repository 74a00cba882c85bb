//! What auditors read: rows, the state of the chain, what is unusual, exports. Reading leaves no row: GET changes nothing.

use super::error::Refusal;
use super::extract::Auditor;
use super::paging::{cut, page_len};
use crate::app::App;
use crate::audit::{StoredRow, export as written};
use crate::store::StoredFlag;
use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use protocol::Timestamp;
use protocol::audit::{
    AuditCursor, AuditExport, AuditFlag, AuditPage, AuditQuery, AuditRow, AuditState, AuditVerified,
};

/// Rows on a page unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;

/// Days in figures, today included.
pub(super) const DAYS: u32 = 30;

/// Flags that are shown, the newest first.
const FLAGS: u32 = 50;

/// `GET /api/v1/audit`
pub(super) async fn list(
    app: web::Data<App>,
    _: Auditor,
    query: web::Query<AuditQuery>,
) -> Result<HttpResponse, Refusal> {
    Ok(HttpResponse::Ok().json(find(&app, &query).await?))
}

/// A page of what is asked for.
pub(super) async fn find(app: &App, query: &AuditQuery) -> Result<AuditPage, Refusal> {
    let len = page_len(query.limit, PAGE, LONGEST_PAGE);
    let found = app.store.audit_page(query, len + 1).await?;
    let (rows, next) = cut(found, len, |StoredRow { row, .. }| AuditCursor { at: row.at, seq: row.seq });
    Ok(AuditPage { rows: rows.into_iter().map(show).collect(), next })
}

fn show(StoredRow { row, hash }: StoredRow) -> AuditRow {
    AuditRow {
        seq: row.seq,
        at: row.at,
        event: row.event,
        actor: row.actor,
        transfer_id: row.transfer_id,
        address: row.address,
        detail: row.detail,
        hash,
    }
}

/// `GET /api/v1/audit/state`
pub(super) async fn state(app: web::Data<App>, _: Auditor) -> Result<HttpResponse, Refusal> {
    Ok(HttpResponse::Ok().json(look(&app).await?))
}

/// How the audit stands.
pub(super) async fn look(app: &App) -> Result<AuditState, Refusal> {
    let head = app.store.audit_head().await?;
    let flags = app.store.list_flags(FLAGS).await?;
    let days = app.store.audit_days(DAYS, app.clock.now()).await?;
    let watch = app.audit_watch.lock().await;
    let flag =
        |StoredFlag { at, rule, subject, transfer_id, detail }| AuditFlag { at, rule, subject, transfer_id, detail };
    Ok(AuditState {
        seq: head.seq,
        cut_seq: head.cut_seq,
        verified: watch.verified().map(|(seq, at)| AuditVerified { seq, at }),
        found: watch.found().map(ToString::to_string),
        flags: flags.into_iter().map(flag).collect(),
        rules: app.config.audit.rules.sentences(),
        days,
    })
}

/// `GET /api/v1/audit/export`: all rows of a time, oldest first, however many: a page at a time is in memory.
pub(super) async fn export(
    app: web::Data<App>,
    _: Auditor,
    query: web::Query<AuditExport>,
) -> Result<HttpResponse, Refusal> {
    let format = query.format;
    let from = query.from.unwrap_or(Timestamp::from_unix(i64::MIN));
    let to = query.to.unwrap_or(Timestamp::from_unix(i64::MAX));
    // The first page before the answer begins: what fails until then is still told.
    let first = app.store.audit_after(0).await?;
    let name = HeaderValue::try_from(format!("attachment; filename=\"audit.{}\"", written::extension(format)));
    let pages = futures_util::stream::unfold(Some((app, first, true)), move |state| async move {
        let (app, rows, is_first) = state?;
        let last = rows.last()?.row.seq;
        let wanted = rows.iter().filter(|stored| stored.row.at >= from && stored.row.at < to);
        let lines: String = wanted.map(|row| written::line(format, row, app.config.public_url.origin())).collect();
        let head = if is_first { written::head(format) } else { String::new() };
        let next = match app.store.audit_after(last).await {
            Ok(rows) => Some((app, rows, false)),
            // The answer breaks off, so that nobody takes it for all.
            Err(error) => return Some((Err(std::io::Error::other(error.to_string())), None)),
        };
        Some((Ok(Bytes::from(head + &lines)), next))
    });
    let mut answer = HttpResponse::Ok();
    answer.content_type(written::content_type(format));
    if let Ok(name) = name {
        answer.insert_header((CONTENT_DISPOSITION, name));
    }
    Ok(answer.streaming(pages))
}
