//! The second step of signing in: the app's code, a recovery code or a passkey, for a session that goes on under a new
//! secret. Showing it again in a whole session is what dangerous acts ask for (step-up).

use super::client::Client;
use super::error::Refusal;
use super::extract::By;
use super::rates::{self, in_words};
use super::signed_in::{NextSession, SignedIn, notice};
use crate::app::App;
use crate::keys::Purpose;
use crate::people::{CEREMONY_LIFETIME, PasskeyError, Passkeys, RecoveryCode, TotpCode, TotpSecret};
use crate::store::{CeremonyKind, Event, Factor, Rotation, Shown};
use actix_web::{HttpResponse, web};
use protocol::account::{FactorKind, SecondStepRequest};
use protocol::{Problem, ProblemKind, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

/// The browser's answer to a passkey question; the rest of it is for `people` to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeyRequest {
    credential: serde_json::Value,
}

/// `POST /api/v1/sign-in/second-step`
pub(super) async fn enter(
    app: web::Data<App>,
    client: Client,
    By(signed_in, body): By<SignedIn, SecondStepRequest>,
) -> Result<HttpResponse, Refusal> {
    check_patience(&app, &signed_in, client).await?;
    let account_id = &signed_in.account.account_id;
    // Six digits are the app's, everything else must be a recovery code.
    if let Ok(code) = TotpCode::parse(&body.code) {
        return match find_app(&app, account_id, &code).await? {
            Some((factor, step)) => {
                let shown = Shown::Factor { factor_id: &factor.factor_id, counter: step, sealed: None };
                accept(&app, &signed_in, client, &shown, &factor.name).await
            }
            None => Err(refuse(&app, &signed_in, client, "a code of the app").await?),
        };
    }
    let code = RecoveryCode::parse(&body.code)?;
    let mac = app.keys.derive_recovery_mac(account_id, code.expose());
    let left = app.store.count_recovery_codes(account_id).await?.saturating_sub(1);
    let notice = notice(format!("One of your recovery codes was used to sign in; {left} are left."))?;
    accept(&app, &signed_in, client, &Shown::RecoveryCode { mac: &mac, notice: &notice }, "").await
}

/// Which app shows this code, and at which time step.
async fn find_app(app: &App, account_id: &str, code: &TotpCode) -> Result<Option<(Factor, i64)>, Refusal> {
    for factor in app.store.list_factors(account_id).await? {
        if factor.kind != FactorKind::App {
            continue;
        }
        let secret = app.keys.unseal(Purpose::Factor, &factor.factor_id, &factor.sealed)?;
        let step = TotpSecret::from_bytes(&secret).and_then(|secret| secret.find_step(code, app.clock.now()));
        if let Some(step) = step {
            return Ok(Some((factor, step)));
        }
    }
    Ok(None)
}

/// `POST /api/v1/sign-in/passkey`: the question that the browser's passkey answers.
pub(super) async fn ask_passkey(
    app: web::Data<App>,
    signed_in: SignedIn,
    client: Client,
) -> Result<HttpResponse, Refusal> {
    check_patience(&app, &signed_in, client).await?;
    let rules = passkeys_of(&app)?;
    let (_, kept) = list_passkeys(&app, &signed_in).await?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    if kept.is_empty() {
        return Err(Refusal::new(
            ProblemKind::WrongFactor,
            "There is no passkey at your account. Please use your app.",
        ));
    }
    let question = rules.ask(&kept).map_err(|error| damaged(&error))?;
    begin(&app, CeremonyKind::Passkey, signed_in.session_hash()?, question.state.as_bytes()).await?;
    Ok(HttpResponse::Ok().json(question.options))
}

/// `POST /api/v1/sign-in/passkey/answer`
pub(super) async fn answer_passkey(
    app: web::Data<App>,
    client: Client,
    By(signed_in, body): By<SignedIn, PasskeyRequest>,
) -> Result<HttpResponse, Refusal> {
    check_patience(&app, &signed_in, client).await?;
    let rules = passkeys_of(&app)?;
    let state = take(&app, CeremonyKind::Passkey, signed_in.session_hash()?).await?.ok_or_else(too_late)?;
    let passkeys = list_passkeys(&app, &signed_in).await?;
    let kept: Vec<String> = passkeys.iter().map(|(_, text)| text.clone()).collect();
    let passkey = match rules.check(&state, body.credential, &kept) {
        Ok(passkey) => passkey,
        Err(PasskeyError::Copied) => {
            return Err(
                refuse(&app, &signed_in, client, "a passkey whose counter went back: it may have been copied").await?
            );
        }
        Err(PasskeyError::Refused(why)) => {
            tracing::info!(why, "a passkey was refused");
            return Err(refuse(&app, &signed_in, client, "a passkey").await?);
        }
    };
    let shown_by =
        passkeys.into_iter().find(|(factor, _)| factor.credential_id.as_deref() == Some(&passkey.credential_id));
    let Some((factor, _)) = shown_by else { return Err(too_late()) };
    let sealed = app.keys.seal(Purpose::Factor, &factor.factor_id, passkey.text.as_bytes())?;
    let shown = Shown::Factor { factor_id: &factor.factor_id, counter: passkey.counter, sealed: Some(&sealed) };
    accept(&app, &signed_in, client, &shown, &factor.name).await
}

