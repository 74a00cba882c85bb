//! Who may call what: every route of the route table by everyone who might try.

use crate::harness::calls::{self, Call};
use crate::harness::parcel::random;
use crate::harness::tokens::{Owner, bare, program};
use crate::harness::{Client, Parcel, Sender, Site, people, rows};
use filmjacket::http::{Access, ROUTES, Route};
use filmjacket::people::{Standing, role_text, scopes_for};
use protocol::TransferId;
use protocol::sign_in::Role;
use protocol::tokens::Scope;

#[actix_web::test]
async fn every_route_answers_its_rightful_caller_and_refuses_all_others() {
    let site = Site::start_with(crate::harness::second_step::by_name).await;
    let ana = Sender::sign_in(&site, "ana@clinic.example").await;
    let eve = Sender::sign_in(&site, "eve@clinic.example").await;
    let (mine, hers) = (Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]));
    let recipient = ana.send(&mine).await;
    let ticket = recipient.take_ticket(&mine.proof()).await;
    // Eve is a sender with a transfer, a link and a ticket of her own.
    let hers_link = eve.send(&hers).await;
    let hers_ticket = hers_link.take_ticket(&hers.proof()).await;
    let hers_bearer = crate::harness::recipient::bearer(&hers_ticket);
    for call in calls::all(&mine, &recipient, &ticket) {
        let (what, nobody) = (call.name(), site.client());
        let before = rows::dump(&site).await;
        match call.route.access {
            Access::Anyone => {
                let status = call.by(&nobody).await.status;
                assert!(![401, 403].contains(&status), "{what}: {status}");
                continue;
            }
            Access::Browser => drop(call.by(&nobody).await.refused(401, "wrong-code")),
            Access::Reader => {
                // A sender's session and a ticket prove no recipient's address.
                for client in [&nobody, &eve.client] {
                    call.by(client).await.refused(401, "mailbox-code-needed");
                    call.with(client, &[("authorization", &hers_bearer)]).await.refused(401, "mailbox-code-needed");
                }
            }
            Access::SignedIn
            | Access::SettingUp
            | Access::Person
            | Access::Sender
            | Access::Auditor
            | Access::Administrator
            | Access::DepartmentHead => {
                refuse_strangers(&call, &nobody, &hers_bearer).await;
            }
            Access::Owner => {
                refuse_strangers(&call, &nobody, &hers_bearer).await;
                let mut nothing = call.clone();
                nothing.path = call.path.replace(&mine.id().to_text(), &TransferId::from_bytes(random()).to_text());
                let missing = nothing.by(&eve.client).await;
                missing.refused(404, "not-found");
                assert_eq!(call.by(&eve.client).await.visible(), missing.visible(), "{what}");
            }
            Access::Link => {
                let mut other = call.clone();
                let body = String::from_utf8(call.body.clone()).unwrap();
                other.body = body.replace(&recipient.token.to_text(), &hers_link.token.to_text()).into_bytes();
                for client in [&nobody, &eve.client, &ana.client] {
                    other.by(client).await.refused(404, "link-invalid");
                }
            }
            Access::Ticket => {
                for client in [&nobody, &eve.client, &ana.client] {
                    call.with(client, &[("authorization", "")]).await.refused(401, "ticket-invalid");
                }
                let foreign = call.with(&nobody, &[("authorization", &hers_bearer)]).await;
                if call.path.contains(&mine.object_id(0).to_text()) {
                    foreign.refused(404, "not-found");
                } else {
                    // The receipt goes to the ticket's own transfer, whatever else is said.
                    assert_eq!(foreign.status, 204);
                    assert!(!ana.events(&mine).await.contains(&"transfer.received".to_owned()));
                }
                continue;
            }
        }
        let mut after = rows::dump(&site).await;
        after.insert("rate_windows".into(), before["rate_windows"].clone());
        assert_eq!(rows::difference(&before, &after), "", "{what} changed something");
    }
    // The same calls by those who may, whatever role it takes.
    people::give(&site, "ana@clinic.example", &Role::ALL).await;
    people::set(&site, "ana@clinic.example", "department = 'Radiology'").await;
    let anna = site.client();
    crate::mine::prove(&site, &anna, "anna@clinic.example").await;
    for call in calls::all(&mine, &recipient, &ticket).iter().rev() {
        let ends = call.route.path.ends_with("/end")
            || ["DELETE /api/v1/session", "DELETE /api/v1/mine"].contains(&&*call.name());
        if call.route.access != Access::Browser && !ends {
            let rightful = if call.route.access == Access::Reader { &anna } else { &ana.client };
            let answer = call.by(rightful).await;
            let status = answer.status;
            // Ana has no factor: she may ask, and is told that what she shows is none. See `second_step` for who has one.
            let shows_nothing = status == 403
                && ["wrong-factor", "second-step-missing"].iter().any(|kind| answer.text().contains(kind));
            assert!(shows_nothing || ![401, 403].contains(&status), "{}: {status}", call.name());
            assert!(status != 404 || names_nothing(&call.route), "{}: 404", call.name());
        }
    }
    ana.end(&mine).await.expect(204);
}

