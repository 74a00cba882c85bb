//! Signing in by a mailed code.

use crate::harness::{Answer, Client, MINUTE, Site, rows};
use filmjacket::people::SignInRule;
use protocol::sign_in::{SignInCodeRequest, SignInRequest};
use std::collections::BTreeSet;

const ANA: &str = "ana@clinic.example";

async fn ask(client: &Client, email: &str) -> Answer {
    client.post("/api/v1/sign-in", &SignInRequest { email: email.into() }).await
}

async fn enter(client: &Client, email: &str, code: &str) -> Answer {
    client.post("/api/v1/sign-in/code", &SignInCodeRequest { email: email.into(), code: code.into() }).await
}

/// A code that is well-formed and wrong.
fn other_code(code: &str) -> String {
    format!("{:08}", (code.parse::<u32>().unwrap() + 1) % 100_000_000)
}

#[actix_web::test]
async fn a_mailed_code_signs_in_once() {
    let site = Site::start().await;
    let client = site.client();
    ask(&client, ANA).await.expect(202);
    let code = site.code_for(ANA).await;
    enter(&client, ANA, &code).await.expect(204);
    client.get("/api/v1/me").await.expect(200);
    enter(&client, ANA, &code).await.refused(401, "wrong-code");
}

#[actix_web::test]
async fn a_code_is_read_as_it_stands_in_the_mail() {
    let site = Site::start().await;
    for (before, between) in [(" ", " "), ("", "-"), ("\t", "\n"), ("", "")] {
        let client = site.client();
        ask(&client, ANA).await.expect(202);
        let code = site.code_for(ANA).await;
        let (first, second) = code.split_at(4);
        enter(&client, ANA, &format!("{before}{first}{between}{second}")).await.expect(204);
    }
}

#[actix_web::test]
async fn an_address_is_the_same_in_any_case() {
    let site = Site::start().await;
    let client = site.client();
    ask(&client, "Ana@Clinic.Example").await.expect(202);
    let code = site.code_for("Ana@clinic.example").await;
    enter(&client, " ana@CLINIC.example ", &code).await.expect(204);
    let again = site.client();
    ask(&again, ANA).await.expect(202);
    enter(&again, ANA, &site.code_for(ANA).await).await.expect(204);
    assert_eq!(rows::count(&site, "accounts").await, 1);
}

#[actix_web::test]
async fn a_code_works_for_ten_minutes() {
    let site = Site::start().await;
    let (early, late) = (site.client(), site.client());
    ask(&early, ANA).await.expect(202);
    let early_code = site.code_for(ANA).await;
    ask(&late, "bob@clinic.example").await.expect(202);
    let late_code = site.code_for("bob@clinic.example").await;
    site.wait(10 * MINUTE - 1);
    enter(&early, ANA, &early_code).await.expect(204);
    site.wait(1);
    enter(&late, "bob@clinic.example", &late_code).await.refused(401, "wrong-code");
}

#[actix_web::test]
async fn a_code_works_only_in_the_browser_and_for_the_address_that_asked() {
    let site = Site::start().await;
    let (asking, other) = (site.client(), site.client());
    ask(&asking, ANA).await.expect(202);
    let code = site.code_for(ANA).await;
    enter(&other, ANA, &code).await.refused(401, "wrong-code");
    // A browser that asked for its own code cannot use someone else's either.
    ask(&other, "eve@clinic.example").await.expect(202);
    enter(&other, ANA, &code).await.refused(401, "wrong-code");
    enter(&asking, "eve@clinic.example", &code).await.refused(401, "wrong-code");
    enter(&asking, ANA, &code).await.expect(204);
}

#[actix_web::test]
async fn five_wrong_codes_kill_the_right_one() {
    let site = Site::start().await;
    for (wrong_tries, status) in [(4, 204), (5, 401)] {
        let client = site.client();
        ask(&client, ANA).await.expect(202);
        let code = site.code_for(ANA).await;
        for _ in 0..wrong_tries {
            enter(&client, ANA, &other_code(&code)).await.refused(401, "wrong-code");
        }
        assert_eq!(enter(&client, ANA, &code).await.status, status, "after {wrong_tries} wrong ones");
    }
}

#[actix_web::test]
async fn the_right_code_entered_twice_at_once_makes_one_session() {
    let site = Site::start().await;
    let client = site.client();
    ask(&client, ANA).await.expect(202);
    let code = site.code_for(ANA).await;
    let (left, right) = (client.clone(), client.clone());
    let answers = futures_util::future::join(enter(&left, ANA, &code), enter(&right, ANA, &code)).await;
    let statuses = BTreeSet::from([answers.0.status, answers.1.status]);
    assert_eq!(statuses, BTreeSet::from([204, 401]));
    assert_eq!(rows::count(&site, "sessions").await, 1);
}

