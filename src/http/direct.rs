//! Direct mode: signed requests, with which a browser stores a part in the bucket or fetches one from it, and the sender's
//! word that a part is there. The seal holds that word against what the bucket has.

use super::error::Refusal;
use super::extract::{By, Sender, TicketHeader};
use super::parts::{add_part, check_draft, check_same, find_place, find_upload};
use crate::app::App;
use crate::blobs::PartKey;
use crate::keys::hash_secret;
use crate::store::PartPlace;
use crate::transfer::find_part_len;
use actix_web::{HttpResponse, web};
use protocol::direct::{PartDigest, Way};
use protocol::{ObjectId, ProblemKind, Sha256Digest, TransferId, layout};

/// `POST /api/v1/transfers/{transfer_id}/objects/{object_id}/parts/{n}/url`
pub(super) async fn sign_put(
    app: web::Data<App>,
    path: web::Path<(TransferId, ObjectId, u32)>,
    By(sender, PartDigest { sha256 }): By<Sender, PartDigest>,
) -> Result<HttpResponse, Refusal> {
    let (key, place, len) = find_part(&app, &sender, path.into_inner(), sha256).await?;
    if counts_already(&place, &key)? {
        return Ok(HttpResponse::NoContent().finish());
    }
    let upload = find_upload(&app, &key.object_id, place.upload).await?;
    let signed = app.blobs.sign_put(&upload, &key, len, app.clock.now()).await?;
    Ok(HttpResponse::Ok().json(signed))
}

/// `POST /api/v1/transfers/{transfer_id}/objects/{object_id}/parts/{n}/stored`
pub(super) async fn note_stored(
    app: web::Data<App>,
    path: web::Path<(TransferId, ObjectId, u32)>,
    By(sender, PartDigest { sha256 }): By<Sender, PartDigest>,
) -> Result<HttpResponse, Refusal> {
    let (key, place, _) = find_part(&app, &sender, path.into_inner(), sha256).await?;
    if !counts_already(&place, &key)? {
        add_part(&app, &key).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The part that is meant, its place, and how long it is.
async fn find_part(
    app: &App,
    sender: &Sender,
    (transfer_id, object_id, n): (TransferId, ObjectId, u32),
    sha256: Sha256Digest,
) -> Result<(PartKey, PartPlace, u64), Refusal> {
    let key = PartKey { object_id, n, sha256 };
    let place = find_place(app, sender, &transfer_id, &object_id, n).await?;
    check_direct(app)?;
    let len = find_part_len(place.object_len, n)?;
    Ok((key, place, len))
}

/// Whether exactly these bytes count at their place; if not, they may still come.
fn counts_already(place: &PartPlace, key: &PartKey) -> Result<bool, Refusal> {
    match &place.stored {
        Some(stored) => check_same(key.n, stored, &key.sha256).map(|()| true),
        None => check_draft(place).map(|()| false),
    }
}

/// `GET /api/v1/open/objects/{object_id}/parts/{n}/url`: asked for every part, so that the end of a transfer or a ticket
/// is the end of a download.
pub(super) async fn sign_get(
    app: web::Data<App>,
    TicketHeader(ticket): TicketHeader,
    path: web::Path<(ObjectId, u32)>,
) -> Result<HttpResponse, Refusal> {
    let (object_id, n) = path.into_inner();
    let now = app.clock.now();
    let grant = app.store.find_grant(&hash_secret(ticket.as_bytes()), now).await?;
    let grant = grant.ok_or_else(Refusal::ticket_invalid)?;
    let object_len = app.store.find_object_len(&grant.transfer_id, &object_id).await?.ok_or_else(Refusal::not_found)?;
    check_direct(&app)?;
    let len = layout::part_len(object_len, u64::from(n)).ok_or_else(|| Refusal::range_invalid(object_len))?;
    Ok(HttpResponse::Ok().json(app.blobs.sign_get(&object_id, n, len, now).await?))
}

/// Where bytes pass through this server, nobody's word counts for them.
fn check_direct(app: &App) -> Result<(), Refusal> {
    match app.blobs.way() {
        Way::Direct => Ok(()),
        Way::Proxied => Err(Refusal::new(
            ProblemKind::NotDirect,
            "On this server, parts are sent and fetched through the server itself. Please reload the page.",
        )),
    }
}
