//! Access tokens on their owner's account page: made with a fresh second step, told once, revoked at once.

use super::account::check_name;
use super::client::Client;
use super::error::Refusal;
use super::extract::{By, Person};
use super::rates;
use super::signed_in::{Recent, notice};
use crate::app::App;
use crate::keys::{hash_secret, make_secret};
use crate::people::{MAX_TOKENS, NewToken, write_token};
use crate::store::{Event, TokenAdded};
use actix_web::{HttpResponse, web};
use protocol::tokens::{TokenEntry, TokenMade, TokenRequest};
use protocol::{AccessToken, ProblemKind, Sha256Digest};

/// `POST /api/v1/account/tokens`
pub(super) async fn make(
    app: web::Data<App>,
    client: Client,
    By(Recent(person), request): By<Recent<Person>, TokenRequest>,
) -> Result<HttpResponse, Refusal> {
    let account_id = &person.account.account_id;
    rates::CHANGES_BY_ACCOUNT.spend(&app, account_id).await?;
    // Whoever has the mailbox for a minute would else have a token for a year.
    if !person.progress.has_factor {
        return Err(Refusal::second_step_missing());
    }
    let session_hash = person.session_hash()?;
    let now = app.clock.now();
    let new = NewToken::parse(&request, &person.account.standing, now)?;
    let token = AccessToken::from_bytes(*make_secret()?);
    let token_hash = hash_secret(token.as_bytes());
    let notice = notice(told(&new))?;
    let mut entry = person.entry(&app, Event::TokenMade, client);
    entry.detail = format!("{}: {}, until {}", new.name, new.scope_texts().join(" "), new.expires_at.to_rfc3339());
    match app.store.add_token(account_id, session_hash, &token_hash, &new, &notice, &entry).await? {
        TokenAdded::Kept => app.outbox_bell.notify_one(),
        TokenAdded::Over => return Err(Refusal::sign_in_needed()),
        TokenAdded::TooMany => {
            let detail = format!("Your account has {MAX_TOKENS} access tokens already. Please revoke one first.");
            return Err(Refusal::new(ProblemKind::QuotaReached, detail));
        }
    }
    let NewToken { name, scopes, expires_at } = new;
    let entry = TokenEntry {
        token_id: Sha256Digest::from_bytes(token_hash).to_text(),
        name,
        scopes: scopes.into_iter().collect(),
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    Ok(HttpResponse::Created().json(TokenMade { token: write_token(&token).to_string(), entry }))
}

/// The owner's mail: what whoever has the token may do, and until when.
fn told(new: &NewToken) -> String {
    let words: Vec<&str> = new.scopes.iter().map(|scope| scope.words()).collect();
    let until = new.expires_at.to_rfc3339();
    let day = until.split('T').next().unwrap_or_default();
    format!(
        "The access token “{}” was made for your account. Until {day} whoever has it may: {}.",
        new.name,
        words.join("; ")
    )
}

/// `DELETE /api/v1/account/tokens/{token_id}`
pub(super) async fn revoke(
    app: web::Data<App>,
    person: Person,
    client: Client,
    token_id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let account_id = &person.account.account_id;
    rates::CHANGES_BY_ACCOUNT.spend(&app, account_id).await?;
    check_name(&token_id)?;
    let tokens = app.store.list_tokens(account_id).await?;
    let token = tokens.into_iter().find(|token| token.token_id == *token_id).ok_or_else(Refusal::not_found)?;
    let notice = notice(format!("The access token “{}” of your account was revoked.", token.name))?;
    let mut entry = person.entry(&app, Event::TokenRevoked, client);
    entry.detail = token.name;
    if !app.store.revoke_token(account_id, &token_id, &notice, &entry).await? {
        return Err(Refusal::not_found());
    }
    app.outbox_bell.notify_one();
    Ok(HttpResponse::NoContent().finish())
}
