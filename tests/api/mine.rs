//! A recipient's own page: what waits for an address is told to who reads its mail, and opened without the link.

use crate::harness::recipient::bearer;
use crate::harness::{Answer, Client, MINUTE, Parcel, Recipient, Sender, Site, rows};
use filmjacket::people::MAILBOX_LIFETIME;
use protocol::LinkToken;
use protocol::mine::Mine;
use protocol::sign_in::{SignInCodeRequest, SignInRequest};

const ANA: &str = "ana@clinic.example";
const ANNA: &str = "anna@clinic.example";

async fn ask(client: &Client, address: &str) -> Answer {
    client.post("/api/v1/mine", &SignInRequest { email: address.into() }).await
}

async fn enter(client: &Client, address: &str, code: &str) -> Answer {
    client.post("/api/v1/mine/code", &SignInCodeRequest { email: address.into(), code: code.into() }).await
}

/// Proves an address, for which something waits or is made to wait.
pub(crate) async fn prove(site: &Site, client: &Client, address: &str) {
    ask(client, address).await.expect(202);
    let code = match site.newest(address, mailbox_code).await {
        Some(code) => code,
        None => {
            let sender = Sender::sign_in(site, "other.sender@clinic.example").await;
            sender.send(&Parcel::scribble(site, &[1]).to(address)).await;
            ask(client, address).await.expect(202);
            site.mailbox_code_for(address).await
        }
    };
    enter(client, address, &code).await.expect(204);
}

/// Types a wrong code for an address.
pub(crate) async fn refuse(site: &Site, address: &str) {
    let client = site.client();
    ask(&client, address).await.expect(202);
    enter(&client, address, "00000000").await.refused(401, "wrong-code");
}

fn mailbox_code(letter: filmjacket::mail::Letter) -> Option<String> {
    match letter {
        filmjacket::mail::Letter::MailboxCode(letter) => Some(letter.code.expose().to_owned()),
        _ => None,
    }
}

async fn look(client: &Client) -> Mine {
    client.get("/api/v1/mine").await.expect(200).json()
}

/// Whoever opens it from the list.
fn with_right(client: &Client, mine: &Mine, parcel: &Parcel) -> Recipient {
    let found = mine.transfers.iter().find(|transfer| transfer.transfer_id == parcel.id()).unwrap();
    Recipient { client: client.clone(), token: found.opening_right.clone(), transfer_id: parcel.id() }
}

#[actix_web::test]
async fn who_proves_an_address_sees_what_waits_there_and_opens_it_with_the_passcode_alone() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100, 200]).to("Anna@Clinic.example").openings(3);
    sender.send(&parcel).await;
    let client = site.client();
    client.get("/api/v1/mine").await.refused(401, "mailbox-code-needed");
    ask(&client, " ANNA@clinic.EXAMPLE ").await.expect(202);
    let code = site.mailbox_code_for("ANNA@clinic.example").await;
    enter(&client, ANNA, &code).await.expect(204);
    let mine = look(&client).await;
    assert_eq!(mine.email, ANNA);
    let [waiting] = &mine.transfers[..] else { panic!("one transfer waits") };
    assert_eq!((&*waiting.sender.name, &*waiting.sender.organisation), ("Dr. Ana Ruiz", "North Clinic"));
    assert_eq!((waiting.files, waiting.total_len, waiting.openings_left), (2, 300, 3));
    assert_eq!((waiting.sent_at, waiting.expires_at), (site.clock.now(), parcel.create.expires_at));
    let recipient = with_right(&client, &mine, &parcel);
    recipient.ask().await.expect(200);
    recipient.guess().await.refused(403, "wrong-passcode");
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    assert_eq!(look(&client).await.transfers[0].openings_left, 2);
    assert_eq!(sender.look(&parcel.id()).await.openings, 1);
}

#[actix_web::test]
async fn only_what_can_be_opened_now_and_went_to_this_address_is_listed() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let now = site.clock.now();
    let (open, other) = (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]).to("bob@clinic.example"));
    let (ended, used) = (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]).openings(1));
    let (expired, draft) = (Parcel::scribble(&site, &[1]).ending(now.plus(10 * MINUTE)), Parcel::scribble(&site, &[1]));
    for parcel in [&open, &other, &ended, &expired] {
        sender.send(parcel).await;
    }
    sender.send(&used).await.take_ticket(&used.proof()).await;
    sender.end(&ended).await.expect(204);
    sender.upload(&draft).await;
    let client = site.client();
    prove(&site, &client, ANNA).await;
    site.wait(10 * MINUTE);
    let listed: Vec<_> = look(&client).await.transfers.iter().map(|transfer| transfer.transfer_id).collect();
    assert_eq!(listed, [open.id()]);
}

