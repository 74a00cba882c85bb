//! Roles that go by the groups at the provider.

use super::{ANA, groups, refused, roles_of};
use crate::harness::provider::Provider;
use crate::harness::{people, rows};
use protocol::sign_in::Role;
use serde_json::{Value, json};

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
