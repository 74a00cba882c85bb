//! Signing in by the institution's own provider, and what an attacker may try with that.

mod answers;
mod groups;
mod provider;

use crate::harness::provider::{Provider, Question};
use crate::harness::{Answer, Client, Site, people, rows, sender};
use filmjacket::config::SingleSignOnSettings;
use filmjacket::people::SignInRule;
use filmjacket::store::{AccountNotice, AuditEntry, Event};
use protocol::account::SecondStep;
use protocol::sign_in::{Role, SignInCodeRequest, SignInRequest};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ANA: &str = "ana@clinic.example";

/// A provider and a site that is its client.
async fn scene() -> (Provider, Site) {
    let provider = Provider::start().await;
    let site = provider.site(|_| {}).await;
    (provider, site)
}

fn groups(role: Role, group: &str) -> impl Fn(&mut SingleSignOnSettings) + use<> {
    let group = group.to_owned();
    move |settings| drop(settings.roles.insert(role, BTreeSet::from([group.clone()])))
}

async fn address_of(client: &Client) -> String {
    let me: Value = client.get("/api/v1/me").await.expect(200).json();
    me["email"].as_str().unwrap().to_owned()
}

async fn roles_of(site: &Site, email: &str) -> String {
    let sql = "SELECT sender || ' ' || auditor || ' ' || administrator FROM accounts";
    rows::one(site, &format!("{sql} WHERE email_key = '{email}'")).await
}

/// Nobody is signed in, nothing was made but the line that says so.
#[track_caller]
fn refused(answer: &Answer) -> String {
    answer.refused(403, "single-sign-on-refused").detail
}

async fn last_refusal(site: &Site) -> String {
    rows::one(site, "SELECT detail FROM audit WHERE event = 'sign_in.refused' ORDER BY seq DESC LIMIT 1").await
}

#[actix_web::test]
async fn whoever_the_provider_vouches_for_is_signed_in_bound_and_told() {
    let (provider, site) = scene().await;
    let client = site.client();
    let page = provider.sign_in(&site, &client, &json!({})).await.expect(200);
    assert!(page.text().contains("content=\"0;url=/\"") && page.text().contains("href=\"/\""), "{}", page.text());
    assert_eq!(address_of(&client).await, ANA);
    let events = rows::query(&site, "SELECT event || ': ' || detail FROM audit ORDER BY seq").await;
    assert!(events[0].starts_with(&format!("identity.bound: {} sub ", provider.issuer)), "{events:?}");
    assert_eq!(events[1..], ["session.started: by the provider"]);
    assert!(site.notices(ANA).await[0].contains("connected with your clinic"));
    // The second time is no news.
    let again = site.client();
    provider.sign_in(&site, &again, &json!({})).await.expect(200);
    assert_eq!(rows::count(&site, "accounts").await, 1);
    assert_eq!(rows::count(&site, "identities").await, 1);
    assert_eq!(site.notices(ANA).await.len(), 2, "bound, and a browser that is new");
}

#[actix_web::test]
async fn no_account_is_reached_by_an_address_that_the_provider_does_not_vouch_for() {
    let (provider, site) = scene().await;
    sender::sign_in(&site, ANA).await;
    for claims in [
        json!({ "email_verified": false }),
        json!({ "email_verified": null }),
        json!({ "email": null }),
        json!({ "email": "ana@clinic.example\u{0}" }),
    ] {
        let told = refused(&provider.sign_in(&site, &site.client(), &claims).await);
        assert!(told.contains("vouch"), "{told}");
    }
    assert_eq!(rows::count(&site, "identities").await, 0);
}

#[actix_web::test]
async fn a_second_person_at_the_provider_with_the_same_address_gets_nobodys_account() {
    let (provider, site) = scene().await;
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    let other = site.client();
    let told = refused(&provider.sign_in(&site, &other, &json!({ "sub": "ana-2", "groups": ["admins"] })).await);
    assert!(told.contains("somebody else"), "{told}");
    other.get("/api/v1/me").await.refused(401, "sign-in-needed");
    assert_eq!(rows::query(&site, "SELECT subject FROM identities").await, ["ana-1"]);
    // Also in other letters: it is the same mailbox.
    refused(&provider.sign_in(&site, &other, &json!({ "sub": "ana-3", "email": "Ana@CLINIC.example" })).await);
}

