//! What is said: one struct a letter, its words in `templates/mail/<letter>/`.
//!
//! Subjects name no recipient and no code: they show on locked screens.

use super::words::{Line, Secret, day_and_time};
use askama::Template;
use protocol::Timestamp;
use protocol::transfers::RecipientKind;

/// A letter, whichever it is.
#[derive(Debug, Clone)]
pub enum Letter {
    /// To someone who wants to sign in.
    SignInCode(SignInCode),
    /// To a recipient, who wants to open or to see what was sent to them.
    MailboxCode(MailboxCode),
    /// To someone who was given an account.
    Invitation(Invitation),
    /// To the recipient of a transfer.
    TransferLink(TransferLink),
    /// To the sender, who asked to be told.
    Opened(Opened),
    /// To the sender: several wrong passcodes were tried.
    WrongPasscodes(WrongPasscodes),
    /// To the sender: the recipient's mail server refused the link.
    Refused(Refused),
    /// To the sender, 24 hours before the end.
    ExpiringUnopened(ExpiringUnopened),
    /// To the sender, at the end.
    ExpiredUnopened(ExpiredUnopened),
    /// To an auditor, once a day.
    AuditAnchor(AuditAnchor),
    /// To an auditor: something is unusual.
    AuditFlag(AuditFlag),
    /// To an account's owner.
    AccountNotice(AccountNotice),
}

/// The code that signs someone in.
#[derive(Debug, Clone)]
pub struct SignInCode {
    /// Eight digits.
    pub code: Secret,
    /// How long it works.
    pub valid_minutes: u32,
}

/// The code that proves who reads a recipient's mailbox.
#[derive(Debug, Clone)]
pub struct MailboxCode {
    /// Eight digits.
    pub code: Secret,
    /// How long it works.
    pub valid_minutes: u32,
    /// Who sent what is being opened; none for all that waits for the address.
    pub sender_name: Option<Line>,
}

/// An account, before its first use. It holds no secret: whoever follows it gets a code at the address.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The address that has the account.
    pub address: Line,
    /// Until when the first sign-in must be.
    pub expires_at: Timestamp,
    /// The sign-in page.
    pub sign_in_url: String,
}

/// The link to a transfer.
#[derive(Debug, Clone)]
pub struct TransferLink {
    /// `https://host/open#…`
    pub link: Secret,
    /// As the sender gave it.
    pub sender_name: Line,
    /// As the sender gave it; may be empty.
    pub organisation: Line,
    /// Whose words are used.
    pub recipient_kind: RecipientKind,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// The page where the recipient finds it without this mail.
    pub mine_url: String,
}

/// A transfer was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Whom it was sent to.
    pub recipient: Line,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The page with the sender's transfers.
    pub sent_url: String,
}

/// Several wrong passcodes were tried on a transfer.
#[derive(Debug, Clone)]
pub struct WrongPasscodes {
    /// Whom it was sent to.
    pub recipient: Line,
    /// When the last of them was tried.
    pub tried_at: Timestamp,
    /// The page with the transfer's log.
    pub log_url: String,
}

/// The mail with the link was refused for good.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Whom it was sent to.
    pub recipient: Line,
    /// What the mail server said ([`super::MailError::Refused`]).
    pub reason: Line,
    /// The page with the sender's transfers.
    pub sent_url: String,
}

/// A transfer ends soon and was not opened.
#[derive(Debug, Clone)]
pub struct ExpiringUnopened {
    /// Whom it was sent to.
    pub recipient: Line,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The page with the sender's transfers.
    pub sent_url: String,
}

/// A transfer ended and was never opened.
#[derive(Debug, Clone)]
pub struct ExpiredUnopened {
    /// Whom it was sent to.
    pub recipient: Line,
    /// When it ended.
    pub expired_at: Timestamp,
    /// The page with the sender's transfers.
    pub sent_url: String,
}

