//! What every page has around its content, and how a page is answered.

use crate::http::error::Refusal;
use crate::http::security::passkey_policy;
use crate::http::signed_in::SignedIn;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, LOCATION, PERMISSIONS_POLICY};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;
use protocol::ProblemKind;
use protocol::sign_in::Role;

/// What the navigation leads to, and who finds it there.
const NAVIGATION: &[(Role, Entry)] = &[
    (Role::Sender, Entry { name: "send", path: "/send", label: "Send" }),
    (Role::Sender, Entry { name: "sent", path: "/sent", label: "Sent" }),
    (Role::DepartmentHead, Entry { name: "department", path: "/department", label: "Department" }),
    (Role::Administrator, Entry { name: "people", path: "/admin/people", label: "People" }),
    (Role::Administrator, Entry { name: "under-way", path: "/admin/transfers", label: "Under way" }),
    (Role::Administrator, Entry { name: "state", path: "/admin/state", label: "State" }),
    (Role::Auditor, Entry { name: "audit", path: "/audit", label: "Audit" }),
];

/// One entry of the navigation.
#[derive(Clone, Copy)]
pub(in crate::http) struct Entry {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) path: &'static str,
    pub(in crate::http) label: &'static str,
}

/// What a signed-in person sees in the header.
pub(in crate::http) struct Header {
    /// Their name, or their address as long as they gave none.
    pub(in crate::http) account: String,
    pub(in crate::http) entries: Vec<Entry>,
    /// Whether there is anything but the way out.
    pub(in crate::http) whole: bool,
}

impl Header {
    /// Whether a phone has no room for all entries in one line: it shows them behind a button.
    pub(in crate::http) fn folds(&self) -> bool {
        self.entries.len() > 4
    }
}

/// What every page has around its content.
pub(in crate::http) struct Frame {
    /// `None` leaves the navigation out.
    pub(in crate::http) header: Option<Header>,
    /// Which entry of the navigation this page is.
    pub(in crate::http) here: &'static str,
    /// The page's entry module; empty for a page that needs no script.
    pub(in crate::http) script: &'static str,
}

impl Frame {
    /// A page for anybody.
    pub(in crate::http) const fn open(script: &'static str) -> Self {
        Self { header: None, here: "", script }
    }

    /// A page for whoever is signed in.
    pub(in crate::http) fn signed_in(person: &SignedIn, here: &'static str, script: &'static str) -> Self {
        let entries = entries_of(person).collect();
        Self { header: Some(Header { account: shown_name(person), entries, whole: true }), here, script }
    }

    /// A page for who can do nothing yet but this, and sign out.
    pub(super) fn half_signed_in(person: &SignedIn, script: &'static str) -> Self {
        Self {
            header: Some(Header { account: shown_name(person), entries: Vec::new(), whole: false }),
            here: "",
            script,
        }
    }
}

fn shown_name(person: &SignedIn) -> String {
    let account = &person.account;
    if account.name.is_empty() { account.email.to_string() } else { account.name.clone() }
}

/// What this person may use.
pub(super) fn entries_of(person: &SignedIn) -> impl Iterator<Item = Entry> {
    let standing = &person.account.standing;
    NAVIGATION.iter().filter(|(role, _)| standing.holds(*role)).map(|(_, entry)| *entry)
}

/// A page for who is signed in, or holds a role: others are led to what is left of the sign-in, or told that it is not for them.
pub(in crate::http) fn signed_in<P>(person: Result<P, Refusal>, page: impl FnOnce(&P) -> HttpResponse) -> HttpResponse {
    match person {
        Ok(person) => page(&person),
        Err(refusal) => match refusal.kind() {
            Some(ProblemKind::SignInNeeded) => see_other("/"),
            Some(ProblemKind::SecondStepNeeded) => see_other("/second-step"),
            Some(ProblemKind::SecondStepMissing) => see_other("/account"),
            _ => refusal.error_response(),
        },
    }
}

pub(in crate::http) fn see_other(path: &'static str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// A page that may ask the browser for passkeys.
pub(super) fn render_with_passkeys(page: &impl Template) -> HttpResponse {
    let mut response = render(page);
    if let Ok(policy) = HeaderValue::from_str(&passkey_policy()) {
        response.headers_mut().insert(PERMISSIONS_POLICY, policy);
    }
    response
}

pub(in crate::http) fn render(page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::Ok().content_type(ContentType::html()).body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Refusal::from_status(StatusCode::INTERNAL_SERVER_ERROR).error_response()
        }
    }
}
