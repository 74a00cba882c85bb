//! Starting a file of a draft again, because it changed or was interrupted: a new object in the old one's place.

use super::client::Client;
use super::error::Refusal;
use super::extract::{By, Sender};
use super::rates;
use super::transfers::{find_owned, storage_full};
use crate::app::App;
use crate::store::{Event, Restart};
use crate::transfer::{Replacement, Room, size_text, wrong_state};
use actix_web::{HttpResponse, web};
use protocol::transfers::ObjectEntry;
use protocol::{ObjectId, Problem, ProblemKind, TransferId};

/// `POST /api/v1/transfers/{transfer_id}/objects/{object_id}/restart`
pub(super) async fn restart(
    app: web::Data<App>,
    client: Client,
    path: web::Path<(TransferId, ObjectId)>,
    By(sender, request): By<Sender, ObjectEntry>,
) -> Result<HttpResponse, Refusal> {
    let (transfer_id, object_id) = path.into_inner();
    find_owned(&app, &sender, &transfer_id).await?;
    rates::CHANGES_BY_ACCOUNT.spend(&app, &sender.account.account_id).await?;
    let limits = &sender.limits(&app);
    let room = Room { limits, quotas: &app.config.department_quotas };
    let replacement = Replacement::parse(&request, limits)?;
    let mut entry = sender.entry(&app, Event::Restarted, client);
    entry.transfer_id = Some(transfer_id);
    let account_id = &sender.account.account_id;
    match app.store.restart_object(account_id, &transfer_id, &object_id, &replacement, room, &entry).await? {
        Restart::Done => Ok(HttpResponse::NoContent().finish()),
        Restart::NoObject => Err(Refusal::not_found()),
        Restart::NotDraft(state) => Err(wrong_state(state).into()),
        Restart::Different => Err(exists("This file was started again differently before.")),
        Restart::ObjectTaken => Err(exists("The new object id is taken.")),
        Restart::StorageFull { stored } => Err(storage_full(stored, limits)),
        Restart::DepartmentFull(full) => Err(Problem::from(full).into()),
        Restart::TransferFull => {
            let detail = format!(
                "The file is {} now; with the others that is more than the limit for one transfer, {}. Please send it in another.",
                size_text(replacement.plain_len),
                size_text(limits.max_transfer_len)
            );
            Err(Refusal::new(ProblemKind::TransferTooLong, detail))
        }
    }
}

fn exists(what: &str) -> Refusal {
    Refusal::new(ProblemKind::TransferExists, format!("{what} Please reload the page and start again."))
}