#[actix_web::test]
async fn another_address_at_the_provider_changes_nothing_about_who_is_signed_in() {
    let (provider, site) = scene().await;
    sender::sign_in(&site, "eve@clinic.example").await;
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    for email in [json!("eve@clinic.example"), json!("new@clinic.example"), json!(null)] {
        let client = site.client();
        provider.sign_in(&site, &client, &json!({ "email": email })).await.expect(200);
        assert_eq!(address_of(&client).await, ANA);
    }
    assert_eq!(rows::count(&site, "accounts").await, 2);
}

#[actix_web::test]
async fn the_provider_lets_in_nobody_whom_the_rules_for_codes_keep_out() {
    let provider = Provider::start().await;
    let site =
        provider.site_with(|config| config.sign_in = SignInRule::parse(&["north.example".to_owned()]).unwrap()).await;
    let told = refused(&provider.sign_in(&site, &site.client(), &json!({})).await);
    assert!(told.contains("may not use this server"), "{told}");
    assert_eq!(rows::count(&site, "accounts").await, 0);
    let north = json!({ "sub": "ben", "email": "ben@north.example" });
    provider.sign_in(&site, &site.client(), &north).await.expect(200);
    // Disabled, over, not yet: as ever, and whatever is bound.
    let now = site.clock.now().as_unix();
    for change in ["disabled_at = 1", "valid_until = 1", &format!("valid_from = {}", now + 1)] {
        people::set(&site, "ben@north.example", change).await;
        let client = site.client();
        refused(&provider.sign_in(&site, &client, &north).await);
        client.get("/api/v1/me").await.refused(401, "sign-in-needed");
        people::set(&site, "ben@north.example", "disabled_at = NULL, valid_until = NULL, valid_from = NULL").await;
    }
    provider.sign_in(&site, &site.client(), &north).await.expect(200);
}

