//! What administrators do about people, and how there comes to be a first one.

use crate::harness::people::{administrator, give, id_of, set, sign_in_as};
use crate::harness::second_step::{self, Protected};
use crate::harness::sender::sign_in;
use crate::harness::{Answer, Client, DAY, Parcel, Sender, Site, rows};
use filmjacket::people::{INVITATION_LIFETIME, SignInRule};
use futures_util::future::join_all;
use protocol::people::{PeoplePage, Person, PersonState};
use protocol::sign_in::{Me, Role};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ADA: &str = "ada@clinic.example";
const BEN: &str = "ben@clinic.example";
const ANA: &str = "ana@other.example";

fn only_the_clinic(config: &mut filmjacket::config::Config) {
    config.sign_in = SignInRule::parse(&["clinic.example".to_owned()]).unwrap();
}

fn may(roles: &[&str]) -> Value {
    json!({ "roles": roles })
}

async fn invite(admin: &Client, email: &str, roles: &[&str]) -> Answer {
    admin.post("/api/v1/admin/people", &json!({ "email": email, "may": may(roles) })).await
}

async fn change(site: &Site, admin: &Client, email: &str, may: &Value) -> Answer {
    admin.put(&format!("/api/v1/admin/people/{}", id_of(site, email).await), may).await
}

async fn act(site: &Site, admin: &Client, email: &str, what: &str) -> Answer {
    admin.send("POST", &format!("/api/v1/admin/people/{}/{what}", id_of(site, email).await), &[], "").await
}

async fn events(site: &Site) -> Vec<String> {
    rows::query(
        site,
        "SELECT event || ' ' || actor || ' ' || detail FROM audit WHERE event LIKE 'person.%' ORDER BY seq",
    )
    .await
}

/// Whether a code is mailed.
async fn gets_a_code(site: &Site, email: &str) -> bool {
    let before = site.mail().len();
    site.client().post("/api/v1/sign-in", &json!({ "email": email })).await.expect(202);
    site.send_mail().await;
    site.mail().len() > before
}

#[actix_web::test]
async fn an_invited_person_is_mailed_signs_in_by_code_and_has_the_roles_from_the_start() {
    let site = Site::start_with(only_the_clinic).await;
    let ada = administrator(&site, ADA).await;
    assert!(!gets_a_code(&site, ANA).await);
    let invited: Person = invite(&ada, ANA, &["sender", "auditor"]).await.expect(201).json();
    assert_eq!((invited.state, invited.signed_in_at, invited.is_me), (PersonState::Invited, None, false));
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), [format!("{ANA}: invitation")]);
    let ana = sign_in(&site, ANA).await;
    let me: Me = ana.get("/api/v1/me").await.json();
    assert_eq!(me.roles, [Role::Sender, Role::Auditor]);
    // Used again it is an ordinary sign-in: one account, no other rights.
    sign_in(&site, ANA).await;
    assert_eq!(rows::count(&site, "accounts").await, 2);
    invite(&ada, "Ana@Other.Example", &["administrator"]).await.refused(409, "person-exists");
    assert_eq!(events(&site).await, [format!("person.invited {ADA} {ANA}; roles: sender auditor")]);
}

