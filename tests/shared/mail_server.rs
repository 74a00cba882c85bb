//! A mail server on loopback that takes everything, and on request is slow to say so.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use mail_parser::MessageParser;
use std::io::{BufRead as _, BufReader, Result, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};

/// A mail that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) message_id: String,
    /// Its plain text, decoded.
    pub(crate) text: String,
}

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Mail>>,
    /// Whoever is to be answered next waits for this.
    hold: Mutex<Option<mpsc::Receiver<()>>>,
}

/// It lasts as long as this process.
pub(crate) struct MailServer {
    port: u16,
    state: Arc<State>,
}

impl MailServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // A client that is killed ends its conversation, nothing else.
                std::thread::spawn(move || drop(converse(client, &state)));
            }
        });
        Self { port, state }
    }

    /// The settings of a server that sends its mail here.
    pub(crate) fn settings(&self) -> String {
        format!("[mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n", self.port)
    }

    /// The sign-in code mailed to `address` last.
    pub(crate) fn code_for(&self, address: &str) -> Option<String> {
        let code = |mail: &Mail| -> Option<String> {
            let (_, rest) = mail.text.split_once("code:")?;
            Some(rest.chars().filter(char::is_ascii_digit).take(8).collect())
        };
        self.taken().iter().rev().filter(|mail| mail.to == address).find_map(code)
    }

    /// The links mailed to `address`, one for each mail.
    pub(crate) fn links_for(&self, address: &str) -> Vec<String> {
        let is_link = |word: &&str| word.starts_with("http") && word.contains("/open#");
        let link = |mail: &Mail| mail.text.split_whitespace().find(is_link).map(str::to_owned);
        self.taken().iter().filter(|mail| mail.to == address).filter_map(link).collect()
    }

    /// Everything taken so far, also what was not answered.
    pub(crate) fn taken(&self) -> Vec<Mail> {
        self.state.taken.lock().unwrap().clone()
    }

    /// The next mail is taken, and answered when this says so.
    pub(crate) fn hold_next(&self) -> mpsc::Sender<()> {
        let (answer, held) = mpsc::channel();
        *self.state.hold.lock().unwrap() = Some(held);
        answer
    }
}

fn converse(stream: TcpStream, state: &State) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut to = String::new();
    let say = |reader: &mut BufReader<TcpStream>, line: &str| reader.get_mut().write_all(line.as_bytes());
    say(&mut reader, "220 mail.clinic.example\r\n")?;
    let mut command = String::new();
    while reader.read_line(&mut command)? > 0 {
        let verb = command.get(..4).unwrap_or_default().to_ascii_uppercase();
        if verb == "RCPT" {
            to = command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        }
        if verb == "DATA" {
            say(&mut reader, "354 go ahead\r\n")?;
            let message = read_message(&mut reader)?;
            state.taken.lock().unwrap().push(parse(&to, &message));
            let held = state.hold.lock().unwrap().take();
            if held.is_some_and(|held| held.recv().is_err()) {
                return Ok(());
            }
        }
        say(&mut reader, if verb == "QUIT" { "221 bye\r\n" } else { "250 ok\r\n" })?;
        command.clear();
    }
    Ok(())
}

fn parse(to: &str, message: &[u8]) -> Mail {
    let parsed = MessageParser::default().parse(message).unwrap();
    Mail {
        to: to.to_owned(),
        message_id: parsed.message_id().unwrap().to_owned(),
        text: parsed.body_text(0).unwrap().into_owned(),
    }
}

/// The message without its dot-stuffing (RFC 5321 §4.5.2).
fn read_message(reader: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.as_slice() {
            b".\r\n" => return Ok(message),
            [b'.', rest @ ..] => message.extend_from_slice(rest),
            whole => message.extend_from_slice(whole),
        }
    }
}
