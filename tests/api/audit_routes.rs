//! What every route that changes something leaves in the audit, and that nothing changes if it cannot be written.

use crate::harness::calls::{self, Call};
use crate::harness::sender::sign_in;
use crate::harness::{Client, Parcel, Recipient, Sender, Site, people, rows};
use filmjacket::http::{Access, ROUTES};
use protocol::open::{MailboxCodeRequest, OpenRequest};
use protocol::sign_in::{SignInCodeRequest, SignInRequest};
use protocol::transfers::LinkAnswer;
use serde_json::json;

/// What a route must leave.
enum Trace {
    /// A row with one of these events.
    Event(&'static [&'static str]),
    /// None, and why.
    None(&'static str),
}

/// A route that is not listed fails the tests: say what an auditor will find of it.
fn trace(method: &str, path: &str) -> Trace {
    match (method, path.trim_start_matches("/api/v1/")) {
        ("POST", "sign-in") => Trace::None("asking for a code lets nobody in; using one, rightly or wrongly, is told"),
        ("POST", "sign-in/code") => Trace::Event(&["session.started", "sign_in.refused"]),
        ("POST", "session") => Trace::None("a sign of life from whoever is signed in already"),
        ("DELETE", "session") => Trace::Event(&["session.ended"]),
        ("POST", "sign-in/second-step" | "sign-in/passkey/answer") => {
            Trace::Event(&["factor.used", "factor.refused", "recovery_code.used"])
        }
        ("POST", "sign-in/passkey" | "account/passkey" | "account/app") => {
            Trace::None("a question changes nothing about the account; its answer is told")
        }
        ("POST", "account/app/confirm" | "account/passkey/confirm") => Trace::Event(&["factor.added"]),
        ("PUT", "account/factors/{factor_id}") => Trace::Event(&["factor.renamed"]),
        ("DELETE", "account/factors/{factor_id}") => Trace::Event(&["factor.removed"]),
        ("DELETE", "account/identity" | "admin/people/{account_id}/identity") => Trace::Event(&["identity.unbound"]),
        ("POST", "account/recovery-codes") => Trace::Event(&["recovery_codes.made"]),
        ("DELETE", "account/sessions") => Trace::Event(&["session.others_ended"]),
        ("DELETE", "account/sessions/{session_id}") => Trace::Event(&["session.ended"]),
        ("POST", "account/tokens") => Trace::Event(&["token.made"]),
        ("DELETE", "account/tokens/{token_id}") => Trace::Event(&["token.revoked"]),
        ("PUT", "me") => Trace::Event(&["profile.changed"]),
        ("POST", "first-administrator") => Trace::Event(&["person.first_administrator"]),
        ("POST", "admin/people" | "admin/people/{account_id}/invitation") => Trace::Event(&["person.invited"]),
        ("PUT", "admin/people/{account_id}") => Trace::Event(&["person.changed"]),
        ("POST", "admin/people/{account_id}/disable") => Trace::Event(&["person.disabled"]),
        ("POST", "admin/people/{account_id}/enable") => Trace::Event(&["person.enabled"]),
        ("POST", "admin/transfers/{transfer_id}/end") => Trace::Event(&["transfer.revoked"]),
        ("POST", "transfers") => Trace::Event(&["transfer.created"]),
        ("PUT", "transfers/{transfer_id}/objects/{object_id}/parts/{n}") => {
            Trace::None("a draft's bytes mean nothing before the seal, and a study has thousands of parts")
        }
        ("POST", "transfers/{transfer_id}/objects/{object_id}/restart") => Trace::Event(&["transfer.file_restarted"]),
        ("POST", "transfers/{transfer_id}/seal") => Trace::Event(&["transfer.sealed"]),
        ("POST", "transfers/{transfer_id}/end") => Trace::Event(&["transfer.revoked"]),
        ("POST", "transfers/{transfer_id}/mail") => Trace::Event(&["transfer.resent"]),
        (
            "POST",
            "transfers/{transfer_id}/objects/{object_id}/parts/{n}/url"
            | "transfers/{transfer_id}/objects/{object_id}/parts/{n}/stored",
        ) => Trace::None("as for a part that is sent through the server; and here there is no bucket"),
        ("POST", "open/mailbox") => Trace::Event(&["mailbox.asked"]),
        ("POST", "open/mailbox/code") => Trace::Event(&["mailbox.proven", "mailbox.refused"]),
        ("POST", "mine") => Trace::None("asking for a code shows nothing; using one, rightly or wrongly, is told"),
        ("POST", "mine/code") => Trace::Event(&["mine.started", "mine.refused"]),
        ("DELETE", "mine") => Trace::Event(&["mine.ended"]),
        ("POST", "open") => Trace::None("it is a question, asked with the link's secret in its body"),
        ("POST", "open/unlock") => Trace::Event(&["transfer.opened", "transfer.refused"]),
        ("POST", "open/receipt") => Trace::Event(&["transfer.received"]),
        _ => panic!("what does {method} {path} leave in the audit?"),
    }
}

