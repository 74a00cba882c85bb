//! Taking the provider of single sign-on from an account: by its owner, by an administrator, and by who may not.

use crate::harness::provider::{Provider, Question};
use crate::harness::second_step::{App, Protected, enter, look, set_up_app};
use crate::harness::tokens::{Owner, program};
use crate::harness::{Client, MINUTE, Site, people, rows, sender};
use filmjacket::config::SingleSignOnSettings;
use protocol::sign_in::Role;
use protocol::tokens::Scope;
use serde_json::json;
use std::collections::BTreeSet;

const ANA: &str = "ana@clinic.example";
const ADA: &str = "ada@clinic.example";
const OWN: &str = "/api/v1/account/identity";

async fn scene(change: impl Fn(&mut SingleSignOnSettings) + 'static) -> (Provider, Site) {
    let provider = Provider::start().await;
    let site = provider.site(change).await;
    (provider, site)
}

/// Whoever signs in at the provider.
async fn sign_in(provider: &Provider, site: &Site) -> Client {
    let client = site.client();
    provider.sign_in(site, &client, &json!({})).await.expect(200);
    client
}

/// The same with an app here, and the step shown just now.
async fn with_app(provider: &Provider, site: &Site) -> (Client, App) {
    let client = sign_in(provider, site).await;
    let (app, _) = set_up_app(site, &client).await;
    (client, app)
}

async fn path_of(site: &Site, email: &str) -> String {
    format!("/api/v1/admin/people/{}/identity", people::id_of(site, email).await)
}

async fn unbound(site: &Site) -> Vec<String> {
    rows::query(site, "SELECT actor || ': ' || detail FROM audit WHERE event = 'identity.unbound' ORDER BY seq").await
}

#[actix_web::test]
async fn an_owner_with_a_second_step_sees_the_provider_and_disconnects_it() {
    let (provider, site) = scene(|_| {}).await;
    let (client, app) = with_app(&provider, &site).await;
    let other = sign_in(&provider, &site).await;
    let Owner { client, app } = {
        let owner = Owner { client, app };
        owner.make(&[Scope::TransfersRead]).await;
        owner
    };
    let connected = look(&client).await.provider.unwrap();
    assert_eq!((connected.since, connected.stays), (site.clock.now(), None));
    client.delete(OWN).await.expect(204);
    for over in [&client, &other] {
        over.get("/api/v1/me").await.refused(401, "sign-in-needed");
    }
    assert_eq!(rows::count(&site, "identities").await + rows::count(&site, "access_tokens").await, 0);
    let told = unbound(&site).await;
    assert!(told.len() == 1 && told[0].starts_with(&format!("{ANA}: {} sub ", provider.issuer)), "{told:?}");
    assert!(site.notices(ANA).await.iter().any(|what| what.contains("You disconnected your account")));
    // From now on as before it was connected, second step included.
    let again = Protected::halfway(&site, ANA).await;
    site.wait(MINUTE);
    enter(&again, &app.code(&site)).await.expect(204);
    assert_eq!(look(&again).await.provider, None);
    again.delete(OWN).await.refused(404, "not-found");
}

#[actix_web::test]
async fn an_owner_who_would_be_locked_out_or_weaker_keeps_the_provider_and_is_told_why() {
    let auditors = |settings: &mut SingleSignOnSettings| {
        settings.roles.insert(Role::Sender, BTreeSet::from(["ward".to_owned()]));
    };
    let ward = json!({ "groups": ["ward"] });
    for (change, has_app, why) in [
        (None, false, "set up a second step here first"),
        (Some("codes"), true, "is the only way in"),
        (Some("groups"), true, "your groups"),
    ] {
        let (provider, site) = scene(move |settings| match change {
            Some("codes") => settings.mailed_codes = false,
            Some("groups") => auditors(settings),
            _ => {}
        })
        .await;
        let client = site.client();
        provider.sign_in(&site, &client, &ward).await.expect(200);
        if has_app {
            set_up_app(&site, &client).await;
        }
        let stays = look(&client).await.provider.unwrap().stays.unwrap();
        let before = rows::dump(&site).await;
        assert_eq!(client.delete(OWN).await.refused(409, "provider-needed").detail, stays);
        assert!(stays.contains(why), "{stays}");
        let mut after = rows::dump(&site).await;
        after.insert("rate_windows".into(), before["rate_windows"].clone());
        assert_eq!(rows::difference(&before, &after), "", "{why}");
    }
}

#[actix_web::test]
async fn nobody_disconnects_the_provider_without_their_second_step_just_now() {
    let (provider, site) = scene(|_| {}).await;
    let (client, app) = with_app(&provider, &site).await;
    site.wait(5 * MINUTE);
    client.delete(OWN).await.refused(403, "step-up-needed");
    // A session that has not shown it at all.
    let half = sign_in(&provider, &site).await;
    half.delete(OWN).await.refused(403, "second-step-needed");
    assert_eq!(rows::count(&site, "identities").await, 1);
    enter(&client, &app.code(&site)).await.expect(204);
    client.delete(OWN).await.expect(204);
}

#[actix_web::test]
async fn an_administrator_disconnects_somebody_who_is_told_and_connects_anew() {
    let (provider, site) = scene(|_| {}).await;
    let client = sign_in(&provider, &site).await;
    let admin = people::administrator(&site, ADA).await;
    let path = path_of(&site, ANA).await;
    admin.delete(&path).await.expect(204);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
    let told = unbound(&site).await;
    assert!(
        told.len() == 1 && told[0].starts_with(&format!("{ADA}: {ANA}; roles: sender; {}", provider.issuer)),
        "{told:?}"
    );
    assert!(site.notices(ANA).await.iter().any(|what| what.contains("An administrator disconnected")));
    admin.delete(&path).await.refused(404, "not-found");
    assert_eq!(unbound(&site).await.len(), 1, "what was not there did not end");
    provider.sign_in(&site, &client, &json!({ "sub": "ana-2" })).await.expect(200);
    client.get("/api/v1/me").await.expect(200);
}

