//! The mailbox code: who holds the link proves that they read the recipient's mail, before the passcode.

use crate::harness::{Answer, DAY, MINUTE, Parcel, Recipient, Sender, Site, rows};
use crate::mine;
use filmjacket::people::{CODE_TRIES, MAILBOX_LIFETIME};
use protocol::open::OpenAnswer;
use protocol::sign_in::SignInCodeRequest;
use protocol::transfers::TransferLog;

const ANA: &str = "ana@clinic.example";
const ANNA: &str = "anna@clinic.example";

/// A transfer that asks for a code, and who holds its link.
async fn send_guarded(site: &Site, sender: &Sender<'_>) -> (Parcel, Recipient) {
    let parcel = Parcel::scribble(site, &[1]).asking_for_a_mailbox_code();
    let recipient = sender.send(&parcel).await;
    (parcel, recipient)
}

impl Recipient {
    /// Proves that the mailbox is theirs.
    pub(crate) async fn prove_mailbox(&self, site: &Site, address: &str) {
        self.ask_for_code().await.expect(202);
        self.enter_code(&site.mailbox_code_for(address).await).await.expect(204);
    }
}

/// The same link in another browser.
fn elsewhere(site: &Site, recipient: &Recipient) -> Recipient {
    Recipient { client: site.client(), ..recipient.clone() }
}

fn other_code(code: &str) -> String {
    format!("{:08}", (code.parse::<u32>().unwrap() + 1) % 100_000_000)
}

#[actix_web::test]
async fn a_mailed_code_comes_before_the_passcode_and_opens_nothing_by_itself() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    recipient.ask().await.refused(401, "mailbox-code-needed");
    recipient.unlock(&parcel.proof()).await.refused(401, "mailbox-code-needed");
    recipient.prove_mailbox(&site, ANNA).await;
    recipient.ask().await.expect(200).json::<OpenAnswer>();
    recipient.guess().await.refused(403, "wrong-passcode");
    recipient.unlock(&parcel.proof()).await.expect(200);
    assert_eq!(sender.look(&parcel.id()).await.openings, 1);
}

#[actix_web::test]
async fn until_the_code_was_typed_the_link_tells_nothing_but_the_masked_address() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    for answer in [recipient.ask().await, recipient.unlock(&parcel.proof()).await, recipient.guess().await] {
        let problem = answer.refused(401, "mailbox-code-needed");
        assert_eq!(problem.mailbox.as_deref(), Some("a…@clinic.example"));
        for hidden in ["anna", "Ruiz", "North Clinic", "2027"] {
            assert!(!answer.text().contains(hidden), "{}", answer.text());
        }
    }
    // A link that does not work is not told apart by it either.
    sender.end(&parcel).await.expect(204);
    recipient.ask().await.refused(404, "link-invalid");
    recipient.ask_for_code().await.refused(404, "link-invalid");
    recipient.enter_code("12345678").await.refused(404, "link-invalid");
}

#[actix_web::test]
async fn without_the_code_no_passcode_is_looked_at_and_none_is_counted() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    let right = recipient.unlock(&parcel.proof()).await;
    let wrong = recipient.guess().await;
    assert_eq!(right.visible(), wrong.visible());
    let summary = sender.look(&parcel.id()).await;
    assert_eq!((summary.openings, summary.refused_attempts), (0, 0));
    assert_eq!(rows::count(&site, "passcode_failures").await, 0);
}

#[actix_web::test]
async fn five_wrong_mailbox_codes_kill_the_right_one_and_spend_no_opening() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    for (wrong, status) in [(CODE_TRIES - 1, 204), (CODE_TRIES, 401)] {
        let browser = elsewhere(&site, &recipient);
        browser.ask_for_code().await.expect(202);
        let code = site.mailbox_code_for(ANNA).await;
        for _ in 0..wrong {
            browser.enter_code(&other_code(&code)).await.refused(401, "wrong-code");
        }
        assert_eq!(browser.enter_code(&code).await.status, status, "after {wrong} wrong ones");
    }
    assert_eq!(sender.look(&parcel.id()).await.openings, 0);
}

#[actix_web::test]
async fn a_hundred_mailbox_codes_tried_at_once_are_five_tries() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (_, recipient) = send_guarded(&site, &sender).await;
    recipient.ask_for_code().await.expect(202);
    let code = site.mailbox_code_for(ANNA).await;
    let wrong = other_code(&code);
    // Each at once from the same browser; the right one among them counts only if it is one of the first five.
    let tries = futures_util::future::join_all((0..100).map(|_| recipient.enter_code(&wrong))).await;
    assert!(tries.iter().all(|answer| answer.status == 401));
    assert_eq!(rows::one(&site, "SELECT CAST(MAX(tries) AS TEXT) FROM sign_in_codes").await, CODE_TRIES.to_string());
    recipient.enter_code(&code).await.refused(401, "wrong-code");
}

