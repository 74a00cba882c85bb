//! The second step of signing in: apps and recovery codes, and attacks on both.

use crate::harness::second_step::{App, Protected, by_name, confirm, enter, look, required, reset_factors, set_up_app};
use crate::harness::sender::sign_in;
use crate::harness::{Client, HOUR, MINUTE, Parcel, Sender, Site, calls, people, rows};
use filmjacket::http::Access;
use filmjacket::people::SecondStepRule;
use protocol::account::SecondStep;
use protocol::sign_in::Role;
use protocol::sign_in::{SignInCodeRequest, SignInRequest};
use serde_json::json;
use std::collections::BTreeSet;

const ANA: &str = "ana@clinic.example";
const EVE: &str = "eve@clinic.example";
const SESSION: &str = "filmjacket-session";

/// Seconds for which an app shows one code.
const STEP: i64 = 30;

#[actix_web::test]
async fn an_app_is_set_up_once_and_asked_for_at_every_sign_in() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    assert_eq!(ana.recovery_codes.iter().collect::<BTreeSet<_>>().len(), 10);
    ana.client.get("/api/v1/me").await.expect(200);
    let again = Protected::halfway(&site, ANA).await;
    site.wait(STEP);
    enter(&again, &ana.app.code(&site)).await.expect(204);
    again.get("/api/v1/me").await.expect(200);
    let account = look(&again).await;
    let factor = &account.factors[0];
    assert_eq!((factor.name.as_str(), account.recovery_codes), ("my phone", 10));
    assert_eq!(factor.last_used_at, Some(site.clock.now()));
    let events = rows::query(&site, "SELECT event FROM audit WHERE event LIKE 'factor%' ORDER BY seq").await;
    assert_eq!(events, ["factor.added", "factor.used"]);
}

#[actix_web::test]
async fn a_code_without_the_second_step_opens_no_route_but_those_that_show_it() {
    let site = Site::start_with(by_name).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    set_up_app(&site, &sender.client).await;
    let half = Protected::halfway(&site, ANA).await;
    for call in calls::all(&parcel, &recipient, &ticket) {
        let (what, before) = (call.name(), rows::dump(&site).await);
        match call.route.access {
            // The ways to the second step and out; what codes, links and tickets open is not the session's.
            Access::Anyone if call.route.path != "/" => continue,
            Access::SignedIn | Access::Browser | Access::Link | Access::Reader | Access::Ticket => continue,
            // Pages lead to the second step; they show nothing of the account.
            _ if call.is_page() => {
                let led = call.by(&half).await;
                assert_eq!((led.status, led.header("location"), led.body.len()), (303, "/second-step", 0), "{what}");
            }
            _ => drop(call.by(&half).await.refused(403, "second-step-needed")),
        }
        let after = rows::dump(&site).await;
        assert_eq!(rows::difference(&before, &after), "", "{what} changed something");
    }
}

#[actix_web::test]
async fn who_must_have_a_second_step_can_do_nothing_but_set_one_up() {
    let mut site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    let secret = sender.client.cookie(SESSION).unwrap();
    // The rule counts at once, for those who are signed in too.
    site.restart_with(required).await;
    let client = site.client();
    client.set_cookie(SESSION, &secret);
    for call in calls::all(&parcel, &recipient, &ticket) {
        match call.route.access {
            Access::Anyone if call.route.path != "/" => {}
            Access::SignedIn | Access::SettingUp | Access::Browser | Access::Link | Access::Reader | Access::Ticket => {
            }
            _ if call.is_page() => {
                assert_eq!(call.by(&client).await.expect(303).header("location"), "/account", "{}", call.name());
            }
            _ => drop(call.by(&client).await.refused(403, "second-step-missing")),
        }
    }
    let page = client.get("/account").await.expect(200).text();
    assert!(page.contains("Set up a second step") && !page.contains("nav-send"));
    assert_eq!(look(&client).await.second_step, SecondStep::Required);
    set_up_app(&site, &client).await;
    client.get("/api/v1/me").await.expect(200);
    let only = look(&client).await.factors.remove(0).factor_id;
    client.delete(&format!("/api/v1/account/factors/{only}")).await.refused(409, "last-factor");
    assert_eq!(look(&client).await.factors.len(), 1);
}