fn is_about_the_account(path: &str) -> bool {
    let path = path.trim_start_matches("/api/v1/");
    path.starts_with("account") || path.starts_with("sign-in/second-step") || path.starts_with("sign-in/passkey")
}

/// A draft, a sent transfer with its link and a ticket, and a browser with a code: what the calls are about.
struct Scene<'a> {
    site: &'a Site,
    sender: Sender<'a>,
    draft: Parcel,
    sent: Parcel,
    recipient: Recipient,
    ticket: protocol::Ticket,
    newcomer: Client,
    code: String,
    /// Holds the link of a transfer that asks for a code from the mailbox first.
    guarded: Recipient,
    /// Wants to see what waits for an address.
    reader: Client,
    /// Changes what somebody may do.
    admin: Client,
    /// Whose account that is about.
    account_id: String,
}

const NEW: &str = "new@clinic.example";
const ANNA: &str = "anna@clinic.example";
const BEA: &str = "bea@clinic.example";

impl<'a> Scene<'a> {
    async fn set(site: &'a Site) -> Self {
        let sender = Sender::sign_in(site, "ana@clinic.example").await;
        let (draft, sent) = (Parcel::scribble(site, &[10]), Parcel::scribble(site, &[10]).to(BEA));
        let asking = Parcel::scribble(site, &[10]).to(ANNA).asking_for_a_mailbox_code();
        sender.upload(&draft).await;
        let recipient = sender.send(&sent).await;
        let ticket = recipient.take_ticket(&sent.proof()).await;
        let (guarded, reader) = (sender.send(&asking).await, site.client());
        guarded.ask_for_code().await.expect(202);
        reader.post("/api/v1/mine", &SignInRequest { email: BEA.into() }).await.expect(202);
        site.send_mail().await;
        let newcomer = site.client();
        newcomer.post("/api/v1/sign-in", &SignInRequest { email: NEW.into() }).await.expect(202);
        let code = site.code_for(NEW).await;
        let admin = people::administrator(site, "ada@clinic.example").await;
        sign_in(site, "ben@clinic.example").await;
        let account_id = people::id_of(site, "ben@clinic.example").await;
        let identity = format!("VALUES ('https://login.example', 'ben', '{account_id}', 0)");
        rows::execute(site, &format!("INSERT INTO identities (issuer, subject, account_id, bound_at) {identity}"))
            .await;
        Self { site, sender, draft, sent, recipient, ticket, newcomer, code, guarded, reader, admin, account_id }
    }

