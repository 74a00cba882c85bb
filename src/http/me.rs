//! The signed-in person: who they are and what they may do.

use super::client::Client;
use super::error::Refusal;
use super::extract::{By, Person};
use super::rates;
use crate::app::App;
use crate::people::Profile;
use crate::store::Event;
use actix_web::{HttpResponse, web};
use protocol::sign_in::{DepartmentUse, Me, ProfileRequest};

/// `GET /api/v1/me`
pub(super) async fn show(app: web::Data<App>, person: Person) -> Result<HttpResponse, Refusal> {
    let account = &person.account;
    let name = &account.standing.department;
    let department = match app.config.department_quotas.of(name) {
        Some(max_stored) => {
            let stored = app.store.measure_department(name).await?;
            Some(DepartmentUse { name: name.clone(), stored, max_stored: Some(max_stored) })
        }
        None => None,
    };
    Ok(HttpResponse::Ok().json(Me {
        email: account.email.to_string(),
        name: account.name.clone(),
        organisation: account.organisation.clone(),
        roles: account.standing.roles.iter().copied().collect(),
        limits: person.limits(&app),
        policy: app.config.policy.clone(),
        department,
    }))
}

/// `PUT /api/v1/me`
pub(super) async fn change(
    app: web::Data<App>,
    client: Client,
    By(person, request): By<Person, ProfileRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &person.account.account_id).await?;
    let profile = Profile::parse(&request)?;
    let entry = person.entry(&app, Event::ProfileChanged, client);
    app.store.change_profile(&person.account.account_id, &profile, &entry).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/session`: somebody reads here. The extractor has written it down, as for every request that may change
/// something; reading alone is GET, which never does.
pub(super) async fn stay(_: Person) -> HttpResponse {
    HttpResponse::NoContent().finish()
}