#[actix_web::test]
async fn the_right_mailbox_code_typed_twice_at_once_is_spent_once() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (_, recipient) = send_guarded(&site, &sender).await;
    recipient.ask_for_code().await.expect(202);
    let code = site.mailbox_code_for(ANNA).await;
    let (left, right) = (recipient.clone(), recipient.clone());
    let answers = futures_util::future::join(left.enter_code(&code), right.enter_code(&code)).await;
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401]);
    assert_eq!(rows::count(&site, "mailbox_sessions").await, 1);
}

#[actix_web::test]
async fn a_mailbox_code_works_for_ten_minutes_in_its_browser_for_its_transfer_and_its_purpose() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (_, first) = send_guarded(&site, &sender).await;
    let (_, second) = send_guarded(&site, &sender).await;
    let elsewhere = elsewhere(&site, &first);
    first.ask_for_code().await.expect(202);
    let code = site.mailbox_code_for(ANNA).await;
    let cookie = first.client.cookie("filmjacket-mailbox").unwrap();
    // Another browser, also one that asked for a code of its own.
    elsewhere.enter_code(&code).await.refused(401, "wrong-code");
    elsewhere.ask_for_code().await.expect(202);
    elsewhere.enter_code(&code).await.refused(401, "wrong-code");
    // Another transfer to the same address, in the same browser.
    let misused = Recipient { client: first.client.clone(), ..second.clone() };
    misused.enter_code(&code).await.refused(401, "wrong-code");
    // Neither the page for all that waits, nor a sender's session: whatever cookie the code is presented with.
    for (name, path) in [("filmjacket-mine", "/api/v1/mine/code"), ("filmjacket-browser", "/api/v1/sign-in/code")] {
        let client = site.client();
        client.set_cookie(name, &cookie);
        let body = SignInCodeRequest { email: ANNA.into(), code: code.clone() };
        client.post(path, &body).await.refused(401, "wrong-code");
    }
    site.wait(10 * MINUTE - 1);
    first.enter_code(&code).await.expect(204);
    let late = Recipient { client: site.client(), ..first.clone() };
    late.ask_for_code().await.expect(202);
    let code = site.mailbox_code_for(ANNA).await;
    site.wait(10 * MINUTE);
    late.enter_code(&code).await.refused(401, "wrong-code");
}

#[actix_web::test]
async fn a_sign_in_code_proves_no_mailbox_of_a_transfer() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (_, recipient) = send_guarded(&site, &sender).await;
    let asked = protocol::sign_in::SignInRequest { email: ANNA.into() };
    recipient.client.post("/api/v1/sign-in", &asked).await.expect(202);
    let code = site.code_for(ANNA).await;
    recipient.client.set_cookie("filmjacket-mailbox", &recipient.client.cookie("filmjacket-browser").unwrap());
    recipient.enter_code(&code).await.refused(401, "wrong-code");
}

#[actix_web::test]
async fn a_proven_mailbox_holds_for_half_an_hour_in_one_browser_for_one_transfer() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, first) = send_guarded(&site, &sender).await;
    let (_, second) = send_guarded(&site, &sender).await;
    first.prove_mailbox(&site, ANNA).await;
    elsewhere(&site, &first).ask().await.refused(401, "mailbox-code-needed");
    Recipient { client: first.client.clone(), ..second }.ask().await.refused(401, "mailbox-code-needed");
    site.wait(MAILBOX_LIFETIME - 1);
    first.unlock(&parcel.proof()).await.expect(200);
    site.wait(1);
    first.ask().await.refused(401, "mailbox-code-needed");
    first.unlock(&parcel.proof()).await.refused(401, "mailbox-code-needed");
    assert_eq!(sender.look(&parcel.id()).await.openings, 1);
}

#[actix_web::test]
async fn a_proof_opens_nothing_after_the_end_the_expiry_and_the_purge() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (ended, by_sender) = send_guarded(&site, &sender).await;
    let short = Parcel::scribble(&site, &[1]).asking_for_a_mailbox_code().ending(site.clock.now().plus(10 * MINUTE));
    let by_time = sender.send(&short).await;
    for recipient in [&by_sender, &by_time] {
        recipient.prove_mailbox(&site, ANNA).await;
        recipient.ask().await.expect(200);
    }
    sender.end(&ended).await.expect(204);
    site.wait(10 * MINUTE);
    for swept in [false, true] {
        by_sender.unlock(&ended.proof()).await.refused(404, "link-invalid");
        by_time.unlock(&short.proof()).await.refused(404, "link-invalid");
        by_time.enter_code("12345678").await.refused(404, "link-invalid");
        assert!(!swept || rows::count(&site, "mailbox_sessions").await == 0);
        site.tidy().await;
    }
}

