//! What an account's owner sees and changes of it, and what others cannot.

use crate::harness::second_step::{App, Protected, look};
use crate::harness::sender::sign_in;
use crate::harness::{HOUR, Site, rows};
use serde_json::json;

const ANA: &str = "ana@clinic.example";
const EVE: &str = "eve@clinic.example";

#[actix_web::test]
async fn an_owner_sees_their_sessions_and_ends_one_or_all_others() {
    let site = Site::start().await;
    let here = sign_in(&site, ANA).await;
    site.wait(1);
    let (there, far) = (sign_in(&site, ANA).await, sign_in(&site, ANA).await);
    sign_in(&site, EVE).await;
    let sessions = look(&here).await.sessions;
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions.iter().filter(|session| session.is_this).count(), 1);
    assert!(sessions.iter().all(|session| session.network == "127.0.0.x"), "{sessions:?}");
    assert!(sessions.last().unwrap().is_this, "newest first");
    let theirs = look(&there).await.sessions.into_iter().find(|session| session.is_this).unwrap();
    here.delete(&format!("/api/v1/account/sessions/{}", theirs.session_id)).await.expect(204);
    there.get("/api/v1/me").await.refused(401, "sign-in-needed");
    far.get("/api/v1/me").await.expect(200);
    here.delete("/api/v1/account/sessions").await.expect(204);
    far.get("/api/v1/me").await.refused(401, "sign-in-needed");
    here.get("/api/v1/me").await.expect(200);
    let events = rows::query(&site, "SELECT event FROM audit WHERE event LIKE 'session.%ended' ORDER BY seq").await;
    assert_eq!(events, ["session.ended", "session.others_ended"]);
}

#[actix_web::test]
async fn sessions_that_are_over_are_not_listed() {
    let site = Site::start().await;
    sign_in(&site, ANA).await;
    site.wait(HOUR);
    assert_eq!(look(&sign_in(&site, ANA).await).await.sessions.len(), 1);
}

#[actix_web::test]
async fn nobody_ends_or_changes_what_is_another_account_s() {
    let site = Site::start().await;
    let (ana, eve) = (Protected::sign_in(&site, ANA).await, Protected::sign_in(&site, EVE).await);
    let account = look(&ana.client).await;
    let factor = format!("/api/v1/account/factors/{}", account.factors[0].factor_id);
    let session = format!("/api/v1/account/sessions/{}", account.sessions[0].session_id);
    let before = rows::dump(&site).await;
    for strange in [&*factor, "/api/v1/account/factors/AAAAAAAAAAAAAAAAAAAAAA", "/api/v1/account/factors/%00"] {
        eve.client.put(strange, &json!({ "name": "mine now" })).await.refused(404, "not-found");
        eve.client.delete(strange).await.refused(404, "not-found");
    }
    for strange in [&*session, "/api/v1/account/sessions/%00"] {
        eve.client.delete(strange).await.refused(404, "not-found");
    }
    let mut after = rows::dump(&site).await;
    after.insert("rate_windows".into(), before["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
    ana.client.get("/api/v1/me").await.expect(200);
}

#[actix_web::test]
async fn every_change_is_mailed_to_the_owner() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    site.wait(1);
    ana.client.post("/api/v1/account/recovery-codes", &json!({})).await.expect(200);
    site.wait(1);
    let factor = look(&ana.client).await.factors.remove(0).factor_id;
    ana.client.delete(&format!("/api/v1/account/factors/{factor}")).await.expect(204);
    let told = site.notices(ANA).await;
    assert_eq!(told.len(), 3, "{told:?}");
    for (sentence, part) in told.iter().zip(["“my phone” was added", "New recovery codes", "“my phone” was removed"])
    {
        assert!(sentence.contains(part), "{sentence}");
    }
    assert_eq!(site.notices(EVE).await.len(), 0);
}

#[actix_web::test]
async fn a_sign_in_from_a_new_browser_by_the_code_alone_is_mailed_to_the_owner() {
    let site = Site::start().await;
    let first = sign_in(&site, ANA).await;
    assert_eq!(site.notices(ANA).await.len(), 0, "the first browser is no news");
    sign_in(&site, ANA).await;
    let told = site.notices(ANA).await;
    assert!(told.len() == 1 && told[0].contains("127.0.0.x"), "{told:?}");
    // A browser that was here before, also after its session.
    first.delete("/api/v1/session").await.expect(204);
    let request = protocol::sign_in::SignInRequest { email: ANA.into() };
    first.post("/api/v1/sign-in", &request).await.expect(202);
    let code = site.code_for(ANA).await;
    let request = protocol::sign_in::SignInCodeRequest { email: ANA.into(), code };
    first.post("/api/v1/sign-in/code", &request).await.expect(204);
    assert_eq!(site.notices(ANA).await.len(), 1);
}

#[actix_web::test]
async fn a_browser_that_did_not_show_the_second_step_is_not_known_afterwards() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let (known, told) = (rows::count(&site, "known_browsers").await, site.notices(ANA).await.len());
    let thief = Protected::halfway(&site, ANA).await;
    assert_eq!(rows::count(&site, "known_browsers").await, known);
    // The owner takes the second step away: the thief's next sign-in is the first one that lets them in, and is told.
    let factor = format!("/api/v1/account/factors/{}", look(&ana.client).await.factors[0].factor_id);
    ana.client.delete(&factor).await.expect(204);
    let request = protocol::sign_in::SignInRequest { email: ANA.into() };
    thief.post("/api/v1/sign-in", &request).await.expect(202);
    let code = site.code_for(ANA).await;
    thief
        .post("/api/v1/sign-in/code", &protocol::sign_in::SignInCodeRequest { email: ANA.into(), code })
        .await
        .expect(204);
    let notices = site.notices(ANA).await;
    assert_eq!(notices.len(), told + 2, "{notices:?}");
    assert!(notices.iter().any(|notice| notice.contains("a browser that is new to it")), "{notices:?}");
}