/// Where the audit's chain ends, signed.
#[derive(Debug, Clone)]
pub struct AuditAnchor {
    /// One line of JSON (docs/AUDIT.md), which must arrive as it is.
    pub anchor: String,
}

/// A rule found something unusual.
#[derive(Debug, Clone)]
pub struct AuditFlag {
    /// Whom or what it is about, and what it is.
    pub told: Line,
    /// When it was found.
    pub found_at: Timestamp,
    /// The auditor's page.
    pub audit_url: String,
}

/// How an account signs in has changed, or somebody signed in to it.
#[derive(Debug, Clone)]
pub struct AccountNotice {
    /// One sentence.
    pub what: Line,
    /// When it happened.
    pub happened_at: Timestamp,
    /// The page where the owner sees and changes it.
    pub account_url: String,
}

/// A letter in words: the same content as plain text and as HTML.
#[derive(Clone)]
pub struct Rendered {
    /// One line.
    pub subject: Line,
    /// For every mail program.
    pub text: String,
    /// For most of them.
    pub html: String,
}

impl Letter {
    /// Puts the letter into words.
    ///
    /// # Errors
    /// A template that could not be filled in; it does not happen with the templates that are built in.
    pub fn render(&self) -> Result<Rendered, askama::Error> {
        match self {
            Self::SignInCode(letter) => letter.render(),
            Self::MailboxCode(letter) => letter.render(),
            Self::Invitation(letter) => letter.render(),
            Self::TransferLink(letter) => letter.render(),
            Self::Opened(letter) => letter.render(),
            Self::WrongPasscodes(letter) => letter.render(),
            Self::Refused(letter) => letter.render(),
            Self::ExpiringUnopened(letter) => letter.render(),
            Self::ExpiredUnopened(letter) => letter.render(),
            Self::AuditAnchor(letter) => letter.render(),
            Self::AuditFlag(letter) => letter.render(),
            Self::AccountNotice(letter) => letter.render(),
        }
    }

    /// The letter in a few words, **with its secret**: for the console of someone who has no mail server yet.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::SignInCode(letter) => format!("sign-in code {}", grouped(&letter.code)),
            Self::MailboxCode(letter) => format!("mailbox code {}", grouped(&letter.code)),
            Self::Invitation(letter) => format!("an invitation to {}", letter.sign_in_url),
            Self::TransferLink(letter) => format!("link {}", letter.link.expose()),
            Self::Opened(letter) => format!("the images sent to {} were opened", letter.recipient),
            Self::WrongPasscodes(letter) => format!("wrong passcodes for the images sent to {}", letter.recipient),
            Self::Refused(letter) => format!("the mail to {} was refused: {}", letter.recipient, letter.reason),
            Self::ExpiringUnopened(letter) => format!("the images sent to {} expire soon, unopened", letter.recipient),
            Self::ExpiredUnopened(letter) => format!("the images sent to {} expired, unopened", letter.recipient),
            Self::AuditAnchor(letter) => format!("anchor of the audit {}", letter.anchor),
            Self::AuditFlag(letter) => format!("unusual: {}", letter.told),
            Self::AccountNotice(letter) => letter.what.to_string(),
        }
    }
}

/// `1234 5678`: two groups of four are easier to keep in mind from one window to the next.
fn grouped(code: &Secret) -> String {
    let code = code.expose();
    code.split_at_checked(4).map_or_else(|| code.to_owned(), |(first, second)| format!("{first} {second}"))
}

impl SignInCode {
    fn grouped_code(&self) -> String {
        grouped(&self.code)
    }
}

impl MailboxCode {
    fn grouped_code(&self) -> String {
        grouped(&self.code)
    }
}

impl WrongPasscodes {
    fn tried(&self) -> String {
        day_and_time(self.tried_at)
    }
}

impl Invitation {
    fn expires(&self) -> String {
        day_and_time(self.expires_at)
    }
}

impl TransferLink {
    /// `Dr. Ana Ruiz (North Clinic)`
    fn sender(&self) -> String {
        match self.organisation.as_str() {
            "" => self.sender_name.to_string(),
            organisation => format!("{} ({organisation})", self.sender_name),
        }
    }

