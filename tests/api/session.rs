//! The session after the code: its cookie, its end, and what its holder is told and must tell.

use crate::harness::sender::sign_in;
use crate::harness::{HOUR, MINUTE, Parcel, Sender, Site, rows};
use filmjacket::config::Config;
use filmjacket::people::SignInRule;
use protocol::sign_in::{Me, ProfileRequest, Role, SignInCodeRequest, SignInRequest};
use serde_json::json;

const ANA: &str = "ana@clinic.example";
const SESSION: &str = "filmjacket-session";

#[actix_web::test]
async fn the_session_cookie_is_kept_from_scripts_and_other_sites() {
    let site = Site::start().await;
    let client = site.client();
    let asked = client.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.expect(202);
    let code = site.code_for(ANA).await;
    let entered = client.post("/api/v1/sign-in/code", &SignInCodeRequest { email: ANA.into(), code }).await.expect(204);
    let set: Vec<&str> = entered.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()).collect();
    let session = set.iter().find(|cookie| cookie.starts_with("filmjacket-session=")).unwrap();
    for cookie in [session, &asked.header("set-cookie")] {
        let mut attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
        attributes.retain(|attribute| !attribute.starts_with("Max-Age="));
        attributes.sort_unstable();
        assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Strict"], "{cookie}");
    }
}

#[actix_web::test]
async fn behind_tls_cookies_are_secure_and_bound_to_the_host() {
    let site = Site::start_with(behind_tls).await;
    let client = site.client();
    let asked = client.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.expect(202);
    let code = site.code_for(ANA).await;
    let entered = client.post("/api/v1/sign-in/code", &SignInCodeRequest { email: ANA.into(), code }).await.expect(204);
    for cookie in asked.headers.get_all("set-cookie").chain(entered.headers.get_all("set-cookie")) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-filmjacket-"), "{cookie}");
        for attribute in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    client.get("/api/v1/me").await.expect(200);
    assert_eq!(asked.header("strict-transport-security"), "max-age=63072000; includeSubDomains");
}

#[actix_web::test]
async fn a_session_secret_is_stored_only_as_its_hash() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let secret = client.cookie(SESSION).unwrap();
    assert_eq!(secret.len(), 43, "256 bits as base64url");
    for row in rows::dump(&site).await.values().flatten() {
        assert!(!row.contains(&secret), "{row}");
    }
}

#[actix_web::test]
async fn a_session_ends_after_an_idle_hour_and_lives_on_by_being_used() {
    let site = Site::start().await;
    let (idle, busy) = (sign_in(&site, ANA).await, sign_in(&site, "bob@clinic.example").await);
    let profile = ProfileRequest { name: "Bob".into(), organisation: String::new() };
    for _ in 0..3 {
        site.wait(HOUR - MINUTE);
        busy.put("/api/v1/me", &profile).await.expect(204);
    }
    idle.get("/api/v1/me").await.refused(401, "sign-in-needed");
    busy.get("/api/v1/me").await.expect(200);
    site.wait(HOUR);
    busy.get("/api/v1/me").await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn a_session_ends_after_twelve_hours_however_busy_it_is() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let profile = ProfileRequest { name: "Ana".into(), organisation: String::new() };
    for _ in 0..23 {
        site.wait(HOUR / 2);
        client.put("/api/v1/me", &profile).await.expect(204);
    }
    site.wait(HOUR / 2);
    client.put("/api/v1/me", &profile).await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn uploading_keeps_the_session_alive() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10; 3]);
    sender.create(&parcel).await.expect(201);
    for index in 0..3 {
        site.wait(HOUR - MINUTE);
        sender.put_part(&parcel, index, 0).await.expect(204);
    }
    sender.seal(&parcel).await.expect(200);
}

#[actix_web::test]
async fn a_session_from_the_future_does_not_count() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    site.wait(-2 * HOUR);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn signing_out_ends_the_session_on_the_server_too() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let secret = client.cookie(SESSION).unwrap();
    client.delete("/api/v1/session").await.expect(204);
    assert_eq!(client.cookie(SESSION), None);
    client.set_cookie(SESSION, &secret);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
    assert_eq!(rows::count(&site, "sessions").await, 0);
}