#[actix_web::test]
async fn a_new_link_needs_a_new_look_but_not_a_new_code() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    recipient.prove_mailbox(&site, ANNA).await;
    sender.resend(&parcel).await.expect(202);
    recipient.unlock(&parcel.proof()).await.refused(404, "link-invalid");
    let renewed =
        Recipient { client: recipient.client.clone(), ..Recipient::with_link(&site, &site.link_for(ANNA).await) };
    renewed.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn whoever_has_the_link_cannot_flood_the_mailbox_or_keep_its_owner_out() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    let codes = |site: &Site| site.mail_kinds().iter().filter(|kind| kind.ends_with("mailbox code")).count();
    // From one network: a handful.
    let thief = elsewhere(&site, &recipient).at_address("203.0.113.1");
    let refused = ask_until_refused(&thief).await;
    assert!(refused.refused(429, "too-many-requests").retry_after.unwrap() > 0);
    site.send_mail().await;
    assert_eq!(codes(&site), 5);
    // The owner, from elsewhere, is not kept out by that.
    recipient.at_address("198.51.100.9").prove_mailbox(&site, ANNA).await;
    // From ever new networks, for days: a bounded number a day.
    for network in 2..200 {
        thief.at_address(&format!("203.0.113.{network}")).ask_for_code().await;
        // A code that has not left in ten minutes never does: each must have its chance.
        site.send_mail().await;
        site.wait(MINUTE);
    }
    assert!(codes(&site) <= 20, "{} mails", codes(&site));
    // A new link has its own count, and the thief does not have it.
    let sender = Sender::sign_in(&site, ANA).await;
    sender.resend(&parcel).await.expect(202);
    thief.ask_for_code().await.refused(404, "link-invalid");
    let renewed = Recipient::with_link(&site, &site.link_for(ANNA).await).at_address("198.51.100.9");
    renewed.prove_mailbox(&site, ANNA).await;
    renewed.unlock(&parcel.proof()).await.expect(200);
}

async fn ask_until_refused(thief: &Recipient) -> Answer {
    loop {
        let answer = thief.ask_for_code().await;
        if answer.status != 202 {
            return answer;
        }
    }
}

#[actix_web::test]
async fn no_code_is_mailed_for_a_transfer_that_asks_for_none_or_is_over() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let plain = sender.send(&Parcel::scribble(&site, &[1])).await;
    plain.ask_for_code().await.refused(409, "wrong-state");
    let (parcel, guarded) = send_guarded(&site, &sender).await;
    guarded.ask_for_code().await.expect(202);
    sender.end(&parcel).await.expect(204);
    site.send_mail().await;
    assert!(site.mail_kinds().iter().all(|kind| !kind.ends_with("mailbox code")), "{:?}", site.mail_kinds());
}

#[actix_web::test]
async fn the_sender_sees_codes_in_the_log_and_the_code_itself_is_nowhere() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    recipient.ask_for_code().await.expect(202);
    let waiting = rows::dump(&site).await;
    let code = site.mailbox_code_for(ANNA).await;
    recipient.enter_code(&other_code(&code)).await.refused(401, "wrong-code");
    recipient.enter_code(&code).await.expect(204);
    let cookie = recipient.client.cookie("filmjacket-mailbox").unwrap();
    for row in waiting.values().chain(rows::dump(&site).await.values()).flatten() {
        assert!(!row.contains(&code) && !row.contains(&cookie), "{row}");
    }
    let log = String::from_utf8(crate::harness::log::text()).unwrap();
    assert!(!log.contains(&code) && !log.contains(&cookie));
    let log: TransferLog = sender.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    let told: Vec<&str> = log.events.iter().map(|entry| entry.event.as_str()).skip(2).collect();
    assert_eq!(told, ["mailbox.asked", "mail.accepted", "mailbox.refused", "mailbox.proven"]);
    assert!(sender.look(&parcel.id()).await.mailbox_code);
}

#[actix_web::test]
async fn the_proven_address_counts_for_the_link_too() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    mine::prove(&site, &recipient.client, "someone@else.example").await;
    recipient.ask().await.refused(401, "mailbox-code-needed");
    mine::prove(&site, &recipient.client, ANNA).await;
    recipient.unlock(&parcel.proof()).await.expect(200);
}

#[actix_web::test]
async fn two_hundred_unlocks_with_and_without_the_code_open_exactly_five_times() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (parcel, recipient) = send_guarded(&site, &sender).await;
    recipient.prove_mailbox(&site, ANNA).await;
    let unproven = elsewhere(&site, &recipient);
    let proof = parcel.proof();
    let both = (0..200).map(|n| if n % 2 == 0 { recipient.unlock(&proof) } else { unproven.unlock(&proof) });
    let answers = futures_util::future::join_all(both).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
    assert_eq!(sender.look(&parcel.id()).await.openings, 5);
    site.wait(DAY);
}
