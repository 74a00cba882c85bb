//! Every page in every state, one after another, for whoever has something to check or to photograph there.

use super::browser::Browser;
use super::files::{self, noise, write_all, write_noise};
use super::interrupted::{Interrupted, STUDY_LEN, hold_fourth_part};
use super::native::{File, Parcel, Sender};
use super::page::LONG_PATIENCE;
use super::provider_tour;
use super::relay::Relay;
use super::second_step_tour;
use super::site::Site;
use super::steps::{Passed, RECIPIENT, SENDER};
use fantoccini::key::Key;

/// Walks through all that senders meet; `stop` is called at each state with its name, such as `send-check`.
pub(crate) async fn walk_as_sender(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start().await;
    visit_provider(stop).await;
    visit_sign_in(&site, &browser, stop).await;
    visit_sending(&site, &browser, folder.path(), stop).await;
    visit_sent(&site, &browser, stop).await;
    visit_failures_of_sending(&browser, folder.path(), &site, stop).await;
}

/// The same for recipients.
pub(crate) async fn walk_as_recipient(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let (site, relay) = Site::start_relayed().await;
    let browser = Browser::start().await;
    visit_opening(&site, &browser, stop).await;
    visit_patient(&site, &browser, stop).await;
    visit_mailbox(&site, &browser, stop).await;
    visit_mine(&site, &browser, stop).await;
    visit_dead_ends(&site, &relay, &browser, stop).await;
}

/// What a sender and a recipient meet when a file, a reload, the line or time comes between.
pub(crate) async fn walk_through_interruptions(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let interrupted = Interrupted::start().await;
    visit_interrupted_sending(&interrupted, stop).await;
    visit_interrupted_saving(&interrupted, stop).await;
}

/// What whoever is signed in meets on the account page, and at the second step.
pub(crate) async fn walk_through_the_second_step(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    second_step_tour::walk(stop).await;
}

/// What whoever signs in by the institution meets.
pub(crate) async fn walk_by_the_provider(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    provider_tour::walk(stop).await;
}

/// Where the institution's own sign-in is configured, and away.
async fn visit_provider(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let (away, browser) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), Browser::start().await);
    let issuer = format!("http://{}", away.local_addr().unwrap());
    drop(away);
    let provider = format!("[single_sign_on]\nissuer = \"{issuer}\"\nclient_id = \"films\"\nclient_secret = \"x\"\n");
    let site = Site::start_with(&provider);
    browser.go(&site.url("/")).await;
    browser.at_step("address").await;
    stop(&browser, "sign-in-provider").await;
    browser.go(&site.url("/sign-in/provider/callback?error=access_denied")).await;
    browser.shown("h1").await;
    stop(&browser, "provider-refused").await;
    browser.go(&site.url("/sign-in/provider")).await;
    browser.shown("h1").await;
    stop(&browser, "provider-away").await;
    let site = Site::start_with(&format!("{provider}mailed_codes = false\n"));
    browser.go(&site.url("/")).await;
    browser.shown("#to-provider").await;
    stop(&browser, "sign-in-provider-only").await;
}

async fn visit_sign_in(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.go(&site.url("/")).await;
    browser.at_step("address").await;
    stop(browser, "sign-in").await;
    browser.fill("#email", "not an address").await;
    browser.click("#send-code").await;
    browser.shown("#address-error").await;
    stop(browser, "sign-in-address-error").await;
    browser.fill("#email", SENDER).await;
    browser.click("#send-code").await;
    browser.at_step("code").await;
    stop(browser, "sign-in-code").await;
    browser.fill("#code", "0000 0000").await;
    browser.click("#enter-code").await;
    browser.shown("#code-error").await;
    stop(browser, "sign-in-code-error").await;
    browser.fill("#code", &site.code_for(SENDER).await).await;
    browser.click("#enter-code").await;
    browser.shown("#name").await;
    stop(browser, "welcome").await;
    browser.fill("#name", "Dr. Ana Ruiz").await;
    browser.fill("#organisation", "North Clinic").await;
    browser.click("#save-profile").await;
    browser.ready_to_send().await;
    browser.go(&site.url("/sent")).await;
    browser.shown("#sent-empty").await;
    stop(browser, "sent-empty").await;
}