#[actix_web::test]
async fn nobody_learns_from_asking_whether_anything_waits_for_an_address() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    sender.send(&Parcel::scribble(&site, &[1])).await;
    site.send_mail().await;
    let mut answers = Vec::new();
    for address in [ANNA, "nobody@clinic.example", ANA] {
        let before = rows::dump(&site).await;
        let client = site.client();
        let asked = ask(&client, address).await.expect(202);
        // What is written is the same too, so that the time it takes is.
        let written = rows::written_since(&site, &before).await;
        let tried: Vec<_> = [enter(&client, address, "00000000").await, client.get("/api/v1/mine").await]
            .iter()
            .map(Answer::visible)
            .collect();
        assert!(asked.header("set-cookie").starts_with("filmjacket-mine="));
        answers.push((asked.status, asked.body, written, tried));
    }
    assert_eq!(answers[0].2, [("outbox".to_owned(), 1), ("sign_in_codes".to_owned(), 1)]);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    site.send_mail().await;
    let codes: Vec<_> = site.mail_kinds().into_iter().filter(|kind| kind.ends_with("mailbox code")).collect();
    assert_eq!(codes, [format!("{ANNA}: mailbox code")], "only where something waits is there a mail");
}

#[actix_web::test]
async fn a_code_proves_its_address_in_its_browser_five_tries_long() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    for address in [ANNA, "bob@clinic.example"] {
        sender.send(&Parcel::scribble(&site, &[1]).to(address)).await;
    }
    let (client, other) = (site.client(), site.client());
    ask(&client, ANNA).await.expect(202);
    let code = site.mailbox_code_for(ANNA).await;
    enter(&other, ANNA, &code).await.refused(401, "wrong-code");
    enter(&client, "bob@clinic.example", &code).await.refused(401, "wrong-code");
    for _ in 0..4 {
        enter(&client, ANNA, "00000000").await.refused(401, "wrong-code");
    }
    enter(&client, ANNA, &code).await.refused(401, "wrong-code");
    client.get("/api/v1/mine").await.refused(401, "mailbox-code-needed");
}

#[actix_web::test]
async fn asking_for_codes_floods_nobodys_mailbox() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    sender.send(&Parcel::scribble(&site, &[1])).await;
    for network in 0..60 {
        ask(&site.client().at_address(&format!("203.0.113.{network}")), ANNA).await;
    }
    ask(&site.client(), ANNA).await.refused(429, "too-many-requests");
    site.send_mail().await;
    assert!(site.mail_kinds().iter().filter(|kind| kind.ends_with("mailbox code")).count() <= 30);
}

#[actix_web::test]
async fn an_opening_right_is_good_for_its_own_transfer_browser_and_half_hour() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (hers, his) = (Parcel::scribble(&site, &[1]), Parcel::scribble(&site, &[1]).to("bob@clinic.example"));
    let second = Parcel::scribble(&site, &[1]);
    for parcel in [&hers, &his, &second] {
        sender.send(parcel).await;
    }
    let (anna, bob) = (site.client(), site.client());
    prove(&site, &anna, ANNA).await;
    prove(&site, &bob, "bob@clinic.example").await;
    let (for_anna, for_bob) = (look(&anna).await, look(&bob).await);
    let right = with_right(&anna, &for_anna, &hers);
    // Another transfer, also one to the same address; another browser; somebody else's list.
    for (what, stolen) in [
        ("another transfer", Recipient { transfer_id: second.id(), ..right.clone() }),
        ("another address's transfer", Recipient { transfer_id: his.id(), ..right.clone() }),
        ("another browser", Recipient { client: site.client(), ..right.clone() }),
        ("another reader's browser", Recipient { client: bob.clone(), ..right.clone() }),
        ("another reader's right", Recipient { client: anna.clone(), ..with_right(&bob, &for_bob, &his) }),
        ("no right at all", Recipient { token: LinkToken::from_bytes([0; 32]), ..right.clone() }),
    ] {
        stolen.ask().await.refused(404, "link-invalid");
        stolen.guess().await.refused(404, "link-invalid");
        stolen.unlock(&hers.proof()).await.refused(404, "link-invalid");
        assert_eq!(stolen.ask().await.visible(), stolen.ask_for_code().await.visible(), "{what}");
    }
    assert_eq!(rows::count(&site, "passcode_failures").await, 0);
    site.wait(MAILBOX_LIFETIME - 1);
    right.ask().await.expect(200);
    site.wait(1);
    right.unlock(&hers.proof()).await.refused(404, "link-invalid");
    anna.get("/api/v1/mine").await.refused(401, "mailbox-code-needed");
}

