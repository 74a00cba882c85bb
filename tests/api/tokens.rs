//! Access tokens: how they are made, what ends them, what they never do. Which routes take which is in `access`.

use crate::harness::people::{give, id_of, set};
use crate::harness::second_step::{enter, look, reset_factors};
use crate::harness::tokens::{Owner, PATH, bare, program};
use crate::harness::{Client, DAY, HOUR, MINUTE, Parcel, Site, people, rows};
use filmjacket::people::{MAX_TOKENS, SHOWN_AFTER_END, Standing};
use filmjacket::store::{AuditEntry, Event, PersonChange};
use protocol::account::SecondStep;
use protocol::people::PeoplePage;
use protocol::sign_in::{Me, Role};
use protocol::tokens::{Scope, TOKEN_PREFIX, TokenMade};
use protocol::transfers::TransferLog;
use serde_json::json;

const ANA: &str = "ana@clinic.example";
const ADA: &str = "ada@clinic.example";
const ME: &str = "/api/v1/me";

/// The state of a token that must not work, as its holder is told.
async fn is_dead(client: &Client) {
    let answer = client.get(ME).await;
    answer.refused(401, "token-invalid");
    assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[actix_web::test]
async fn a_token_is_told_once_listed_mailed_written_down_and_revoked_at_once() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let TokenMade { token, entry } = ana.make(&[Scope::TransfersRead]).await;
    assert_eq!((token.len(), entry.expires_at), (TOKEN_PREFIX.len() + 43, site.clock.now().plus(90 * DAY)));
    let account = look(&ana.client).await;
    assert_eq!(account.tokens, std::slice::from_ref(&entry));
    assert!(!ana.client.get("/api/v1/account").await.text().contains(&token));
    let notices = site.notices(ANA).await;
    let told = |words: &str| notices.iter().any(|what| what.contains(words));
    assert!(told("“nightly export” was made") && told("Until 2027-04-15"), "{notices:?}");
    assert!(!notices.concat().contains(&token));

    let script = program(&site, &token);
    assert_eq!(script.get(ME).await.expect(200).json::<Me>().email, ANA);
    let path = format!("{PATH}/{}", entry.token_id);
    ana.client.delete(&path).await.expect(204);
    is_dead(&script).await;
    assert!(look(&ana.client).await.tokens.is_empty());
    ana.client.delete(&path).await.refused(404, "not-found");
    assert!(site.notices(ANA).await.concat().contains("“nightly export” of your account was revoked"));
    let told =
        rows::query(&site, "SELECT event || ' ' || detail FROM audit WHERE event LIKE 'token.%' ORDER BY seq").await;
    assert_eq!(
        told,
        ["token.made nightly export: transfers:read, until 2027-04-15T08:00:00Z", "token.revoked nightly export"]
    );
}

#[actix_web::test]
async fn a_token_ends_on_its_day_and_is_forgotten_a_month_later() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let made: TokenMade = ana.ask("script", &[Scope::TransfersRead], Some(2)).await.expect(201).json();
    let script = program(&site, &made.token);
    site.wait(2 * DAY - 1);
    script.get(ME).await.expect(200);
    site.wait(1);
    is_dead(&script).await;
    site.wait(SHOWN_AFTER_END - 1);
    site.tidy().await;
    assert_eq!(rows::count(&site, "access_tokens").await, 1);
    site.wait(1);
    site.tidy().await;
    assert_eq!(rows::count(&site, "access_tokens").await, 0);
}

#[actix_web::test]
async fn a_token_that_the_clock_was_set_back_behind_does_not_work() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let script = program(&site, &ana.make(&[Scope::TransfersRead]).await.token);
    site.wait(-2 * MINUTE);
    is_dead(&script).await;
}

#[actix_web::test]
async fn a_token_is_worth_what_its_owner_may_do_at_that_moment() {
    let site = Site::start_with(|config| config.second_step.auditor = SecondStep::Required).await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender, Role::Auditor]).await;
    let script = program(&site, &ana.make(&[Scope::TransfersRead, Scope::AuditRead]).await.token);
    script.get("/api/v1/audit").await.expect(200);
    // The role is taken away.
    give(&site, ANA, &[Role::Sender]).await;
    script.get("/api/v1/audit").await.refused(403, "role-missing");
    script.get(ME).await.expect(200);
    give(&site, ANA, &[Role::Sender, Role::Auditor]).await;
    // The second step that the account must have is gone.
    rows::execute(&site, "DELETE FROM factors").await;
    script.get("/api/v1/audit").await.refused(403, "second-step-missing");
    give(&site, ANA, &[Role::Sender]).await;
    script.get(ME).await.expect(200);
    // Their time has not come, or is over; then it has come again.
    let now = site.clock.now().as_unix();
    for (change, works) in [
        (format!("valid_from = {}", now + 1), false),
        (format!("valid_from = NULL, valid_until = {now}"), false),
        (format!("valid_until = {}", now + 1), true),
        (format!("disabled_at = {now}"), false),
        ("disabled_at = NULL".to_owned(), true),
    ] {
        set(&site, ANA, &change).await;
        match works {
            true => drop(script.get(ME).await.expect(200)),
            false => is_dead(&script).await,
        }
    }
}