#[actix_web::test]
async fn whoever_becomes_an_administrator_needs_a_second_step_with_the_next_request() {
    let site = Site::start_with(|config| config.second_step = SecondStepRule::default()).await;
    let client = people::sign_in_as(&site, ANA, &[Role::Sender]).await;
    client.get("/api/v1/me").await.expect(200);
    people::give(&site, ANA, &[Role::Sender, Role::Administrator]).await;
    client.get("/api/v1/me").await.refused(403, "second-step-missing");
    set_up_app(&site, &client).await;
    client.get("/api/v1/me").await.expect(200);
}

#[actix_web::test]
async fn where_none_is_offered_none_can_be_set_up_but_what_is_there_is_asked_for() {
    let mut site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    site.restart_with(|config| config.second_step.sender = SecondStep::None).await;
    let eve = sign_in(&site, EVE).await;
    eve.post("/api/v1/account/app", &json!({})).await.refused(404, "not-found");
    let half = Protected::halfway(&site, ANA).await;
    site.wait(STEP);
    enter(&half, &ana.app.code(&site)).await.expect(204);
}

#[actix_web::test]
async fn the_session_has_another_secret_after_each_step() {
    let site = Site::start().await;
    let client = site.client();
    client.set_cookie(SESSION, &"A".repeat(43));
    let mut secrets = vec![client.cookie(SESSION).unwrap()];
    client.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.expect(202);
    let code = site.code_for(ANA).await;
    client.post("/api/v1/sign-in/code", &SignInCodeRequest { email: ANA.into(), code }).await.expect(204);
    secrets.push(client.cookie(SESSION).unwrap());
    let (app, _) = set_up_app(&site, &client).await;
    secrets.push(client.cookie(SESSION).unwrap());
    site.wait(STEP);
    enter(&client, &app.code(&site)).await.expect(204);
    assert_eq!(rows::count(&site, "sessions").await, 1);
    // Whoever planted or saw a secret before a step has nothing after it.
    for secret in secrets {
        assert_ne!(client.cookie(SESSION).unwrap(), secret);
        let thief = site.client();
        thief.set_cookie(SESSION, &secret);
        thief.get("/api/v1/account").await.refused(401, "sign-in-needed");
    }
}

#[actix_web::test]
async fn a_code_of_the_app_works_once() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let spent = ana.app.code(&site);
    let (here, there) = (Protected::halfway(&site, ANA).await, Protected::halfway(&site, ANA).await);
    enter(&here, &spent).await.refused(403, "wrong-factor");
    site.wait(STEP);
    let code = ana.app.code(&site);
    enter(&here, &code).await.expect(204);
    enter(&there, &code).await.refused(403, "wrong-factor");
    // One that was never used, but is older than the newest used.
    site.wait(2 * STEP);
    let older = ana.app.code_at(site.clock.now().plus(-STEP));
    enter(&here, &ana.app.code(&site)).await.expect(204);
    enter(&there, &older).await.refused(403, "wrong-factor");
    site.wait(STEP);
    enter(&there, &ana.app.code(&site)).await.expect(204);
}

