//! Rules about people, without IO: addresses, who may sign in and what for, codes, the second step, sessions, and the name that
//! recipients see.
//!
//! This room must not know about HTTP, SQL, mail or transfers. What is refused is refused with a
//! [`protocol::Problem`]: a sentence that a person can act on.

mod address;
mod code;
mod dates;
mod mailbox;
mod passkeys;
mod profile;
mod provider;
mod recovery;
mod role;
mod second_step;
mod second_step_rule;
mod session;
mod sign_in_rule;
mod standing;
mod tokens;
mod totp;

pub use address::EmailAddress;
pub use code::{CODE_LIFETIME, CODE_TRIES, MailedCode};
pub use dates::{parse_day, parse_last_day};
pub use mailbox::{MAILBOX_LIFETIME, mask};
pub use passkeys::{KeptPasskey, PasskeyError, Passkeys, Question};
pub use profile::{Profile, parse_factor_name};
pub use provider::{GroupRoles, Ties};
pub use recovery::{RECOVERY_CODES, RecoveryCode};
pub use role::{Roles, parse_role, role_text, role_words};
pub use second_step::{CEREMONY_LIFETIME, KNOWN_BROWSER_LIFETIME, MAX_FACTORS, Progress, RECENT, Remaining};
pub use second_step_rule::SecondStepRule;
pub use session::{LONGEST, REFRESH_AFTER, SessionLimits};
pub use sign_in_rule::SignInRule;
pub use standing::{INVITATION_LIFETIME, Standing, check_own};
pub use tokens::{
    DEFAULT_TOKEN_DAYS, LONGEST_TOKEN_DAYS, MAX_TOKENS, NOTE_USE_AFTER, NewToken, PROVIDER_WORD_LIFETIME,
    SHOWN_AFTER_END, beyond_tokens, check_by_token, is_live, parse_token, scopes_for, write_token,
};
pub use totp::{TotpCode, TotpSecret};