#[actix_web::test]
async fn a_session_by_the_provider_ends_the_one_before_it_in_the_same_browser() {
    let (provider, site) = scene().await;
    let client = sender::sign_in(&site, "eve@clinic.example").await;
    let old = client.cookie("filmjacket-session").unwrap();
    // As a browser comes back from elsewhere: with the one cookie that travels.
    let question = Question::begin(&client).await;
    let answer = provider.let_in(&site, &question, &json!({}));
    let kept = client.clone();
    for name in ["filmjacket-session", "filmjacket-known"] {
        client.forget_cookie(name);
    }
    client.get(&answer).await.expect(200);
    assert_ne!(client.cookie("filmjacket-session").unwrap(), old);
    assert_eq!(client.cookie("filmjacket-known"), kept.cookie("filmjacket-known"));
    assert_eq!(address_of(&client).await, ANA);
    kept.get("/api/v1/me").await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn another_website_cannot_send_somebody_to_the_provider() {
    let (_provider, site) = scene().await;
    for from in ["cross-site", "same-site"] {
        let answer = site.client().with("sec-fetch-site", from).get("/sign-in/provider").await.expect(303);
        assert_eq!(answer.header("location"), "/");
        assert_eq!(answer.header("set-cookie"), "");
    }
    site.client().with("sec-fetch-site", "none").get("/sign-in/provider").await.expect(303);
    assert_eq!(rows::count(&site, "ceremonies").await, 1);
}

#[actix_web::test]
async fn our_own_second_step_is_asked_for_unless_the_operator_takes_the_providers() {
    let provider = Provider::start().await;
    let site = provider.site_with(|config| config.second_step.sender = SecondStep::Required).await;
    let client = site.client();
    let told = json!({ "amr": ["pwd", "mfa"] });
    provider.sign_in(&site, &client, &told).await.expect(200);
    client.get("/api/v1/me").await.refused(403, "second-step-missing");
    let provider = Provider::start().await;
    let site = provider
        .site_with(|config| {
            config.second_step.sender = SecondStep::Required;
            config.single_sign_on.as_mut().unwrap().second_step = vec!["mfa".to_owned()];
        })
        .await;
    let client = site.client();
    provider.sign_in(&site, &client, &told).await.expect(200);
    client.get("/api/v1/me").await.expect(200);
    let weak = site.client();
    provider.sign_in(&site, &weak, &json!({ "amr": ["pwd"] })).await.expect(200);
    weak.get("/api/v1/me").await.refused(403, "second-step-needed");
}

#[actix_web::test]
async fn where_codes_are_not_mailed_none_is_taken_either() {
    let provider = Provider::start().await;
    let mut site = provider.site(|_| {}).await;
    let client = site.client();
    client.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.expect(202);
    let code = site.code_for(ANA).await;
    let settings = provider.settings();
    site.restart_with(move |config| {
        config.single_sign_on = Some(SingleSignOnSettings { mailed_codes: false, ..settings.clone() });
    })
    .await;
    let again = site.client();
    again.set_cookie("filmjacket-browser", &client.cookie("filmjacket-browser").unwrap());
    again.post("/api/v1/sign-in/code", &SignInCodeRequest { email: ANA.into(), code }).await.refused(404, "not-found");
    again.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.refused(404, "not-found");
    let page = again.get("/").await.expect(200).text();
    assert!(page.contains("href=\"/sign-in/provider\"") && !page.contains("type=\"email\""), "{page}");
}

#[actix_web::test]
async fn who_has_another_identity_at_the_provider_is_bound_anew_after_the_operator_unbound_the_old_one() {
    let (provider, site) = scene().await;
    let client = site.client();
    provider.sign_in(&site, &client, &json!({})).await.expect(200);
    refused(&provider.sign_in(&site, &site.client(), &json!({ "sub": "ana-2" })).await);
    let account_id = people::id_of(&site, ANA).await;
    let notice = AccountNotice { mail_id: "unbound".into(), what: "It was separated.".into() };
    let entry = AuditEntry::by("operator", Event::IdentityUnbound, site.clock.now());
    assert_eq!(site.app().store.unbind_identities(&account_id, &notice, &entry).await.unwrap(), 1);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
    assert!(site.notices(ANA).await.contains(&notice.what));
    provider.sign_in(&site, &client, &json!({ "sub": "ana-2" })).await.expect(200);
    refused(&provider.sign_in(&site, &site.client(), &json!({})).await);
    assert_eq!(rows::query(&site, "SELECT subject FROM identities").await, ["ana-2"]);
}

#[actix_web::test]
async fn two_people_with_one_address_who_come_at_once_do_not_both_get_its_account() {
    let (provider, site) = scene().await;
    let clients = [site.client(), site.client()];
    let mut answers = Vec::new();
    for (client, sub) in clients.iter().zip(["ana-1", "ana-2"]) {
        answers.push(provider.let_in(&site, &Question::begin(client).await, &json!({ "sub": sub })));
    }
    let [left, right] = [0, 1].map(|at| clients[at].get(&answers[at]));
    let (left, right) = futures_util::future::join(left, right).await;
    assert_eq!(BTreeSet::from([left.status, right.status]), BTreeSet::from([200, 403]));
    assert_eq!(rows::count(&site, "identities").await, 1);
    assert_eq!(rows::count(&site, "sessions").await, 1);
}

#[actix_web::test]
async fn without_a_provider_there_is_nothing_to_begin_and_no_button() {
    let site = Site::start().await;
    for path in ["/sign-in/provider", "/sign-in/provider/callback?code=x&state=y"] {
        site.client().get(path).await.refused(404, "not-found");
    }
    assert!(!site.client().get("/").await.expect(200).text().contains("/sign-in/provider"));
}

#[actix_web::test]
async fn an_administrator_sees_who_signs_in_by_the_provider() {
    let (provider, site) = scene().await;
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    let admin = people::administrator(&site, "ada@clinic.example").await;
    let page: Value = admin.get("/api/v1/admin/people").await.expect(200).json();
    let shown: Vec<_> = page["people"].as_array().unwrap().iter().map(|one| one["has_identity"].clone()).collect();
    assert_eq!(shown, [json!(false), json!(true)]);
}

#[actix_web::test]
async fn nobody_is_signed_in_by_the_provider_if_the_audit_cannot_be_written() {
    let (provider, site) = scene().await;
    let client = site.client();
    let answer = provider.let_in(&site, &Question::begin(&client).await, &json!({}));
    rows::fail(&site, "INSERT ON audit").await;
    assert!(client.get(&answer).await.status >= 500);
    rows::mend(&site).await;
    assert_eq!(rows::count(&site, "identities").await + rows::count(&site, "sessions").await, 0);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
}