#[actix_web::test]
async fn wrong_codes_of_every_kind_get_one_answer() {
    let site = Site::start().await;
    let client = site.client();
    ask(&client, ANA).await.expect(202);
    let code = site.code_for(ANA).await;
    let wrong = enter(&client, ANA, &other_code(&code)).await;
    wrong.refused(401, "wrong-code");
    let never_asked = enter(&site.client(), ANA, &code).await;
    let another_address = enter(&client, "eve@clinic.example", &code).await;
    let nobodys_address = enter(&site.client(), "nobody@nowhere.example", &code).await;
    site.wait(10 * MINUTE);
    let too_old = enter(&client, ANA, &code).await;
    for other in [never_asked, another_address, nobodys_address, too_old] {
        assert_eq!(other.visible(), wrong.visible());
    }
}

#[actix_web::test]
async fn nobody_learns_from_an_answer_whether_an_address_is_known_or_allowed() {
    let site = Site::start_with(only_the_clinic).await;
    let client = site.client();
    ask(&client, ANA).await.expect(202);
    enter(&client, ANA, &site.code_for(ANA).await).await.expect(204);
    let mails = site.mail().len();

    let mut answers = Vec::new();
    for address in [ANA, "unknown@clinic.example", "stranger@other.example"] {
        // What is written is the same too, so that the time it takes is.
        let before = rows::dump(&site).await;
        let asked = blank_cookie(&ask(&site.client(), address).await.expect(202));
        let written = rows::written_since(&site, &before).await;
        assert_eq!(written, [("outbox".to_owned(), 1), ("sign_in_codes".to_owned(), 1)], "{address}");
        let mut tried = Vec::new();
        let client = site.client();
        ask(&client, address).await.expect(202);
        for _ in 0..7 {
            let before = rows::dump(&site).await;
            tried
                .push((enter(&client, address, "00000000").await.visible(), rows::written_since(&site, &before).await));
        }
        answers.push((asked, tried));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    site.send_mail().await;
    assert!(site.mail().iter().all(|mail| mail.to != "stranger@other.example"), "a stranger got a code");
    assert_eq!(site.mail().len(), mails + 4);
}

#[actix_web::test]
async fn too_many_requests_for_codes_are_answered_alike_for_every_address() {
    let site = Site::start_with(only_the_clinic).await;
    let mut allowed = Vec::new();
    for (address, network) in
        [(ANA, "203.0.113.1"), ("unknown@clinic.example", "203.0.113.2"), ("stranger@other.example", "203.0.113.3")]
    {
        let browser = site.client().at_address(network);
        let mut count = 0;
        let refused = loop {
            let answer = ask(&browser, address).await;
            if answer.status != 202 || count > 1000 {
                break answer;
            }
            count += 1;
        };
        let problem = refused.refused(429, "too-many-requests");
        assert!(problem.retry_after.unwrap() > 0);
        assert_eq!(refused.header("retry-after"), problem.retry_after.unwrap().to_string());
        allowed.push((count, refused.visible()));
    }
    assert!(allowed[0].0 >= 3, "only {} codes", allowed[0].0);
    assert_eq!(allowed[0], allowed[1]);
    assert_eq!(allowed[0], allowed[2]);
}

#[actix_web::test]
async fn who_waits_as_told_may_ask_for_a_code_again() {
    let site = Site::start().await;
    let client = site.client();
    let refused = loop {
        let answer = ask(&client, ANA).await;
        if answer.status != 202 {
            break answer.problem();
        }
    };
    site.wait(refused.retry_after.unwrap() as i64);
    ask(&client, ANA).await.expect(202);
}

#[actix_web::test]
async fn a_code_is_kept_nowhere_in_readable_form() {
    let site = Site::start().await;
    ask(&site.client(), ANA).await.expect(202);
    let waiting = rows::dump(&site).await;
    let code = site.code_for(ANA).await;
    for rows in waiting.values().chain(rows::dump(&site).await.values()).flatten() {
        assert!(!rows.contains(&code), "{rows}");
    }
}

fn only_the_clinic(config: &mut filmjacket::config::Config) {
    config.sign_in = SignInRule::parse(&["clinic.example".to_owned()]).unwrap();
}

/// What a stranger could compare; the cookie's value is random for everyone.
fn blank_cookie(answer: &Answer) -> (u16, Vec<(String, String)>, bytes::Bytes) {
    let (status, mut headers, body) = answer.visible();
    for (name, value) in &mut headers {
        if name == "set-cookie" {
            let (cookie, rest) = value.split_once('=').unwrap();
            *value = format!("{cookie}=…;{}", rest.split_once(';').unwrap().1);
        }
    }
    (status, headers, body)
}
