//! Setting up a factor: the server asks, the app or the passkey answers, and the session goes on with its second step shown.

use super::account::{RecoveryCodes, called};
use super::client::Client;
use super::error::Refusal;
use super::extract::By;
use super::rates;
use super::second_step::{begin, damaged, list_passkeys, passkeys_of, take, too_late};
use super::signed_in::{NextSession, Recent, SettingUp, SignedIn, notice};
use crate::app::App;
use crate::keys::{Purpose, make_name};
use crate::people::{MAX_FACTORS, TotpCode, TotpSecret, parse_factor_name};
use crate::store::{Added, CeremonyKind, Event, NewFactor, Rotation};
use actix_web::{HttpResponse, web};
use protocol::ProblemKind;
use protocol::account::{AppAnswer, AppRequest, FactorKind, RecoveryAnswer, SecondStep};
use schemars::JsonSchema;
use serde::Deserialize;

/// A new passkey; what the browser says of it is for `people` to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPasskeyRequest {
    name: String,
    credential: serde_json::Value,
}

/// `POST /api/v1/account/app`
pub(super) async fn begin_app(
    app: web::Data<App>,
    Recent(SettingUp(person)): Recent<SettingUp>,
) -> Result<HttpResponse, Refusal> {
    check_offered(&app, &person).await?;
    let secret = TotpSecret::make().map_err(std::io::Error::other)?;
    begin(&app, CeremonyKind::App, person.session_hash()?, secret.as_bytes()).await?;
    let uri = secret.to_uri(app.config.public_url.host(), person.account.email.as_str());
    Ok(HttpResponse::Ok().json(AppAnswer { secret: secret.to_base32().to_string(), uri: uri.to_string() }))
}

/// `POST /api/v1/account/app/confirm`
pub(super) async fn confirm_app(
    app: web::Data<App>,
    client: Client,
    By(SettingUp(person), body): By<SettingUp, AppRequest>,
) -> Result<HttpResponse, Refusal> {
    check_offered(&app, &person).await?;
    let (name, code) = (parse_factor_name(&body.name)?, TotpCode::parse(&body.code)?);
    let kind = CeremonyKind::App;
    let sealed = app.store.find_ceremony(kind, person.session_hash()?, app.clock.now()).await?.ok_or_else(too_late)?;
    let secret = app.keys.unseal(Purpose::Ceremony, &kind.place(person.session_hash()?), &sealed)?;
    let step = TotpSecret::from_bytes(&secret).and_then(|secret| secret.find_step(&code, app.clock.now()));
    let step = step.ok_or_else(|| {
        Refusal::new(
            ProblemKind::WrongFactor,
            "The app does not show this code now. Please wait for the next one; the clock of the telephone must be right.",
        )
    })?;
    let made = Made { kind: FactorKind::App, name: &name, kept: &secret, credential_id: None, counter: step };
    keep(&app, &person, client, &made).await
}

/// `POST /api/v1/account/passkey`
pub(super) async fn begin_passkey(
    app: web::Data<App>,
    Recent(SettingUp(person)): Recent<SettingUp>,
) -> Result<HttpResponse, Refusal> {
    check_offered(&app, &person).await?;
    let kept: Vec<String> = list_passkeys(&app, &person).await?.into_iter().map(|(_, kept)| kept).collect();
    let account = &person.account;
    let rules = passkeys_of(&app)?;
    let question =
        rules.ask_for_new(&account.account_id, account.email.as_str(), &kept).map_err(|error| damaged(&error))?;
    begin(&app, CeremonyKind::NewPasskey, person.session_hash()?, question.state.as_bytes()).await?;
    Ok(HttpResponse::Ok().json(question.options))
}

/// `POST /api/v1/account/passkey/confirm`
pub(super) async fn confirm_passkey(
    app: web::Data<App>,
    client: Client,
    By(SettingUp(person), body): By<SettingUp, NewPasskeyRequest>,
) -> Result<HttpResponse, Refusal> {
    check_offered(&app, &person).await?;
    let name = parse_factor_name(&body.name)?;
    let rules = passkeys_of(&app)?;
    let state = take(&app, CeremonyKind::NewPasskey, person.session_hash()?).await?.ok_or_else(too_late)?;
    let passkey = rules.check_new(&state, body.credential).map_err(|error| {
        tracing::info!(%error, "a new passkey was refused");
        Refusal::new(ProblemKind::WrongFactor, "This passkey cannot be used here. Please begin again.")
    })?;
    let made = Made {
        kind: FactorKind::Passkey,
        name: &name,
        kept: passkey.text.as_bytes(),
        credential_id: Some(&passkey.credential_id),
        counter: passkey.counter,
    };
    keep(&app, &person, client, &made).await
}

/// A factor that has shown that it works.
struct Made<'a> {
    kind: FactorKind,
    name: &'a str,
    kept: &'a [u8],
    credential_id: Option<&'a str>,
    counter: i64,
}

/// Counts the request, and refuses it where no factor may be set up.
async fn check_offered(app: &App, person: &SignedIn) -> Result<(), Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(app, &person.account.account_id).await?;
    match person.second_step {
        SecondStep::None => Err(Refusal::not_found()),
        SecondStep::Offered | SecondStep::Required => Ok(()),
    }
}

async fn keep(app: &App, person: &SignedIn, client: Client, made: &Made<'_>) -> Result<HttpResponse, Refusal> {
    let (account_id, factor_id) = (&person.account.account_id, make_name()?);
    let codes = RecoveryCodes::make(app, account_id)?;
    let new = NewFactor {
        factor_id: &factor_id,
        account_id,
        kind: made.kind,
        name: made.name,
        sealed: &app.keys.seal(Purpose::Factor, &factor_id, made.kept)?,
        credential_id: made.credential_id,
        counter: made.counter,
        recovery_codes: &codes.macs,
    };
    let called = called(made.kind, made.name);
    let notice = notice(format!("The {called} was added to your account, to be shown at every sign-in."))?;
    let mut entry = person.entry(app, Event::FactorAdded, client);
    entry.detail = called;
    let next = NextSession::make(app)?;
    let rotation = Rotation { old: person.session_hash()?, new: &next.hash };
    let answer = match app.store.add_factor(&new, &rotation, &notice, &entry).await? {
        Added::Kept { with_codes: true } => codes.answer,
        Added::Kept { with_codes: false } => RecoveryAnswer { recovery_codes: Vec::new() },
        Added::Over => return Err(too_late()),
        Added::Known => {
            return Err(Refusal::new(
                ProblemKind::WrongFactor,
                "This passkey is in use already. Please take another one.",
            ));
        }
        Added::TooMany => {
            let detail = format!("Your account has {MAX_FACTORS} second steps already. Please remove one first.");
            return Err(Refusal::new(ProblemKind::QuotaReached, detail));
        }
    };
    app.outbox_bell.notify_one();
    Ok(HttpResponse::Ok().cookie(next.cookie).json(answer))
}
