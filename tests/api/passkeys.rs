//! Passkeys, shown by a software authenticator; and attacks on them. A real browser's are in `tests/browser`.

use crate::harness::authenticator::{Authenticator, VERIFIED};
use crate::harness::second_step::{Protected, by_name, look};
use crate::harness::sender::sign_in;
use crate::harness::{Answer, Client, MINUTE, Site, rows};
use protocol::account::{FactorKind, RecoveryAnswer};
use serde_json::{Value, json};

const ANA: &str = "ana@clinic.example";
const EVE: &str = "eve@clinic.example";

/// What an attacker changes of what the device or the browser does; given the origin of another port.
type Trick = fn(&mut Authenticator, &str);

async fn ask(client: &Client, path: &str) -> Value {
    client.post(path, &json!({})).await.expect(200).json()
}

/// Makes a passkey in this device for the session's account.
async fn register(client: &Client, device: &Authenticator) -> Answer {
    let options = ask(client, "/api/v1/account/passkey").await;
    let request = json!({ "name": "blue key", "credential": device.create(&options) });
    client.post("/api/v1/account/passkey/confirm", &request).await
}

async fn answer(client: &Client, credential: &Value) -> Answer {
    client.post("/api/v1/sign-in/passkey/answer", &json!({ "credential": credential })).await
}

/// Shows this device's passkey.
async fn show(client: &Client, device: &mut Authenticator) -> Answer {
    let options = ask(client, "/api/v1/sign-in/passkey").await;
    answer(client, &device.get(&options)).await
}

/// Ana with a passkey.
async fn ana_at(site: &Site) -> (Client, Authenticator) {
    let client = sign_in(site, ANA).await;
    let device = Authenticator::at(site.origin());
    let made: RecoveryAnswer = register(&client, &device).await.expect(200).json();
    assert_eq!(made.recovery_codes.len(), 10);
    (client, device)
}

#[actix_web::test]
async fn a_passkey_is_the_second_step() {
    let site = Site::start_with(by_name).await;
    let (client, mut device) = ana_at(&site).await;
    client.get("/api/v1/me").await.expect(200);
    for _ in 0..2 {
        let again = Protected::halfway(&site, ANA).await;
        show(&again, &mut device).await.expect(204);
        again.get("/api/v1/me").await.expect(200);
    }
    let factor = look(&client).await.factors.remove(0);
    assert_eq!((factor.kind, factor.name.as_str()), (FactorKind::Passkey, "blue key"));
    let events = rows::query(&site, "SELECT event FROM audit WHERE event LIKE 'factor%' ORDER BY seq").await;
    assert_eq!(events, ["factor.added", "factor.used", "factor.used"]);
}

#[actix_web::test]
async fn an_authenticator_without_a_counter_may_be_used_again_and_again() {
    let site = Site::start_with(by_name).await;
    let (_, mut device) = ana_at(&site).await;
    for _ in 0..2 {
        let half = Protected::halfway(&site, ANA).await;
        device.counts = false;
        show(&half, &mut device).await.expect(204);
    }
}

#[actix_web::test]
async fn a_passkey_shown_on_another_site_or_to_nobody_proves_nothing() {
    let site = Site::start_with(by_name).await;
    let (_, device) = ana_at(&site).await;
    let port = site.address().port();
    let other_port = format!("http://localhost:{}", port.wrapping_add(1));
    let tricks: [(&str, Trick); 5] = [
        ("a false website", |device, _| device.origin = "https://localhost.evil.example".into()),
        ("another port", |device, other| device.origin = other.to_owned()),
        ("another relying party", |device, _| device.rp_id = "evil.example".into()),
        ("nobody verified", |device, _| device.flags &= !VERIFIED),
        ("nobody there", |device, _| device.flags = VERIFIED),
    ];
    let half = Protected::halfway(&site, ANA).await;
    for (what, trick) in tricks {
        let mut tricked = device.clone();
        trick(&mut tricked, &other_port);
        let refused = show(&half, &mut tricked).await;
        assert_eq!(refused.status, 403, "{what}");
        refused.refused(403, "wrong-factor");
        half.get("/api/v1/me").await.refused(403, "second-step-needed");
        rows::execute(&site, "DELETE FROM passcode_failures").await;
    }
    // The same at the making.
    let client = sign_in(&site, EVE).await;
    for (what, trick) in tricks {
        let mut tricked = Authenticator::at(site.origin());
        trick(&mut tricked, &other_port);
        assert_eq!(register(&client, &tricked).await.status, 403, "{what}");
    }
    assert!(look(&client).await.factors.is_empty());
}

