//! What a person may do and when: roles, dates, disabling, invitations, each held against sessions that are under way.

use crate::harness::sender::sign_in;
use crate::harness::{Client, DAY, HOUR, MINUTE, Parcel, Sender, Site, people, rows};
use filmjacket::people::{INVITATION_LIFETIME, SignInRule};
use protocol::sign_in::{Me, Role, SignInCodeRequest, SignInRequest};

const ANA: &str = "ana@clinic.example";

fn now(site: &Site) -> i64 {
    site.clock.now().as_unix()
}

/// Whether a code is mailed to this address.
async fn gets_a_code(site: &Site, email: &str) -> bool {
    let before = site.mail().len();
    site.client().post("/api/v1/sign-in", &SignInRequest { email: email.into() }).await.expect(202);
    site.send_mail().await;
    site.mail().len() > before
}

async fn is_signed_in(client: &Client) -> bool {
    let answer = client.get("/api/v1/me").await;
    if answer.status != 200 {
        answer.refused(401, "sign-in-needed");
    }
    answer.status == 200
}

#[actix_web::test]
async fn who_signs_in_first_is_a_sender_and_nothing_else() {
    let site = Site::start().await;
    let me: Me = sign_in(&site, ANA).await.get("/api/v1/me").await.json();
    assert_eq!(me.roles, [Role::Sender]);
    assert_eq!(
        rows::one(&site, "SELECT CAST(auditor + administrator + department_head AS TEXT) FROM accounts").await,
        "0"
    );
}

#[actix_web::test]
async fn a_disabled_persons_sessions_and_uploads_end_with_their_next_request() {
    let site = Site::start().await;
    let ana = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[10; 2]);
    ana.create(&parcel).await.expect(201);
    ana.put_part(&parcel, 0, 0).await.expect(204);
    people::set(&site, ANA, &format!("disabled_at = {}", now(&site))).await;
    ana.put_part(&parcel, 1, 0).await.refused(401, "sign-in-needed");
    assert!(!is_signed_in(&ana.client).await);
    assert!(!gets_a_code(&site, ANA).await);
}

#[actix_web::test]
async fn a_code_that_was_mailed_before_the_account_was_disabled_signs_nobody_in() {
    let site = Site::start().await;
    sign_in(&site, ANA).await;
    let client = site.client();
    client.post("/api/v1/sign-in", &SignInRequest { email: ANA.into() }).await.expect(202);
    let code = site.code_for(ANA).await;
    people::set(&site, ANA, &format!("disabled_at = {}", now(&site))).await;
    let request = SignInCodeRequest { email: ANA.into(), code };
    client.post("/api/v1/sign-in/code", &request).await.refused(401, "wrong-code");
}

#[actix_web::test]
async fn a_session_ends_in_the_second_that_the_account_does() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    people::set(&site, ANA, &format!("valid_until = {}", now(&site) + 10 * MINUTE)).await;
    site.wait(10 * MINUTE - 1);
    assert!(is_signed_in(&client).await);
    site.wait(1);
    assert!(!is_signed_in(&client).await);
    assert!(!gets_a_code(&site, ANA).await);
}

#[actix_web::test]
async fn an_account_that_is_not_yet_valid_gets_no_code_and_then_one() {
    let site = Site::start().await;
    let client = sign_in(&site, ANA).await;
    people::set(&site, ANA, &format!("valid_from = {}", now(&site) + 10 * MINUTE)).await;
    assert!(!is_signed_in(&client).await);
    assert!(!gets_a_code(&site, ANA).await);
    site.wait(10 * MINUTE);
    assert!(gets_a_code(&site, ANA).await);
}

#[actix_web::test]
async fn a_role_that_is_taken_away_is_gone_with_the_next_request_of_the_same_session() {
    let site = Site::start().await;
    let client = people::sign_in_as(&site, ANA, &[Role::Sender, Role::Auditor]).await;
    client.get("/api/v1/transfers").await.expect(200);
    client.get("/send").await.expect(200);
    people::give(&site, ANA, &[Role::Auditor]).await;
    client.get("/api/v1/transfers").await.refused(403, "role-missing");
    client.get("/send").await.refused(403, "role-missing");
    let me: Me = client.get("/api/v1/me").await.expect(200).json();
    assert_eq!(me.roles, [Role::Auditor]);
    // The last one takes the session with it.
    people::give(&site, ANA, &[]).await;
    assert!(!is_signed_in(&client).await);
}