async fn visit_sending(
    site: &Site,
    browser: &Browser,
    folder: &std::path::Path,
    stop: &mut impl AsyncFnMut(&Browser, &str),
) {
    browser.go(&site.url("/send")).await;
    browser.ready_to_send().await;
    stop(browser, "send-choose").await;
    browser.click("#review").await;
    browser.until("document.querySelector('[role=alert]:not([hidden])')").await;
    stop(browser, "send-choose-error").await;
    let study = folder.join("CT thorax 2026-11-20.zip");
    write_noise(&study, 120_000_000);
    let mut paths = write_all(folder, &[files::png(), files::dicom()]);
    paths.push(study);
    browser.pick(&paths).await;
    browser.fill("#recipient", "anna@gmial.com").await;
    browser.press_key(Key::Tab).await;
    browser.shown("#recipient-suggestion").await;
    stop(browser, "send-choose-suggestion").await;
    browser.fill("#recipient", RECIPIENT).await;
    browser.fill("#message", "Please compare with the study of 2024.").await;
    browser.review().await;
    stop(browser, "send-check").await;
    browser.click("#seal-and-send").await;
    browser.at_step("progress").await;
    browser.until("document.querySelector('#progress-all').value > 5").await;
    browser.click("#pause").await;
    browser.text_with("#pause", "Go on").await;
    stop(browser, "send-progress").await;
    browser.click("#cancel").await;
    browser.shown("#cancel-dialog").await;
    stop(browser, "send-progress-cancel").await;
    browser.click("#cancel-keep").await;
    browser.click("#pause").await;
    browser.at_step_within("done", LONG_PATIENCE).await;
    stop(browser, "send-done").await;
    for (button, dialog) in [("#passed-on", "leave"), ("#read-aloud", "aloud"), ("#show-qr", "qr")] {
        browser.click(button).await;
        browser.shown(&format!("#{dialog}-dialog")).await;
        stop(browser, &format!("send-done-{dialog}")).await;
        browser.press_key(Key::Escape).await;
        browser.until(&format!("!document.querySelector('#{dialog}-dialog').open")).await;
    }
}

async fn visit_sent(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.go(&site.url("/sent")).await;
    browser.shown("#transfers li").await;
    stop(browser, "sent").await;
    for (button, keep) in [("end", "#end-keep"), ("resend", "#resend-keep")] {
        browser.click(&format!("#transfers li .{button}")).await;
        browser.shown(&format!("#{button}-dialog")).await;
        stop(browser, &format!("sent-{button}")).await;
        browser.click(keep).await;
    }
    browser.click("#transfers li .details").await;
    browser.shown("#log li").await;
    stop(browser, "sent-detail").await;
    browser.click("button.resend").await;
    browser.click("#resend-confirm").await;
    browser.shown("#new-link").await;
    stop(browser, "sent-new-link").await;
    browser.go(&site.url("/welcome")).await;
    browser.shown("#name").await;
    stop(browser, "profile").await;
}

async fn visit_failures_of_sending(
    browser: &Browser,
    folder: &std::path::Path,
    site: &Site,
    stop: &mut impl AsyncFnMut(&Browser, &str),
) {
    browser.go(&site.url("/send")).await;
    browser.ready_to_send().await;
    let names = ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png"];
    let paths = names.map(|name| folder.join(name));
    paths.iter().for_each(|path| std::fs::write(path, files::png().bytes).unwrap());
    browser.pick(&paths).await;
    browser.shown("#files-error").await;
    stop(browser, "send-sixth-file").await;
    for page in ["/about", "/problems", "/problems/too-many-files", "/no-such-page"] {
        browser.go(&site.url(page)).await;
        browser.shown("h1").await;
        stop(browser, page.trim_start_matches('/').replace('/', "-").as_str()).await;
    }
}

async fn visit_opening(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let parcel = Parcel {
        message: "Please compare with the study of 2024. Is the lesion in segment seven larger?".into(),
        ..Parcel::of([files::png(), files::jpeg(), files::dicom(), files::pdf()])
    };
    let sent = Sender::sign_in(site, SENDER).await.send(&parcel).await;
    browser.follow(&sent.link).await;
    stop(browser, "open-passcode").await;
    browser.enter_passcode(&mistyped(&sent.passcode)).await;
    browser.shown("#passcode-error").await;
    stop(browser, "open-passcode-typing-mistake").await;
    for _ in 0..10 {
        browser.enter_passcode("0000-0000-0000-0000").await;
        browser.until("document.querySelector('#opening-note').textContent === ''").await;
        if browser.is_shown("#countdown").await {
            break;
        }
    }
    browser.shown("#countdown").await;
    stop(browser, "open-passcode-pause").await;
    site.clock.advance(3600);
    browser.open(&sent.link, &sent.passcode).await;
    browser.save(0).await;
    stop(browser, "open-files").await;
    browser.click("#step-files li[data-index='1'] .view").await;
    browser.until("document.querySelector('#viewer[open] img')?.naturalWidth").await;
    stop(browser, "open-viewer").await;
}

async fn visit_patient(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let kind = protocol::transfers::RecipientKind::Patient;
    let parcel = Parcel { kind, recipient: "ines@mail.example".into(), ..Parcel::of([files::jpeg(), files::dicom()]) };
    let sent = Sender::sign_in(site, SENDER).await.send(&parcel).await;
    browser.follow(&sent.link).await;
    stop(browser, "open-patient-passcode").await;
    browser.enter_passcode(&sent.passcode).await;
    browser.at_step("files").await;
    browser.run("document.querySelectorAll('details').forEach(e => { e.open = true; })", vec![]).await;
    stop(browser, "open-patient-files").await;
}

