//! What is left to somebody who has half of what an account needs: its mailbox, its password at the provider, or an address there.

use crate::harness::provider::{Provider, Question};
use crate::harness::second_step::{Protected, enter, look, required, set_up_app};
use crate::harness::tokens::{Owner, program};
use crate::harness::{Answer, Client, MINUTE, Site, people, rows, sender};
use filmjacket::mail::Letter;
use filmjacket::people::PROVIDER_WORD_LIFETIME;
use protocol::sign_in::{Role, SignInCodeRequest, SignInRequest};
use protocol::tokens::Scope;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ANA: &str = "ana@clinic.example";

/// A site that takes the provider's word for a second step.
async fn trusting(must: bool) -> (Provider, Site) {
    let provider = Provider::start().await;
    let site = provider
        .site_with(move |config| {
            if must {
                required(config);
            }
            config.single_sign_on.as_mut().unwrap().second_step = vec!["mfa".to_owned()];
        })
        .await;
    (provider, site)
}

/// A second step at the provider, asked for `ago` seconds before now.
fn mfa(site: &Site, ago: i64) -> Value {
    json!({ "amr": ["pwd", "mfa"], "auth_time": site.clock.now().as_unix() - ago })
}

async fn begin_app(client: &Client) -> Answer {
    client.post("/api/v1/account/app", &json!({})).await
}

async fn codes_mailed(site: &Site) -> usize {
    site.send_mail().await;
    site.mail().iter().filter(|mail| matches!(mail.letter, Letter::SignInCode(_))).count()
}

async fn count_rows(site: &Site, table: &str) -> usize {
    rows::count(site, table).await
}

#[actix_web::test]
async fn the_mailbox_alone_opens_no_account_that_signs_in_by_the_provider() {
    let (provider, site) = trusting(true).await;
    // A code that was mailed before the account was bound.
    let early = site.client();
    early.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.expect(202);
    let code = site.code_for(ANA).await;
    provider.sign_in(&site, &site.client(), &mfa(&site, 0)).await.expect(200);
    let body = SignInCodeRequest { email: ANA.into(), code };
    early.post("/api/v1/sign-in/code", &body).await.refused(401, "wrong-code");
    // Asking for another is answered, and costs, as for anybody; but nothing is mailed.
    let before = codes_mailed(&site).await;
    let mut answers = Vec::new();
    for email in [ANA, "nobody@clinic.example"] {
        let queued = count_rows(&site, "outbox").await;
        let answer = site.client().post("/api/v1/sign-in", &SignInRequest { email: email.into() }).await.expect(202);
        answers.push((answer.text(), count_rows(&site, "outbox").await - queued));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(codes_mailed(&site).await, before + 1, "to nobody@clinic.example alone");
}

#[actix_web::test]
async fn who_was_unbound_by_the_operator_or_has_no_provider_any_more_gets_codes_again() {
    let provider = Provider::start().await;
    let mut site = provider.site(|_| {}).await;
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    site.restart_with(|config| config.single_sign_on = None).await;
    sender::sign_in(&site, ANA).await;
}

#[actix_web::test]
async fn the_password_at_the_provider_alone_sets_up_no_second_step() {
    for must in [true, false] {
        let (provider, site) = trusting(must).await;
        provider.sign_in(&site, &site.client(), &mfa(&site, 0)).await.expect(200);
        let weak = site.client();
        provider.sign_in(&site, &weak, &json!({ "amr": ["pwd"] })).await.expect(200);
        let kind = if must { "second-step-needed" } else { "step-up-needed" };
        let told = begin_app(&weak).await.refused(403, kind).detail;
        assert!(told.contains("by your clinic once more"), "{told}");
        if must {
            assert_eq!(weak.get("/").await.expect(303).header("location"), "/second-step");
            weak.get("/api/v1/me").await.refused(403, "second-step-needed");
        }
        let page = weak.get("/second-step").await.expect(200).text();
        assert!(page.contains("href=\"/sign-in/provider\"") && !page.contains("code-form"), "{page}");
        // There it asks for the second step, and all is well.
        provider.sign_in(&site, &weak, &mfa(&site, 0)).await.expect(200);
        set_up_app(&site, &weak).await;
    }
}

#[actix_web::test]
async fn a_step_at_the_provider_is_recent_by_the_providers_own_time_and_for_five_minutes() {
    let (provider, site) = trusting(true).await;
    let unknown = json!({ "amr": ["mfa"], "auth_time": null });
    let future = json!({ "amr": ["mfa"], "auth_time": site.clock.now().as_unix() + 3600 });
    for old in [unknown, future, mfa(&site, 5 * MINUTE)] {
        let client = site.client();
        provider.sign_in(&site, &client, &old).await.expect(200);
        client.get("/api/v1/me").await.expect(200);
        begin_app(&client).await.refused(403, "step-up-needed");
    }
    let client = site.client();
    provider.sign_in(&site, &client, &mfa(&site, 4 * MINUTE)).await.expect(200);
    begin_app(&client).await.expect(200);
    site.wait(MINUTE);
    begin_app(&client).await.refused(403, "step-up-needed");
    // Whoever is signed in is asked anew at the provider, and may then go on.
    let question = Question::begin(&client).await;
    assert_eq!(question.get("max_age"), "60");
    client.get(&provider.let_in(&site, &question, &mfa(&site, 0))).await.expect(200);
    begin_app(&client).await.expect(200);
    assert!(!Question::begin(&site.client()).await.url.as_str().contains("max_age"));
}

/// Where the page after a sign-in at the provider goes on to, begun by this link.
async fn next_page(provider: &Provider, site: &Site, client: &Client, link: &str, claims: &Value) -> String {
    let question = Question::begin_by(client, link).await;
    let page = client.get(&provider.let_in(site, &question, claims)).await.expect(200).text();
    let next = page.split("content=\"0;url=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(page.contains(&format!("href=\"{next}\">Go on")), "{page}");
    next
}

