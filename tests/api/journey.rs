//! The whole way of really sealed bytes, and everything that it leaves behind.

use crate::harness::parcel::{File, scribble};
use crate::harness::{HOUR, MINUTE, Parcel, Recipient, Sender, Site, rows};
use filmjacket::mail::Letter;
use protocol::layout;
use protocol::transfers::{LinkAnswer, MailState, State};
use std::collections::BTreeMap;

const ANA: &str = "ruiz@north.example";
const ANNA: &str = "anna@clinic.example";

#[actix_web::test]
async fn what_was_sealed_comes_out_byte_for_byte() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let three_parts = 2 * layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART + 4711;
    let files = [
        File::new("empty.txt", Vec::new()),
        File::new("one byte", [7]),
        File::new("series \u{1f480} \"left\".dcm", scribble(three_parts)),
        File::new("../../etc/passwd", scribble(layout::CHUNK_PLAIN_LEN)),
    ];
    let message = "Please look at the left knee.\n— Ana";
    let parcel = Parcel::seal(&site, message, &files);
    sender.send(&parcel).await;
    let recipient = Recipient::with_link(&site, &site.link_for(ANNA).await);
    let (contents, opened) = recipient.open(parcel.passcode.as_ref().unwrap()).await;
    assert_eq!((&*contents.message, &*contents.sender.name), (message, "Dr. Ana Ruiz"));
    assert_eq!(contents.files[3].name, "passwd");
    for (file, plain) in files.iter().zip(&opened) {
        assert!(file.bytes == *plain, "{} changed on its way", file.name);
    }
    let summary = sender.look(&parcel.id()).await;
    assert_eq!((summary.state, summary.openings, summary.mail), (State::Ready, 1, Some(MailState::Accepted)));
    assert_eq!(
        sender.events(&parcel).await,
        ["transfer.created", "transfer.sealed", "mail.accepted", "transfer.opened", "transfer.received"]
    );
}

#[actix_web::test]
async fn two_recipients_never_meet() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let left = Parcel::seal(&site, "left", &[File::new("left.png", *b"left pixels")]);
    let right = Parcel::seal(&site, "right", &[File::new("right.png", *b"right pixels")]);
    let (to_left, to_right) = (sender.send(&left).await, sender.send(&right).await);
    assert_eq!(to_left.open(left.passcode.as_ref().unwrap()).await.1, [b"left pixels"]);
    assert_eq!(to_right.open(right.passcode.as_ref().unwrap()).await.1, [b"right pixels"]);
    to_left.unlock(&right.proof()).await.refused(403, "wrong-passcode");
    to_right.unlock(&left.proof()).await.refused(403, "wrong-passcode");
}

#[actix_web::test]
async fn a_passcode_typed_wrong_derives_another_proof_and_opens_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::seal(&site, "", &[File::new("a", *b"a")]);
    let recipient = sender.send(&parcel).await;
    let asked: protocol::open::OpenAnswer = recipient.ask().await.expect(200).json();
    let other = envelope::Passcode::make().unwrap();
    let opening = envelope::Opening::derive(&other, recipient.transfer_id.as_bytes(), &asked.h.0).unwrap();
    let proof = protocol::Proof::from_bytes(*opening.proof().as_bytes());
    recipient.unlock(&proof).await.refused(403, "wrong-passcode");
    recipient.open(parcel.passcode.as_ref().unwrap()).await;
}

/// Puts names in place of what is random, so that a whole effect can be compared: ids and hashes by their first
/// appearance, ciphertext by its length.
struct Redactor(BTreeMap<String, String>);

impl Redactor {
    fn name(&mut self, value: &str, name: &str) {
        self.0.insert(value.to_owned(), format!("<{name}>"));
    }

