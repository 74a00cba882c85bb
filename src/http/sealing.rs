//! Sealing a draft, and mailing a new link. The link is told only here and in the mail.

use super::client::Client;
use super::error::Refusal;
use super::extract::{By, SEAL_LIMIT, Sender};
use super::rates;
use super::transfers::find_owned;
use crate::app::App;
use crate::blobs::{CompleteError, ObjectParts, Upload};
use crate::keys::{Purpose, hash_secret, is_same_hash, make_name, make_secret, seal_under, unseal_under};
use crate::people::EmailAddress;
use crate::store::{Event, GIVE_UP_AFTER, MailKind, NewMail, NewSeal, OwnedTransfer};
use crate::transfer::{CapsuleHeader, Terms, check_manifest, check_recipient, make_link, wrong_state};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::transfers::{LinkAnswer, SealRequest, State, StoredObject};
use protocol::{LinkToken, Problem, ProblemKind, TransferId, layout};

/// A seal request that reads well.
struct Asked<'a> {
    app: &'a App,
    sender: &'a Sender,
    id: &'a TransferId,
    request: &'a SealRequest,
    verifier: [u8; 32],
}

/// `POST /api/v1/transfers/{transfer_id}/seal`
pub(super) async fn seal(
    app: web::Data<App>,
    client: Client,
    id: web::Path<TransferId>,
    By(sender, request): By<Sender, SealRequest, SEAL_LIMIT>,
) -> Result<HttpResponse, Refusal> {
    let owned = find_owned(&app, &sender, &id).await?;
    rates::CHANGES_BY_ACCOUNT.spend(&app, &sender.account.account_id).await?;
    let header = CapsuleHeader::parse(&request.capsule.0, &id, owned.expires_at)?;
    check_manifest(&request.manifest.0)?;
    let verifier = app.keys.derive_verifier(&id, header.slot, &request.proof);
    let asked = Asked { app: &app, sender: &sender, id: &id, request: &request, verifier };
    let sealed = match owned.state {
        State::Draft => seal_draft(&asked, &owned, client).await?,
        _ => None,
    };
    let token = match sealed {
        Some(token) => token,
        // A repeated request, maybe one that another one has just overtaken; or the transfer is over.
        None => repeat(&asked).await?,
    };
    Ok(HttpResponse::Ok().json(link_answer(&app, &token, &id)))
}

/// Makes a draft ready; `None` if it is no draft any more.
async fn seal_draft(asked: &Asked<'_>, owned: &OwnedTransfer, client: Client) -> Result<Option<LinkToken>, Refusal> {
    let Asked { app, sender, id, request, verifier } = asked;
    let uploads = app.store.list_uploads(id).await?;
    check_rules(app, sender, owned, uploads.iter().map(|(object, _)| object.object_len).collect())?;
    check_complete(uploads.iter().map(|(object, _)| object))?;
    complete(app, id, uploads).await?;
    let token = make_token()?;
    let mail = make_mail(app, id, owned, &token)?;
    let wrapping = make_secret()?;
    let place = id.to_text();
    let new = NewSeal {
        account_id: &sender.account.account_id,
        transfer_id: id,
        token_hash: &hash_secret(token.as_bytes()),
        verifier,
        capsule: &seal_under(&wrapping, &place, &request.capsule.0)?,
        manifest: &URL_SAFE_NO_PAD.encode(&request.manifest.0),
        wrapped_key: &app.keys.seal(Purpose::TransferKey, &place, wrapping.as_slice())?,
        repeat_token: &seal_under(&app.keys.derive_repeat_key(id, &request.proof), &place, token.as_bytes())?,
        mail: &mail,
    };
    let mut entry = sender.entry(app, Event::Sealed, client);
    entry.transfer_id = Some(**id);
    let sealed = app.store.seal_transfer(&new, &entry).await?;
    if sealed {
        app.outbox_bell.notify_one();
    }
    Ok(sealed.then_some(token))
}

/// The same request again gets the same link: its token is kept under a key that only the request's proof gives.
/// After a resend there is no such token any more, because the link it made is dead.
async fn repeat(asked: &Asked<'_>) -> Result<LinkToken, Refusal> {
    let Asked { app, sender, id, request, verifier } = asked;
    let Some(sealed) = app.store.find_seal(&sender.account.account_id, id).await? else {
        return Err(wrong_state(find_owned(app, sender, id).await?.state).into());
    };
    let place = id.to_text();
    let wrapping = unwrap_key(app, id, &sealed.wrapped_key)?;
    let is_same = *unseal_under(&wrapping, &place, &sealed.capsule)? == request.capsule.0
        && sealed.manifest == URL_SAFE_NO_PAD.encode(&request.manifest.0)
        && is_same_hash(&sealed.verifier, verifier);
    let (true, Some(repeat_token)) = (is_same, &sealed.repeat_token) else {
        return Err(wrong_state(State::Ready).into());
    };
    let token = unseal_under(&app.keys.derive_repeat_key(id, &request.proof), &place, repeat_token)?;
    Ok(LinkToken::from_bytes(token.as_slice().try_into().map_err(std::io::Error::other)?))
}

