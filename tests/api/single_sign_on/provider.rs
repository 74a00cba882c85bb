//! What the provider itself is asked, and when it does not answer.

use super::{ANA, groups, refused, roles_of, scene};
use crate::harness::provider::{Provider, Question};
use crate::harness::{MINUTE, rows};
use actix_web::http::StatusCode;
use protocol::sign_in::Role;
use serde_json::json;

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
