//! What people see who answer for others: a department's transfers, all that is under way, how the installation is doing.
//! Rows only; whatever they are, they open nothing.

use super::client::Client;
use super::error::Refusal;
use super::extract::{Administrator, DepartmentHead};
use super::paging::{cut, page_len};
use super::rates;
use crate::app::App;
use crate::config::{Config, Database, MailWay, Storage};
use crate::people::SignInRule;
use crate::store::{AuditEntry, Event, Overseen};
use actix_web::{HttpResponse, web};
use protocol::TransferId;
use protocol::people::{Count, Installation, SeenPage, Setting};
use protocol::sign_in::DepartmentUse;
use schemars::JsonSchema;
use serde::Deserialize;

/// Lines on a page unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// What the lists may be asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeenQuery {
    #[serde(default)]
    search: String,
    before: Option<TransferId>,
    limit: Option<u32>,
}

/// `GET /api/v1/admin/transfers`
pub(super) async fn list_under_way(
    app: web::Data<App>,
    _: Administrator,
    query: web::Query<SeenQuery>,
) -> Result<HttpResponse, Refusal> {
    list(&app, Overseen::UnderWay, &query).await
}

/// `GET /api/v1/department/transfers`: of the department that this head has now.
pub(super) async fn list_department(
    app: web::Data<App>,
    head: DepartmentHead,
    query: web::Query<SeenQuery>,
) -> Result<HttpResponse, Refusal> {
    list(&app, Overseen::Department(&head.account.standing.department), &query).await
}

async fn list(app: &App, overseen: Overseen<'_>, query: &SeenQuery) -> Result<HttpResponse, Refusal> {
    let len = page_len(query.limit, PAGE, LONGEST_PAGE);
    let now = app.clock.now();
    let search = query.search.trim();
    let found = app.store.list_overseen(overseen, search, query.before.as_ref(), len + 1, now).await?;
    let (transfers, next) = cut(found, len, |last| last.summary.transfer_id);
    Ok(HttpResponse::Ok().json(SeenPage { transfers, next }))
}

/// `POST /api/v1/admin/transfers/{transfer_id}/end`: whosever it is. What is over stays over: the same answer.
pub(super) async fn end(
    app: web::Data<App>,
    admin: Administrator,
    client: Client,
    id: web::Path<TransferId>,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &admin.account.account_id).await?;
    if !app.store.knows_transfer(&id).await? {
        return Err(Refusal::not_found());
    }
    let entry = AuditEntry {
        transfer_id: Some(*id),
        detail: "ended by an administrator".to_owned(),
        ..admin.entry(&app, Event::Revoked, client)
    };
    if app.store.revoke_transfer(None, &id, &entry).await? {
        app.outbox_bell.notify_one();
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/v1/admin/state`
pub(super) async fn state(app: web::Data<App>, _: Administrator) -> Result<HttpResponse, Refusal> {
    let (mail_waiting, mail_waiting_since) = app.store.measure_outbox().await?;
    let transfers = app.store.count_transfers().await?.into_iter().map(|(name, count)| Count { name, count });
    Ok(HttpResponse::Ok().json(Installation {
        ready: app.readiness().await.needs(),
        transfers: transfers.collect(),
        mail_waiting,
        mail_waiting_since,
        alerts_mailed_to: app.alert_recipients().await?.len() as u64,
        stored_len: app.store.measure_stored().await?,
        kept: kept(&app.config),
        limits: app.config.limits.clone(),
        departments: departments(&app).await?,
        sign_in_allow: match &app.config.sign_in {
            SignInRule::Anyone => None,
            SignInRule::Listed { addresses, domains } => Some([addresses.clone(), domains.clone()].concat()),
        },
    }))
}

/// Those that hold something, and those that the configuration names: a misspelt one is seen by its emptiness.
async fn departments(app: &App) -> Result<Vec<DepartmentUse>, Refusal> {
    let quotas = &app.config.department_quotas;
    let mut stored = app.store.measure_departments().await?;
    for name in quotas.named.keys() {
        stored.entry(name.clone()).or_default();
    }
    let read = |(name, stored): (String, u64)| DepartmentUse { max_stored: quotas.of(&name), name, stored };
    Ok(stored.into_iter().map(read).collect())
}

/// Names and places, never a secret.
fn kept(config: &Config) -> Vec<Setting> {
    let database = match &config.database {
        Database::File(_) => "a SQLite file on this machine".to_owned(),
        Database::Server { .. } => "PostgreSQL".to_owned(),
    };
    let storage = match &config.storage {
        Storage::Folder => "a folder on this machine".to_owned(),
        Storage::S3(s3) => format!("the bucket {}", s3.bucket),
    };
    let mail = match &config.mail.way {
        MailWay::Smtp(smtp) => format!("by {}", smtp.host),
        MailWay::Folder(_) | MailWay::Memory => "into a folder on this machine, for trying things out".to_owned(),
    };
    [("Rows", database), ("Ciphertext", storage), ("Mail leaves", mail), ("Mail comes from", config.mail.from.clone())]
        .map(|(name, value)| Setting { name: name.to_owned(), value })
        .to_vec()
}
