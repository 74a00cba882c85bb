//! Uploading: one part a request, streamed to the store.

use super::error::Refusal;
use super::extract::{Sender, declared_len, watch};
use crate::app::App;
use crate::blobs::{Announced, PartKey, PutError, Upload, identify_part};
use crate::store::{PartAdded, PartPlace};
use crate::transfer::{PARTS_UNDER_WAY, check_part, wrong_state};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::Stream;
use protocol::transfers::State;
use protocol::{ContentDigest, ObjectId, ProblemKind, Sha256Digest, TransferId};

/// `PUT /api/v1/transfers/{transfer_id}/objects/{object_id}/parts/{n}`
pub(super) async fn put(
    app: web::Data<App>,
    sender: Sender,
    path: web::Path<(TransferId, ObjectId, u32)>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Refusal> {
    let (transfer_id, object_id, n) = path.into_inner();
    let len = declared_len(&request).ok_or_else(|| {
        Refusal::new(ProblemKind::LengthRequired, "A part must say its length beforehand: Content-Length is missing.")
    })?;
    let part = Announced { object_id, n, len, digest: content_digest(&request)? };
    let place = find_place(&app, &sender, &transfer_id, &object_id, n).await?;
    check_part(place.object_len, n, len)?;
    let body = watch(payload.into_inner(), app.config.patience);
    let begin = || app.parts_under_way.begin(&sender.account.account_id).ok_or_else(too_many_under_way);
    match (place.stored, part.digest) {
        (Some(stored), ContentDigest::Sha256(announced)) => check_same(n, &stored, &announced)?,
        // A CRC does not tell whether it is the same part again: all of its bytes must.
        (Some(_), ContentDigest::Crc32c(_)) => {
            let _under_way = begin()?;
            let come = identify_part(&part, body).await?;
            // A body may take hours, and the stored part may be gone by now.
            let place = find_place(&app, &sender, &transfer_id, &object_id, n).await?;
            check_same(n, &place.stored.ok_or(PutError::Gone)?, &come.sha256)?;
        }
        (None, _) => {
            check_draft(&place)?;
            let _under_way = begin()?;
            store(&app, place.upload, &part, body).await?;
        }
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Stores a part and makes it count.
async fn store(
    app: &App,
    upload: Option<String>,
    part: &Announced,
    body: impl Stream<Item = Result<Bytes, Refusal>>,
) -> Result<(), Refusal> {
    let upload = find_upload(app, &part.object_id, upload).await?;
    let put = app.blobs.put_part(&upload, part, body).await;
    if matches!(put, Err(PutError::Gone)) {
        app.store.forget_upload(&part.object_id, upload.as_text()).await?;
    }
    add_part(app, &put?).await
}

/// The place of a part in the sender's own transfer.
pub(super) async fn find_place(
    app: &App,
    sender: &Sender,
    transfer_id: &TransferId,
    object_id: &ObjectId,
    n: u32,
) -> Result<PartPlace, Refusal> {
    let account_id = &sender.account.account_id;
    let place = app.store.find_part_place(account_id, transfer_id, object_id, n, app.clock.now()).await?;
    place.ok_or_else(Refusal::not_found)
}

/// Whether what came, or is to come, is what counts.
pub(super) fn check_same(n: u32, stored: &Sha256Digest, come: &Sha256Digest) -> Result<(), Refusal> {
    if stored == come { Ok(()) } else { Err(part_differs(n)) }
}

/// Whether a part may still come.
pub(super) fn check_draft(place: &PartPlace) -> Result<(), Refusal> {
    if place.state == State::Draft { Ok(()) } else { Err(wrong_state(place.state).into()) }
}

/// What the store calls an object; `known` is what its row says.
pub(super) async fn find_upload(app: &App, object_id: &ObjectId, known: Option<String>) -> Result<Upload, Refusal> {
    match known {
        Some(upload) => Ok(upload.into()),
        None => begin_object(app, object_id).await,
    }
}

/// Begins an object at its first part. Of several that do so at once, here or on other machines, one counts.
async fn begin_object(app: &App, object_id: &ObjectId) -> Result<Upload, Refusal> {
    let begun = app.blobs.begin_object(object_id).await?;
    let kept = app.store.keep_upload(object_id, begun.as_text()).await?.map(Upload::from);
    if kept.as_ref() != Some(&begun) {
        app.blobs.abandon_upload(object_id, &begun).await?;
    }
    // Ended meanwhile; if it expired, the next request says so.
    kept.ok_or_else(|| wrong_state(State::Revoked).into())
}

/// Makes stored bytes count. If other bytes count already, or the transfer is over, these go again.
pub(super) async fn add_part(app: &App, key: &PartKey) -> Result<(), Refusal> {
    let refusal = match app.store.add_part(&key.object_id, key.n, &key.sha256, app.clock.now()).await? {
        PartAdded::Counts => return Ok(()),
        PartAdded::Different => part_differs(key.n),
        PartAdded::NotDraft(state) => wrong_state(state).into(),
    };
    app.blobs.delete_part(key).await?;
    Err(refusal)
}

fn too_many_under_way() -> Refusal {
    let detail =
        format!("You are sending {PARTS_UNDER_WAY} parts at once, which is the limit. The next ones have to wait.");
    // By then one has arrived, or the next try is as good as this one.
    Refusal::too_many_requests(5, detail)
}

fn part_differs(n: u32) -> Refusal {
    let detail = format!(
        "Part {n} is stored already with other bytes, because the file changed or was sealed again. Please start this file again."
    );
    Refusal::new(ProblemKind::PartDiffers, detail)
}

fn content_digest(request: &HttpRequest) -> Result<ContentDigest, Refusal> {
    let fields = request.headers().get_all("content-digest").filter_map(|value| value.to_str().ok());
    ContentDigest::find_best(fields).ok_or_else(|| {
        Refusal::new(
            ProblemKind::BadRequest,
            "A part must say its SHA-256 or its CRC-32C beforehand: Content-Digest: sha-256=:…: or crc32c=:…: is missing.",
        )
    })
}
