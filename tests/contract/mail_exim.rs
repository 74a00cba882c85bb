//! Mail by a real mail server: TLS in both ways, log-in, reuse of the connection, greylisting, refusal, a server that dies,
//! signatures that others verify, and words that a spam filter lets pass.

use crate::exim::{Exim, HOST, PASSWORD, USER};
use crate::mail::{every_letter, link_letter, mail_of};
use filmjacket::clock::Clock;
use filmjacket::mail::{Dkim, Letter, MailError, MailId, Mailer, OutgoingMail, Security, Smtp, SmtpSettings};
use mail_parser::MessageParser;
use protocol::transfers::RecipientKind;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn settings(exim: &Exim) -> SmtpSettings {
    SmtpSettings {
        host: HOST.to_owned(),
        port: exim.starttls,
        security: Security::StartTls,
        authority: Some(exim.certificate()),
        credentials: Some((USER.to_owned(), PASSWORD.into())),
        deadline: Duration::from_secs(20),
        dkim: None,
    }
}

fn mailer(settings: SmtpSettings) -> Mailer {
    Mailer::Smtp(Smtp::new(settings).unwrap())
}

fn mail(id: &str, to: &str) -> OutgoingMail {
    let letter = Letter::TransferLink(link_letter(RecipientKind::Clinician));
    OutgoingMail { id: MailId::parse(id).unwrap(), to: to.to_owned(), ..mail_of(letter) }
}

