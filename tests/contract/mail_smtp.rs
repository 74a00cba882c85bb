//! SMTP, against a small server that answers as it is told to: what counts as refused, what is worth another try,
//! and what is never said.

use crate::mail::{every_letter, mail_of};
use filmjacket::mail::{MailError, Mailer, Security, Smtp, SmtpSettings};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How the server answers at one step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    Say(&'static str),
    HangUp,
    Silence,
}

/// What the server heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) commands: Vec<String>,
    pub(crate) message: Option<Vec<u8>>,
}

/// A mail server on loopback for one connection.
pub(crate) struct Server {
    port: u16,
    thread: JoinHandle<Heard>,
}

/// The usual answers: steps are named by their command, `greeting` by itself, and the end of the message by `.`.
const USUAL: [(&str, Answer); 8] = [
    ("greeting", Answer::Say("220 mail.clinic.example")),
    ("EHLO", Answer::Say("250-mail.clinic.example\r\n250 AUTH PLAIN")),
    ("AUTH", Answer::Say("235 welcome")),
    ("MAIL", Answer::Say("250 ok")),
    ("RCPT", Answer::Say("250 ok")),
    ("DATA", Answer::Say("354 go ahead")),
    (".", Answer::Say("250 taken")),
    ("QUIT", Answer::Say("221 bye")),
];

