//! A letter on its way: headers and MIME, written by lettre's typed builder, which encodes every value. No text from
//! outside can start a header of its own.

use super::words::Line;
use super::{Letter, MailError};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use protocol::Timestamp;
use std::fmt;
use std::time::{Duration, SystemTime};

/// One letter to one recipient.
#[derive(Debug, Clone)]
pub struct OutgoingMail {
    /// Stable over all tries of this mail.
    pub id: MailId,
    /// Who we are: `Filmjacket <filmjacket@clinic.example>`. Its domain ends the Message-ID.
    pub from: Mailbox,
    /// The recipient's address; one recipient a message, so that none learns of another.
    pub to: String,
    /// When it was written, by the caller's clock; the `Date` header.
    pub date: Timestamp,
    /// What it says.
    pub letter: Letter,
}

/// Names a mail for ever: the left side of its Message-ID (and a file name), so that receivers can tell a repeated
/// try from a second mail. 1 to 64 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MailId(String);

/// The text is not a mail id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mail id is 1 to 64 letters, digits, - and _")]
pub struct MalformedMailId;

impl MailId {
    /// Takes 1 to 64 letters, digits, `-` and `_` (base64url text fits).
    ///
    /// # Errors
    /// [`MalformedMailId`] for anything else.
    pub fn parse(text: &str) -> Result<Self, MalformedMailId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if fits { Ok(Self(text.to_owned())) } else { Err(MalformedMailId) }
    }
}

impl fmt::Display for MailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl OutgoingMail {
    /// The message as it is handed over (RFC 5322, MIME with text and HTML).
    pub(super) fn to_message(&self) -> Result<Message, MailError> {
        let to: Address =
            self.to.parse().map_err(|_| MailError::Refused("this is not an e-mail address".to_owned()))?;
        let rendered = self.letter.render().map_err(not_written)?;
        Message::builder()
            .from(self.from.clone())
            .to(to.into())
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(self.date.as_unix().try_into().unwrap_or(0)))
            .message_id(Some(format!("<{}@{}>", self.id, self.from.email.domain())))
            // RFC 3834 §5: out-of-office robots must not answer.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .subject(rendered.subject.as_str())
            .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
            .map_err(not_written)
    }
}

fn not_written(error: impl fmt::Display) -> MailError {
    MailError::Temporary(Line::from(format!("the mail could not be written: {error}")).to_string())
}

#[cfg(test)]
mod tests {
    use super::MailId;

    #[test]
    fn a_mail_id_is_safe_in_a_header_and_as_a_file_name() {
        for bad in ["", "a b", "a@b", "../a", "a\r\nBcc: x", "é", &"a".repeat(65)] {
            assert!(MailId::parse(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(MailId::parse("Zm9v-_09").unwrap().to_string(), "Zm9v-_09");
    }
}