async fn visit_mailbox(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let parcel = Parcel { mailbox_code: true, ..Parcel::of([files::jpeg()]) };
    let sent = Sender::sign_in(site, SENDER).await.send(&parcel).await;
    browser.go(&sent.link).await;
    browser.at_step("mailbox").await;
    stop(browser, "open-mailbox").await;
    browser.click("#mail-code").await;
    browser.shown("#code").await;
    stop(browser, "open-mailbox-code").await;
    browser.fill("#code", "0000 0000").await;
    browser.click("#enter-code").await;
    browser.shown("#code-error").await;
    stop(browser, "open-mailbox-code-error").await;
}

async fn visit_mine(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.go(&site.url("/mine")).await;
    browser.at_step("address").await;
    stop(browser, "mine-address").await;
    browser.fill("#email", "not an address").await;
    browser.click("#send-code").await;
    browser.shown("#address-error").await;
    stop(browser, "mine-address-error").await;
    browser.fill("#email", RECIPIENT).await;
    browser.click("#send-code").await;
    browser.at_step("code").await;
    browser.run("document.querySelectorAll('details').forEach(e => { e.open = true; })", vec![]).await;
    stop(browser, "mine-code").await;
    browser.fill("#code", "0000 0000").await;
    browser.click("#enter-code").await;
    browser.shown("#code-error").await;
    stop(browser, "mine-code-error").await;
    // The clock stands still, and mails of one second leave in any order: the older ones must have left.
    site.mailbox_code_for(RECIPIENT).await;
    browser.click("#resend").await;
    browser.text_with("#code-note", "new code").await;
    browser.fill("#code", &site.mailbox_code_for(RECIPIENT).await).await;
    browser.click("#enter-code").await;
    browser.at_step("list").await;
    browser.shown("#waiting li").await;
    stop(browser, "mine-list").await;
    site.clock.advance(20 * 60);
    browser.click("#leave").await;
    browser.shown("#left-note").await;
    stop(browser, "mine-left").await;
}

async fn visit_dead_ends(site: &Site, relay: &Relay, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let sender = Sender::sign_in(site, SENDER).await;
    let Passed { link, .. } = {
        let sent = sender.send(&Parcel::of([files::png()])).await;
        sender.end(&sent.transfer_id).await;
        Passed { link: sent.link, passcode: sent.passcode }
    };
    browser.go(&link).await;
    browser.at_step("ended").await;
    stop(browser, "open-ended").await;
    browser.go(&site.url("/open#halfalink")).await;
    browser.at_step("damaged").await;
    stop(browser, "open-damaged").await;
    relay.tamper(|request, answer| {
        if request.target == "/api/v1/open" {
            answer.cut_after = Some(0);
        }
    });
    browser.go(&link).await;
    browser.at_step("offline").await;
    stop(browser, "open-offline").await;
}

async fn visit_interrupted_sending(interrupted: &Interrupted, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let Interrupted { site, relay, sender, .. } = interrupted;
    std::fs::remove_file(interrupted.study()).unwrap();
    relay.line.release();
    sender.text_with("#lost-text", "choose it again").await;
    stop(sender, "send-file-lost").await;
    interrupted.reload().await;
    sender.at_step("resume").await;
    stop(sender, "send-resume").await;
    sender.click("#resume-go-on").await;
    sender.shown("#resume-error").await;
    stop(sender, "send-resume-error").await;
    write_noise(&interrupted.study(), STUDY_LEN);
    relay.tamper(|request, answer| {
        if request.method == "PUT" {
            // Without its status line, an answer is as good as a cut connection.
            answer.head = String::new();
        }
    });
    interrupted.choose_again("#resume-files", &[&interrupted.study(), &interrupted.picture()]).await;
    sender.click("#resume-go-on").await;
    sender.text_with("#network-note", "Waiting for the network").await;
    stop(sender, "send-waiting").await;
    site.clock.advance(24 * 3600);
    relay.be_honest();
    sender.shown("#sign-in-note").await;
    stop(sender, "send-sign-in-again").await;
}

async fn visit_interrupted_saving(interrupted: &Interrupted, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let Interrupted { site, relay, sender: browser, .. } = interrupted;
    // Five parts: above what is put together in memory.
    let study = File::new("CT thorax 2026-11-20.zip", "application/zip", noise(40_000_007));
    let sent = Sender::sign_in(site, SENDER).await.send(&Parcel::of([study])).await;
    browser.open(&sent.link, &sent.passcode).await;
    let held = hold_fourth_part(relay);
    browser.click("#file-list .save").await;
    browser.until("document.querySelector('#save-progress').value > 20").await;
    stop(browser, "open-saving").await;
    site.clock.advance(24 * 3600);
    relay.be_honest();
    held.notify_one();
    browser.shown("#open-again").await;
    stop(browser, "open-again").await;
}

/// The passcode with one symbol changed.
pub(crate) fn mistyped(passcode: &str) -> String {
    let third = if passcode.chars().nth(2) == Some('7') { "8" } else { "7" };
    format!("{}{third}{}", &passcode[..2], &passcode[3..])
}