    fn is_for_patient(&self) -> bool {
        self.recipient_kind == RecipientKind::Patient
    }

    fn expires(&self) -> String {
        day_and_time(self.expires_at)
    }
}

impl Opened {
    fn opened(&self) -> String {
        day_and_time(self.opened_at)
    }
}

impl ExpiringUnopened {
    fn expires(&self) -> String {
        day_and_time(self.expires_at)
    }
}

impl AuditFlag {
    fn found(&self) -> String {
        day_and_time(self.found_at)
    }
}

impl ExpiredUnopened {
    fn expired(&self) -> String {
        day_and_time(self.expired_at)
    }
}

impl AccountNotice {
    fn happened(&self) -> String {
        day_and_time(self.happened_at)
    }
}

/// Gives a letter its three templates. askama checks them, and every field they mention, when the program is built.
macro_rules! templates {
    ($letter:ident: $subject:literal, $text:literal, $html:literal) => {
        impl $letter {
            fn render(&self) -> Result<Rendered, askama::Error> {
                #[derive(Template)]
                #[template(path = $subject)]
                #[allow(dead_code, reason = "most subjects have no variable part")]
                struct Subject<'a> {
                    letter: &'a $letter,
                }
                #[derive(Template)]
                #[template(path = $text)]
                struct Text<'a> {
                    letter: &'a $letter,
                }
                #[derive(Template)]
                #[template(path = $html)]
                struct Html<'a> {
                    letter: &'a $letter,
                }
                Ok(Rendered {
                    subject: Line::from(Subject { letter: self }.render()?),
                    text: Text { letter: self }.render()?,
                    html: Html { letter: self }.render()?,
                })
            }
        }
    };
}

templates!(SignInCode: "mail/sign_in_code/subject.txt", "mail/sign_in_code/body.txt", "mail/sign_in_code/body.html");
templates!(MailboxCode: "mail/mailbox_code/subject.txt", "mail/mailbox_code/body.txt", "mail/mailbox_code/body.html");
templates!(WrongPasscodes: "mail/wrong_passcodes/subject.txt", "mail/wrong_passcodes/body.txt",
    "mail/wrong_passcodes/body.html");
templates!(Invitation: "mail/invitation/subject.txt", "mail/invitation/body.txt", "mail/invitation/body.html");
templates!(TransferLink: "mail/transfer_link/subject.txt", "mail/transfer_link/body.txt", "mail/transfer_link/body.html");
templates!(Opened: "mail/opened/subject.txt", "mail/opened/body.txt", "mail/opened/body.html");
templates!(Refused: "mail/refused/subject.txt", "mail/refused/body.txt", "mail/refused/body.html");
templates!(ExpiringUnopened: "mail/expiring_unopened/subject.txt", "mail/expiring_unopened/body.txt",
    "mail/expiring_unopened/body.html");
templates!(AuditAnchor: "mail/audit_anchor/subject.txt", "mail/audit_anchor/body.txt", "mail/audit_anchor/body.html");
templates!(AuditFlag: "mail/audit_flag/subject.txt", "mail/audit_flag/body.txt", "mail/audit_flag/body.html");
templates!(ExpiredUnopened: "mail/expired_unopened/subject.txt", "mail/expired_unopened/body.txt",
    "mail/expired_unopened/body.html");
templates!(AccountNotice: "mail/account_notice/subject.txt", "mail/account_notice/body.txt",
    "mail/account_notice/body.html");

#[cfg(test)]
mod tests {
    use super::{Letter, SignInCode};

    #[test]
    fn the_console_is_told_the_code_in_two_groups() {
        let letter = |code: &str| Letter::SignInCode(SignInCode { code: code.into(), valid_minutes: 10 });
        assert_eq!(letter("12345678").summary(), "sign-in code 1234 5678");
        assert_eq!(letter("12").summary(), "sign-in code 12");
    }
}