    fn redact(&self, row: &str) -> String {
        row.split(' ')
            .map(|pair| {
                let Some((column, value)) = pair.split_once('=') else { return pair.to_owned() };
                let bare = value.trim_matches('\'');
                let shown = match self.0.get(bare) {
                    Some(name) => name.clone(),
                    None if bare.len() > 43 && !bare.contains(' ') => "<sealed>".to_owned(),
                    None if bare.len() == 43 => "<hash>".to_owned(),
                    None if bare.len() == 22 => "<id>".to_owned(),
                    None => value.to_owned(),
                };
                format!("{column}={shown}")
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[actix_web::test]
async fn one_journey_leaves_exactly_this_behind() {
    let site = Site::start().await;
    let start = site.clock.now().as_unix();
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100, 0]).telling_when_opened();
    sender.upload(&parcel).await;
    site.wait(MINUTE);
    let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
    site.wait(MINUTE);
    site.send_mail().await;
    let recipient = Recipient::with_link(&site, &link);
    site.wait(HOUR);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    recipient.receipt(&ticket, 2, 2).await.expect(204);
    site.send_mail().await;

    let mut names = Redactor(BTreeMap::new());
    names.name(&parcel.id().to_text(), "transfer");
    for (index, object) in ["object 1", "object 2"].iter().enumerate() {
        names.name(&parcel.object_id(index).to_text(), object);
    }
    for (label, seconds) in [("start", 0), ("1 min", 60), ("2 min", 120), ("1 h", 3720), ("12 h later", 3720 + 43200)] {
        names.name(&(start + seconds).to_string(), label);
    }
    names.name(&parcel.create.expires_at.as_unix().to_string(), "end");
    let mut dump = rows::dump(&site).await;
    // The sign-in is another story, told by other tests.
    for table in ["accounts", "sessions", "sign_in_codes", "known_browsers", "rate_windows"] {
        dump.remove(table);
    }
    let told: Vec<String> = dump
        .iter()
        .flat_map(|(table, rows)| rows.iter().map(move |row| (table, row)))
        .map(|(table, row)| format!("{table}: {}", names.redact(row)))
        .filter(|row| !row.contains("session.") && !row.contains("profile."))
        .collect();
    let expected = "
audit: seq=3 at=<start> event='transfer.created' actor='ruiz@north.example' transfer_id=<transfer> address='127.0.0.1' detail='' hash=<hash>
audit: seq=4 at=<1 min> event='transfer.sealed' actor='ruiz@north.example' transfer_id=<transfer> address='127.0.0.1' detail='' hash=<hash>
audit: seq=5 at=<2 min> event='mail.accepted' actor='system' transfer_id=<transfer> address=NULL detail='' hash=<hash>
audit: seq=6 at=<1 h> event='transfer.opened' actor='recipient' transfer_id=<transfer> address='127.0.0.1' detail='' hash=<hash>
audit: seq=7 at=<1 h> event='transfer.received' actor='recipient' transfer_id=<transfer> address='127.0.0.1' detail='2 of 2 files verified' hash=<hash>
audit_head: head_id=1 seq=7 hash=<hash> cut_seq=0 cut_hash=<hash> anchor_day=0
objects: object_id=<object 1> transfer_id=<transfer> position=0 object_len=116 upload='' copied_at=NULL leased_by=NULL leased_until=NULL
objects: object_id=<object 2> transfer_id=<transfer> position=1 object_len=16 upload='' copied_at=NULL leased_by=NULL leased_until=NULL
parts: object_id=<object 1> n=0 sha256=<hash>
parts: object_id=<object 2> n=0 sha256=<hash>
sealed: transfer_id=<transfer> capsule=<sealed> manifest=<sealed> repeat_token=<sealed>
tickets: ticket_hash=<hash> transfer_id=<transfer> expires_at=<12 h later>
transfer_keys: transfer_id=<transfer> wrapped_key=<sealed>
transfers: transfer_id=<transfer> account_id=<hash> request_hash=<hash> recipient_email='anna@clinic.example' \
recipient_kind='clinician' state='ready' files=2 total_len=100 max_openings=5 openings=1 refused_attempts=0 notify_opened=1 \
created_at=<start> touched_at=<start> expires_at=<end> ready_at=<1 min> last_opened_at=<1 h> ended_at=NULL purged_at=NULL \
warned_at=NULL token_hash=<hash> verifier=<hash> mail_id=<id> mail_state='accepted' mail_reason=NULL \
department='' mailbox_code=0 alarmed_at=NULL recipient_key='anna@clinic.example'";
    let mut expected: Vec<&str> = expected.trim().lines().collect();
    let mut told: Vec<&str> = told.iter().map(String::as_str).collect();
    expected.sort_unstable();
    told.sort_unstable();
    assert_eq!(told.join("\n"), expected.join("\n"));
    assert_eq!(rows::stored_files(&site).len(), 2);
    assert_eq!(site.mail_kinds(), ["anna@clinic.example: link", "ruiz@north.example: opened"]);
}

#[actix_web::test]
async fn the_mail_says_who_sends_and_nothing_of_what() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::seal(&site, "about the knee of Ms Smith", &[File::new("smith-knee.dcm", *b"pixels")]);
    sender.send(&parcel).await;
    site.send_mail().await;
    let mail = site.mail().into_iter().rfind(|mail| matches!(mail.letter, Letter::TransferLink(_))).unwrap();
    let rendered = mail.rendered().unwrap();
    for text in [&rendered.text, &rendered.html] {
        assert!(text.contains("Dr. Ana Ruiz") && text.contains("North Clinic") && text.contains("/open#"), "{text}");
        for secret in ["knee", "smith", "Smith", &parcel.passcode.as_ref().unwrap().to_text()[..4]] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