#[actix_web::test]
async fn whoever_confirms_at_the_provider_comes_back_to_where_they_were() {
    let (provider, site) = trusting(true).await;
    let client = site.client();
    let to = async |link: &str, claims: Value| next_page(&provider, &site, &client, link, &claims).await;
    // Who signs in begins at the first page, whatever the link says.
    assert_eq!(to("/sign-in/provider?then=/account", mfa(&site, 0)).await, "/");
    for page in ["/account", "/admin/people"] {
        assert_eq!(to(&format!("/sign-in/provider?then={page}"), mfa(&site, 0)).await, page);
    }
    assert_eq!(to("/sign-in/provider", mfa(&site, 0)).await, "/");
    // Somebody else comes back: that page was not theirs.
    let eve = json!({ "sub": "eve", "email": "eve@clinic.example", "amr": ["mfa"] });
    assert_eq!(to("/sign-in/provider?then=/admin/people", eve).await, "/");
}

#[actix_web::test]
async fn no_link_says_where_a_sign_in_ends_but_on_our_own_pages() {
    let (provider, site) = trusting(false).await;
    let client = site.client();
    provider.sign_in(&site, &client, &json!({})).await.expect(200);
    let long = format!("/account{}", "x".repeat(3000));
    for then in [
        "https://evil.example/account",
        "//evil.example/account",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/account/..//evil.example",
        "/account@evil.example",
        "/account?next=//evil.example",
        "/account#//evil.example",
        "/account\r\nlocation: //evil.example",
        "/account\u{0}",
        "/account\">",
        " /account",
        "/ACCOUNT",
        "account",
        "javascript:alert(1)",
        "/sign-in/provider",
        "/api/v1/audit/export",
        "/open",
        "",
        &long,
    ] {
        let query: String = url::form_urlencoded::byte_serialize(then.as_bytes()).collect();
        let link = format!("/sign-in/provider?then={query}");
        assert_eq!(next_page(&provider, &site, &client, &link, &json!({})).await, "/", "{then:?}");
    }
}

#[actix_web::test]
async fn who_has_a_factor_here_shows_that_one_before_a_dangerous_act() {
    let (provider, site) = trusting(true).await;
    let client = site.client();
    provider.sign_in(&site, &client, &mfa(&site, 0)).await.expect(200);
    let (app, _) = set_up_app(&site, &client).await;
    let other = site.client();
    provider.sign_in(&site, &other, &mfa(&site, 0)).await.expect(200);
    other.get("/api/v1/me").await.expect(200);
    begin_app(&other).await.refused(403, "step-up-needed");
    site.wait(MINUTE);
    enter(&other, &app.code(&site)).await.expect(204);
    begin_app(&other).await.expect(200);
}