#[actix_web::test]
async fn who_sees_more_than_their_own_is_signed_out_sooner() {
    let site = Site::start().await;
    for (number, role) in [Role::Auditor, Role::Administrator, Role::DepartmentHead].into_iter().enumerate() {
        let email = format!("p{number}@clinic.example");
        let (idle, busy) = (people::sign_in_as(&site, &email, &[role]).await, sign_in(&site, &email).await);
        site.wait(15 * MINUTE - 1);
        busy.send("POST", "/api/v1/session", &[], "").await.expect(204);
        assert!(is_signed_in(&idle).await, "reading does not keep a session");
        site.wait(1);
        assert!(!is_signed_in(&idle).await && is_signed_in(&busy).await);
        for _ in 0..(3 * HOUR + 45 * MINUTE) / (10 * MINUTE) {
            busy.send("POST", "/api/v1/session", &[], "").await.expect(204);
            site.wait(10 * MINUTE);
        }
        assert!(is_signed_in(&busy).await);
        site.wait(10 * MINUTE);
        assert!(!is_signed_in(&busy).await, "after four hours, however busy");
    }
}

#[actix_web::test]
async fn nobody_learns_from_an_answer_that_an_account_is_disabled_or_not_valid_or_unknown() {
    let site = Site::start_with(|config| {
        config.sign_in = SignInRule::parse(&["clinic.example".to_owned()]).unwrap();
    })
    .await;
    for email in ["good", "disabled", "early", "late", "roleless"] {
        sign_in(&site, &format!("{email}@clinic.example")).await;
    }
    let now = now(&site);
    people::set(&site, "disabled@clinic.example", &format!("disabled_at = {now}")).await;
    people::set(&site, "early@clinic.example", &format!("valid_from = {}", now + DAY)).await;
    people::set(&site, "late@clinic.example", &format!("valid_until = {now}")).await;
    people::give(&site, "roleless@clinic.example", &[]).await;
    let mails = site.mail().len();
    let mut answers = Vec::new();
    for name in ["good", "disabled", "early", "late", "roleless", "unknown", "stranger"] {
        let domain = if name == "stranger" { "other.example" } else { "clinic.example" };
        let (email, client) = (format!("{name}@{domain}"), site.client());
        let asked = client.post("/api/v1/sign-in", &SignInRequest { email: email.clone() }).await.expect(202);
        let wrong = SignInCodeRequest { email, code: "00000000".into() };
        let tried = client.post("/api/v1/sign-in/code", &wrong).await;
        answers.push((asked.status, asked.body, asked.headers.len(), tried.visible()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    site.send_mail().await;
    let mut mailed: Vec<String> = site.mail().into_iter().skip(mails).map(|mail| mail.to).collect();
    mailed.sort();
    assert_eq!(mailed, ["good@clinic.example", "unknown@clinic.example"]);
}

#[actix_web::test]
async fn an_invitation_lets_somebody_in_who_is_on_no_list_and_dies_unused_after_a_fortnight() {
    let site = Site::start_with(|config| {
        config.sign_in = SignInRule::parse(&["north.example".to_owned()]).unwrap();
    })
    .await;
    let client = sign_in(&site, "ana@north.example").await;
    people::set(&site, "ana@north.example", &format!("email_key = '{ANA}', email = '{ANA}', signed_in_at = NULL"))
        .await;
    assert!(!is_signed_in(&client).await, "neither listed nor invited");
    people::set(&site, ANA, &format!("invited_at = {}", now(&site))).await;
    site.wait(INVITATION_LIFETIME - 1);
    assert!(gets_a_code(&site, ANA).await);
    site.wait(1);
    assert!(!gets_a_code(&site, ANA).await);
    // Once it was followed, it stays good.
    people::set(&site, ANA, &format!("invited_at = {}", now(&site))).await;
    sign_in(&site, ANA).await;
    site.wait(INVITATION_LIFETIME);
    sign_in(&site, ANA).await;
    assert_eq!(rows::count(&site, "accounts").await, 1);
}