#[actix_web::test]
async fn one_code_in_many_requests_at_once_lets_one_in() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let mut thieves = Vec::new();
    for _ in 0..4 {
        thieves.push(Protected::halfway(&site, ANA).await);
    }
    site.wait(STEP);
    let code = ana.app.code(&site);
    let answers = futures_util::future::join_all(thieves.iter().map(|thief| enter(thief, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
}

#[actix_web::test]
async fn guessing_the_app_s_code_meets_growing_pauses_and_its_owner_is_told() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let thief = Protected::halfway(&site, ANA).await;
    let told = site.notices(ANA).await.len();
    let wrong = |site: &Site| format!("{:06}", (ana.app.code(site).parse::<u32>().unwrap() + 1) % 1_000_000);
    let (mut tries, mut longest) = (0, 0);
    // A session of theirs lasts no longer.
    let end = site.clock.now().plus(11 * HOUR);
    while site.clock.now() < end {
        let refused = enter(&thief, &wrong(&site)).await.refused(403, "wrong-factor");
        tries += 1;
        let Some(pause) = refused.retry_after else { continue };
        longest = longest.max(pause);
        // During a pause the right code is not even looked at.
        let pause = pause as i64;
        site.wait(pause / 2);
        enter(&thief, &ana.app.code(&site)).await.refused(429, "too-many-requests");
        site.wait(pause - pause / 2);
    }
    assert!(tries < 25, "{tries} guesses in eleven hours");
    assert_eq!(longest, HOUR as u64);
    assert_eq!(site.notices(ANA).await.len(), told + 1);
    assert!(rows::query(&site, "SELECT event FROM audit WHERE event = 'factor.refused'").await.len() == tries);
}

#[actix_web::test]
async fn a_right_code_forgives_the_wrong_ones_before_it() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    for _ in 0..3 {
        let half = Protected::halfway(&site, ANA).await;
        for left in [4, 3, 2, 1] {
            assert_eq!(
                enter(&half, &ana.app.code_at(site.clock.now().plus(HOUR))).await.refused(403, "wrong-factor").tries,
                Some(left)
            );
        }
        site.wait(STEP);
        enter(&half, &ana.app.code(&site)).await.expect(204);
    }
}

#[actix_web::test]
async fn a_recovery_code_works_once_and_for_its_own_account_only() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let eve = Protected::sign_in(&site, EVE).await;
    let (here, there) = (Protected::halfway(&site, ANA).await, Protected::halfway(&site, ANA).await);
    enter(&here, &eve.recovery_codes[0]).await.refused(403, "wrong-factor");
    let code = &ana.recovery_codes[0];
    enter(&here, &code.to_lowercase().replace('-', " ")).await.expect(204);
    here.get("/api/v1/me").await.expect(200);
    enter(&there, code).await.refused(403, "wrong-factor");
    assert_eq!(look(&here).await.recovery_codes, 9);
    assert!(site.notices(ANA).await.last().unwrap().contains("9 are left"));
}

#[actix_web::test]
async fn new_recovery_codes_kill_those_before() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let made = ana.client.post("/api/v1/account/recovery-codes", &json!({})).await.expect(200);
    let fresh: protocol::account::RecoveryAnswer = made.json();
    let half = Protected::halfway(&site, ANA).await;
    enter(&half, &ana.recovery_codes[1]).await.refused(403, "wrong-factor");
    enter(&half, &fresh.recovery_codes[1]).await.expect(204);
    assert_eq!(look(&half).await.recovery_codes, 9);
}

#[actix_web::test]
async fn nothing_that_signs_in_is_kept_in_readable_form() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let given: protocol::account::AppAnswer = client.post("/api/v1/account/app", &json!({})).await.expect(200).json();
    let waiting = rows::dump(&site).await;
    let codes =
        confirm(&client, &App::given(&given).code(&site)).await.expect(200).json::<protocol::account::RecoveryAnswer>();
    let mut secrets: Vec<String> =
        codes.recovery_codes.iter().flat_map(|code| [code.clone(), code.replace('-', "")]).collect();
    secrets.push(given.secret);
    for row in waiting.values().chain(rows::dump(&site).await.values()).flatten() {
        for secret in &secrets {
            assert!(!row.contains(secret.as_str()), "{row}");
        }
    }
}

#[actix_web::test]
async fn an_app_is_confirmed_in_the_session_that_began_and_soon() {
    let site = Site::start().await;
    let (client, other) = (sign_in(&site, ANA).await, sign_in(&site, ANA).await);
    let begin =
        async |client: &Client| App::given(&client.post("/api/v1/account/app", &json!({})).await.expect(200).json());
    let app = begin(&client).await;
    confirm(&other, &app.code(&site)).await.refused(403, "wrong-factor");
    // A slip may be corrected.
    confirm(&client, &app.code_at(site.clock.now().plus(HOUR))).await.refused(403, "wrong-factor");
    // Beginning anew makes the first secret worthless.
    let newer = begin(&client).await;
    confirm(&client, &app.code(&site)).await.refused(403, "wrong-factor");
    site.wait(10 * MINUTE);
    confirm(&client, &newer.code(&site)).await.refused(403, "wrong-factor");
    let last = begin(&client).await;
    confirm(&client, &last.code(&site)).await.expect(200);
    confirm(&client, &last.code(&site)).await.refused(403, "wrong-factor");
    assert_eq!(look(&client).await.factors.len(), 1);
}

