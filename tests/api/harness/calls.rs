//! Every route of the route table as a request that its rightful caller could send.

use super::client::{Answer, Client};
use super::parcel::Parcel;
use super::recipient::{Recipient, bearer};
use super::sender::{digest_header, digest_of};
use filmjacket::http::{ROUTES, Route};
use protocol::Ticket;
use protocol::account::{AppRequest, FactorRequest, SecondStepRequest};
use protocol::direct::PartDigest;
use protocol::open::{MailboxCodeRequest, OpenRequest, ReceiptRequest, UnlockRequest};
use protocol::people::{FirstAdministratorRequest, InviteRequest, May};
use protocol::sign_in::{ProfileRequest, Role, SignInCodeRequest, SignInRequest};
use protocol::tokens::{Scope, TokenRequest};
use serde_json::{Value, json, to_value};

/// A request whose sender can be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) route: Route,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) async fn by(&self, client: &Client) -> Answer {
        self.with(client, &[]).await
    }

    /// The same with other values of some headers; `""` leaves one out.
    pub(crate) async fn with(&self, client: &Client, changes: &[(&str, &str)]) -> Answer {
        let changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
        let own = self.headers.iter().filter(|(name, _)| !changed(name)).map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = own.chain(changes.iter().copied()).collect();
        client.send(self.route.method, &self.path, &headers, self.body.clone()).await
    }

    /// Whether the body is JSON.
    pub(crate) fn takes_json(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == "content-type")
    }

    /// Whether it is for people's eyes.
    pub(crate) fn is_page(&self) -> bool {
        !self.route.path.starts_with("/api/")
    }

    pub(crate) fn changes_something(&self) -> bool {
        self.route.method != "GET"
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.route.method, self.route.path)
    }
}

/// One call a route, about `parcel`, whose link `recipient` holds and unlocked with `ticket`.
pub(crate) fn all(parcel: &Parcel, recipient: &Recipient, ticket: &Ticket) -> Vec<Call> {
    ROUTES.iter().map(|route| make(*route, parcel, recipient, ticket)).collect()
}

fn may() -> May {
    May { roles: vec![Role::Sender], department: "Radiology".into(), valid_from: None, valid_until: None }
}

/// A route that is not known here fails the tests that go by the table: say how it is called.
fn make(route: Route, parcel: &Parcel, recipient: &Recipient, ticket: &Ticket) -> Call {
    let path = route
        .path
        .replace("{transfer_id}", &parcel.id().to_text())
        .replace("{object_id}", &parcel.object_id(0).to_text())
        .replace("{n}", "0")
        .replace("{slug}", "not-found")
        .replace("{account_id}", "nobody")
        .replace("{factor_id}", "AAAAAAAAAAAAAAAAAAAAAA")
        .replace("{token_id}", &"A".repeat(43))
        .replace("{session_id}", &"A".repeat(43))
        .replace("{hash}/{path:.*}", "0/js/send.js");
    assert!(!path.contains('{'), "what stands for the names in {path}?");
    let (token, transfer_id) = (recipient.token.clone(), recipient.transfer_id);
    let mut headers = Vec::new();
    let mut json = |body: serde_json::Result<Value>| {
        headers.push(("content-type", "application/json".to_owned()));
        serde_json::to_vec(&body.unwrap()).unwrap()
    };
    let body = match (route.method, route.path.trim_start_matches("/api/v1/")) {
        ("GET" | "DELETE", _) | ("POST", "session") => Vec::new(),
        ("POST", "sign-in" | "mine") => json(to_value(SignInRequest { email: "new@clinic.example".into() })),
        ("POST", "sign-in/code" | "mine/code") => {
            json(to_value(SignInCodeRequest { email: "new@clinic.example".into(), code: "12345678".into() }))
        }
        ("POST", "sign-in/second-step") => json(to_value(SecondStepRequest { code: "123456".into() })),
        ("POST", "sign-in/passkey" | "account/app" | "account/passkey" | "account/recovery-codes") => Vec::new(),
        ("POST", "sign-in/passkey/answer") => json(Ok(json!({ "credential": {} }))),
        ("POST", "account/app/confirm") => {
            json(to_value(AppRequest { name: "my phone".into(), code: "123456".into() }))
        }
        ("POST", "account/passkey/confirm") => json(Ok(json!({ "name": "my phone", "credential": {} }))),
        ("PUT", "account/factors/{factor_id}") => json(to_value(FactorRequest { name: "my phone".into() })),
        ("POST", "account/tokens") => {
            let scopes = vec![Scope::TransfersRead];
            json(to_value(TokenRequest { name: "nightly export".into(), scopes, days: None }))
        }
        ("PUT", "me") => {
            json(to_value(ProfileRequest { name: "Dr. Ana Ruiz".into(), organisation: "North Clinic".into() }))
        }
        ("POST", "first-administrator") => json(to_value(FirstAdministratorRequest { token })),
        ("POST", "admin/people") => json(to_value(InviteRequest { email: "new@clinic.example".into(), may: may() })),
        ("PUT", "admin/people/{account_id}") => json(to_value(may())),
        ("POST", path) if path.starts_with("admin/people/") => Vec::new(),
        ("POST", "admin/transfers/{transfer_id}/end") => Vec::new(),
        ("POST", "transfers") => json(to_value(&parcel.create)),
        ("PUT", "transfers/{transfer_id}/objects/{object_id}/parts/{n}") => parcel.part(0, 0),
        (
            "POST",
            "transfers/{transfer_id}/objects/{object_id}/parts/{n}/url"
            | "transfers/{transfer_id}/objects/{object_id}/parts/{n}/stored",
        ) => json(to_value(PartDigest { sha256: digest_of(&parcel.part(0, 0)) })),
        ("POST", "transfers/{transfer_id}/objects/{object_id}/restart") => json(to_value(&parcel.create.objects[0])),
        ("POST", "transfers/{transfer_id}/seal") => json(to_value(parcel.seal_request())),
        ("POST", "transfers/{transfer_id}/end" | "transfers/{transfer_id}/mail") => Vec::new(),
        ("POST", "open/mailbox/code") => {
            json(to_value(MailboxCodeRequest { token, transfer_id, code: "12345678".into() }))
        }
        ("POST", "open" | "open/mailbox") => json(to_value(OpenRequest { token, transfer_id })),
        ("POST", "open/unlock") => json(to_value(UnlockRequest { token, transfer_id, proof: parcel.proof() })),
        ("POST", "open/receipt") => json(to_value(ReceiptRequest { verified: 1, total: 1 })),
        (method, path) => panic!("what is the body of {method} {path}?"),
    };
    if route.access == filmjacket::http::Access::Ticket {
        headers.push(("authorization", bearer(ticket)));
    }
    if route.method == "PUT" && route.path.ends_with("{n}") {
        headers.push(("content-digest", digest_header(&body)));
    }
    Call { route, path, headers, body }
}