/// Without a session: a page leads to the sign-in page, a call is refused, and a recipient's ticket is no session.
async fn refuse_strangers(call: &Call, nobody: &Client, bearer: &str) {
    for answer in [call.by(nobody).await, call.with(nobody, &[("authorization", bearer)]).await] {
        if call.is_page() {
            assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", call.name());
        } else {
            answer.refused(401, "sign-in-needed");
        }
    }
}

/// Routes whose call here is about something that is not there.
fn names_nothing(route: &Route) -> bool {
    [
        "{hash}",
        "{account_id}",
        "{factor_id}",
        "{session_id}",
        "{token_id}",
        "/api/v1/account/identity",
        "/api/v1/first-administrator",
        "/sign-in/provider",
    ]
    .iter()
    .any(|name| route.path.contains(name))
}

/// The role that a route takes, apart from whose things it is about.
const fn role_for(access: Access) -> Option<Role> {
    match access {
        Access::Sender | Access::Owner => Some(Role::Sender),
        Access::Auditor => Some(Role::Auditor),
        Access::Administrator => Some(Role::Administrator),
        Access::DepartmentHead => Some(Role::DepartmentHead),
        Access::Anyone
        | Access::Browser
        | Access::SignedIn
        | Access::SettingUp
        | Access::Person
        | Access::Link
        | Access::Reader
        | Access::Ticket => None,
    }
}

#[actix_web::test]
async fn every_route_is_open_to_its_role_and_closed_to_every_other_role() {
    let site = Site::start().await;
    let ana = Sender::sign_in(&site, "ana@clinic.example").await;
    let mine = Parcel::scribble(&site, &[100]);
    let recipient = ana.send(&mine).await;
    let ticket = recipient.take_ticket(&mine.proof()).await;
    for held in Role::ALL {
        // Each route by someone who holds this one role and owns nothing, and by someone who holds all the others.
        let others: Vec<Role> = Role::ALL.into_iter().filter(|role| *role != held).collect();
        for roles in [vec![held], others] {
            let email = format!("{}-{}@clinic.example", role_text(held).replace('_', "-"), roles.len());
            let client = people::sign_in_as(&site, &email, &roles).await;
            let calls = calls::all(&mine, &recipient, &ticket);
            let for_role = calls.iter().filter_map(|call| Some((call, role_for(call.route.access)?)));
            let (open, closed): (Vec<_>, Vec<_>) = for_role.partition(|(_, needed)| roles.contains(needed));
            let before = rows::dump(&site).await;
            for (call, _) in closed {
                let answer = call.by(&client).await;
                assert_eq!(answer.status, 403, "{} by {roles:?}", call.name());
                answer.refused(403, "role-missing");
            }
            assert_eq!(rows::difference(&before, &rows::dump(&site).await), "", "{roles:?} changed something");
            for (call, _) in open {
                let (what, status) = (format!("{} by {roles:?}", call.name()), call.by(&client).await.status);
                assert!(![401, 403, 303].contains(&status), "{what}: {status}");
                let is_nothing = call.route.access == Access::Owner || names_nothing(&call.route);
                assert_eq!(status == 404, is_nothing, "{what}: {status}");
            }
        }
    }
}