#[actix_web::test]
async fn a_new_factor_is_asked_for_in_all_other_sessions_too() {
    let site = Site::start().await;
    let elsewhere = sign_in(&site, ANA).await;
    elsewhere.get("/api/v1/me").await.expect(200);
    let ana = Protected::sign_in(&site, ANA).await;
    elsewhere.get("/api/v1/me").await.refused(403, "second-step-needed");
    ana.client.get("/api/v1/me").await.expect(200);
}

#[actix_web::test]
async fn dangerous_acts_ask_for_the_second_step_again_after_five_minutes() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let factor = look(&ana.client).await.factors.remove(0).factor_id;
    let one = format!("/api/v1/account/factors/{factor}");
    site.wait(5 * MINUTE);
    ana.client.post("/api/v1/account/app", &json!({})).await.refused(403, "step-up-needed");
    ana.client.post("/api/v1/account/recovery-codes", &json!({})).await.refused(403, "step-up-needed");
    ana.client.delete(&one).await.refused(403, "step-up-needed");
    // The page for it says so, and what is harmless goes on.
    assert!(ana.client.get("/second-step").await.expect(200).text().contains("confirm that it is you"));
    ana.client.put(&one, &json!({ "name": "old phone" })).await.expect(204);
    enter(&ana.client, &ana.app.code(&site)).await.expect(204);
    site.wait(5 * MINUTE - 1);
    ana.client.delete(&one).await.expect(204);
    assert_eq!(look(&ana.client).await.recovery_codes, 0, "there is nothing left to recover from");
    assert!(site.notices(ANA).await.last().unwrap().contains("old phone” was removed"));
    sign_in(&site, ANA).await.get("/api/v1/me").await.expect(200);
}

#[actix_web::test]
async fn giving_rights_to_others_asks_again_too_and_taking_them_does_not() {
    let site = Site::start().await;
    let admin = people::administrator(&site, ANA).await;
    people::sign_in_as(&site, EVE, &[Role::Sender]).await;
    let (app, _) = set_up_app(&site, &admin).await;
    let eve = format!("/api/v1/admin/people/{}", people::id_of(&site, EVE).await);
    site.wait(5 * MINUTE);
    let may = json!({ "roles": ["administrator"], "department": "" });
    admin.put(&eve, &may).await.refused(403, "step-up-needed");
    admin.post(&format!("{eve}/enable"), &json!({})).await.refused(403, "step-up-needed");
    assert!(admin.post(&format!("{eve}/disable"), &json!({})).await.is_success());
    enter(&admin, &app.code(&site)).await.expect(204);
    assert!(admin.post(&format!("{eve}/enable"), &json!({})).await.is_success());
}

#[actix_web::test]
async fn an_account_has_ten_factors_at_most() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    for _ in 1..10 {
        let (_, codes) = set_up_app(&site, &ana.client).await;
        assert!(codes.is_empty(), "the codes of the first stay");
    }
    let app = App::given(&ana.client.post("/api/v1/account/app", &json!({})).await.expect(200).json());
    confirm(&ana.client, &app.code(&site)).await.refused(429, "quota-reached");
}

#[actix_web::test]
async fn the_operator_helps_who_has_lost_everything() {
    let site = Site::start().await;
    let (ana, eve) = (Protected::sign_in(&site, ANA).await, Protected::sign_in(&site, EVE).await);
    let half = Protected::halfway(&site, ANA).await;
    assert_eq!(reset_factors(&site, ANA).await, Some(1));
    for gone in [&ana.client, &half] {
        gone.get("/api/v1/account").await.refused(401, "sign-in-needed");
    }
    assert!(site.notices(ANA).await.contains(&"All was removed.".to_owned()));
    let fresh = sign_in(&site, ANA).await;
    fresh.get("/api/v1/me").await.expect(200);
    assert_eq!((look(&fresh).await.factors.len(), look(&fresh).await.recovery_codes), (0, 0));
    eve.client.get("/api/v1/me").await.expect(200);
}