#[actix_web::test]
async fn signing_out_leaves_other_browsers_signed_in() {
    let site = Site::start().await;
    let (here, elsewhere) = (sign_in(&site, ANA).await, sign_in(&site, ANA).await);
    here.delete("/api/v1/session").await.expect(204);
    elsewhere.get("/api/v1/me").await.expect(200);
}

#[actix_web::test]
async fn signing_in_replaces_the_browsers_session_and_adopts_no_planted_one() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let first = client.cookie(SESSION).unwrap();
    client.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.expect(202);
    let code = site.code_for(ANA).await;
    client.post("/api/v1/sign-in/code", &SignInCodeRequest { email: ANA.into(), code }).await.expect(204);
    assert_ne!(client.cookie(SESSION).unwrap(), first);
    let thief = site.client();
    thief.set_cookie(SESSION, &first);
    thief.get("/api/v1/me").await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn cookies_that_are_not_ours_are_no_session() {
    let site = Site::start().await;
    let client = site.client();
    for value in
        ["", "x", &"A".repeat(43), &"A".repeat(42), &"=".repeat(43), &"é".repeat(20), &"A".repeat(3000), "';--"]
    {
        client.set_cookie(SESSION, value);
        client.get("/api/v1/me").await.refused(401, "sign-in-needed");
    }
}

#[actix_web::test]
async fn who_is_taken_off_the_list_is_out_at_once() {
    let mut site = Site::start().await;
    let secret = sign_in(&site, ANA).await.cookie(SESSION).unwrap();
    site.restart_with(|config| config.sign_in = SignInRule::parse(&["other.example".into()]).unwrap()).await;
    let client = site.client();
    client.set_cookie(SESSION, &secret);
    client.get("/api/v1/me").await.refused(401, "sign-in-needed");
}

#[actix_web::test]
async fn the_sender_is_told_the_limits_that_the_server_will_hold_them_to() {
    let site = Site::start_with(|config| config.limits.max_files = 3).await;
    let me: Me = sign_in(&site, ANA).await.get("/api/v1/me").await.expect(200).json();
    assert_eq!((&*me.email, &*me.name, &*me.organisation), (ANA, "", ""));
    assert_eq!(me.roles, [Role::Sender]);
    assert_eq!(me.limits, site.app().config.limits);
    assert_eq!((me.limits.max_files, me.limits.max_file_len, me.limits.max_openings), (3, 20 << 30, 100));
}

#[actix_web::test]
async fn nobody_sends_before_saying_who_they_are() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    client.post("/api/v1/transfers", &parcel.create).await.refused(403, "profile-missing");
    client.put("/api/v1/me", &json!({ "name": "Ana", "organisation": "" })).await.expect(204);
    client.post("/api/v1/transfers", &parcel.create).await.expect(201);
    let me: Me = client.get("/api/v1/me").await.json();
    assert_eq!((&*me.name, &*me.organisation), ("Ana", ""));
}

#[actix_web::test]
async fn a_name_that_could_deceive_recipients_is_refused_with_its_field() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    let long = "x".repeat(81);
    for (name, organisation, field) in [
        ("", "", "name"),
        (&*long, "", "name"),
        ("Ana\r\nBcc: x@y.example", "", "name"),
        ("Ana", "\u{202e}x", "organisation"),
    ] {
        let answer = client.put("/api/v1/me", &json!({ "name": name, "organisation": organisation })).await;
        assert_eq!(answer.refused(422, "invalid-field").field.as_deref(), Some(field), "{name:?}");
    }
}

fn behind_tls(config: &mut Config) {
    let text = "public_url = 'https://send.clinic.example'\nsign_in.allow = ['clinic.example']";
    config.public_url = Config::parse(text, std::iter::empty()).unwrap().public_url;
}