#[actix_web::test]
async fn disabling_somebody_and_taking_their_second_steps_ends_their_tokens_for_good() {
    let site = Site::start().await;
    let ada = people::administrator(&site, ADA).await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let first = program(&site, &ana.make(&[Scope::TransfersRead]).await.token);
    let listed = async |email: &str| {
        let page: PeoplePage = ada.get("/api/v1/admin/people").await.expect(200).json();
        page.people.into_iter().find(|person| person.email == email).unwrap().tokens
    };
    assert_eq!((listed(ANA).await, listed(ADA).await), (1, 0));
    let path = format!("/api/v1/admin/people/{}", id_of(&site, ANA).await);
    ada.send("POST", &format!("{path}/disable"), &[], "").await.expect(204);
    is_dead(&first).await;
    ada.send("POST", &format!("{path}/enable"), &[], "").await.expect(204);
    is_dead(&first).await;
    assert_eq!(listed(ANA).await, 0);

    let client = crate::harness::sender::sign_in(&site, ANA).await;
    site.wait(30);
    enter(&client, &ana.app.code(&site)).await.expect(204);
    let again = Owner { client, app: ana.app };
    let second = program(&site, &again.make(&[Scope::TransfersRead]).await.token);
    second.get(ME).await.expect(200);
    assert_eq!(reset_factors(&site, ANA).await, Some(1));
    is_dead(&second).await;
}

#[actix_web::test]
async fn a_token_needs_a_second_step_shown_just_now_and_no_token_makes_another() {
    let site = Site::start().await;
    let request = json!({ "name": "script", "scopes": ["transfers:read"] });
    let plain = people::sign_in_as(&site, "bea@clinic.example", &[Role::Sender]).await;
    plain.post(PATH, &request).await.refused(403, "second-step-missing");
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let made = ana.make(&[Scope::TransfersRead]).await;
    let script = program(&site, &made.token);
    script.post(PATH, &request).await.refused(403, "token-not-taken");
    script.delete(&format!("{PATH}/{}", made.entry.token_id)).await.refused(403, "token-not-taken");
    site.wait(5 * MINUTE);
    ana.client.post(PATH, &request).await.refused(403, "step-up-needed");
    enter(&ana.client, &ana.app.code(&site)).await.expect(204);
    ana.client.post(PATH, &request).await.expect(201);
    // Taking one away does not wait for that.
    site.wait(5 * MINUTE);
    ana.client.delete(&format!("{PATH}/{}", made.entry.token_id)).await.expect(204);
}

#[actix_web::test]
async fn a_token_is_made_within_limits_and_only_for_what_its_owner_can_do() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    for (name, scopes, days, field) in [
        ("", &[Scope::TransfersRead][..], None, "name"),
        ("x", &[], None, "scopes"),
        ("x", &[Scope::TransfersRead, Scope::AuditRead], None, "scopes"),
        ("x", &[Scope::TransfersRead], Some(0), "days"),
        ("x", &[Scope::TransfersRead], Some(366), "days"),
    ] {
        let problem = ana.ask(name, scopes, days).await.refused(422, "invalid-field");
        assert_eq!(problem.field.as_deref(), Some(field));
    }
    ana.client.post(PATH, &json!({ "name": "x", "scopes": ["everything"] })).await.refused(400, "bad-request");
    // As many at once as there is room for, and one more.
    let ask = async |_| ana.ask("script", &[Scope::TransfersRead], Some(1)).await.status;
    let answers = futures_util::future::join_all((0..=MAX_TOKENS).map(ask)).await;
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 10, "{answers:?}");
    ana.ask("script", &[Scope::TransfersRead], None).await.refused(429, "quota-reached");
    // Those that ran out take no room.
    site.wait(DAY);
    let client = crate::harness::sender::sign_in(&site, ANA).await;
    enter(&client, &ana.app.code(&site)).await.expect(204);
    Owner { client, app: ana.app }.make(&[Scope::TransfersRead]).await;
}