#[actix_web::test]
async fn every_route_takes_the_access_tokens_that_its_line_names_and_no_others() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, "ana@clinic.example", &Role::ALL).await;
    let sender = Sender::resume(&site, ana.client.clone());
    let mine = Parcel::scribble(&site, &[100]);
    let recipient = sender.send(&mine).await;
    let ticket = recipient.take_ticket(&mine.proof()).await;
    let ana = Owner { client: sender.client, ..ana };
    let bare = bare(&site);
    for held in Scope::ALL {
        let script = program(&site, &ana.make(&[*held]).await.token);
        // So that its use is written down already.
        script.get("/api/v1/audit").await;
        script.get("/api/v1/me").await;
        let (taking, others): (Vec<_>, Vec<_>) =
            calls::all(&mine, &recipient, &ticket).into_iter().partition(|call| call.route.scope == Some(*held));
        assert!(!taking.is_empty(), "nothing needs {held:?}");
        let before = rows::dump(&site).await;
        for call in others {
            // A ticket stands in the same header, so a request has one or the other.
            let (what, answer) = (call.name(), call.with(&script, &[("authorization", "")]).await);
            match call.route.scope {
                Some(needed) => {
                    assert!(answer.refused(403, "scope-missing").detail.contains(needed.as_text()), "{what}");
                    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", needed.as_text());
                    assert_eq!(answer.header("www-authenticate"), challenge, "{what}");
                }
                None if call.route.access == Access::Anyone && !call.changes_something() => {
                    assert_eq!(answer.status, call.by(&bare).await.status, "{what}");
                }
                None if call.is_page() => assert_eq!(answer.status, 403, "{what}"),
                None => drop(answer.refused(403, "token-not-taken")),
            }
        }
        let mut after = rows::dump(&site).await;
        after.insert("access_tokens".into(), before["access_tokens"].clone());
        assert_eq!(rows::difference(&before, &after), "", "{held:?} changed something");
        for call in taking {
            let (what, status) = (call.name(), call.by(&script).await.status);
            assert!(![401, 403, 303].contains(&status), "{what} with {held:?}: {status}");
            assert!(status != 404 || names_nothing(&call.route), "{what} with {held:?}: 404");
        }
    }
}

#[actix_web::test]
async fn a_token_for_everything_is_still_held_to_each_role_and_to_whose_things_they_are() {
    let site = Site::start().await;
    let eve = Sender::sign_in(&site, "eve@clinic.example").await;
    let hers = Parcel::scribble(&site, &[100]);
    let recipient = eve.send(&hers).await;
    let ticket = recipient.take_ticket(&hers.proof()).await;
    let email = "ana@clinic.example";
    let ana = Owner::sign_in(&site, email, &Role::ALL).await;
    let script = program(&site, &ana.make(Scope::ALL).await.token);
    let calls = calls::all(&hers, &recipient, &ticket);
    for held in Role::ALL {
        people::give(&site, email, &[held]).await;
        let for_role = calls.iter().filter(|call| call.route.scope.is_some());
        for (call, needed) in for_role.filter_map(|call| Some((call, role_for(call.route.access)?))) {
            let (what, answer) = (call.name(), call.by(&script).await);
            if needed != held {
                answer.refused(403, "role-missing");
            } else if call.route.access == Access::Owner {
                answer.refused(404, "not-found");
            } else {
                assert!(![401, 403].contains(&answer.status), "{what} by {held:?}: {}", answer.text());
            }
        }
    }
}

#[test]
fn every_scope_of_the_route_table_can_be_given_by_who_may_call_the_route() {
    for route in ROUTES {
        let (Some(scope), Some(role)) = (route.scope, role_for(route.access)) else { continue };
        let standing = Standing { roles: [role].into(), department: "Radiology".into(), ..Standing::default() };
        assert!(scopes_for(&standing).contains(&scope), "{route:?}");
    }
}

#[actix_web::test]
async fn a_senders_list_holds_nobody_elses_transfers() {
    let site = Site::start().await;
    let (ana, eve) =
        (Sender::sign_in(&site, "ana@clinic.example").await, Sender::sign_in(&site, "eve@clinic.example").await);
    ana.send(&Parcel::scribble(&site, &[1])).await;
    let page: protocol::transfers::TransferPage = eve.client.get("/api/v1/transfers").await.expect(200).json();
    assert!(page.transfers.is_empty());
}

#[actix_web::test]
async fn a_page_shows_nothing_of_anothers_transfer() {
    let site = Site::start().await;
    let (ana, eve) =
        (Sender::sign_in(&site, "ana@clinic.example").await, Sender::sign_in(&site, "eve@clinic.example").await);
    let parcel = Parcel::scribble(&site, &[1]).to("patient@home.example");
    ana.send(&parcel).await;
    let page = |id: &TransferId| format!("/sent/{id}");
    let unknown = TransferId::from_bytes(random());
    let (theirs, nothing) = (eve.client.get(&page(&parcel.id())).await, eve.client.get(&page(&unknown)).await);
    assert_eq!(theirs.text().replace(&parcel.id().to_text(), "…"), nothing.text().replace(&unknown.to_text(), "…"));
    assert!(!theirs.text().contains("patient@home.example"));
}
