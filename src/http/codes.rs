//! Mailed codes, whatever they lead to: keeping one and queueing its mail, and holding a typed one against it.

use super::cookies::SecretCookie;
use super::error::Refusal;
use crate::app::App;
use crate::keys::{CodePurpose, Purpose, hash_secret, is_same_hash, make_name, make_secret};
use crate::people::{CODE_LIFETIME, EmailAddress, MailedCode};
use crate::store::{AuditEntry, MailKind, NewCode, NewMail};
use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use protocol::{ProblemKind, TransferId};

impl CodePurpose {
    /// What binds such a code to the browser that asked for it.
    pub(super) const fn cookie(self) -> SecretCookie {
        match self {
            Self::SignIn => SecretCookie::Browser,
            Self::Mailbox(_) => SecretCookie::Mailbox,
            Self::Mine => SecretCookie::Mine,
        }
    }

    const fn mail(self) -> (MailKind, Option<TransferId>) {
        match self {
            Self::SignIn => (MailKind::SignInCode, None),
            Self::Mailbox(transfer_id) => (MailKind::MailboxCode, Some(transfer_id)),
            Self::Mine => (MailKind::MineCode, None),
        }
    }
}

/// Keeps a new code for an address and queues its mail. The cookie binds it to the browser.
pub(super) async fn make(
    app: &App,
    purpose: CodePurpose,
    email: &EmailAddress,
    entry: Option<&AuditEntry>,
) -> Result<Cookie<'static>, Refusal> {
    let browser = make_secret()?;
    let browser_hash = hash_secret(&browser);
    let code = MailedCode::make().map_err(std::io::Error::other)?;
    let email_key = email.account_key();
    let (kind, transfer_id) = purpose.mail();
    let mail_id = make_name()?;
    let mail = NewMail {
        secret: Some(app.keys.seal(Purpose::Outbox, &mail_id, code.expose().as_bytes())?),
        mail_id,
        kind,
        recipient: email.to_string(),
        transfer_id,
        give_up_at: app.clock.now().plus(CODE_LIFETIME),
    };
    let new = NewCode {
        browser_hash: &browser_hash,
        email_key: &email_key,
        code_mac: &app.keys.derive_code_mac(purpose, &browser_hash, &email_key, code.expose()),
        expires_at: mail.give_up_at,
        mail: &mail,
        entry,
    };
    app.store.add_code(&new, app.clock.now()).await?;
    app.outbox_bell.notify_one();
    Ok(purpose.cookie().make(app, &browser))
}

/// A code that was typed in the browser that asked for one.
pub(super) struct TypedCode {
    /// Names the code until it is spent.
    pub(super) browser_hash: [u8; 32],
    /// Whether it is the one that was mailed for this purpose to this address.
    pub(super) is_right: bool,
}

/// Counts a try at the browser's code and compares.
pub(super) async fn try_one(
    app: &App,
    request: &HttpRequest,
    purpose: CodePurpose,
    email: &EmailAddress,
    typed: &str,
) -> Result<TypedCode, Refusal> {
    let code = MailedCode::parse(typed)?;
    let browser_hash = purpose.cookie().read_hash(request, app).ok_or_else(wrong_code)?;
    let waiting = app.store.try_code(&browser_hash, app.clock.now()).await?.ok_or_else(wrong_code)?;
    let code_mac = app.keys.derive_code_mac(purpose, &browser_hash, &email.account_key(), code.expose());
    let is_right = waiting.email_key == email.account_key() && is_same_hash(&waiting.code_mac, &code_mac);
    Ok(TypedCode { browser_hash, is_right })
}

/// Wrong, used, too old, tried too often, of another browser: the answer is the same.
pub(super) fn wrong_code() -> Refusal {
    Refusal::new(
        ProblemKind::WrongCode,
        "This code does not work here. Please use the newest mail, in the browser that asked for it, within ten minutes; or ask for a new code.",
    )
}