#[actix_web::test]
async fn a_cookie_beside_a_token_counts_for_nothing() {
    let site = Site::start().await;
    let ada = people::administrator(&site, ADA).await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let token = ana.make(&[Scope::TransfersRead]).await.token;
    // The administrator's browser, made to send somebody's token too: it is that somebody, and no more.
    let confused = ada.with("authorization", &format!("Bearer {token}"));
    assert_eq!(confused.get(ME).await.expect(200).json::<Me>().email, ANA);
    confused.get("/api/v1/admin/people").await.refused(403, "scope-missing");
    confused.get("/api/v1/account").await.refused(403, "token-not-taken");
    assert_eq!(confused.get("/account").await.status, 403);
    // A token that does not work is no reason to look at the cookie.
    let other = ada.with("authorization", "Bearer nothing");
    other.get("/api/v1/admin/people").await.refused(401, "token-invalid");
    // What anyone may see stays as it is.
    other.get("/healthz").await.expect(200);
    // No answer to a program brings a cookie.
    let script = program(&site, &token);
    assert_eq!(script.get(ME).await.header("set-cookie"), "");
}

#[actix_web::test]
async fn a_program_needs_no_origin_and_a_foreign_page_gains_nothing_by_that() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let token = ana.make(&[Scope::TransfersWrite]).await.token;
    let parcel = Parcel::scribble(&site, &[10]);
    program(&site, &token).post("/api/v1/transfers", &parcel.create).await.expect(201);
    // Another website rides on the cookie; it cannot send the header, because the browser asks us first and is not told yes.
    let foreign = ana.client.with("origin", "https://evil.example").with("sec-fetch-site", "cross-site");
    let other = Parcel::scribble(&site, &[10]);
    foreign.post("/api/v1/transfers", &other.create).await.refused(403, "cross-origin");
    let asks = [("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
    let preflight = foreign.send("OPTIONS", "/api/v1/transfers", &asks, "").await;
    assert!(!preflight.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{preflight:?}");
    // And if it could: it would need a token, the cookie is not looked at.
    let made_up = foreign.with("authorization", "Bearer x");
    made_up.post("/api/v1/transfers", &other.create).await.refused(401, "token-invalid");
    // A route that takes no token still asks where the request comes from, whatever header it has.
    let reset = foreign.with("authorization", "Basic x");
    reset.delete("/api/v1/session").await.refused(403, "cross-origin");
}

#[actix_web::test]
async fn what_is_no_live_token_is_answered_alike_and_counted_while_those_that_work_go_on() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let made = ana.make(&[Scope::TransfersRead]).await;
    let good = program(&site, &made.token);
    let revoked = ana.make(&[Scope::TransfersRead]).await;
    ana.client.delete(&format!("{PATH}/{}", revoked.entry.token_id)).await.expect(204);
    let answer = program(&site, &revoked.token).get(ME).await;
    let unknown = format!("{TOKEN_PREFIX}{}", "A".repeat(43));
    for text in ["", "x", &made.token[1..], &made.token.to_uppercase(), &made.entry.token_id, &unknown] {
        assert_eq!(program(&site, text).get(ME).await.visible(), answer.visible(), "{text:?}");
    }
    let guess = program(&site, &unknown);
    for _ in 7..200 {
        guess.get(ME).await.expect(401);
    }
    guess.get(ME).await.refused(429, "too-many-requests");
    guess.at_address("203.0.113.9").get(ME).await.refused(401, "token-invalid");
    good.get(ME).await.expect(200);
    // The scheme's name has no case; two headers or another scheme are no token.
    let text = format!("bearer {}", made.token);
    bare(&site).with("authorization", &text).get(ME).await.expect(200);
    bare(&site).with("authorization", &format!("Ticket {}", made.token)).get(ME).await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn the_last_use_is_written_down_to_the_hour_and_else_reading_changes_nothing() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let script = program(&site, &ana.make(&[Scope::TransfersRead]).await.token);
    let last_use = async || rows::one(&site, "SELECT CAST(last_used_at AS TEXT) FROM access_tokens").await;
    script.get(ME).await.expect(200);
    let first = last_use().await;
    assert_eq!(first, site.clock.now().as_unix().to_string());
    let before = rows::dump(&site).await;
    site.wait(HOUR - 1);
    script.get(ME).await.expect(200);
    assert_eq!(rows::difference(&before, &rows::dump(&site).await), "");
    site.wait(1);
    script.get(ME).await.expect(200);
    assert_ne!(last_use().await, first);
}

#[actix_web::test]
async fn the_audit_tells_by_which_token_something_was_done() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender, Role::Administrator]).await;
    let scopes = [Scope::TransfersWrite, Scope::TransfersRead, Scope::OversightWrite];
    let script = program(&site, &ana.make(&scopes).await.token);
    let (mine, other) = (Parcel::scribble(&site, &[10]), Parcel::scribble(&site, &[10]));
    script.post("/api/v1/transfers", &mine.create).await.expect(201);
    ana.client.post("/api/v1/transfers", &other.create).await.expect(201);
    script.send("POST", &format!("/api/v1/admin/transfers/{}/end", mine.id()), &[], "").await.expect(204);
    let told = rows::query(
        &site,
        "SELECT event || ' ' || actor || ' ' || detail FROM audit WHERE transfer_id IS NOT NULL ORDER BY seq",
    )
    .await;
    assert_eq!(
        told,
        [
            "transfer.created ana@clinic.example by the access token “nightly export”",
            "transfer.created ana@clinic.example ",
            "transfer.revoked ana@clinic.example ended by an administrator; by the access token “nightly export”",
        ]
    );
}