#[actix_web::test]
async fn who_is_taken_off_while_holding_back_the_last_byte_of_a_request_does_nothing_with_it() {
    let site = Site::start().await;
    let (ada, ben) = (administrator(&site, ADA).await, administrator(&site, BEN).await);
    let body = json!({ "email": ANA, "may": may(&["administrator"]) }).to_string();
    let (begun, held_back) = body.split_at(body.len() - 1);
    let mut line = TcpStream::connect(site.address()).await.unwrap();
    let beginning = format!(
        "POST /api/v1/admin/people HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\
         Cookie: filmjacket-session={}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{begun}",
        ben.cookie("filmjacket-session").unwrap(),
        body.len()
    );
    line.write_all(beginning.as_bytes()).await.unwrap();
    // Meanwhile the server finds that Ben may.
    act(&site, &ada, BEN, "disable").await.expect(204);
    line.write_all(held_back.as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(rows::query(&site, &format!("SELECT email FROM accounts WHERE email = '{ANA}'")).await, [""; 0]);
}

#[actix_web::test]
async fn an_invitation_that_is_not_followed_dies_and_can_be_sent_anew() {
    let site = Site::start_with(only_the_clinic).await;
    let ada = administrator(&site, ADA).await;
    invite(&ada, ANA, &["sender"]).await.expect(201);
    site.wait(INVITATION_LIFETIME);
    assert!(!gets_a_code(&site, ANA).await);
    let ada = sign_in(&site, ADA).await;
    let page: PeoplePage = ada.get("/api/v1/admin/people?search=OTHER").await.expect(200).json();
    assert_eq!(page.people.iter().map(|person| person.state).collect::<Vec<_>>(), [PersonState::InvitationOver]);
    act(&site, &ada, ANA, "invitation").await.expect(204);
    sign_in(&site, ANA).await;
    for _ in 0..9 {
        act(&site, &ada, ANA, "invitation").await.expect(204);
    }
    act(&site, &ada, ANA, "invitation").await.refused(429, "too-many-requests");
}

#[actix_web::test]
async fn disabling_ends_sessions_at_once_and_enabling_brings_none_of_them_back() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await;
    let ben = Sender::sign_in(&site, BEN).await;
    let parcel = Parcel::scribble(&site, &[10; 2]);
    ben.create(&parcel).await.expect(201);
    ben.put_part(&parcel, 0, 0).await.expect(204);
    act(&site, &ada, BEN, "disable").await.expect(204);
    ben.put_part(&parcel, 1, 0).await.refused(401, "sign-in-needed");
    assert!(!gets_a_code(&site, BEN).await);
    act(&site, &ada, BEN, "disable").await.expect(204);
    act(&site, &ada, BEN, "enable").await.expect(204);
    ben.client.get("/api/v1/me").await.refused(401, "sign-in-needed");
    sign_in(&site, BEN).await;
    let told: Vec<String> =
        events(&site).await.into_iter().map(|event| event.split(';').next().unwrap().to_owned()).collect();
    let event = |name: &str| format!("person.{name} {ADA} {BEN}");
    assert_eq!(told, [event("disabled"), event("disabled"), event("enabled")]);
}

#[actix_web::test]
async fn what_is_asked_for_is_what_holds_and_what_is_shown() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await;
    let ben = sign_in(&site, BEN).await;
    let until = site.clock.now().plus(DAY).to_rfc3339();
    let wanted = json!({ "roles": ["sender", "department_head"], "department": " Radiology ", "valid_until": until });
    change(&site, &ada, BEN, &wanted).await.expect(204);
    let page: PeoplePage = ada.get("/api/v1/admin/people?search=radio").await.json();
    let shown = page.people.iter().find(|person| person.email == BEN).unwrap();
    assert_eq!(shown.may.roles, [Role::Sender, Role::DepartmentHead]);
    assert_eq!((&*shown.may.department, shown.may.valid_until.unwrap().to_rfc3339()), ("Radiology", until));
    assert_eq!(page.departments, ["Radiology"]);
    ben.get("/api/v1/department/transfers").await.expect(200);
    site.wait(DAY);
    assert!(!gets_a_code(&site, BEN).await);
    let ada = sign_in(&site, ADA).await;
    for (wrong, field) in [
        (json!({ "roles": [] }), "may.roles"),
        (json!({ "roles": ["department_head"] }), "may.department"),
        (json!({ "roles": ["sender"], "department": "a\u{202e}b" }), "may.department"),
        (
            json!({ "roles": ["sender"], "valid_from": "2027-02-02T00:00:00Z", "valid_until": "2027-02-01T00:00:00Z" }),
            "may.valid_until",
        ),
    ] {
        let refused = change(&site, &ada, BEN, &wrong).await.refused(422, "invalid-field");
        assert_eq!(refused.field.as_deref(), Some(field), "{wrong}");
    }
    change(&site, &ada, BEN, &json!({ "roles": ["owner"] })).await.refused(400, "bad-request");
}