    /// The calls that change something, each about a thing that it can change, those last that end it.
    fn calls(&self) -> Vec<Call> {
        let about_draft = calls::all(&self.draft, &self.recipient, &self.ticket);
        let about_sent = calls::all(&self.sent, &self.recipient, &self.ticket);
        // The sender ends the one that was sent, an administrator the draft, which is sealed by then.
        let is_for_draft = |path: &str| {
            ["/restart", "/seal", "{n}"].iter().any(|end| path.ends_with(end)) || path.contains("/admin/transfers/")
        };
        let mut chosen: Vec<Call> = about_draft
            .into_iter()
            .zip(about_sent)
            .map(|(draft, sent)| if is_for_draft(sent.route.path) { draft } else { sent })
            .filter(Call::changes_something)
            // Each of these needs a session of its own: `account` has them all.
            .filter(|call| !is_about_the_account(call.route.path))
            // There is no bucket that would take a part directly.
            .filter(|call| !call.route.path.ends_with("/url") && !call.route.path.ends_with("/stored"))
            // There is an administrator; `people` has its own tests of how there comes to be a first one.
            .filter(|call| call.route.path != "/api/v1/first-administrator")
            .collect();
        for call in &mut chosen {
            call.path = call.path.replace("/people/nobody", &format!("/people/{}", self.account_id));
            match call.route.path {
                "/api/v1/admin/people" => {
                    let body = json!({ "email": "cleo@clinic.example", "may": { "roles": ["sender"] } });
                    call.body = serde_json::to_vec(&body).unwrap();
                }
                "/api/v1/sign-in/code" => {
                    let body = SignInCodeRequest { email: NEW.into(), code: self.code.clone() };
                    call.body = serde_json::to_vec(&body).unwrap();
                }
                "/api/v1/mine" if call.route.method == "POST" => {
                    call.body = serde_json::to_vec(&SignInRequest { email: BEA.into() }).unwrap();
                }
                "/api/v1/open/mailbox" => {
                    let (token, transfer_id) = (self.guarded.token.clone(), self.guarded.transfer_id);
                    call.body = serde_json::to_vec(&OpenRequest { token, transfer_id }).unwrap();
                }
                "/api/v1/transfers" => {
                    call.body = serde_json::to_vec(&Parcel::scribble(self.site, &[10]).create).unwrap();
                }
                path if path.ends_with("/restart") => {
                    call.body = serde_json::to_vec(&Parcel::scribble(self.site, &[10]).create.objects[0]).unwrap();
                }
                _ => {}
            }
        }
        // A restart takes the parts of the draft away that the seal needs, a new link the old one's right, an end everything.
        chosen.sort_by_key(|call| {
            let last =
                ["DELETE /api/v1/mine", "/seal", "/restart", "/receipt", "/mail", "/end", "DELETE /api/v1/session"];
            last.iter().position(|end| call.name().ends_with(end)).map_or(0, |place| place + 1)
        });
        chosen
    }

    fn client(&self, call: &Call) -> &Client {
        match call.route.access {
            _ if call.route.path.starts_with("/api/v1/mine") => &self.reader,
            _ if call.route.path.starts_with("/api/v1/open/mailbox") => &self.guarded.client,
            Access::Administrator => &self.admin,
            Access::Browser => &self.newcomer,
            Access::Link | Access::Ticket => &self.recipient.client,
            _ => &self.sender.client,
        }
    }
}

#[test]
fn every_route_that_changes_something_is_listed_with_what_it_leaves() {
    let changing: Vec<_> = ROUTES.iter().filter(|route| route.method != "GET").collect();
    assert!(changing.len() >= 13);
    for route in changing {
        match trace(route.method, route.path) {
            Trace::Event(events) => assert!(!events.is_empty()),
            Trace::None(why) => assert!(why.len() > 20, "{} {}", route.method, route.path),
        }
    }
}