#[actix_web::test]
async fn a_sender_reads_of_their_own_tokens_in_the_log_and_not_of_an_administrators() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let ada = Owner::sign_in(&site, ADA, &[Role::Administrator]).await;
    let script = program(&site, &ana.make(&[Scope::TransfersRead, Scope::TransfersWrite]).await.token);
    let cleaner = program(&site, &ada.make(&[Scope::OversightWrite]).await.token);
    let parcel = Parcel::scribble(&site, &[10]);
    script.post("/api/v1/transfers", &parcel.create).await.expect(201);
    cleaner.send("POST", &format!("/api/v1/admin/transfers/{}/end", parcel.id()), &[], "").await.expect(204);
    let log: TransferLog = script.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    let told: Vec<(&str, bool)> = log.events.iter().map(|entry| (&*entry.detail, entry.address.is_some())).collect();
    assert_eq!(told, [("by the access token “nightly export”", true), ("ended by an administrator", false)]);
}

#[actix_web::test]
async fn a_token_for_people_makes_senders_and_nobody_more() {
    let site = Site::start().await;
    let ada = Owner::sign_in(&site, ADA, &[Role::Administrator]).await;
    let script = program(&site, &ada.make(&[Scope::PeopleRead, Scope::PeopleWrite]).await.token);
    let roles = |roles: &[&str]| json!({ "roles": roles, "department": "Radiology" });
    let invite = async |email: &str, may: serde_json::Value| {
        script.post("/api/v1/admin/people", &json!({ "email": email, "may": may })).await
    };
    // The second step is not asked for, however long ago it was shown.
    site.wait(30 * DAY);
    invite("ben@clinic.example", roles(&["sender"])).await.expect(201);
    for more in ["auditor", "department_head", "administrator"] {
        invite("eve@clinic.example", roles(&["sender", more])).await.refused(403, "step-up-needed");
    }
    let path = |id: &str, what: &str| format!("/api/v1/admin/people/{id}{what}");
    let ben = id_of(&site, "ben@clinic.example").await;
    script.put(&path(&ben, ""), &json!({ "roles": ["sender"], "department": "Surgery" })).await.expect(204);
    script.put(&path(&ben, ""), &roles(&["auditor"])).await.refused(403, "step-up-needed");
    script.send("POST", &path(&ben, "/disable"), &[], "").await.expect(204);
    script.send("POST", &path(&ben, "/enable"), &[], "").await.expect(204);
    script.send("POST", &path(&ben, "/invitation"), &[], "").await.expect(204);
    // Who is more already is left as they are: a token that was found does not take off those who would see what it does.
    people::administrator(&site, "bob@clinic.example").await;
    people::sign_in_as(&site, "cleo@clinic.example", &[Role::Auditor]).await;
    let (bob, cleo) = (id_of(&site, "bob@clinic.example").await, id_of(&site, "cleo@clinic.example").await);
    for id in [&bob, &cleo] {
        script.put(&path(id, ""), &roles(&["sender"])).await.refused(403, "step-up-needed");
        for what in ["/enable", "/invitation", "/disable"] {
            script.send("POST", &path(id, what), &[], "").await.refused(403, "step-up-needed");
        }
    }
}