#[actix_web::test]
async fn no_administrator_takes_themselves_off() {
    let site = Site::start().await;
    let (ada, _) = (administrator(&site, ADA).await, administrator(&site, BEN).await);
    let before = rows::dump(&site).await;
    act(&site, &ada, ADA, "disable").await.refused(409, "administrator-needed");
    let over = json!({ "roles": ["administrator"], "valid_until": site.clock.now().to_rfc3339() });
    change(&site, &ada, ADA, &over).await.refused(409, "administrator-needed");
    let mut after = rows::dump(&site).await;
    after.insert("rate_windows".into(), before["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
    ada.get("/api/v1/admin/people").await.expect(200);
}

#[actix_web::test]
async fn the_last_lasting_administrator_stays_whoever_asks() {
    let site = Site::start().await;
    let (ada, ben) = (administrator(&site, ADA).await, administrator(&site, BEN).await);
    // Ben has a last day, Cleo was never here: neither can be relied on.
    let with_end = json!({ "roles": ["administrator"], "valid_until": site.clock.now().plus(DAY).to_rfc3339() });
    change(&site, &ada, BEN, &with_end).await.expect(204);
    invite(&ada, "cleo@clinic.example", &["administrator"]).await.expect(201);
    for (change_to, what) in [(may(&["sender"]), "the role"), (with_end.clone(), "a last day")] {
        change(&site, &ben, ADA, &change_to).await.refused(409, "administrator-needed");
        assert_eq!(rows::one(&site, "SELECT CAST(COUNT(*) AS TEXT) FROM accounts WHERE administrator = 1 AND valid_until IS NULL AND signed_in_at IS NOT NULL").await, "1", "{what}");
    }
    act(&site, &ben, ADA, "disable").await.refused(409, "administrator-needed");
    change(&site, &ada, ADA, &may(&["sender"])).await.refused(409, "administrator-needed");
    // As soon as another one is there for good, it goes.
    sign_in(&site, "cleo@clinic.example").await;
    change(&site, &ben, ADA, &may(&["sender"])).await.expect(204);
    ada.get("/api/v1/admin/people").await.refused(403, "role-missing");
}

#[actix_web::test]
async fn administrators_who_take_each_others_role_at_once_leave_one() {
    let site = Site::start().await;
    let names: Vec<String> = (0..6).map(|number| format!("admin{number}@clinic.example")).collect();
    let mut admins = Vec::new();
    for name in &names {
        admins.push((administrator(&site, name).await, id_of(&site, name).await));
    }
    let role = may(&["sender"]);
    let asked = (0..admins.len()).map(|number| {
        let path = format!("/api/v1/admin/people/{}", admins[(number + 1) % admins.len()].1);
        let client = &admins[number].0;
        let role = &role;
        async move { client.put(&path, role).await.status }
    });
    let answers = join_all(asked).await;
    assert!(answers.iter().all(|status| [204, 409, 403].contains(status)), "{answers:?}");
    let left = rows::one(&site, "SELECT CAST(SUM(administrator) AS TEXT) FROM accounts").await;
    assert!(left.parse::<i64>().unwrap() >= 1, "nobody is left: {answers:?}");
}

#[actix_web::test]
async fn an_act_that_cannot_be_audited_does_not_happen() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await;
    let ben = Sender::sign_in(&site, BEN).await;
    let parcel = Parcel::scribble(&site, &[10]);
    ben.send(&parcel).await;
    let before = rows::dump(&site).await;
    rows::fail(&site, "INSERT ON audit").await;
    for answer in [
        act(&site, &ada, BEN, "disable").await,
        act(&site, &ada, BEN, "enable").await,
        act(&site, &ada, BEN, "invitation").await,
        change(&site, &ada, BEN, &may(&["auditor"])).await,
        invite(&ada, ANA, &["sender"]).await,
        ada.send("POST", &format!("/api/v1/admin/transfers/{}/end", parcel.id()), &[], "").await,
    ] {
        answer.refused(500, "internal");
    }
    rows::mend(&site).await;
    let mut after = rows::dump(&site).await;
    after.insert("rate_windows".into(), before["rate_windows"].clone());
    assert_eq!(rows::difference(&before, &after), "");
}

#[actix_web::test]
async fn another_website_cannot_act_through_an_administrators_browser() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await;
    sign_in(&site, BEN).await;
    for foreign in [ada.with("sec-fetch-site", "cross-site"), ada.with("sec-fetch-site", "").with("origin", "")] {
        act(&site, &foreign, BEN, "disable").await.refused(403, "cross-origin");
        invite(&foreign, ANA, &["administrator"]).await.refused(403, "cross-origin");
    }
    assert!(gets_a_code(&site, BEN).await);
}

#[actix_web::test]
async fn a_search_takes_its_signs_for_what_they_are() {
    let site = Site::start().await;
    let ada = administrator(&site, ADA).await;
    sign_in(&site, "b_n@clinic.example").await;
    sign_in(&site, BEN).await;
    for (search, found) in [("b_n", 1), ("b%25n", 0), ("!", 0), ("%27%3B--", 0), ("CLINIC", 3), ("ada%20berg", 1)] {
        let page: PeoplePage = ada.get(&format!("/api/v1/admin/people?search={search}")).await.expect(200).json();
        assert_eq!(page.people.len(), found, "{search}");
    }
    let first: PeoplePage = ada.get("/api/v1/admin/people?limit=2").await.json();
    let rest: PeoplePage = ada.get(&format!("/api/v1/admin/people?limit=2&after={}", first.next.unwrap())).await.json();
    assert_eq!((first.people.len(), rest.people.len(), rest.next), (2, 1, None));
}

/// The token of a link that was just printed.
async fn first_link(site: &Site) -> String {
    let link = site.app().make_first_administrator_link().await.unwrap().expect("there is no administrator");
    link.split_once("/first-administrator#").unwrap().1.to_owned()
}

