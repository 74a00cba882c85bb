//! The contract of [`Mailer`], on every way that mail leaves.

use crate::mail_smtp::{Server, settings};
use filmjacket::mail::{
    AccountNotice, AuditAnchor, AuditFlag, ExpiredUnopened, ExpiringUnopened, Folder, Invitation, Letter, MailError,
    MailId, MailboxCode, Mailer, Memory, Opened, OutgoingMail, Refused, SignInCode, Smtp, TransferLink, WrongPasscodes,
};
use mail_parser::MessageParser;
use protocol::Timestamp;
use protocol::transfers::RecipientKind;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// 2026-11-22T12:00:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_795_348_800);

pub(crate) const LINK: &str =
    "https://films.example/open#q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJABI0VniavN7wEjRWeJq83v";

pub(crate) const SENT: &str = "https://films.example/sent";

pub(crate) const MINE: &str = "https://films.example/mine";
pub(crate) const SIGN_IN: &str = "https://films.example/";
pub(crate) const ACCOUNT: &str = "https://films.example/account";

pub(crate) fn link_letter(recipient_kind: RecipientKind) -> TransferLink {
    TransferLink {
        link: LINK.into(),
        sender_name: "Dr. Ana Ruiz".into(),
        organisation: "North Clinic".into(),
        recipient_kind,
        expires_at: NOW.plus(7 * 86_400),
        mine_url: MINE.to_owned(),
    }
}

/// As long as an anchor is.
pub(crate) const ANCHOR: &str = r#"{"seq":1041,"hash":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","cut_seq":0,"at":"2027-01-15T00:00:12Z","key":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","signature":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"}"#;

/// The auditor's page.
pub(crate) const AUDIT: &str = "https://films.example/audit";

/// One of each letter.
pub(crate) fn every_letter() -> Vec<Letter> {
    let recipient = || "anna@clinic.example".into();
    vec![
        Letter::SignInCode(SignInCode { code: "12345678".into(), valid_minutes: 10 }),
        Letter::MailboxCode(MailboxCode { code: "12345678".into(), valid_minutes: 10, sender_name: None }),
        Letter::MailboxCode(MailboxCode {
            code: "12345678".into(),
            valid_minutes: 10,
            sender_name: Some("Dr. Ana Ruiz".into()),
        }),
        Letter::WrongPasscodes(WrongPasscodes { recipient: recipient(), tried_at: NOW, log_url: SENT.to_owned() }),
        Letter::Invitation(Invitation {
            address: recipient(),
            expires_at: NOW.plus(14 * 86_400),
            sign_in_url: SIGN_IN.to_owned(),
        }),
        Letter::TransferLink(link_letter(RecipientKind::Clinician)),
        Letter::TransferLink(link_letter(RecipientKind::Patient)),
        Letter::Opened(Opened { recipient: recipient(), opened_at: NOW, sent_url: SENT.to_owned() }),
        Letter::Refused(Refused {
            recipient: recipient(),
            reason: "550 5.1.1 no such mailbox".into(),
            sent_url: SENT.to_owned(),
        }),
        Letter::ExpiringUnopened(ExpiringUnopened {
            recipient: recipient(),
            expires_at: NOW.plus(86_400),
            sent_url: SENT.to_owned(),
        }),
        Letter::ExpiredUnopened(ExpiredUnopened { recipient: recipient(), expired_at: NOW, sent_url: SENT.to_owned() }),
        Letter::AuditAnchor(AuditAnchor { anchor: ANCHOR.to_owned() }),
        Letter::AuditFlag(AuditFlag {
            told: "anna@clinic.example: 3 passcodes were refused".into(),
            found_at: NOW,
            audit_url: AUDIT.to_owned(),
        }),
        Letter::AccountNotice(AccountNotice {
            what: "The passkey “my phone” was added to your account.".into(),
            happened_at: NOW,
            account_url: ACCOUNT.to_owned(),
        }),
    ]
}

pub(crate) fn mail_of(letter: Letter) -> OutgoingMail {
    OutgoingMail {
        id: MailId::parse("b3V0Ym94LXJvdy0x").unwrap(),
        from: "Filmjacket <post@films.example>".parse().unwrap(),
        to: "anna+films@clinic.example".to_owned(),
        date: NOW,
        letter,
    }
}

/// What the other side holds after `mail` was sent in each way.
async fn received_in_every_way(mail: &OutgoingMail) -> [Vec<u8>; 3] {
    let server = Server::start(&[]);
    Mailer::Smtp(Smtp::new(settings(&server)).unwrap()).send(mail).await.unwrap();
    let by_smtp = server.finish().message.unwrap();

    let home = tempfile::tempdir().unwrap();
    Mailer::Folder(Folder::open(home.path()).unwrap()).send(mail).await.unwrap();
    let [file] = &files_in(home.path())[..] else { panic!("one mail is one file") };
    let by_folder = fs::read(home.path().join(file)).unwrap();

    let memory = Memory::default();
    Mailer::Memory(memory.clone()).send(mail).await.unwrap();
    let [sent] = &memory.sent()[..] else { panic!("one mail is one message") };
    [by_smtp, by_folder, sent.message.clone()]
}