#[actix_web::test]
async fn a_proof_for_one_transfer_lists_nothing_and_gives_no_right() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let guarded = Parcel::scribble(&site, &[1]).asking_for_a_mailbox_code();
    let recipient = sender.send(&guarded).await;
    recipient.prove_mailbox(&site, ANNA).await;
    let proof = recipient.client.cookie("filmjacket-mailbox").unwrap();
    recipient.client.set_cookie("filmjacket-mine", &proof);
    recipient.client.get("/api/v1/mine").await.refused(401, "mailbox-code-needed");
}

#[actix_web::test]
async fn who_has_finished_leaves_no_right_behind_and_what_was_opened_stays_open() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.send(&parcel).await;
    let client = site.client();
    prove(&site, &client, ANNA).await;
    let right = with_right(&client, &look(&client).await, &parcel);
    let ticket = right.take_ticket(&parcel.proof()).await;
    let cookie = client.cookie("filmjacket-mine").unwrap();
    client.delete("/api/v1/mine").await.expect(204);
    assert_eq!(client.cookie("filmjacket-mine"), None);
    // Also for who kept the cookie.
    client.set_cookie("filmjacket-mine", &cookie);
    let right = Recipient { client: client.clone(), ..right };
    right.unlock(&parcel.proof()).await.refused(404, "link-invalid");
    client.get("/api/v1/mine").await.refused(401, "mailbox-code-needed");
    right.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    assert_eq!(rows::count(&site, "mailbox_sessions").await, 0);
}

#[actix_web::test]
async fn a_right_ends_with_its_transfer() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let linked = sender.send(&parcel).await;
    let client = site.client();
    prove(&site, &client, ANNA).await;
    let right = with_right(&client, &look(&client).await, &parcel);
    // A new link ends the old one, and not the right.
    sender.resend(&parcel).await.expect(202);
    linked.ask().await.refused(404, "link-invalid");
    right.ask().await.expect(200);
    sender.end(&parcel).await.expect(204);
    right.unlock(&parcel.proof()).await.refused(404, "link-invalid");
    assert!(look(&client).await.transfers.is_empty());
}

#[actix_web::test]
async fn two_hundred_unlocks_by_link_and_by_right_open_exactly_five_times() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    let by_link = sender.send(&parcel).await;
    let client = site.client();
    prove(&site, &client, ANNA).await;
    let by_right = with_right(&client, &look(&client).await, &parcel);
    let proof = parcel.proof();
    let both = (0..200).map(|n| if n % 2 == 0 { by_link.unlock(&proof) } else { by_right.unlock(&proof) });
    let answers = futures_util::future::join_all(both).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
    assert_eq!(sender.look(&parcel.id()).await.openings, 5);
}

#[actix_web::test]
async fn a_reader_is_no_sender_and_a_sender_no_reader() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANNA).await;
    sender.send(&Parcel::scribble(&site, &[1])).await;
    sender.client.get("/api/v1/mine").await.refused(401, "mailbox-code-needed");
    let reader = site.client();
    prove(&site, &reader, ANNA).await;
    reader.get("/api/v1/me").await.refused(401, "sign-in-needed");
    reader.get("/api/v1/transfers").await.refused(401, "sign-in-needed");
    // Nor does one cookie's secret do as the other's.
    reader.set_cookie("filmjacket-session", &reader.cookie("filmjacket-mine").unwrap());
    reader.get("/api/v1/me").await.refused(401, "sign-in-needed");
    sender.client.set_cookie("filmjacket-mine", &sender.client.cookie("filmjacket-session").unwrap());
    sender.client.get("/api/v1/mine").await.refused(401, "mailbox-code-needed");
}

#[actix_web::test]
async fn the_sender_is_told_that_it_was_opened_from_the_recipients_own_page() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]).telling_when_opened();
    sender.send(&parcel).await;
    let client = site.client();
    prove(&site, &client, ANNA).await;
    let right = with_right(&client, &look(&client).await, &parcel);
    let ticket = right.take_ticket(&parcel.proof()).await;
    assert!(bearer(&ticket).len() > 10);
    site.send_mail().await;
    assert!(site.mail_kinds().contains(&format!("{ANA}: opened")));
    let log: protocol::transfers::TransferLog =
        sender.client.get(&format!("{}/log", parcel.path())).await.expect(200).json();
    let opened = log.events.iter().find(|entry| entry.event == "transfer.opened").unwrap();
    assert_eq!(opened.detail, "from the recipient's own page");
    // The audit knows who looked.
    let actors = rows::query(&site, "SELECT actor FROM audit WHERE event = 'mine.started'").await;
    assert_eq!(actors, [ANNA]);
}