async fn become_first(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/first-administrator", &json!({ "token": token })).await
}

#[actix_web::test]
async fn the_link_on_the_console_makes_one_administrator_however_many_ask_at_once() {
    let site = Site::start().await;
    let token = first_link(&site).await;
    assert!(rows::dump(&site).await.values().flatten().all(|row| !row.contains(&token)), "kept as a hash only");
    let mut clients = Vec::new();
    for number in 0..5 {
        clients.push(sign_in(&site, &format!("p{number}@clinic.example")).await);
    }
    let answers = join_all((0..50).map(|number| become_first(&clients[number % 5], &token))).await;
    let made = answers.iter().filter(|answer| answer.status == 204).count();
    assert_eq!(made, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(answers.iter().filter(|answer| answer.status != 204).all(|answer| answer.status == 404));
    assert_eq!(rows::one(&site, "SELECT CAST(SUM(administrator) AS TEXT) FROM accounts").await, "1");
    assert_eq!(rows::count(&site, "admin_links").await, 0);
    let told = rows::query(&site, "SELECT event FROM audit WHERE event = 'person.first_administrator'").await;
    assert_eq!(told.len(), 1);
    assert!(site.app().make_first_administrator_link().await.unwrap().is_none());
}

#[actix_web::test]
async fn the_link_works_for_a_day_and_only_while_there_is_no_administrator() {
    let site = Site::start().await;
    let (old, client) = (first_link(&site).await, sign_in(&site, ADA).await);
    become_first(&site.client(), &old).await.refused(401, "sign-in-needed");
    become_first(&client, &"A".repeat(43)).await.refused(404, "link-invalid");
    site.wait(DAY);
    let client = sign_in(&site, ADA).await;
    become_first(&client, &old).await.refused(404, "link-invalid");
    let (one, other) = (first_link(&site).await, first_link(&site).await);
    rows::fail(&site, "INSERT ON audit").await;
    become_first(&client, &one).await.refused(500, "internal");
    rows::mend(&site).await;
    // Somebody is made administrator on the command line meanwhile.
    sign_in(&site, BEN).await;
    give(&site, BEN, &[Role::Administrator]).await;
    become_first(&client, &one).await.refused(404, "link-invalid");
    set(&site, BEN, "administrator = 0").await;
    become_first(&client, &one).await.expect(204);
    become_first(&client, &other).await.refused(404, "link-invalid");
    client.get("/api/v1/admin/people").await.expect(200);
}

#[actix_web::test]
async fn the_page_behind_the_link_asks_who_is_not_signed_in_to_sign_in_first() {
    let site = Site::start().await;
    assert!(site.client().get("/first-administrator").await.expect(200).text().contains("Mail me a code"));
    let client = sign_in(&site, ADA).await;
    assert!(client.get("/first-administrator").await.expect(200).text().contains(ADA));
}

#[actix_web::test]
async fn the_page_behind_the_link_asks_who_is_halfway_signed_in_for_the_second_step_first() {
    let site = Site::start().await;
    let ada = Protected::sign_in(&site, ADA).await;
    let halfway = Protected::halfway(&site, ADA).await;
    let page = halfway.get("/first-administrator").await.expect(200).text();
    assert!(page.contains("One more step") && page.contains("js/second-step.js"), "{page}");
    become_first(&halfway, &first_link(&site).await).await.refused(403, "second-step-needed");
    site.wait(30);
    second_step::enter(&halfway, &ada.app.code(&site)).await.expect(204);
    assert!(halfway.get("/first-administrator").await.expect(200).text().contains("Become administrator"));
}

#[actix_web::test]
async fn the_navigation_shows_only_what_the_person_may_use() {
    let site = Site::start().await;
    for (roles, seen, home) in [
        (vec![Role::Sender], vec!["/send", "/sent"], "/send"),
        (vec![Role::Administrator], vec!["/admin/people", "/admin/transfers", "/admin/state"], "/admin/people"),
        (vec![Role::DepartmentHead, Role::Sender], vec!["/send", "/sent", "/department"], "/send"),
    ] {
        let client = sign_in_as(&site, &format!("p{}@clinic.example", seen.len() + roles.len()), &roles).await;
        let page = client.get("/welcome").await.expect(200).text();
        for path in ["/send", "/sent", "/department", "/admin/people", "/admin/transfers", "/admin/state"] {
            assert_eq!(page.contains(&format!("href=\"{path}\"")), seen.contains(&path), "{path} for {roles:?}");
        }
        assert_eq!(client.get("/").await.expect(303).header("location"), home);
    }
}
