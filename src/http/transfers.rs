//! A sender's transfers: announcing one, the list, the details, the log, and ending one.

use super::client::Client;
use super::error::Refusal;
use super::extract::{By, Sender};
use super::paging::{cut, page_len};
use super::rates;
use crate::app::App;
use crate::people::EmailAddress;
use crate::store::{Creation, Event, OwnedTransfer};
use crate::transfer::{Draft, Room, check_recipient, size_text};
use actix_web::{HttpResponse, web};
use protocol::direct::Way;
use protocol::layout::PART_LEN;
use protocol::sign_in::Limits;
use protocol::transfers::{CreateTransfer, State, TransferCreated, TransferDetail, TransferLog, TransferPage};
use protocol::{Problem, ProblemKind, TransferId};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Lines on a page of the list unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// `POST /api/v1/transfers`
pub(super) async fn create(
    app: web::Data<App>,
    client: Client,
    By(sender, mut request): By<Sender, CreateTransfer>,
) -> Result<HttpResponse, Refusal> {
    let account = &sender.account;
    if account.name.is_empty() {
        let detail = "Please give your name first: recipients see it as the sender.";
        return Err(Refusal::new(ProblemKind::ProfileMissing, detail));
    }
    rates::CHANGES_BY_ACCOUNT.spend(&app, &account.account_id).await?;
    let limits = sender.limits(&app);
    let request_hash: [u8; 32] = Sha256::digest(serde_json::to_vec(&request).map_err(std::io::Error::other)?).into();
    // A repeated request is answered as before, also if the limits would no longer let it through.
    if let Some(before) = app.store.find_created(&account.account_id, &request.transfer_id, &request_hash).await? {
        return answer_creation(before, &limits, app.blobs.way());
    }
    let recipient = EmailAddress::parse(&request.recipient.email, "recipient.email")?;
    check_recipient(&app.config.policy, recipient.domain())?;
    request.recipient.email = recipient.to_string();
    let transfer_id = request.transfer_id;
    let draft = Draft::parse(request, &limits, &app.config.policy, app.clock.now())?;
    let mut entry = sender.entry(&app, Event::Created, client);
    entry.transfer_id = Some(transfer_id);
    let room = Room { limits: &limits, quotas: &app.config.department_quotas };
    let (account_id, department) = (&account.account_id, &account.standing.department);
    let created = app.store.create_transfer(account_id, department, &draft, &request_hash, room, &entry).await?;
    answer_creation(created, &limits, app.blobs.way())
}

fn answer_creation(creation: Creation, limits: &Limits, upload: Way) -> Result<HttpResponse, Refusal> {
    let state = match creation {
        Creation::Made => State::Draft,
        Creation::Same(state) => state,
        Creation::Different => {
            let detail =
                "A transfer with this id was announced differently before. Please reload the page and start again.";
            return Err(Refusal::new(ProblemKind::TransferExists, detail));
        }
        Creation::ObjectTaken => {
            let detail = "One of the object ids is taken by another transfer. Please reload the page and start again.";
            return Err(Refusal::new(ProblemKind::TransferExists, detail));
        }
        Creation::DayFull => {
            let detail = format!(
                "You began {} transfers in the last 24 hours, which is the limit. Please try again tomorrow, or ask your administrator.",
                limits.max_transfers_per_day
            );
            return Err(Refusal::new(ProblemKind::QuotaReached, detail));
        }
        Creation::StorageFull { stored } => return Err(storage_full(stored, limits)),
        Creation::DepartmentFull(full) => return Err(Problem::from(full).into()),
    };
    Ok(HttpResponse::Created().json(TransferCreated { state, part_len: PART_LEN, upload }))
}

/// The sender has `stored` bytes waiting beside what was asked for.
pub(super) fn storage_full(stored: u64, limits: &Limits) -> Refusal {
    let detail = format!(
        "{} of yours wait to be fetched; the limit is {}. Please end transfers that are no longer needed.",
        size_text(stored),
        size_text(limits.max_stored)
    );
    Refusal::new(ProblemKind::QuotaReached, detail)
}

/// What `GET /api/v1/transfers` may be asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    before: Option<TransferId>,
    limit: Option<u32>,
}

/// `GET /api/v1/transfers`
pub(super) async fn list(
    app: web::Data<App>,
    sender: Sender,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, Refusal> {
    let len = page_len(query.limit, PAGE, LONGEST_PAGE);
    let now = app.clock.now();
    let found = app.store.list_transfers(&sender.account.account_id, query.before.as_ref(), len + 1, now).await?;
    let (transfers, next) = cut(found, len, |last| last.transfer_id);
    Ok(HttpResponse::Ok().json(TransferPage { transfers, next }))
}

/// `GET /api/v1/transfers/{transfer_id}`
pub(super) async fn detail(
    app: web::Data<App>,
    sender: Sender,
    id: web::Path<TransferId>,
) -> Result<HttpResponse, Refusal> {
    let found = app.store.find_summary(&sender.account.account_id, &id, app.clock.now()).await?;
    let summary = found.ok_or_else(Refusal::not_found)?;
    let objects = app.store.list_objects(&id).await?;
    Ok(HttpResponse::Ok().json(TransferDetail { summary, upload: app.blobs.way(), objects }))
}

/// `GET /api/v1/transfers/{transfer_id}/log`
pub(super) async fn log(
    app: web::Data<App>,
    sender: Sender,
    id: web::Path<TransferId>,
) -> Result<HttpResponse, Refusal> {
    find_owned(&app, &sender, &id).await?;
    let events = app.store.list_events(&id, sender.account.email.as_str()).await?;
    Ok(HttpResponse::Ok().json(TransferLog { events }))
}

/// `POST /api/v1/transfers/{transfer_id}/end`: also cancels a draft. What is over stays over: the same answer.
pub(super) async fn end(
    app: web::Data<App>,
    sender: Sender,
    client: Client,
    id: web::Path<TransferId>,
) -> Result<HttpResponse, Refusal> {
    find_owned(&app, &sender, &id).await?;
    rates::CHANGES_BY_ACCOUNT.spend(&app, &sender.account.account_id).await?;
    let mut entry = sender.entry(&app, Event::Revoked, client);
    entry.transfer_id = Some(*id);
    if app.store.revoke_transfer(Some(&sender.account.account_id), &id, &entry).await? {
        app.outbox_bell.notify_one();
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The sender's own transfer; another sender's is answered like one that does not exist.
pub(super) async fn find_owned(app: &App, sender: &Sender, id: &TransferId) -> Result<OwnedTransfer, Refusal> {
    let found = app.store.find_owned(&sender.account.account_id, id, app.clock.now()).await?;
    found.ok_or_else(Refusal::not_found)
}
