//! Rules about people, without IO: addresses, who may sign in, codes, sessions, and the name that recipients see.
//!
//! This room must not know about HTTP, SQL, mail or transfers. What is refused is refused with a
//! [`protocol::Problem`]: a sentence that a person can act on.

mod address;
mod code;
mod profile;
mod session;
mod sign_in_rule;

pub use address::EmailAddress;
pub use code::{CODE_LIFETIME, CODE_TRIES, SignInCode};
pub use profile::Profile;
pub use session::{IDLE_LIFETIME, LIFETIME, REFRESH_AFTER, is_alive};
pub use sign_in_rule::SignInRule;