#[actix_web::test]
async fn an_answer_counts_once_in_its_session_and_to_the_newest_question() {
    let site = Site::start_with(by_name).await;
    let (_, mut device) = ana_at(&site).await;
    let (here, there) = (Protected::halfway(&site, ANA).await, Protected::halfway(&site, ANA).await);
    // To a question of another session.
    let options = ask(&here, "/api/v1/sign-in/passkey").await;
    ask(&there, "/api/v1/sign-in/passkey").await;
    answer(&there, &device.get(&options)).await.refused(403, "wrong-factor");
    // To a question before the newest.
    ask(&here, "/api/v1/sign-in/passkey").await;
    answer(&here, &device.get(&options)).await.refused(403, "wrong-factor");
    // To one that was spent by that.
    answer(&here, &device.get(&options)).await.refused(403, "wrong-factor");
    // Too late.
    let options = ask(&here, "/api/v1/sign-in/passkey").await;
    site.wait(10 * MINUTE);
    answer(&here, &device.get(&options)).await.refused(403, "wrong-factor");
    // To one that a new passkey was asked with.
    let options = ask(&here, "/api/v1/sign-in/passkey").await;
    let credential = device.get(&options);
    answer(&here, &credential).await.expect(204);
    answer(&here, &credential).await.refused(403, "wrong-factor");
    there.get("/api/v1/me").await.refused(403, "second-step-needed");
}

#[actix_web::test]
async fn another_person_s_passkey_proves_nothing() {
    let site = Site::start_with(by_name).await;
    let (_, mut device) = ana_at(&site).await;
    let eve = sign_in(&site, EVE).await;
    let mut hers = Authenticator::at(site.origin());
    register(&eve, &hers).await.expect(200);
    let half = Protected::halfway(&site, ANA).await;
    show(&half, &mut hers).await.refused(403, "wrong-factor");
    // Under Ana's name, with Eve's key; and the other way round.
    std::mem::swap(&mut hers.credential_id, &mut device.credential_id);
    show(&half, &mut hers).await.refused(403, "wrong-factor");
    show(&half, &mut device).await.refused(403, "wrong-factor");
    half.get("/api/v1/me").await.refused(403, "second-step-needed");
}

#[actix_web::test]
async fn one_passkey_is_one_account_s() {
    let site = Site::start_with(by_name).await;
    let (ana, device) = ana_at(&site).await;
    register(&ana, &device).await.refused(403, "wrong-factor");
    let eve = sign_in(&site, EVE).await;
    register(&eve, &device).await.refused(403, "wrong-factor");
    assert_eq!((look(&ana).await.factors.len(), look(&eve).await.factors.len()), (1, 0));
}

#[actix_web::test]
async fn a_copied_authenticator_is_found_by_its_counter() {
    let site = Site::start_with(by_name).await;
    let (_, mut device) = ana_at(&site).await;
    let mut copy = device.clone();
    for _ in 0..2 {
        show(&Protected::halfway(&site, ANA).await, &mut device).await.expect(204);
    }
    let half = Protected::halfway(&site, ANA).await;
    show(&half, &mut copy).await.refused(403, "wrong-factor");
    half.get("/api/v1/me").await.refused(403, "second-step-needed");
    let told = rows::query(&site, "SELECT detail FROM audit WHERE event = 'factor.refused'").await;
    assert!(told.len() == 1 && told[0].contains("copied"), "{told:?}");
    show(&half, &mut device).await.expect(204);
}

#[actix_web::test]
async fn a_removed_passkey_proves_nothing_also_in_an_answer_under_way() {
    let site = Site::start_with(by_name).await;
    let (client, mut device) = ana_at(&site).await;
    // A second one, so that the account still asks.
    site.wait(1);
    let mut second = Authenticator::at(site.origin());
    assert!(register(&client, &second).await.expect(200).json::<RecoveryAnswer>().recovery_codes.is_empty());
    let half = Protected::halfway(&site, ANA).await;
    let options = ask(&half, "/api/v1/sign-in/passkey").await;
    let factor = look(&client).await.factors.remove(0).factor_id;
    client.delete(&format!("/api/v1/account/factors/{factor}")).await.expect(204);
    answer(&half, &device.get(&options)).await.refused(403, "wrong-factor");
    show(&half, &mut device).await.refused(403, "wrong-factor");
    show(&half, &mut second).await.expect(204);
}

#[actix_web::test]
async fn where_the_address_is_a_number_there_are_no_passkeys() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    client.post("/api/v1/account/passkey", &json!({})).await.refused(404, "not-found");
    client.post("/api/v1/sign-in/passkey", &json!({})).await.refused(404, "not-found");
    assert!(!look(&client).await.passkeys);
    let page = client.get("/account").await.expect(200).text();
    assert!(page.contains(&format!("http://localhost:{}", site.address().port())), "it says where there are some");
}

#[actix_web::test]
async fn what_is_no_passkey_is_refused_and_no_fault() {
    let site = Site::start_with(by_name).await;
    let (_, mut device) = ana_at(&site).await;
    let half = Protected::halfway(&site, ANA).await;
    let options = ask(&half, "/api/v1/sign-in/passkey").await;
    let good = device.get(&options);
    let mut wrong = vec![json!(null), json!({}), json!([]), json!("x")];
    for field in ["authenticatorData", "clientDataJSON", "signature"] {
        for text in ["", "AAAA", "!", &"A".repeat(8000)] {
            let mut changed = good.clone();
            changed["response"][field] = json!(text);
            wrong.push(changed);
        }
    }
    for credential in wrong {
        ask(&half, "/api/v1/sign-in/passkey").await;
        let refused = answer(&half, &credential).await;
        assert_eq!(refused.status, 403, "{credential}: {}", refused.text());
        // Pauses between wrong tries are another test's.
        rows::execute(&site, "DELETE FROM passcode_failures").await;
    }
}
