//! Rules about people, without IO: addresses, who may sign in and what for, codes, sessions, and the name that recipients see.
//!
//! This room must not know about HTTP, SQL, mail or transfers. What is refused is refused with a
//! [`protocol::Problem`]: a sentence that a person can act on.

mod address;
mod code;
mod dates;
mod mailbox;
mod profile;
mod role;
mod session;
mod sign_in_rule;
mod standing;

pub use address::EmailAddress;
pub use code::{CODE_LIFETIME, CODE_TRIES, MailedCode};
pub use dates::{parse_day, parse_last_day};
pub use mailbox::{MAILBOX_LIFETIME, mask};
pub use profile::Profile;
pub use role::{Roles, parse_role, role_text, role_words};
pub use session::{LONGEST, REFRESH_AFTER, SessionLimits};
pub use sign_in_rule::SignInRule;
pub use standing::{INVITATION_LIFETIME, Standing, check_own};