/// `POST /api/v1/transfers/{transfer_id}/mail`
pub(super) async fn resend(
    app: web::Data<App>,
    sender: Sender,
    client: Client,
    id: web::Path<TransferId>,
) -> Result<HttpResponse, Refusal> {
    let owned = find_owned(&app, &sender, &id).await?;
    if owned.state != State::Ready {
        return Err(wrong_state(owned.state).into());
    }
    check_address(&app, &owned)?;
    rates::LINKS_BY_TRANSFER.spend(&app, &id.to_text()).await?;
    let token = make_token()?;
    let mail = make_mail(&app, &id, &owned, &token)?;
    let mut entry = sender.entry(&app, Event::Resent, client);
    entry.transfer_id = Some(*id);
    let token_hash = hash_secret(token.as_bytes());
    if !app.store.renew_link(&sender.account.account_id, &id, &token_hash, &mail, &entry).await? {
        return Err(wrong_state(State::UsedUp).into());
    }
    app.outbox_bell.notify_one();
    Ok(HttpResponse::Accepted().json(link_answer(&app, &token, &id)))
}

/// The rules are those of now: they may have become stricter since the draft was announced.
fn check_rules(app: &App, sender: &Sender, owned: &OwnedTransfer, object_lens: Vec<u64>) -> Result<(), Refusal> {
    check_address(app, owned)?;
    let terms = Terms { object_lens, max_openings: owned.max_openings, expires_at: owned.expires_at };
    terms.check(&sender.limits(app), app.clock.now())?;
    Ok(())
}

fn check_address(app: &App, owned: &OwnedTransfer) -> Result<(), Refusal> {
    let recipient = EmailAddress::parse(&owned.recipient, "recipient.email")?;
    Ok(check_recipient(&app.config.policy, recipient.domain())?)
}

/// Names the first part that is not there.
fn check_complete<'a>(objects: impl IntoIterator<Item = &'a StoredObject>) -> Result<(), Refusal> {
    for (index, object) in objects.into_iter().enumerate() {
        let parts = layout::part_count(object.object_len);
        let missing = (0..parts).find(|n| !object.parts.iter().any(|part| u64::from(part.n) == *n));
        if let Some(n) = missing {
            let missing = format!("object {}, part {n}", index + 1);
            let detail = format!("The upload is not complete: of file {}, part {n} of {parts} is missing.", index + 1);
            return Err(Problem { missing: Some(missing), ..Problem::new(ProblemKind::PartsMissing, detail) }.into());
        }
    }
    Ok(())
}

/// Has the store make each object of its parts. What it does not hold as the rows say, the rows forget: then the upload
/// is not complete, and the sender can send that again. Repeated after a crash, this finds done what was done.
async fn complete(app: &App, id: &TransferId, uploads: Vec<(StoredObject, Option<String>)>) -> Result<(), Refusal> {
    let mut lost = false;
    for (object, upload) in uploads {
        let upload = Upload::from(upload.unwrap_or_default());
        let digests = object.parts.iter().map(|part| part.sha256).collect();
        let parts = ObjectParts { object_id: object.object_id, object_len: object.object_len, digests };
        match app.blobs.complete_object(&upload, &parts).await {
            Ok(()) => continue,
            Err(CompleteError::Parts(numbers)) => app.store.forget_parts(&object.object_id, &numbers).await?,
            Err(CompleteError::Gone) => app.store.forget_upload(&object.object_id, upload.as_text()).await?,
            Err(CompleteError::Io(error)) => return Err(error.into()),
        }
        tracing::error!(object = %object.object_id, "the store of bytes lost parts of a draft");
        lost = true;
    }
    if lost { check_complete(&app.store.list_objects(id).await?) } else { Ok(()) }
}

fn make_token() -> std::io::Result<LinkToken> {
    Ok(LinkToken::from_bytes(*make_secret()?))
}

fn make_mail(app: &App, id: &TransferId, owned: &OwnedTransfer, token: &LinkToken) -> Result<NewMail, Refusal> {
    let mail_id = make_name()?;
    Ok(NewMail {
        secret: Some(app.keys.seal(Purpose::Outbox, &mail_id, token.as_bytes())?),
        mail_id,
        kind: MailKind::TransferLink,
        recipient: owned.recipient.clone(),
        transfer_id: Some(*id),
        give_up_at: app.clock.now().plus(GIVE_UP_AFTER).min(owned.expires_at),
    })
}

fn link_answer(app: &App, token: &LinkToken, id: &TransferId) -> LinkAnswer {
    LinkAnswer { link: make_link(app.config.public_url.origin(), token, id).to_string() }
}

/// The transfer's own key, from under the server key.
pub(super) fn unwrap_key(app: &App, id: &TransferId, wrapped: &str) -> Result<crate::keys::SecretBytes, Refusal> {
    let key = app.keys.unseal(Purpose::TransferKey, &id.to_text(), wrapped)?;
    let key: [u8; 32] = key.as_slice().try_into().map_err(std::io::Error::other)?;
    Ok(zeroize::Zeroizing::new(key))
}