impl Server {
    /// Starts a server that answers as usual but for `otherwise`.
    pub(crate) fn start(otherwise: &[(&'static str, Answer)]) -> Self {
        let answers: HashMap<_, _> = USUAL.into_iter().chain(otherwise.iter().copied()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = thread::spawn(move || {
            let mut heard = Heard::default();
            let (stream, _) = listener.accept().unwrap();
            converse(stream, &answers, &mut heard);
            heard
        });
        Self { port, thread }
    }

    /// Waits for the conversation's end.
    pub(crate) fn finish(self) -> Heard {
        self.thread.join().unwrap()
    }
}

fn converse(stream: TcpStream, answers: &HashMap<&str, Answer>, heard: &mut Heard) {
    let mut reader = BufReader::new(stream);
    let mut step = "greeting".to_owned();
    loop {
        match answers[step.as_str()] {
            Answer::Say(line) => {
                // In one piece: two small writes would each wait for the other side's delayed acknowledgement.
                if reader.get_mut().write_all(format!("{line}\r\n").as_bytes()).is_err() {
                    return;
                }
                if step == "DATA" && line.starts_with("354") {
                    heard.message = read_message(&mut reader);
                    step = ".".to_owned();
                    continue;
                }
            }
            Answer::HangUp => return,
            Answer::Silence => {
                // Until the other side gives up.
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
        }
        let mut command = String::new();
        if reader.read_line(&mut command).unwrap_or(0) == 0 {
            return;
        }
        step = command.split([' ', '\r']).next().unwrap().to_ascii_uppercase();
        heard.commands.push(command.trim_end().to_owned());
    }
}

/// The message without its dot-stuffing (RFC 5321 §4.5.2).
fn read_message(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        match line.as_slice() {
            b".\r\n" => return Some(message),
            [b'.', rest @ ..] => message.extend_from_slice(rest),
            whole => message.extend_from_slice(whole),
        }
    }
}

pub(crate) fn settings(server: &Server) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        security: Security::None,
        authority: None,
        credentials: None,
        deadline: Duration::from_secs(20),
        dkim: None,
    }
}

async fn send(settings: SmtpSettings) -> Result<(), MailError> {
    Mailer::Smtp(Smtp::new(settings).unwrap()).send(&mail_of(every_letter().remove(1))).await
}

/// What comes of a mail when the server answers differently at one step.
async fn send_to(step: &'static str, answer: Answer) -> Result<(), MailError> {
    let server = Server::start(&[(step, answer)]);
    let outcome = send(settings(&server)).await;
    server.finish();
    outcome
}

#[tokio::test]
async fn a_recipient_refused_for_good_is_refused_with_the_servers_own_words() {
    let refused = send_to("RCPT", Answer::Say("550-5.1.1 No such mailbox:\r\n550 5.1.1 ask the help desk")).await;
    let MailError::Refused(reason) = refused.unwrap_err() else { panic!("it must not be tried again") };
    assert_eq!(reason, "550 5.1.1 No such mailbox: ask the help desk");
}

#[tokio::test]
async fn a_refusal_of_the_sender_or_of_the_letter_is_for_good_too() {
    for step in ["MAIL", "DATA", "."] {
        let outcome = send_to(step, Answer::Say("554 5.7.1 not here")).await;
        assert_eq!(outcome, Err(MailError::Refused("554 5.7.1 not here".to_owned())), "{step}");
    }
}

#[tokio::test]
async fn greylisting_is_worth_another_try() {
    for step in ["greeting", "MAIL", "RCPT", "DATA", "."] {
        let outcome = send_to(step, Answer::Say("451 4.7.1 come back in five minutes")).await;
        let Err(MailError::Temporary(reason)) = outcome else { panic!("{step}: {outcome:?}") };
        assert!(reason.contains("come back in five minutes"), "{step}: {reason}");
    }
}

#[tokio::test]
async fn a_line_that_goes_dead_is_worth_another_try() {
    for step in ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."] {
        let outcome = send_to(step, Answer::HangUp).await;
        assert!(matches!(outcome, Err(MailError::Temporary(_))), "{step}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_after_the_deadline() {
    let server = Server::start(&[("RCPT", Answer::Silence)]);
    let mut settings = settings(&server);
    settings.deadline = Duration::from_millis(100);
    let outcome = send(settings).await;
    server.finish();
    let expected = "the mail server did not answer within 100ms";
    assert_eq!(outcome, Err(MailError::Temporary(expected.to_owned())));
}

#[tokio::test]
async fn no_server_at_all_is_worth_another_try() {
    let server = Server::start(&[]);
    let mut settings = settings(&server);
    // The port of a listener that is gone.
    settings.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(matches!(send(settings).await, Err(MailError::Temporary(_))));
    TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    server.finish();
}

#[tokio::test]
async fn after_the_letter_was_taken_nothing_makes_it_fail() {
    for last_word in [Answer::HangUp, Answer::Say("421 shutting down"), Answer::Say("nonsense")] {
        assert_eq!(send_to("QUIT", last_word).await, Ok(()));
    }
}

#[tokio::test]
async fn a_login_that_fails_is_our_fault_and_refuses_nobody() {
    for (step, answer) in [
        ("AUTH", "535 5.7.8 wrong password"),
        ("greeting", "554 no service for you"),
        ("MAIL", "530 5.7.0 log in first"),
    ] {
        let server = Server::start(&[(step, Answer::Say(answer))]);
        let mut settings = settings(&server);
        settings.credentials = Some(("post".to_owned(), "a secret".into()));
        let outcome = send(settings).await;
        server.finish();
        assert!(matches!(outcome, Err(MailError::Temporary(_))), "{answer}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_server_hears_who_we_are_and_one_recipient() {
    let server = Server::start(&[]);
    let mut settings = settings(&server);
    settings.credentials = Some(("post".to_owned(), "a secret".into()));
    send(settings).await.unwrap();
    let commands = server.finish().commands;
    // RFC 4616: base64 of "\0post\0a secret".
    assert!(commands.contains(&"AUTH PLAIN AHBvc3QAYSBzZWNyZXQ=".to_owned()), "{commands:?}");
    assert!(commands.iter().any(|command| command.starts_with("MAIL FROM:<post@films.example>")), "{commands:?}");
    let recipients: Vec<_> = commands.iter().filter(|command| command.starts_with("RCPT")).collect();
    assert_eq!(recipients, ["RCPT TO:<anna+films@clinic.example>"]);
}

#[tokio::test]
async fn a_server_that_offers_no_encryption_hears_nothing() {
    let server = Server::start(&[]);
    let mut settings = settings(&server);
    settings.security = Security::StartTls;
    settings.credentials = Some(("post".to_owned(), "a secret".into()));
    let outcome = send(settings).await;
    let heard = server.finish();
    assert!(matches!(outcome, Err(MailError::Temporary(_))), "{outcome:?}");
    assert!(heard.message.is_none());
    assert!(heard.commands.iter().all(|command| command.starts_with("EHLO") || command == "QUIT"), "{heard:?}");
}

#[test]
fn mail_without_encryption_stays_on_this_machine() {
    let settings = |host: &str| SmtpSettings {
        host: host.to_owned(),
        port: 25,
        security: Security::None,
        authority: None,
        credentials: None,
        deadline: Duration::from_secs(20),
        dkim: None,
    };
    for here in ["localhost", "127.0.0.1", "::1"] {
        assert!(Smtp::new(settings(here)).is_ok(), "{here}");
    }
    for elsewhere in ["mail.clinic.example", "10.0.0.1", "localhost.clinic.example"] {
        let refused = Smtp::new(settings(elsewhere)).unwrap_err().to_string();
        assert!(refused.contains(elsewhere) && refused.contains("starttls"), "{refused}");
    }
}
