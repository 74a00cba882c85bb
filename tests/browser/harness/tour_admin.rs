//! The pages of administrators and heads of a department, one state after another.

use super::browser::Browser;
use super::files;
use super::native::{Parcel, Sender};
use super::site::Site;
use super::steps::SENDER;
use filmjacket::people::EmailAddress;
use filmjacket::store::{AccountNotice, AuditEntry, Event, Identity, NewIdentity};
use protocol::TransferId;

const ADMIN: &str = "ada@north.example";
const INVITED: &str = "benjamin.van.der.bergh-hernandez@radiology.north.example";

/// Walks through all that administrators and heads of a department meet, from the link on the console on.
pub(crate) async fn walk_as_administrator(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    // How they sign in is shown elsewhere.
    let site = Site::start_named("sign_in.second_step.administrator = \"offered\"");
    let browser = Browser::start().await;
    become_first(&site, &browser, stop).await;
    visit_people(&site, &browser, stop).await;
    visit_transfers(&site, &browser, stop).await;
}

async fn become_first(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let link = site.app().make_first_administrator_link().await.unwrap().expect("there is no administrator");
    browser.go(&link).await;
    browser.at_step("address").await;
    browser.fill("#email", ADMIN).await;
    browser.click("#send-code").await;
    browser.at_step("code").await;
    browser.fill("#code", &site.code_for(ADMIN).await).await;
    browser.click("#enter-code").await;
    browser.shown("#become-first").await;
    stop(browser, "first-administrator").await;
    browser.click("#become-first").await;
    browser.shown("#people li").await;
    stop(browser, "people").await;
    browser.go(&link).await;
    browser.click("#become-first").await;
    browser.shown("#first-error").await;
    stop(browser, "first-administrator-used").await;
}

/// As if somebody had signed in by a provider.
async fn connect(site: &Site, email: &str) {
    let email = EmailAddress::parse(email, "email").unwrap();
    let notice = AccountNotice { mail_id: "connected".to_owned(), what: "It was connected.".to_owned() };
    let identity = Identity { issuer: "https://login.example", subject: "ben" };
    let new = NewIdentity { identity, email: &email, session: None, new_account_id: &[0; 32], notice: &notice };
    let entry = AuditEntry::by_system(Event::IdentityBound, TransferId::from_bytes([0; 16]), site.clock.now());
    site.app().store.bind_identity(&new, &AuditEntry { transfer_id: None, ..entry }).await.unwrap();
}

async fn visit_people(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.click("#nav-people").await;
    browser.shown("#people li").await;
    browser.click("#invite").await;
    browser.shown("#person-dialog").await;
    stop(browser, "people-invite").await;
    browser.click("#save-person").await;
    browser.shown("#person-error").await;
    stop(browser, "people-invite-error").await;
    browser.fill("#email", INVITED).await;
    browser.fill("#department", "Radiology").await;
    browser.run("document.querySelector('#valid-until').value = '2098-12-31'", vec![]).await;
    browser.click("#save-person").await;
    browser.text_with("#people-note", "gets an invitation").await;
    connect(site, INVITED).await;
    browser.go(&site.url("/admin/people")).await;
    browser.click(&format!("#people li[data-email='{INVITED}'] .disconnect")).await;
    browser.shown("#confirm-dialog").await;
    stop(browser, "people-disconnect").await;
    browser.click("#confirm-no").await;
    // The administrator heads the department, and reads the audit.
    browser.click(&format!("#people li[data-email='{ADMIN}'] .change")).await;
    browser.click("#role-department_head").await;
    browser.click("#role-auditor").await;
    browser.click("#save-person").await;
    browser.shown("#person-error").await;
    browser.fill("#department", "Radiology").await;
    stop(browser, "people-change").await;
    browser.click("#save-person").await;
    browser.text_with("#people-note", "is changed").await;
    browser.click(&format!("#people li[data-email='{INVITED}'] .disable")).await;
    browser.shown("#confirm-dialog").await;
    stop(browser, "people-disable").await;
    browser.click("#confirm-yes").await;
    browser.text_with("#people-note", "is disabled").await;
    stop(browser, "people-disabled").await;
    browser.fill("#search", "nobody of this name").await;
    browser.click("#search-form button[type=submit]").await;
    browser.text_with("#people-note", "Nothing was found").await;
    stop(browser, "people-none").await;
}

async fn visit_transfers(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let sender = Sender::sign_in(site, SENDER).await;
    browser.go(&site.url("/admin/people")).await;
    browser.click(&format!("#people li[data-email='{SENDER}'] .change")).await;
    browser.fill("#department", "Radiology").await;
    browser.click("#save-person").await;
    browser.text_with("#people-note", "is changed").await;
    sender.send(&Parcel::of([files::png(), files::dicom()])).await;
    sender.send(&Parcel { recipient: "ines@mail.example".into(), ..Parcel::of([files::pdf()]) }).await;
    browser.click("#nav-under-way").await;
    browser.shown("#transfers li").await;
    stop(browser, "under-way").await;
    browser.click("#transfers li .end").await;
    browser.shown("#confirm-dialog").await;
    stop(browser, "under-way-end").await;
    browser.click("#confirm-yes").await;
    browser.text_with("#transfers-note", "has ended").await;
    browser.until("document.querySelectorAll('#transfers li').length === 1").await;
    browser.go(&site.url("/department")).await;
    browser.until("document.querySelectorAll('#transfers li').length === 2").await;
    stop(browser, "department").await;
    browser.click("#nav-state").await;
    browser.shown("#state").await;
    stop(browser, "state").await;
    browser.go(&site.url("/sent")).await;
    browser.shown("h1").await;
    stop(browser, "sent-as-administrator").await;
    browser.go(&site.url("/audit")).await;
    browser.shown("#unusual").await;
    stop(browser, "audit").await;
    browser.click("details:has(.narrow) summary").await;
    // On a phone, who holds every role has a menu.
    browser.width(320).await;
    browser.click(".menu summary").await;
    browser.shown(".menu ul").await;
    stop(browser, "audit-menu").await;
    browser.width(1280).await;
}