fn files_in(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_letter_arrives_with_its_headers_and_both_bodies_in_every_way() {
    for letter in every_letter() {
        let words = letter.render().unwrap();
        for raw in received_in_every_way(&mail_of(letter)).await {
            let message = MessageParser::default().parse(&raw).unwrap();
            let address = |list: Option<&mail_parser::Address>| {
                let list: Vec<String> =
                    list.unwrap().iter().map(|address| address.address().unwrap().to_owned()).collect();
                list.join(",")
            };
            assert_eq!(address(message.from()), "post@films.example");
            assert_eq!(address(message.to()), "anna+films@clinic.example");
            assert!(message.cc().is_none() && message.bcc().is_none());
            assert_eq!(message.message_id(), Some("b3V0Ym94LXJvdy0x@films.example"));
            assert_eq!(message.date().unwrap().to_timestamp(), NOW.as_unix());
            assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
            assert_eq!(message.subject(), Some(words.subject.as_str()));
            assert_eq!((message.text_body_count(), message.html_body_count()), (1, 1));
            assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), words.text.trim_end());
            assert_eq!(message.body_html(0).unwrap().replace("\r\n", "\n").trim_end(), words.html.trim_end());
        }
    }
}

#[tokio::test]
async fn a_hostile_or_foreign_name_stays_inside_the_subject() {
    let mut letter = link_letter(RecipientKind::Clinician);
    letter.sender_name = "Dr. Łucja Ñandú 山田\r\nBcc: eve@example.com\r\n\r\n<script>alert(1)</script>".into();
    letter.organisation = "\u{202e}Clinic & Söhne".into();
    for raw in received_in_every_way(&mail_of(Letter::TransferLink(letter))).await {
        let message = MessageParser::default().parse(&raw).unwrap();
        assert!(message.bcc().is_none(), "a name became a header");
        assert_eq!(message.html_body_count(), 1);
        let subject = message.subject().unwrap();
        assert!(subject.starts_with("Dr. Łucja Ñandú 山田 Bcc: eve@example.com <script>"), "{subject}");
        assert!(subject.ends_with("(Clinic & Söhne) sent you images"), "{subject}");
        let html = message.body_html(0).unwrap();
        assert!(!html.contains("<script"), "a name became markup");
        assert!(html.contains("Clinic &#38; Söhne"));
    }
}

#[tokio::test]
async fn what_is_no_address_is_refused_and_goes_nowhere() {
    let memory = Memory::default();
    let mailer = Mailer::Memory(memory.clone());
    for bad in ["", "anna", "anna@", "@clinic.example", "anna@clinic.example, eve@example.com", "a@b\r\nBcc: c@d"] {
        let mut mail = mail_of(Letter::SignInCode(SignInCode { code: "12345678".into(), valid_minutes: 10 }));
        mail.to = bad.to_owned();
        assert!(matches!(mailer.send(&mail).await, Err(MailError::Refused(_))), "{bad:?} was accepted");
    }
    assert!(memory.sent().is_empty());
}

#[tokio::test]
async fn a_repeated_try_is_the_same_file_and_later_mail_sorts_after_it() {
    let home = tempfile::tempdir().unwrap();
    let mailer = Mailer::Folder(Folder::open(home.path()).unwrap());
    let mut mail = mail_of(Letter::TransferLink(link_letter(RecipientKind::Patient)));
    mailer.send(&mail).await.unwrap();
    mailer.send(&mail).await.unwrap();
    mail.id = MailId::parse("0-sorts-first-by-name").unwrap();
    mail.date = NOW.plus(1);
    mailer.send(&mail).await.unwrap();
    assert_eq!(
        files_in(home.path()),
        ["20261122T120000Z-b3V0Ym94LXJvdy0x.eml", "20261122T120001Z-0-sorts-first-by-name.eml"]
    );
    for name in files_in(home.path()) {
        assert_eq!(fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_worth_another_try() {
    let home = tempfile::tempdir().unwrap();
    let mailer = Mailer::Folder(Folder::open(&home.path().join("mail")).unwrap());
    fs::remove_dir(home.path().join("mail")).unwrap();
    let tried = mailer.send(&mail_of(every_letter().remove(0))).await;
    assert!(matches!(tried, Err(MailError::Temporary(_))), "{tried:?}");
}

#[tokio::test]
async fn memory_fails_as_often_as_it_was_told_to() {
    let memory = Memory::default();
    let mailer = Mailer::Memory(memory.clone());
    memory.fail_next(MailError::Temporary("451 greylisted".to_owned()));
    let mail = mail_of(every_letter().remove(0));
    assert!(mailer.send(&mail).await.is_err());
    assert!(memory.sent().is_empty());
    mailer.send(&mail).await.unwrap();
    assert_eq!(memory.sent().len(), 1);
}
