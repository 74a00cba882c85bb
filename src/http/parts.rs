//! Uploading: one part a request, streamed to the store.

use super::error::Refusal;
use super::extract::{Sender, declared_len, watch};
use crate::app::App;
use crate::blobs::{PartKey, PutError, Upload};
use crate::store::{PartAdded, PartPlace};
use crate::transfer::{PARTS_UNDER_WAY, check_part, wrong_state};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::transfers::State;
use protocol::{ObjectId, ProblemKind, Sha256Digest, TransferId};

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
    let sha256 = content_digest(&request)?;
    let key = PartKey { object_id, n, sha256 };
    let place = find_place(&app, &sender, &transfer_id, &key).await?;
    check_part(place.object_len, n, len)?;
    if !counts_already(&place, &key)? {
        let _under_way = app.parts_under_way.begin(&sender.account.account_id).ok_or_else(too_many_under_way)?;
        let upload = find_upload(&app, &object_id, place.upload).await?;
        let body = watch(payload.into_inner(), app.config.patience);
        let put = app.blobs.put_part(&upload, &key, len, body).await;
        if matches!(put, Err(PutError::Gone)) {
            app.store.forget_upload(&object_id, upload.as_text()).await?;
        }
        put?;
        add_part(&app, &key).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The place of a part in the sender's own transfer.
pub(super) async fn find_place(
    app: &App,
    sender: &Sender,
    transfer_id: &TransferId,
    PartKey { object_id, n, .. }: &PartKey,
) -> Result<PartPlace, Refusal> {
    let account_id = &sender.account.account_id;
    let place = app.store.find_part_place(account_id, transfer_id, object_id, *n, app.clock.now()).await?;
    place.ok_or_else(Refusal::not_found)
}

/// Whether exactly these bytes count at their place; if not, they may still come.
pub(super) fn counts_already(place: &PartPlace, key: &PartKey) -> Result<bool, Refusal> {
    match place.stored {
        Some(stored) if stored == key.sha256 => Ok(true),
        Some(_) => Err(part_differs(key.n)),
        None if place.state != State::Draft => Err(wrong_state(place.state).into()),
        None => Ok(false),
    }
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

/// The SHA-256 in `Content-Digest: sha-256=:…:` (RFC 9530); other algorithms beside it are ignored.
fn content_digest(request: &HttpRequest) -> Result<Sha256Digest, Refusal> {
    let fields = request.headers().get_all("content-digest").filter_map(|value| value.to_str().ok());
    fields.flat_map(|field| field.split(',')).find_map(parse_digest).ok_or_else(|| {
        Refusal::new(
            ProblemKind::BadRequest,
            "A part must say its SHA-256 beforehand: Content-Digest: sha-256=:…: is missing.",
        )
    })
}

fn parse_digest(member: &str) -> Option<Sha256Digest> {
    let text = member.trim().strip_prefix("sha-256=:")?.strip_suffix(':')?;
    Some(Sha256Digest::from_bytes(STANDARD.decode(text).ok()?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_digest;

    #[test]
    fn a_digest_reads_as_rfc_9530_writes_it() {
        // The RFC's own example (appendix B.1).
        assert!(parse_digest("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:").is_some());
        for bad in [
            "",
            "sha-256=::",
            "sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
            "sha-512=:AAAA:",
            "sha-256=:AAAA:",
        ] {
            assert!(parse_digest(bad).is_none(), "{bad:?}");
        }
    }
}
