//! How often what may be asked, all in one place. Counted in the database, so that a restart forgives nothing.
//!
//! These keep one caller from taking the server or a mailbox for themselves; what keeps guessers out are the sign-in
//! code's few tries and the pauses after wrong passcodes. A clinic often has one address for everyone, so limits by
//! address are wide.

use super::client::Client;
use super::error::Refusal;
use crate::app::App;
use crate::people::EmailAddress;
use protocol::DAY;

/// One limit.
pub(super) struct Rate {
    name: &'static str,
    hits: i64,
    /// The window in seconds.
    window: i64,
    detail: &'static str,
}

const TEN_MINUTES: i64 = 10 * 60;

/// Asking for codes, by client network: each may send a mail to a stranger.
pub(super) const CODES_BY_NETWORK: Rate = Rate {
    name: "codes/network",
    hits: 60,
    window: TEN_MINUTES,
    detail: "Too many codes were asked for from your network.",
};

/// Asking for codes, by address and network: tight, because nobody needs more; by network too, so that a stranger's
/// asking does not keep the address's owner from signing in.
pub(super) const CODES_BY_ADDRESS_AND_NETWORK: Rate = Rate {
    name: "codes/address+network",
    hits: 5,
    window: TEN_MINUTES,
    detail: "Several codes were sent to this address already. Please use the newest one, or ask again later.",
};

/// Asking for codes, by address: nobody's mailbox is flooded, and with five tries a code nobody guesses one.
pub(super) const CODES_BY_ADDRESS: Rate = Rate {
    name: "codes/address",
    hits: 30,
    window: TEN_MINUTES,
    detail: "Several codes were sent to this address already. Please use the newest one, or ask again later.",
};

/// Asking for codes to one transfer's recipient, by link and network: tight, because whoever has the link can mail them.
pub(super) const CODES_BY_LINK_AND_NETWORK: Rate = Rate {
    name: "codes/link+network",
    hits: 5,
    window: TEN_MINUTES,
    detail: "Several codes were mailed already. Please use the newest one, or ask again later.",
};

/// The same by link: a stolen link is no way to flood the recipient. A new link has its own count, so that its owner is
/// not kept out by what a thief did with the old one.
pub(super) const CODES_BY_LINK: Rate = Rate {
    name: "codes/link",
    hits: 20,
    window: DAY,
    detail: "Many codes were mailed for this link today. Please ask the sender for a new link.",
};

/// Typing codes, by client network.
pub(super) const SIGN_INS_BY_NETWORK: Rate = Rate {
    name: "sign-ins/network",
    hits: 200,
    window: TEN_MINUTES,
    detail: "Too many codes were tried from your network.",
};

/// Going to the provider, by client network.
pub(super) const PROVIDER_BY_NETWORK: Rate = Rate {
    name: "provider/network",
    hits: 400,
    window: TEN_MINUTES,
    detail: "Too many sign-ins were begun from your network.",
};

/// Coming back from the provider to an attempt that this server knows, by client network. What any web page can make a browser ask
/// for is not counted: it would keep a clinic out.
pub(super) const PROVIDER_BACK_BY_NETWORK: Rate = Rate {
    name: "provider-back/network",
    hits: 400,
    window: TEN_MINUTES,
    detail: "Too many sign-ins were ended from your network.",
};

/// Showing a second step, by client network.
pub(super) const SECOND_STEPS_BY_NETWORK: Rate = Rate {
    name: "second-steps/network",
    hits: 200,
    window: TEN_MINUTES,
    detail: "Too many second steps were tried from your network.",
};

/// Access tokens that do not work, by client network.
pub(super) const TOKENS_BY_NETWORK: Rate = Rate {
    name: "tokens/network",
    hits: 200,
    window: TEN_MINUTES,
    detail: "Too many access tokens that do not work were tried from your network.",
};

/// Looking at links and unlocking, by client network.
pub(super) const OPENS_BY_NETWORK: Rate = Rate {
    name: "opens/network",
    hits: 2000,
    window: TEN_MINUTES,
    detail: "Too many links were opened from your network.",
};

/// What somebody changes, parts apart, by account.
pub(super) const CHANGES_BY_ACCOUNT: Rate = Rate {
    name: "changes/account",
    hits: 600,
    window: TEN_MINUTES,
    detail: "You asked for too many changes in a short time.",
};

/// Invitations, by who is invited: each is a mail to them.
pub(super) const INVITATIONS_BY_PERSON: Rate = Rate {
    name: "invitations/person",
    hits: 10,
    window: DAY,
    detail: "This person was invited ten times today. Please check the address with them by phone.",
};

/// New links, by transfer: each is a mail to the recipient.
pub(super) const LINKS_BY_TRANSFER: Rate = Rate {
    name: "links/transfer",
    hits: 10,
    window: DAY,
    detail: "The link of this transfer was sent ten times today. Please check the recipient's address with them by phone.",
};

/// Receipts, by ticket: each is a line in the sender's log.
pub(super) const RECEIPTS_BY_TICKET: Rate = Rate {
    name: "receipts/ticket",
    hits: 20,
    window: DAY,
    detail: "These files were reported as received many times already.",
};

/// Asking for a code to an address that anybody may have typed.
pub(super) async fn spend_for_code(app: &App, email: &EmailAddress, client: Client) -> Result<(), Refusal> {
    CODES_BY_NETWORK.spend(app, &client.network()).await?;
    CODES_BY_ADDRESS_AND_NETWORK.spend(app, &format!("{} {}", email.account_key(), client.network())).await?;
    CODES_BY_ADDRESS.spend(app, &email.account_key()).await
}

impl Rate {
    /// Counts one more request of `subject`.
    pub(super) async fn spend(&self, app: &App, subject: &str) -> Result<(), Refusal> {
        let now = app.clock.now();
        let scope = format!("{} {subject}", self.name);
        let Some(until) = app.store.spend_hit(&scope, self.hits, self.window, now).await? else { return Ok(()) };
        let seconds = u64::try_from(until.as_unix() - now.as_unix()).unwrap_or(1).max(1);
        Err(Refusal::too_many_requests(seconds, format!("{} Please wait {}.", self.detail, in_words(seconds))))
    }
}

/// `1 minute`, `20 minutes`, `3 hours`: rounded up.
pub(super) fn in_words(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds.max(1), "second"),
        60..7200 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn waiting_is_told_as_people_say_it() {
        for (seconds, words) in [
            (0, "1 second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (7200, "2 hours"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }
}