#[actix_web::test]
async fn only_an_administrator_whose_step_is_fresh_disconnects_others_and_never_themselves() {
    let (provider, site) = scene(|_| {}).await;
    sign_in(&provider, &site).await;
    let path = path_of(&site, ANA).await;
    let others = [Role::Sender, Role::Auditor, Role::DepartmentHead];
    let eve = people::sign_in_as(&site, "eve@clinic.example", &others).await;
    eve.delete(&path).await.refused(403, "role-missing");
    site.client().delete(&path).await.refused(401, "sign-in-needed");
    let Owner { client: ada, app } = Owner::sign_in(&site, ADA, &[Role::Administrator]).await;
    site.wait(5 * MINUTE);
    ada.delete(&path).await.refused(403, "step-up-needed");
    enter(&ada, &app.code(&site)).await.expect(204);
    // Her own goes by the account page, which asks for more.
    provider.sign_in(&site, &ada, &json!({ "sub": "ada", "email": ADA })).await.expect(200);
    site.wait(MINUTE);
    enter(&ada, &app.code(&site)).await.expect(204);
    let told = ada.delete(&path_of(&site, ADA).await).await.refused(409, "provider-needed").detail;
    assert!(told.contains("account page"), "{told}");
    for strange in ["nobody", "%00", "%27%20OR%201=1--"] {
        ada.delete(&format!("/api/v1/admin/people/{strange}/identity")).await.refused(404, "not-found");
    }
    assert_eq!(rows::count(&site, "identities").await, 2);
    ada.delete(&path).await.expect(204);
}

#[actix_web::test]
async fn a_program_disconnects_senders_alone_and_only_with_the_scope_for_people() {
    let (provider, site) = scene(|_| {}).await;
    sign_in(&provider, &site).await;
    let path = path_of(&site, ANA).await;
    let ada = Owner::sign_in(&site, ADA, &[Role::Administrator]).await;
    let [reads, writes] = [Scope::PeopleRead, Scope::PeopleWrite].map(async |scope| ada.make(&[scope]).await.token);
    let (reads, writes) = (program(&site, &reads.await), program(&site, &writes.await));
    reads.delete(&path).await.refused(403, "scope-missing");
    people::give(&site, ANA, &[Role::Sender, Role::Auditor]).await;
    writes.delete(&path).await.refused(403, "step-up-needed");
    writes.delete(OWN).await.refused(403, "token-not-taken");
    assert_eq!(rows::count(&site, "identities").await, 1);
    people::give(&site, ANA, &[Role::Sender]).await;
    writes.delete(&path).await.expect(204);
}

#[actix_web::test]
async fn an_administrator_shuts_nobody_out_of_an_account_that_only_the_provider_opens() {
    let (provider, site) = scene(|settings| settings.mailed_codes = false).await;
    let (_, app) = with_app(&provider, &site).await;
    let ada = site.client();
    provider.sign_in(&site, &ada, &json!({ "sub": "ada", "email": ADA })).await.expect(200);
    people::give(&site, ADA, &[Role::Administrator]).await;
    let path = path_of(&site, ANA).await;
    let told = ada.delete(&path).await.refused(409, "provider-needed").detail;
    assert!(told.contains("reset-factors"), "{told}");
    // Without a second step here, the next sign-in there connects anew.
    drop(app);
    rows::execute(&site, "DELETE FROM factors").await;
    ada.delete(&path).await.expect(204);
    provider.sign_in(&site, &site.client(), &json!({ "sub": "ana-2" })).await.expect(200);
}

#[actix_web::test]
async fn no_session_outlives_its_identity_however_a_sign_in_and_a_disconnection_meet() {
    let (provider, site) = scene(|_| {}).await;
    sign_in(&provider, &site).await;
    let admin = people::administrator(&site, ADA).await;
    let path = path_of(&site, ANA).await;
    let orphans = "SELECT CAST(COUNT(*) AS TEXT) FROM sessions s JOIN accounts a ON a.account_id = s.account_id
                   WHERE a.email_key = 'ana@clinic.example' AND NOT EXISTS
                       (SELECT 1 FROM identities n WHERE n.account_id = a.account_id)";
    let mut met = BTreeSet::new();
    for round in 0..12 {
        // Those who are bound, and those who would bind anew, at once.
        let clients: Vec<Client> = (0..4).map(|_| site.client()).collect();
        let mut answers = Vec::new();
        for client in &clients {
            answers.push(provider.let_in(&site, &Question::begin(client).await, &json!({})));
        }
        let sign_ins =
            futures_util::future::join_all(clients.iter().zip(&answers).map(|(client, answer)| client.get(answer)));
        let (signed_in, gone) = futures_util::future::join(sign_ins, admin.delete(&path)).await;
        assert!([204, 404].contains(&gone.status), "{}", gone.text());
        for (client, answer) in clients.iter().zip(&signed_in) {
            assert!([200, 403].contains(&answer.status), "{}", answer.text());
            met.insert((answer.status, client.get("/api/v1/me").await.status));
        }
        assert_eq!(rows::one(&site, orphans).await, "0", "round {round}");
    }
    assert!(!met.contains(&(403, 200)), "{met:?}");
    // Whatever happened, the next sign-in works and the next disconnection is whole.
    let last = sign_in(&provider, &site).await;
    admin.delete(&path).await.expect(204);
    last.get("/api/v1/me").await.refused(401, "sign-in-needed");
    sender::sign_in(&site, ANA).await;
}
