//! The account page's calls: how an account signs in, and where it is signed in. Every change is mailed to its owner.

use super::client::Client;
use super::error::Refusal;
use super::extract::{By, Person};
use super::rates;
use super::signed_in::{Recent, SettingUp, SignedIn, notice};
use crate::app::App;
use crate::people::{RECOVERY_CODES, RecoveryCode, SessionLimits, parse_factor_name};
use crate::store::{AccountNotice, AuditEntry, Event, Factor, ListedSession, Removed};
use actix_web::{HttpResponse, web};
use protocol::account::{
    AccountAnswer, FactorEntry, FactorKind, FactorRequest, ProviderEntry, RecoveryAnswer, SecondStep, SessionEntry,
};
use protocol::{ProblemKind, Sha256Digest};

/// `GET /api/v1/account`
pub(super) async fn show(app: web::Data<App>, person: SettingUp) -> Result<HttpResponse, Refusal> {
    let (now, this) = (app.clock.now(), Sha256Digest::from_bytes(*person.0.session_hash()?).to_text());
    let SignedIn { account, second_step, .. } = person.0;
    let factors = app.store.list_factors(&account.account_id).await?;
    let sessions = app.store.list_sessions(&account.account_id).await?;
    let entry = |session: ListedSession| SessionEntry {
        is_this: session.session_id == this,
        session_id: session.session_id,
        network: session.network,
        created_at: session.created_at,
        seen_at: session.seen_at,
    };
    let provider = match app.bound_since(&account).await? {
        Some(since) => {
            let stays = app.ties(&account).await?.check_by_owner().err().map(|problem| problem.detail);
            Some(ProviderEntry { since, stays })
        }
        None => None,
    };
    let limits = SessionLimits::of(&account.standing.roles);
    let live = sessions.into_iter().filter(|session| limits.is_alive(session.created_at, session.seen_at, now));
    Ok(HttpResponse::Ok().json(AccountAnswer {
        second_step,
        passkeys: app.passkeys.is_some(),
        factors: factors.into_iter().map(factor_entry).collect(),
        provider,
        recovery_codes: app.store.count_recovery_codes(&account.account_id).await?,
        sessions: live.map(entry).collect(),
        tokens: app.store.list_tokens(&account.account_id).await?,
    }))
}

fn factor_entry(factor: Factor) -> FactorEntry {
    let Factor { factor_id, kind, name, created_at, last_used_at, .. } = factor;
    FactorEntry { factor_id, kind, name, created_at, last_used_at }
}