#[actix_web::test]
async fn what_the_operator_took_for_a_second_step_counts_no_more_once_they_do_not() {
    let provider = Provider::start().await;
    let trusting = provider.settings();
    let mut site = provider
        .site_with(|config| {
            required(config);
            config.single_sign_on.as_mut().unwrap().second_step = vec!["mfa".to_owned()];
        })
        .await;
    let client = site.client();
    provider.sign_in(&site, &client, &mfa(&site, 0)).await.expect(200);
    set_up_app(&site, &client).await;
    let other = site.client();
    provider.sign_in(&site, &other, &mfa(&site, 0)).await.expect(200);
    let cookie = other.cookie("filmjacket-session").unwrap();
    site.restart_with(move |config| {
        required(config);
        config.single_sign_on = Some(trusting.clone());
    })
    .await;
    let other = site.client();
    other.set_cookie("filmjacket-session", &cookie);
    other.get("/api/v1/me").await.refused(403, "second-step-needed");
}

#[actix_web::test]
async fn an_address_at_the_provider_does_not_get_past_the_accounts_own_second_step() {
    let (provider, site) = trusting(false).await;
    let owner = Protected::sign_in(&site, ANA).await;
    let refused = async |client: &Client| {
        let answer = provider.sign_in(&site, client, &mfa(&site, 0)).await.refused(403, "single-sign-on-refused");
        assert!(answer.detail.contains("second step"), "{}", answer.detail);
        assert_eq!(rows::count(&site, "identities").await, 0);
    };
    // The address alone; with the mailbox; with somebody else's second step; with the owner's, long ago.
    refused(&site.client()).await;
    refused(&Protected::halfway(&site, ANA).await).await;
    refused(&Protected::sign_in(&site, "eve@clinic.example").await.client).await;
    site.wait(5 * MINUTE);
    refused(&owner.client).await;
    let told =
        rows::one(&site, "SELECT detail FROM audit WHERE event = 'sign_in.refused' ORDER BY seq DESC LIMIT 1").await;
    assert!(told.contains(&format!("{} sub ", provider.issuer)), "{told}");
    // The owner's, just now: bound, and asked for it once more whatever the provider says.
    enter(&owner.client, &owner.app.code(&site)).await.expect(204);
    provider.sign_in(&site, &owner.client, &mfa(&site, 0)).await.expect(200);
    owner.client.get("/api/v1/me").await.refused(403, "second-step-needed");
    site.wait(MINUTE);
    enter(&owner.client, &owner.app.code(&site)).await.expect(204);
    owner.client.get("/api/v1/me").await.expect(200);
    assert!(look(&owner.client).await.provider.is_some());
}

#[actix_web::test]
async fn a_step_at_the_provider_is_forgotten_when_a_factor_is_set_up_elsewhere() {
    let (provider, site) = trusting(true).await;
    let (stolen, own) = (site.client(), site.client());
    for client in [&stolen, &own] {
        provider.sign_in(&site, client, &mfa(&site, 0)).await.expect(200);
    }
    let prepared = begin_app(&stolen).await.expect(200);
    assert!(prepared.text().contains("secret"));
    set_up_app(&site, &own).await;
    stolen.get("/api/v1/me").await.refused(403, "second-step-needed");
    own.get("/api/v1/me").await.expect(200);
}

#[actix_web::test]
async fn no_web_page_can_use_up_a_clinics_sign_ins_or_fill_its_audit() {
    let (provider, site) = trusting(false).await;
    let client = site.client();
    let question = Question::begin(&client).await;
    for number in 0..450 {
        let path = format!("/sign-in/provider/callback?code=x&state={number}");
        let answer = if number % 2 == 0 { client.get(&path).await } else { site.client().get(&path).await };
        answer.refused(403, "single-sign-on-refused");
    }
    assert_eq!(rows::count(&site, "audit").await, 0);
    client.get(&provider.let_in(&site, &question, &json!({}))).await.expect(200);
}

#[actix_web::test]
async fn a_whole_sign_in_by_the_provider_from_a_new_browser_is_told_also_to_who_has_a_factor() {
    let (provider, site) = trusting(false).await;
    let client = site.client();
    provider.sign_in(&site, &client, &mfa(&site, 0)).await.expect(200);
    set_up_app(&site, &client).await;
    let news = async || site.notices(ANA).await.iter().filter(|what| what.contains("new to it")).count();
    // Halfway: the factor is still asked for, and guards.
    provider.sign_in(&site, &site.client(), &json!({ "amr": ["pwd"] })).await.expect(200);
    assert_eq!(news().await, 0);
    provider.sign_in(&site, &site.client(), &mfa(&site, 0)).await.expect(200);
    assert_eq!(news().await, 1);
}