#[actix_web::test]
async fn whoever_became_more_than_a_sender_since_a_program_looked_is_left_as_they_are() {
    let site = Site::start().await;
    people::administrator(&site, "bob@clinic.example").await;
    people::sign_in_as(&site, "cleo@clinic.example", &[Role::Auditor]).await;
    let by_hand = AuditEntry::by(ADA, Event::PersonChanged, site.clock.now());
    let entry = AuditEntry { token: Some("a script".to_owned()), ..by_hand.clone() };
    let sender = Standing { roles: [Role::Sender].into(), ..Standing::default() };
    let store = &site.app().store;
    for email in ["bob@clinic.example", "cleo@clinic.example"] {
        let id = id_of(&site, email).await;
        let before = rows::dump(&site).await;
        assert_eq!(store.change_person(&id, &sender, &entry).await.unwrap(), PersonChange::Refused);
        assert_eq!(store.disable_person(&id, &entry).await.unwrap(), PersonChange::Refused);
        assert_eq!(store.enable_person(&id, &entry).await.unwrap(), PersonChange::Refused);
        assert_eq!(store.invite_person(&id, None, &entry).await.unwrap(), PersonChange::Refused);
        assert_eq!(rows::difference(&before, &rows::dump(&site).await), "");
        assert_eq!(store.invite_person(&id, None, &by_hand).await.unwrap(), PersonChange::Made);
    }
}

#[actix_web::test]
async fn what_a_token_was_for_ends_with_the_role_and_does_not_come_back_with_it() {
    let site = Site::start().await;
    let ada = people::administrator(&site, ADA).await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender, Role::Auditor]).await;
    let audit = program(&site, &ana.make(&[Scope::AuditRead, Scope::TransfersRead]).await.token);
    let own = program(&site, &ana.make(&[Scope::TransfersRead]).await.token);
    audit.get("/api/v1/audit").await.expect(200);
    let path = format!("/api/v1/admin/people/{}", id_of(&site, ANA).await);
    ada.put(&path, &json!({ "roles": ["sender"], "department": "" })).await.expect(204);
    audit.get("/api/v1/audit").await.refused(401, "token-invalid");
    ada.put(&path, &json!({ "roles": ["sender", "auditor"], "department": "" })).await.expect(204);
    audit.get("/api/v1/audit").await.refused(401, "token-invalid");
    own.get(ME).await.expect(200);
}

#[actix_web::test]
async fn a_path_that_is_spelt_otherwise_is_no_way_past_the_same_origin_check() {
    let site = Site::start().await;
    let foreign = site.client().with("origin", "https://evil.example").with("sec-fetch-site", "cross-site");
    let foreign = foreign.with("authorization", "Bearer filmjacket_x");
    for path in ["/api/v1/min%65", "/api/v1/open/unloc%6b", "/api/v1/sess%69on"] {
        for method in ["DELETE", "POST"] {
            foreign
                .send(method, path, &[("content-type", "application/json")], "{}")
                .await
                .refused(403, "cross-origin");
        }
    }
}

#[actix_web::test]
async fn no_token_is_made_or_revoked_if_the_audit_cannot_be_written() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let made = ana.make(&[Scope::TransfersRead]).await;
    rows::fail(&site, "INSERT ON audit").await;
    let before = rows::dump(&site).await;
    assert!(ana.ask("script", &[Scope::TransfersRead], None).await.status >= 500);
    assert!(ana.client.delete(&format!("{PATH}/{}", made.entry.token_id)).await.status >= 500);
    let mut after = rows::dump(&site).await;
    after.insert("rate_windows".into(), before["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
    rows::mend(&site).await;
    program(&site, &made.token).get(ME).await.expect(200);
}

#[actix_web::test]
async fn a_revoked_token_does_not_finish_a_request_that_it_began() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, ANA, &[Role::Sender]).await;
    let made = ana.make(&[Scope::TransfersWrite]).await;
    let parcel = Parcel::scribble(&site, &[10]);
    let body = serde_json::to_vec(&parcel.create).unwrap();
    let (first, last) = (body[..body.len() - 1].to_vec(), body[body.len() - 1..].to_vec());
    let (now, later) = tokio::sync::oneshot::channel::<()>();
    let pieces = futures_util::StreamExt::chain(
        futures_util::stream::iter([Ok(bytes::Bytes::from(first))]),
        futures_util::stream::once(async move {
            later.await.unwrap();
            Ok(bytes::Bytes::from(last))
        }),
    );
    let script = program(&site, &made.token);
    let json = [("content-type", "application/json")];
    let asked = script.stream("POST", "/api/v1/transfers", &json, pieces);
    let revoked = async {
        ana.client.delete(&format!("{PATH}/{}", made.entry.token_id)).await.expect(204);
        now.send(()).unwrap();
    };
    let (answer, ()) = futures_util::future::join(asked, revoked).await;
    answer.unwrap().refused(401, "token-invalid");
    assert_eq!(rows::count(&site, "transfers").await, 0);
}