/// `PUT /api/v1/account/factors/{factor_id}`
pub(super) async fn rename(
    app: web::Data<App>,
    client: Client,
    factor_id: web::Path<String>,
    By(person, body): By<Person, FactorRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &person.account.account_id).await?;
    check_name(&factor_id)?;
    let name = parse_factor_name(&body.name)?;
    let mut entry = person.entry(&app, Event::FactorRenamed, client);
    entry.detail.clone_from(&name);
    if !app.store.rename_factor(&person.account.account_id, &factor_id, &name, &entry).await? {
        return Err(Refusal::not_found());
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/v1/account/factors/{factor_id}`
pub(super) async fn remove(
    app: web::Data<App>,
    Recent(person): Recent<Person>,
    client: Client,
    factor_id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let account_id = &person.account.account_id;
    rates::CHANGES_BY_ACCOUNT.spend(&app, account_id).await?;
    let factors = app.store.list_factors(account_id).await?;
    let factor = factors.into_iter().find(|factor| factor.factor_id == *factor_id).ok_or_else(Refusal::not_found)?;
    let notice = notice(format!("The {} was removed from your account.", called(factor.kind, &factor.name)))?;
    let mut entry = person.entry(&app, Event::FactorRemoved, client);
    entry.detail.clone_from(&factor.name);
    let may_be_last = person.second_step != SecondStep::Required;
    match app.store.remove_factor(account_id, &factor_id, may_be_last, &notice, &entry).await? {
        Removed::Gone => {
            app.outbox_bell.notify_one();
            Ok(HttpResponse::NoContent().finish())
        }
        Removed::Last => Err(Refusal::new(
            ProblemKind::LastFactor,
            "Your account must have a second step, and this is its last one. Please set up another one first.",
        )),
        Removed::Unknown => Err(Refusal::not_found()),
    }
}

/// `DELETE /api/v1/account/identity`: all sessions end with it, also the one that asks.
pub(super) async fn disconnect(
    app: web::Data<App>,
    Recent(person): Recent<Person>,
    client: Client,
) -> Result<HttpResponse, Refusal> {
    let account = &person.account;
    rates::CHANGES_BY_ACCOUNT.spend(&app, &account.account_id).await?;
    if !account.has_identity {
        return Err(Refusal::not_found());
    }
    app.ties(account).await?.check_by_owner()?;
    let notice = notice(
        "You disconnected your account from your clinic's sign-in. Its sessions and access tokens have ended; from now on you sign in with a mailed code and your second step.",
    )?;
    let entry = person.entry(&app, Event::IdentityUnbound, client);
    unbind(&app, &account.account_id, &notice, &entry).await
}

/// Takes an account's identity away, and has its owner told.
pub(super) async fn unbind(
    app: &App,
    account_id: &str,
    notice: &AccountNotice,
    entry: &AuditEntry,
) -> Result<HttpResponse, Refusal> {
    if app.store.unbind_identities(account_id, notice, entry).await? == 0 {
        return Err(Refusal::not_found());
    }
    app.outbox_bell.notify_one();
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/account/recovery-codes`
pub(super) async fn make_recovery_codes(
    app: web::Data<App>,
    Recent(person): Recent<Person>,
    client: Client,
) -> Result<HttpResponse, Refusal> {
    let account_id = &person.account.account_id;
    rates::CHANGES_BY_ACCOUNT.spend(&app, account_id).await?;
    if !person.progress.has_factor {
        return Err(Refusal::new(
            ProblemKind::WrongState,
            "Recovery codes take the place of a second step. Please set up one first.",
        ));
    }
    let codes = RecoveryCodes::make(&app, account_id)?;
    let notice = notice("New recovery codes were made for your account; the older ones no longer work.")?;
    let entry = person.entry(&app, Event::RecoveryCodesMade, client);
    app.store.replace_recovery_codes(account_id, &codes.macs, &notice, &entry).await?;
    app.outbox_bell.notify_one();
    Ok(HttpResponse::Ok().json(codes.answer))
}

/// `DELETE /api/v1/account/sessions/{session_id}`
pub(super) async fn end_session(
    app: web::Data<App>,
    person: Person,
    client: Client,
    session_id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &person.account.account_id).await?;
    check_name(&session_id)?;
    let entry = person.entry(&app, Event::SessionEnded, client);
    if !app.store.end_session_of(&person.account.account_id, &session_id, &entry).await? {
        return Err(Refusal::not_found());
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/v1/account/sessions`: all but the one that asks.
pub(super) async fn end_other_sessions(
    app: web::Data<App>,
    person: Person,
    client: Client,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &person.account.account_id).await?;
    let entry = person.entry(&app, Event::OtherSessionsEnded, client);
    app.store.end_other_sessions(&person.account.account_id, person.session_hash()?, &entry).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Names that we made ourselves. Others name nothing, and a database may not even take them.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_plain { Ok(()) } else { Err(Refusal::not_found()) }
}

/// Ten new recovery codes: for their owner, and as they are kept.
pub(super) struct RecoveryCodes {
    pub(super) answer: RecoveryAnswer,
    pub(super) macs: Vec<[u8; 32]>,
}

impl RecoveryCodes {
    pub(super) fn make(app: &App, account_id: &str) -> Result<Self, Refusal> {
        let (mut recovery_codes, mut macs) = (Vec::new(), Vec::new());
        for _ in 0..RECOVERY_CODES {
            let code = RecoveryCode::make().map_err(std::io::Error::other)?;
            recovery_codes.push(code.grouped().to_string());
            macs.push(app.keys.derive_recovery_mac(account_id, code.expose()));
        }
        Ok(Self { answer: RecoveryAnswer { recovery_codes }, macs })
    }
}

/// `passkey “my phone”`, as mails say it.
pub(super) fn called(kind: FactorKind, name: &str) -> String {
    match kind {
        FactorKind::Passkey => format!("passkey “{name}”"),
        FactorKind::App => format!("authenticator app “{name}”"),
    }
}
