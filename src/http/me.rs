//! The signed-in sender: who they are, what they may do, and signing out.

use super::client::Client;
use super::error::Refusal;
use super::extract::{Json, Sender};
use super::rates;
use crate::app::App;
use crate::people::Profile;
use crate::store::Event;
use actix_web::{HttpResponse, web};
use protocol::sign_in::{Me, ProfileRequest, Role};

/// `GET /api/v1/me`
pub(super) async fn show(app: web::Data<App>, sender: Sender) -> HttpResponse {
    let account = sender.account;
    HttpResponse::Ok().json(Me {
        email: account.email.to_string(),
        name: account.name,
        organisation: account.organisation,
        roles: vec![Role::Sender],
        limits: app.config.limits.clone(),
    })
}

/// `PUT /api/v1/me`
pub(super) async fn change(
    app: web::Data<App>,
    sender: Sender,
    client: Client,
    Json(request): Json<ProfileRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &sender.account.account_id).await?;
    let profile = Profile::parse(&request)?;
    let entry = sender.entry(&app, Event::ProfileChanged, client);
    app.store.change_profile(&sender.account.account_id, &profile, &entry).await?;
    Ok(HttpResponse::NoContent().finish())
}