/// The Message-IDs of all that was delivered, sorted.
fn delivered(exim: &Exim) -> Vec<String> {
    let id = |raw: &Vec<u8>| MessageParser::default().parse(raw).unwrap().message_id().unwrap().to_owned();
    let mut ids: Vec<String> = exim.mail().iter().map(id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn mails_leave_by_starttls_and_by_tls_over_one_connection_and_arrive_once_each() {
    for security in [Security::StartTls, Security::Tls] {
        let exim = Exim::start();
        let port = if security == Security::Tls { exim.tls } else { exim.starttls };
        let mailer = mailer(SmtpSettings { security, port, ..settings(&exim) });
        for id in ["one", "two", "three"] {
            mailer.send(&mail(id, "anna@clinic.example")).await.unwrap();
        }
        mailer.rest().await;
        assert_eq!(delivered(&exim), ["one@films.example", "three@films.example", "two@films.example"]);
        let log = exim.log();
        assert_eq!(log.matches(" P=esmtpsa X=TLS1.").count(), 3, "encrypted and logged in: {log}");
        // The first connection only looked whether the server was there.
        assert_eq!(log.matches("(TCP/IP connection count = ").count(), 1 + 1, "{security:?}: {log}");
    }
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_vouches_for_gets_neither_password_nor_mail() {
    let exim = Exim::start();
    for (security, port) in [(Security::StartTls, exim.starttls), (Security::Tls, exim.tls)] {
        let outcome = mailer(SmtpSettings { security, port, authority: None, ..settings(&exim) });
        let outcome = outcome.send(&mail("one", "anna@clinic.example")).await;
        assert!(matches!(outcome, Err(MailError::Temporary(_))), "{outcome:?}");
    }
    assert!(exim.mail().is_empty() && !exim.log().contains("A=plain"), "{}", exim.log());
}

#[tokio::test]
async fn a_greylisted_mail_arrives_once_at_a_later_try() {
    let exim = Exim::start();
    let mailer = mailer(settings(&exim));
    let mail = mail("one", "anna@clinic.example");
    exim.greylist("anna");
    for _ in 0..2 {
        let put_off = mailer.send(&mail).await;
        let words = "451 4.7.1 greylisted, come back later";
        assert_eq!(put_off, Err(MailError::Temporary(words.to_owned())));
    }
    exim.stop_greylisting("anna");
    mailer.send(&mail).await.unwrap();
    mailer.rest().await;
    assert_eq!(delivered(&exim), ["one@films.example"]);
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_is_refused_with_the_servers_reason_and_holds_up_nobody() {
    let exim = Exim::start();
    let mailer = mailer(settings(&exim));
    mailer.send(&mail("one", "anna@clinic.example")).await.unwrap();
    let refused = mailer.send(&mail("two", "nobody@clinic.example")).await;
    assert_eq!(refused, Err(MailError::Refused("550 5.1.1 no such mailbox".to_owned())));
    mailer.send(&mail("three", "anna@clinic.example")).await.unwrap();
    mailer.rest().await;
    assert_eq!(delivered(&exim), ["one@films.example", "three@films.example"]);
}

#[tokio::test]
async fn a_wrong_password_refuses_nobody() {
    let exim = Exim::start();
    let wrong = SmtpSettings { credentials: Some((USER.to_owned(), "wrong".into())), ..settings(&exim) };
    let outcome = mailer(wrong).send(&mail("one", "anna@clinic.example")).await;
    assert!(matches!(outcome, Err(MailError::Temporary(_))), "{outcome:?}");
    assert!(exim.mail().is_empty());
}

#[tokio::test]
async fn a_server_that_dies_between_two_mails_gets_each_of_them_once() {
    let mut exim = Exim::start();
    let mailer = mailer(settings(&exim));
    mailer.send(&mail("one", "anna@clinic.example")).await.unwrap();
    mailer.rest().await;
    mailer.send(&mail("two", "anna@clinic.example")).await.unwrap();
    // Exim may itself deliver twice what it was killed over: it is killed when both are in their mailbox.
    assert_eq!(exim.mail().len(), 2);
    exim.kill();
    let later = mailer.send(&mail("three", "anna@clinic.example")).await;
    assert!(matches!(later, Err(MailError::Temporary(_))), "{later:?}");
    exim.restart();
    mailer.send(&mail("three", "anna@clinic.example")).await.unwrap();
    mailer.rest().await;
    assert_eq!(delivered(&exim), ["one@films.example", "three@films.example", "two@films.example"]);
}

#[tokio::test]
async fn a_mail_that_is_handed_over_again_after_a_crash_is_the_same_mail() {
    let exim = Exim::start();
    for _ in 0..2 {
        // A process that ended before it could write down that the mail was taken over knows nothing of the first time.
        let mailer = mailer(settings(&exim));
        mailer.send(&mail("one", "anna@clinic.example")).await.unwrap();
        mailer.rest().await;
    }
    assert_eq!(delivered(&exim), ["one@films.example"; 2]);
    let ours = |raw: &Vec<u8>| {
        let text = String::from_utf8(raw.clone()).unwrap();
        let boundary = text.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        text[text.find("From:").unwrap()..].replace(&boundary, "boundary")
    };
    let [first, second] = &exim.mail()[..] else { panic!("two mails") };
    assert_eq!(ours(first), ours(second));
}

/// Whether the Python library dkimpy finds the mail's signature good, asking this key instead of DNS.
fn verifies(mail: &[u8], record: &str) -> bool {
    const PROGRAM: &str = "import dkim, sys\n\
        record = sys.argv[1].encode()\n\
        asked = lambda name, timeout=5: record if name == b's1._domainkey.films.example.' else None\n\
        sys.exit(0 if dkim.verify(sys.stdin.buffer.read(), dnsfunc=asked) else 1)";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", PROGRAM, record])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(mail).unwrap();
    python.wait().unwrap().success()
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A new key and the DNS record for it.
fn make_key(path: &Path, bits: &str) -> String {
    use base64::Engine as _;
    let file = path.to_str().unwrap();
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}"), "-out", file]);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let public = openssl(&["pkey", "-in", file, "-pubout", "-outform", "DER"]);
    format!("v=DKIM1; k=rsa; p={}", base64::engine::general_purpose::STANDARD.encode(public))
}

#[tokio::test]
async fn a_signature_is_verified_by_others_after_a_real_server_and_breaks_with_every_change() {
    let exim = Exim::start();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("dkim.pem");
    let record = make_key(&key, "2048");
    let dkim = Some(Dkim::load("films.example", "s1", &key).unwrap());
    let mailer = mailer(SmtpSettings { dkim, ..settings(&exim) });
    let mut letter = link_letter(RecipientKind::Patient);
    letter.sender_name = "Dr. Łucja Ñandú".into();
    mailer.send(&mail_of(Letter::TransferLink(letter))).await.unwrap();
    mailer.rest().await;
    let [raw] = &exim.mail()[..] else { panic!("one mail") };
    assert!(verifies(raw, &record), "{}", String::from_utf8_lossy(raw));
    let text = String::from_utf8(raw.clone()).unwrap();
    for (what, changed) in [
        ("the subject", text.replacen("Subject: ", "Subject: Re: ", 1)),
        ("the sender", text.replacen("Filmjacket <post@", "Filmjacket <past@", 1)),
        ("a second sender", format!("From: eve@example.com\n{text}")),
        ("the body", text.replacen("passcode", "password", 1)),
    ] {
        assert!(changed != text && !verifies(changed.as_bytes(), &record), "{what} was changed and nobody noticed");
    }
    assert!(!verifies(raw, &make_key(&folder.path().join("other.pem"), "2048")));
}

#[test]
fn a_dkim_key_that_is_short_or_open_to_all_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("dkim.pem");
    let refused = || Dkim::load("films.example", "s1", &key).unwrap_err().to_string();
    assert!(refused().contains("cannot be read"), "{}", refused());
    make_key(&key, "1024");
    assert!(refused().contains("2048"), "{}", refused());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused().contains("chmod"), "{}", refused());
}

/// What SpamAssassin's rules about contents may add up to. It calls spam what has 5; the rest is for the network's opinion.
const HIGHEST_SCORE: f64 = 1.0;

#[tokio::test]
async fn no_letter_looks_like_spam() {
    let exim = Exim::start();
    let mailer = mailer(settings(&exim));
    // SpamAssassin goes by the real time, and thinks little of letters that were days on their way.
    let date = Clock::System.now();
    for (n, letter) in every_letter().into_iter().enumerate() {
        let mail = OutgoingMail { id: MailId::parse(&format!("letter-{n}")).unwrap(), date, ..mail_of(letter) };
        mailer.send(&mail).await.unwrap();
    }
    mailer.rest().await;
    let mut mailbox = Vec::new();
    for raw in exim.mail() {
        mailbox.extend_from_slice(b"From films Mon Nov 22 12:00:00 2026\n");
        mailbox.extend_from_slice(&raw);
        mailbox.push(b'\n');
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mbox"), mailbox).unwrap();
    let home = folder.path().to_str().unwrap();
    let output = Command::new("spamassassin")
        .args(["--local", "--nocreate-prefs", "--mbox", "mbox"])
        .current_dir(folder.path())
        .env("HOME", home)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).replace("\n\t", " ");
    let verdicts: Vec<&str> = told.lines().filter(|line| line.starts_with("X-Spam-Status: ")).collect();
    assert_eq!(verdicts.len(), every_letter().len(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for verdict in verdicts {
        let score: f64 = verdict.split("score=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        println!("{verdict}");
        assert!(score <= HIGHEST_SCORE, "{verdict}");
    }
}