/// The account's passkeys, each with what is kept of it.
pub(super) async fn list_passkeys(app: &App, signed_in: &SignedIn) -> Result<Vec<(Factor, String)>, Refusal> {
    let mut passkeys = Vec::new();
    for factor in app.store.list_factors(&signed_in.account.account_id).await? {
        if factor.kind == FactorKind::Passkey {
            let kept = app.keys.unseal(Purpose::Factor, &factor.factor_id, &factor.sealed)?;
            passkeys.push((factor, String::from_utf8_lossy(&kept).into_owned()));
        }
    }
    Ok(passkeys)
}

/// The rules of passkeys, where there are any.
pub(super) fn passkeys_of(app: &App) -> Result<&Passkeys, Refusal> {
    app.passkeys.as_ref().ok_or_else(Refusal::not_found)
}

/// Remembers the server's half of a ceremony.
pub(super) async fn begin(app: &App, kind: CeremonyKind, session: &[u8; 32], state: &[u8]) -> Result<(), Refusal> {
    let sealed = app.keys.seal(Purpose::Ceremony, &kind.place(session), state)?;
    let expires_at = app.clock.now().plus(CEREMONY_LIFETIME);
    Ok(app.store.begin_ceremony(kind, session, &sealed, expires_at).await?)
}

/// Takes it out again: what it waits for has come.
pub(super) async fn take(app: &App, kind: CeremonyKind, session: &[u8; 32]) -> Result<Option<String>, Refusal> {
    let Some(sealed) = app.store.take_ceremony(kind, session, app.clock.now()).await? else { return Ok(None) };
    let state = app.keys.unseal(Purpose::Ceremony, &kind.place(session), &sealed)?;
    Ok(Some(String::from_utf8_lossy(&state).into_owned()))
}

/// The question was not asked in this session, was answered already, or is too old.
pub(super) fn too_late() -> Refusal {
    Refusal::new(ProblemKind::WrongFactor, "This came too late, or in another session. Please begin again.")
}

/// What is kept of a factor does not read.
pub(super) fn damaged(error: &PasskeyError) -> Refusal {
    tracing::error!(%error, "a stored passkey does not read");
    Refusal::from_status(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR)
}

/// Counts the request, and refuses it while a pause is on.
async fn check_patience(app: &App, signed_in: &SignedIn, client: Client) -> Result<(), Refusal> {
    rates::SECOND_STEPS_BY_NETWORK.spend(app, &client.network()).await?;
    let now = app.clock.now();
    match app.store.find_second_step_pause(&signed_in.account.account_id, now).await? {
        Some(until) => Err(paused(until, now)),
        None => Ok(()),
    }
}

fn paused(until: Timestamp, now: Timestamp) -> Refusal {
    let seconds = u64::try_from(until.as_unix() - now.as_unix()).unwrap_or(1).max(1);
    let detail = format!("There were several wrong tries. Please wait {}, then try again.", in_words(seconds));
    Refusal::too_many_requests(seconds, detail)
}

async fn accept(
    app: &App,
    signed_in: &SignedIn,
    client: Client,
    shown: &Shown<'_>,
    detail: &str,
) -> Result<HttpResponse, Refusal> {
    let event = match shown {
        Shown::Factor { .. } => Event::FactorUsed,
        Shown::RecoveryCode { .. } => Event::RecoveryCodeUsed,
    };
    let mut entry = signed_in.entry(app, event, client);
    detail.clone_into(&mut entry.detail);
    let next = NextSession::make(app)?;
    let rotation = Rotation { old: signed_in.session_hash()?, new: &next.hash };
    if !app.store.show_second_step(&signed_in.account.account_id, shown, &rotation, &entry).await? {
        // Used before, or used by another request in this moment, or no such recovery code.
        return Err(refuse(app, signed_in, client, "a code that was used before, or is none").await?);
    }
    app.outbox_bell.notify_one();
    Ok(HttpResponse::NoContent().cookie(next.cookie).finish())
}

/// Counts a wrong try; what is answered.
async fn refuse(app: &App, signed_in: &SignedIn, client: Client, what: &str) -> Result<Refusal, Refusal> {
    let mut entry = signed_in.entry(app, Event::FactorRefused, client);
    what.clone_into(&mut entry.detail);
    let notice = notice("Your second step was tried several times in vain, after the right code from your mail.")?;
    let account_id = &signed_in.account.account_id;
    let Some(failures) = app.store.refuse_second_step(account_id, &notice, &entry).await? else {
        let until = app.store.find_second_step_pause(account_id, entry.at).await?;
        return Ok(paused(until.unwrap_or(entry.at), entry.at));
    };
    app.outbox_bell.notify_one();
    let seconds = u64::try_from(failures.pause).unwrap_or(0);
    let detail = match seconds {
        0 => "This did not work: a code works once, a passkey only at this server. Please try again.".to_owned(),
        _ => format!("This did not work. Please wait {}, then try again.", in_words(seconds)),
    };
    Ok(Problem {
        tries: Some(failures.tries),
        retry_after: (seconds > 0).then_some(seconds),
        ..Problem::new(ProblemKind::WrongFactor, detail)
    }
    .into())
}
