//! Signing in by the institution's own provider, and what an attacker may try with that.

use crate::harness::provider::{Provider, Question, Signing};
use crate::harness::{Answer, Client, MINUTE, Site, people, rows, sender};
use actix_web::http::StatusCode;
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
async fn a_question_to_the_provider_carries_pkce_a_state_and_a_nonce_that_are_never_the_same() {
    let (provider, site) = scene().await;
    let client = site.client();
    let (first, second) = (Question::begin(&client).await, Question::begin(&client).await);
    assert!(first.url.as_str().starts_with(&format!("{}/auth?", provider.issuer)));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "films"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
        ("redirect_uri", &format!("{}/sign-in/provider/callback", site.origin())),
    ] {
        assert_eq!(first.get(name), value);
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(first.get(name), second.get(name), "{name}");
        assert_eq!(rows::query(&site, "SELECT session_hash || sealed FROM ceremonies").await.len(), 2);
        let kept = rows::dump(&site).await;
        assert!(!format!("{kept:?}").contains(&first.get(name)), "{name} is readable in the database");
    }
}

#[actix_web::test]
async fn the_cookie_of_a_sign_in_at_the_provider_travels_back_from_there_and_no_other_does() {
    let (provider, site) = scene().await;
    let client = site.client();
    let question = Question::begin(&client).await;
    let set = client.get("/sign-in/provider").await;
    let cookies: Vec<_> = set.headers.get_all("set-cookie").map(|value| value.to_str().unwrap().to_owned()).collect();
    assert!(cookies.iter().all(|cookie| cookie.contains("HttpOnly")), "{cookies:?}");
    assert!(cookies.len() == 1 && cookies[0].contains("SameSite=Lax"), "{cookies:?}");
    let back = client.get(&provider.let_in(&site, &question, &json!({}))).await.expect(200);
    for cookie in back.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()) {
        assert!(cookie.contains("SameSite=Strict") || cookie.contains("Max-Age=0"), "{cookie}");
    }
}

#[actix_web::test]
async fn an_answer_works_once_in_the_browser_that_asked_and_for_ten_minutes() {
    let (provider, site) = scene().await;
    let (ana, eve) = (site.client(), site.client());
    // Login CSRF: Eve's answer in Ana's browser, which has begun a sign-in of its own, or none.
    let evil =
        provider.let_in(&site, &Question::begin(&eve).await, &json!({ "sub": "eve", "email": "eve@clinic.example" }));
    refused(&ana.get(&evil).await);
    let question = Question::begin(&ana).await;
    refused(&ana.get(&evil).await);
    assert_eq!(rows::count(&site, "audit").await, 0, "nobody knows who that was");
    // A stolen answer in the thief's browser.
    let good = provider.let_in(&site, &question, &json!({}));
    refused(&eve.get(&good).await);
    // Neither took Ana's own away.
    ana.get(&good).await.expect(200);
    refused(&ana.get(&good).await);
    // Her cookie is gone; put back, the answer is still spent.
    let late = site.client();
    let answer = provider.let_in(&site, &Question::begin(&late).await, &json!({}));
    site.wait(10 * MINUTE);
    refused(&late.get(&answer).await);
    for made_up in ["", "?state=&code=x", "?state=AAAA&code=x", "?code=x", "?error=access_denied"] {
        refused(&late.get(&format!("/sign-in/provider/callback{made_up}")).await);
    }
    assert_eq!(rows::count(&site, "sessions").await, 1);
}

#[actix_web::test]
async fn a_replayed_answer_with_its_cookie_put_back_is_refused() {
    let (provider, site) = scene().await;
    let client = site.client();
    let answer = provider.let_in(&site, &Question::begin(&client).await, &json!({}));
    let cookie = client.cookie("filmjacket-provider").unwrap();
    client.get(&answer).await.expect(200);
    client.set_cookie("filmjacket-provider", &cookie);
    refused(&client.get(&answer).await);
    assert_eq!(provider.count("/token"), 1, "the code was not even tried");
}

#[actix_web::test]
async fn a_token_that_is_not_for_us_now_and_from_the_provider_signs_nobody_in() {
    let (provider, site) = scene().await;
    let now = site.clock.now().as_unix();
    for (claims, why) in [
        (json!({ "aud": "another" }), "for somebody else"),
        (json!({ "aud": ["films", "another"] }), "for somebody else"),
        (json!({ "iss": "https://evil.example" }), "another provider's"),
        (json!({ "exp": now - 61 }), "not valid now"),
        (json!({ "iat": now + 61 }), "not valid now"),
        (json!({ "nonce": "another" }), "another question"),
        (json!({ "nonce": null }), "another question"),
        (json!({ "sub": "" }), "a name of no use"),
    ] {
        refused(&provider.sign_in(&site, &site.client(), &claims).await);
        let told = last_refusal(&site).await;
        assert!(told.contains(why), "{claims}: {told}");
    }
    for signing in [Signing::OtherKey, Signing::None, Signing::Secret, Signing::PublicKeyAsSecret] {
        provider.change(|manners| manners.signing = signing);
        refused(&provider.sign_in(&site, &site.client(), &json!({})).await);
        let told = last_refusal(&site).await;
        assert!(told.contains("its signature is wrong"), "{told}");
    }
    assert_eq!(rows::count(&site, "accounts").await + rows::count(&site, "sessions").await, 0);
    // The clocks of two machines may differ by a minute.
    provider.change(|manners| manners.signing = Signing::Right);
    provider.sign_in(&site, &site.client(), &json!({ "exp": now - 59, "iat": now + 60 })).await.expect(200);
}