#[actix_web::test]
async fn groups_write_only_the_roles_that_are_theirs() {
    let provider = Provider::start().await;
    let site = provider
        .site(|settings| drop(settings.roles.insert(Role::Auditor, BTreeSet::from(["revision".to_owned()]))))
        .await;
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    // An administrator takes a role away after this sign-in looked at the account, and before it writes.
    let (account_id, rule) = (people::id_of(&site, ANA).await, provider_rule(&site));
    people::set(&site, ANA, "sender = 0, department_head = 1").await;
    let entry = filmjacket::store::AuditEntry {
        at: site.clock.now(),
        event: filmjacket::store::Event::PersonChanged,
        actor: "system".into(),
        token: None,
        transfer_id: None,
        address: None,
        detail: ANA.into(),
    };
    site.app().store.set_roles(&account_id, &rule, &["revision".to_owned()], &entry).await.unwrap();
    let sql = "SELECT sender || ' ' || auditor || ' ' || administrator || ' ' || department_head FROM accounts";
    assert_eq!(rows::one(&site, sql).await, "0 1 0 1");
}

fn provider_rule(site: &Site) -> filmjacket::people::GroupRoles {
    site.app().config.single_sign_on.as_ref().unwrap().group_roles()
}

#[actix_web::test]
async fn programs_of_who_signs_in_by_the_provider_stop_a_month_after_they_were_there_last() {
    let provider = Provider::start().await;
    let site = provider.site(|_| {}).await;
    let client = site.client();
    provider.sign_in(&site, &client, &json!({})).await.expect(200);
    let (app, _) = set_up_app(&site, &client).await;
    let script = program(&site, &Owner { client, app }.make(&[Scope::TransfersRead]).await.token);
    site.wait(PROVIDER_WORD_LIFETIME - 1);
    script.get("/api/v1/transfers").await.expect(200);
    site.wait(1);
    script.get("/api/v1/transfers").await.refused(401, "token-invalid");
    // They were on leave, and are back.
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    script.get("/api/v1/transfers").await.expect(200);
}

#[actix_web::test]
async fn a_role_that_the_groups_take_away_ends_the_tokens_that_were_for_it() {
    let provider = Provider::start().await;
    let site = provider
        .site(|settings| drop(settings.roles.insert(Role::Auditor, BTreeSet::from(["revision".to_owned()]))))
        .await;
    let client = site.client();
    provider.sign_in(&site, &client, &json!({ "groups": ["revision"] })).await.expect(200);
    let (app, _) = set_up_app(&site, &client).await;
    Owner { client, app }.make(&[Scope::AuditRead]).await;
    for (groups, tokens) in [(json!(["revision", "ward"]), 1), (json!([]), 0), (json!(["revision"]), 0)] {
        provider.sign_in(&site, &site.client(), &json!({ "groups": groups })).await.expect(200);
        assert_eq!(rows::count(&site, "access_tokens").await, tokens, "{groups}");
    }
}

#[actix_web::test]
async fn the_audit_tells_which_identity_was_bound_and_unbound() {
    let provider = Provider::start().await;
    let site = provider.site(|_| {}).await;
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    // The first eight bytes of SHA-256 of "ana-1".
    let name = rows::one(&site, "SELECT detail FROM audit WHERE event = 'identity.bound'").await;
    assert!(!name.contains("ana-1") && name.starts_with(&format!("{} sub ", provider.issuer)), "{name}");
    let notice = filmjacket::store::AccountNotice { mail_id: "unbound".into(), what: "It was separated.".into() };
    let entry = filmjacket::store::AuditEntry {
        at: site.clock.now(),
        event: filmjacket::store::Event::IdentityUnbound,
        actor: "operator".into(),
        token: None,
        transfer_id: None,
        address: None,
        detail: ANA.into(),
    };
    let account_id = people::id_of(&site, ANA).await;
    site.app().store.unbind_identities(&account_id, &notice, &entry).await.unwrap();
    let gone = rows::one(&site, "SELECT detail FROM audit WHERE event = 'identity.unbound'").await;
    assert_eq!(gone, format!("{ANA}; {name}"));
    // The way out for who lost their entry at the provider.
    sender::sign_in(&site, ANA).await;
}
