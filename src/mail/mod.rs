//! Mail, from a letter to its hand-over.
//!
//! A [`Letter`] is what is said, an [`OutgoingMail`] is a letter on its way to one recipient, a [`Mailer`] takes it
//! there. One try is one call of [`Mailer::send`]; when to try again is the outbox's to decide, and [`MailError`]
//! tells it whether that makes sense.
//!
//! No letter has a place for a file name, a message, patient data or the passcode, so none can be mailed by mistake.
//! No tracking: no picture is fetched, no link leads anywhere but where it says.
//!
//! This room must not know about rows, requests, transfers' states or the clock.

mod dkim;
mod folder;
mod letters;
mod memory;
mod message;
mod smtp;
mod words;

pub use dkim::{Dkim, DkimError};
pub use folder::Folder;
pub use letters::{
    AccountNotice, AuditAnchor, AuditFlag, ExpiredUnopened, ExpiringUnopened, Invitation, Letter, MailboxCode, Opened,
    Refused, Rendered, SignInCode, TransferLink, WrongPasscodes,
};
pub use lettre::message::Mailbox;
pub use memory::{Memory, SentMail};
pub use message::{MailId, OutgoingMail};
pub use smtp::{Security, Smtp, SmtpSettings};
pub use words::{Line, Secret};

/// Where mail goes. A closed set: each passes the contract suite (`tests/contract`).
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, and a pointer would save nothing")]
pub enum Mailer {
    /// To a mail server.
    Smtp(Smtp),
    /// To a folder and the console, so that everything can be tried without a mail server.
    Folder(Folder),
    /// To this process's memory, for tests.
    Memory(Memory),
}

/// Why a mail was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Trying the same mail again later may work. The reason is one line.
    #[error("not now: {0}")]
    Temporary(String),
    /// The mail server refused it for good. The reason is one line that can be shown to the sender.
    #[error("refused: {0}")]
    Refused(String),
}

impl Mailer {
    /// Whether mail could leave now, as far as one look tells; nothing is sent.
    ///
    /// # Errors
    /// The folder or the mail server is not there.
    pub async fn ping(&self) -> std::io::Result<()> {
        match self {
            Self::Smtp(smtp) => smtp.ping().await,
            Self::Folder(folder) => folder.ping().await,
            Self::Memory(_) => Ok(()),
        }
    }

    /// There is no more mail for now: whatever was kept open for the next one is closed.
    pub async fn rest(&self) {
        if let Self::Smtp(smtp) = self {
            smtp.rest().await;
        }
    }

    /// Hands over one mail. `Ok` means that the other side has taken responsibility for it.
    ///
    /// # Errors
    /// [`MailError`]; after a temporary one the mail may still have arrived, which is why a repeated try must carry
    /// the same [`MailId`].
    pub async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        match self {
            Self::Smtp(smtp) => smtp.send(mail).await,
            Self::Folder(folder) => folder.send(mail).await,
            Self::Memory(memory) => memory.send(mail),
        }
    }
}