#[actix_web::test]
async fn a_code_that_was_stolen_on_its_way_is_worth_nothing_without_its_verifier() {
    let (provider, site) = scene().await;
    let (ana, eve) = (site.client(), site.client());
    let stolen = provider.let_in(&site, &Question::begin(&ana).await, &json!({}));
    let code = stolen.split("code=").nth(1).unwrap().split('&').next().unwrap();
    // Eve puts Ana's code into the answer to her own question: her verifier does not fit.
    let question = Question::begin(&eve).await;
    let injected = format!("/sign-in/provider/callback?code={code}&state={}", question.get("state"));
    refused(&eve.get(&injected).await);
    assert!(last_refusal(&site).await.contains("invalid_grant"));
    eve.get("/api/v1/me").await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn an_answer_that_names_another_provider_is_not_redeemed() {
    let (provider, site) = scene().await;
    let client = site.client();
    let answer = provider.let_in(&site, &Question::begin(&client).await, &json!({}));
    refused(&client.get(&format!("{answer}&iss=https%3A%2F%2Fevil.example")).await);
    assert_eq!(provider.count("/token"), 0);
    let answer = provider.let_in(&site, &Question::begin(&client).await, &json!({}));
    let issuer: String = url::form_urlencoded::byte_serialize(provider.issuer.as_bytes()).collect();
    client.get(&format!("{answer}&iss={issuer}&session_state=x")).await.expect(200);
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
async fn groups_give_and_take_the_roles_that_the_operator_named_and_no_others() {
    let provider = Provider::start().await;
    let site = provider.site(groups(Role::Auditor, "revision")).await;
    let sign_in = async |groups: Value| provider.sign_in(&site, &site.client(), &json!({ "groups": groups })).await;
    let changes = async || rows::query(&site, "SELECT detail FROM audit WHERE event = 'person.changed'").await;
    sign_in(json!(["ward", "revision"])).await.expect(200);
    assert_eq!(roles_of(&site, ANA).await, "1 1 0");
    assert_eq!(changes().await, ["ana@clinic.example; roles: sender auditor; by the groups of the provider"]);
    sign_in(json!(["revision"])).await.expect(200);
    assert_eq!(changes().await.len(), 1, "nothing changed");
    people::give(&site, ANA, &[Role::Auditor, Role::Administrator]).await;
    sign_in(json!([])).await.expect(200);
    assert_eq!(roles_of(&site, ANA).await, "0 0 1");
    // A provider that says nothing of groups has none to give.
    people::give(&site, ANA, &[Role::Auditor, Role::Sender]).await;
    sign_in(json!(null)).await.expect(200);
    assert_eq!(roles_of(&site, ANA).await, "1 0 0");
}

#[actix_web::test]
async fn whoever_is_in_no_group_that_gives_a_role_is_out_with_every_session() {
    let provider = Provider::start().await;
    let site = provider.site(groups(Role::Sender, "radiology")).await;
    refused(&provider.sign_in(&site, &site.client(), &json!({})).await);
    assert_eq!(rows::count(&site, "accounts").await, 0);
    let client = site.client();
    provider.sign_in(&site, &client, &json!({ "groups": ["radiology"] })).await.expect(200);
    client.get("/api/v1/me").await.expect(200);
    refused(&provider.sign_in(&site, &site.client(), &json!({ "groups": ["kitchen"] })).await);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn the_last_administrator_stays_one_whatever_the_groups_say() {
    let provider = Provider::start().await;
    let site = provider.site(groups(Role::Administrator, "admins")).await;
    provider.sign_in(&site, &site.client(), &json!({ "groups": ["admins"] })).await.expect(200);
    for _ in 0..2 {
        provider.sign_in(&site, &site.client(), &json!({ "groups": [] })).await.expect(200);
        assert_eq!(roles_of(&site, ANA).await, "1 0 1");
    }
    let changed = "SELECT detail FROM audit WHERE event = 'person.changed'";
    assert_eq!(rows::query(&site, changed).await.len(), 1, "a role that stays is no change");
    people::administrator(&site, "ada@clinic.example").await;
    provider.sign_in(&site, &site.client(), &json!({ "groups": [] })).await.expect(200);
    assert_eq!(roles_of(&site, ANA).await, "1 0 0");
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
async fn what_the_token_leaves_out_is_asked_of_the_userinfo_endpoint_about_the_same_person() {
    let provider = Provider::start().await;
    let site = provider.site(groups(Role::Auditor, "revision")).await;
    let short = json!({ "email": null, "email_verified": null });
    let full = json!({ "sub": "ana-1", "email": ANA, "email_verified": true, "groups": ["revision"] });
    let mut other = full.clone();
    other["sub"] = json!("eve");
    provider.change(|manners| manners.userinfo = Some(other));
    refused(&provider.sign_in(&site, &site.client(), &short).await);
    provider.change(|manners| manners.userinfo = Some(full));
    provider.sign_in(&site, &site.client(), &short).await.expect(200);
    assert_eq!(roles_of(&site, ANA).await, "1 1 0");
}

#[actix_web::test]
async fn a_provider_that_is_away_or_answers_nonsense_is_told_as_such_and_asked_again() {
    let (provider, site) = scene().await;
    let long = format!("{{\"issuer\": \"{}\"}}", "x".repeat(2 << 20));
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "oops".to_owned()),
        (StatusCode::OK, "no json".to_owned()),
        (StatusCode::OK, "{}".to_owned()),
        (StatusCode::OK, long),
        (StatusCode::FOUND, String::new()),
    ] {
        provider.change(|manners| manners.broken = Some((status, body)));
        let answer = site.client().get("/sign-in/provider").await;
        answer.refused(503, "provider-away");
        assert_eq!(answer.header("retry-after"), "30");
        site.wait(10);
    }
    assert_eq!(provider.count("/elsewhere"), 0, "a redirect was followed");
    provider.change(|manners| (manners.broken, manners.issuer) = (None, Some("https://evil.example".to_owned())));
    site.client().get("/sign-in/provider").await.refused(503, "provider-away");
    provider.change(|manners| manners.issuer = None);
    // For ten seconds nobody waits for it in vain once more.
    site.wait(9);
    let asked = provider.count("/openid-configuration");
    site.client().get("/sign-in/provider").await.refused(503, "provider-away");
    assert_eq!(provider.count("/openid-configuration"), asked);
    site.wait(1);
    let client = site.client();
    let answer = provider.let_in(&site, &Question::begin(&client).await, &json!({}));
    provider.change(|manners| manners.broken = Some((StatusCode::BAD_GATEWAY, String::new())));
    client.get(&answer).await.refused(503, "provider-away");
    assert_eq!(rows::count(&site, "sessions").await, 0);
}

#[actix_web::test]
async fn the_provider_is_asked_for_its_keys_once_an_hour_and_when_it_has_new_ones() {
    let (provider, site) = scene().await;
    for _ in 0..3 {
        provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    }
    assert_eq!(provider.count("/keys"), 1);
    provider.rotate();
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    assert_eq!(provider.count("/keys"), 2);
    site.wait(61 * MINUTE);
    provider.sign_in(&site, &site.client(), &json!({})).await.expect(200);
    assert_eq!(provider.count("/keys"), 3);
}

#[actix_web::test]
async fn many_who_come_at_once_ask_the_provider_what_it_is_once() {
    let (provider, site) = scene().await;
    let clients: Vec<_> = (0..8).map(|_| site.client()).collect();
    let answers = clients.iter().map(|client| client.get("/sign-in/provider"));
    for answer in futures_util::future::join_all(answers).await {
        answer.expect(303);
    }
    assert_eq!(provider.count("/openid-configuration"), 1);
}

#[actix_web::test]
async fn whoever_says_no_at_the_provider_is_told_what_to_do_and_repeats_nothing_of_it() {
    let (_provider, site) = scene().await;
    let client = site.client();
    for (error, kept) in [("access_denied", "said access_denied"), ("%3Cscript%3E", "said nothing that reads")] {
        let state = Question::begin(&client).await.get("state");
        let path = format!("/sign-in/provider/callback?error={error}&error_description=evil&state={state}&code=x");
        let told = refused(&client.get(&path).await);
        assert!(told.contains("begin again") && !told.contains("script") && !told.contains("evil"), "{told}");
        assert!(last_refusal(&site).await.contains(kept));
    }
    let page = client.send("GET", "/sign-in/provider/callback", &[("accept", "text/html")], "").await;
    assert!(page.status == 403 && page.text().contains("You are not signed in"), "{}", page.text());
}

#[actix_web::test]
async fn who_has_another_identity_at_the_provider_is_bound_anew_after_the_operator_unbound_the_old_one() {
    let (provider, site) = scene().await;
    let client = site.client();
    provider.sign_in(&site, &client, &json!({})).await.expect(200);
    refused(&provider.sign_in(&site, &site.client(), &json!({ "sub": "ana-2" })).await);
    let account_id = people::id_of(&site, ANA).await;
    let notice = AccountNotice { mail_id: "unbound".into(), what: "It was separated.".into() };
    let entry = AuditEntry {
        at: site.clock.now(),
        event: Event::IdentityUnbound,
        actor: "operator".into(),
        token: None,
        transfer_id: None,
        address: None,
        detail: ANA.into(),
    };
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
