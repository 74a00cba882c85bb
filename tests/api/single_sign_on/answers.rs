//! What comes back from the provider: an answer to our own question, once, in the browser that asked.

use super::{last_refusal, refused, scene};
use crate::harness::provider::{Question, Signing};
use crate::harness::{MINUTE, rows};
use serde_json::json;

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