#[actix_web::test]
async fn every_changing_call_leaves_the_event_that_is_listed_for_it() {
    let site = Site::start().await;
    let scene = Scene::set(&site).await;
    for call in scene.calls() {
        let call = prepare(&scene, call).await;
        let before: i64 = rows::one(&site, "SELECT CAST(MAX(seq) AS TEXT) FROM audit").await.parse().unwrap();
        let answer = call.by(scene.client(&call)).await;
        assert!(answer.is_success(), "{}: {}", call.name(), answer.text());
        let new = rows::query(&site, &format!("SELECT event FROM audit WHERE seq > {before} ORDER BY seq")).await;
        match trace(call.route.method, call.route.path) {
            Trace::Event(events) => {
                assert!(new.iter().any(|event| events.contains(&event.as_str())), "{}: {new:?}", call.name());
            }
            Trace::None(_) => assert!(new.is_empty(), "{}: {new:?}", call.name()),
        }
    }
}

/// Codes are those that were mailed last. The draft was sealed by then: a restart is tried on a new one.
async fn prepare(scene: &Scene<'_>, mut call: Call) -> Call {
    if call.route.path == "/api/v1/open/mailbox/code" {
        let (token, transfer_id) = (scene.guarded.token.clone(), scene.guarded.transfer_id);
        let code = scene.site.mailbox_code_for(ANNA).await;
        call.body = serde_json::to_vec(&MailboxCodeRequest { token, transfer_id, code }).unwrap();
    }
    if call.route.path == "/api/v1/mine/code" {
        let code = scene.site.mailbox_code_for(BEA).await;
        call.body = serde_json::to_vec(&SignInCodeRequest { email: BEA.into(), code }).unwrap();
    }
    if call.route.path.ends_with("/restart") {
        let draft = Parcel::scribble(scene.site, &[10]);
        scene.sender.create(&draft).await.expect(201);
        call.path = call.path.replace(&scene.draft.id().to_text(), &draft.id().to_text());
        call.path = call.path.replace(&scene.draft.object_id(0).to_text(), &draft.object_id(0).to_text());
    }
    call
}

#[actix_web::test]
async fn nothing_that_leaves_an_event_happens_if_the_audit_cannot_be_written() {
    let site = Site::start().await;
    let scene = Scene::set(&site).await;
    let mut calls = Vec::new();
    for call in scene.calls() {
        calls.push(prepare(&scene, call).await);
    }
    for what in ["INSERT ON audit", "UPDATE ON audit_head"] {
        rows::fail(&site, what).await;
        let mut refused = 0;
        for call in &calls {
            // Nobody is on that page yet, because nobody could get there.
            if call.name() == "DELETE /api/v1/mine"
                || matches!(trace(call.route.method, call.route.path), Trace::None(_))
            {
                continue;
            }
            let mut before = rows::dump(&site).await;
            let answer = call.by(scene.client(call)).await;
            assert!(answer.status >= 500, "{} with {what}: {} {}", call.name(), answer.status, answer.text());
            // Counted requests, a session's sign of life and a try at a code are no change that anyone asked for.
            let after = rows::dump(&site).await;
            for table in ["rate_windows", "sign_in_codes", "sessions"] {
                before.insert(table.into(), after[table].clone());
            }
            assert_eq!(rows::difference(&before, &after), "", "{} with {what}", call.name());
            refused += 1;
        }
        assert!(refused >= 12, "{refused}");
        rows::mend(&site).await;
    }
    // Each does what it should when the audit can be written again.
    let LinkAnswer { .. } = scene.sender.seal(&scene.draft).await.expect(200).json();
    scene.recipient.unlock(&scene.sent.proof()).await.expect(200);
}

#[actix_web::test]
async fn nothing_ends_and_no_mail_is_settled_if_the_audit_cannot_be_written() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(&site, &[10]);
    sender.send(&parcel).await;
    site.wait(40 * 24 * 60 * 60);
    rows::fail(&site, "INSERT ON audit").await;
    assert!(filmjacket::jobs::settle(site.app()).await.is_err());
    let states = "SELECT state FROM transfers UNION SELECT kind FROM outbox WHERE kind = 'transfer_link'";
    assert_eq!(rows::query(&site, states).await, ["ready", "transfer_link"]);
    rows::mend(&site).await;
    site.tidy().await;
    assert_eq!(rows::query(&site, states).await, ["expired"]);
}