#[actix_web::test]
async fn ending_sessions_without_end_has_to_wait() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let unknown = format!("/api/v1/account/sessions/{}", "A".repeat(43));
    client.delete("/api/v1/account/sessions").await.expect(204);
    client.delete(&unknown).await.refused(404, "not-found");
    let counted = "SELECT CAST(hits AS TEXT) FROM rate_windows WHERE scope LIKE 'changes/account %'";
    assert_eq!(rows::query(&site, counted).await, ["2"], "what comes to nothing counts too");
    rows::execute(&site, "UPDATE rate_windows SET hits = 600 WHERE scope LIKE 'changes/account %'").await;
    for path in ["/api/v1/account/sessions", unknown.as_str()] {
        client.delete(path).await.refused(429, "too-many-requests");
    }
    // Another's are not held up by it.
    sign_in(&site, EVE).await.delete("/api/v1/account/sessions").await.expect(204);
}

#[actix_web::test]
async fn a_name_of_a_factor_is_one_short_line() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let one = format!("/api/v1/account/factors/{}", look(&ana.client).await.factors[0].factor_id);
    for name in ["", " ", "a\nb", "\u{202e}x", &"x".repeat(41)] {
        let refused = ana.client.put(&one, &json!({ "name": name })).await.refused(422, "invalid-field");
        assert_eq!(refused.field.as_deref(), Some("name"), "{name:?}");
    }
    ana.client.put(&one, &json!({ "name": " Élan’s phone " })).await.expect(204);
    assert_eq!(look(&ana.client).await.factors[0].name, "Élan’s phone");
}

#[actix_web::test]
async fn nothing_about_an_account_changes_if_the_audit_cannot_be_written_and_else_each_change_is_in_it() {
    let site = Site::start().await;
    let ana = Protected::sign_in(&site, ANA).await;
    let other = Protected::halfway(&site, ANA).await;
    let begun = ana.client.post("/api/v1/account/app", &json!({})).await.expect(200).json();
    let app = App::given(&begun);
    site.wait(30);
    let account = look(&ana.client).await;
    let theirs = account.sessions.iter().find(|session| !session.is_this).unwrap();
    let factor = format!("/api/v1/account/factors/{}", account.factors[0].factor_id);
    let session = format!("/api/v1/account/sessions/{}", theirs.session_id);
    let name = json!({ "name": "old phone" });
    let code = json!({ "code": ana.app.code(&site) });
    let recovery = json!({ "code": ana.recovery_codes[0] });
    let confirm = json!({ "name": "tablet", "code": app.code(&site) });
    let calls: [(&str, &str, &serde_json::Value, &str); 8] = [
        ("PUT", &factor, &name, "factor.renamed"),
        ("POST", "/api/v1/sign-in/second-step", &recovery, "recovery_code.used"),
        ("POST", "/api/v1/sign-in/second-step", &code, "factor.used"),
        ("POST", "/api/v1/account/recovery-codes", &json!(null), "recovery_codes.made"),
        ("DELETE", &session, &json!(null), "session.ended"),
        ("DELETE", "/api/v1/account/sessions", &json!(null), "session.others_ended"),
        ("DELETE", &factor, &json!(null), "factor.removed"),
        ("POST", "/api/v1/account/app/confirm", &confirm, "factor.added"),
    ];
    let send = async |(method, path, body, _): (&str, &str, &serde_json::Value, &str)| match body.is_null() {
        true => ana.client.send(method, path, &[], "").await,
        false => ana.client.send(method, path, &[("content-type", "application/json")], body.to_string()).await,
    };
    rows::fail(&site, "INSERT ON audit").await;
    let mut before = rows::dump(&site).await;
    for call in calls {
        assert!(send(call).await.status >= 500, "{} {}", call.0, call.1);
    }
    let after = rows::dump(&site).await;
    before.insert("rate_windows".into(), after["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
    rows::mend(&site).await;
    for call in calls {
        // Its question was of the session as it was before the second step was shown again.
        if call.3 == "factor.added" {
            continue;
        }
        let answer = send(call).await;
        assert!(answer.is_success(), "{} {}: {}", call.0, call.1, answer.text());
        assert_eq!(rows::one(&site, "SELECT event FROM audit ORDER BY seq DESC LIMIT 1").await, call.3);
    }
    drop(other);
}
