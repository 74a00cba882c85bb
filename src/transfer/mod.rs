//! Rules about transfers, without IO: what a draft may be, what may follow what, how long a ticket lasts.
//!
//! | file | for |
//! | --- | --- |
//! | `draft` | what may be announced |
//! | `role_limits` | wider limits for those who hold a role |
//! | `quota` | what a department's transfers may hold together |
//! | `policy` | to whom it may go, and whose mailbox must be proved |
//! | `state` | draft → ready → expired, revoked or used up |
//! | `capsule` | the part of a capsule that the server may read |
//! | `part` | which bytes a part must have, and which parts a range touches |
//! | `link` | the link that is mailed |
//! | `pause` | growing pauses after wrong passcodes |
//! | `under_way` | how many parts may be on their way |
//! | `size` | lengths in words |
//!
//! This room must not know about HTTP, SQL, mail or people. What is refused is refused with a
//! [`protocol::Problem`]: a sentence that a person can act on.

mod capsule;
mod draft;
mod link;
mod part;
mod pause;
mod policy;
mod quota;
mod role_limits;
mod size;
mod state;
mod under_way;

pub use capsule::{CAPSULE_LEN, CapsuleHeader, H_LEN, MAX_MANIFEST_LEN, check_manifest};
pub use draft::{DRAFT_LIFETIME, Draft, Replacement, Terms};
pub use link::make_link;
pub use part::{ByteRange, PartRange, check_part, find_part_len, parse_range, parts_of_range};
pub use pause::{FORGET_AFTER, Failures, PauseRule};
pub use policy::{check_recipient, needs_mailbox_code, parse_domain};
pub use quota::{DepartmentFull, DepartmentQuotas, Room};
pub use role_limits::{RoleLimits, limits_of};
pub use size::size_text;
pub use state::{kind_text, parse_kind, parse_state, wrong_state};
pub use under_way::{PARTS_UNDER_WAY, PartUnderWay, PartsUnderWay};

use protocol::DAY;

/// Seconds that a ticket lasts, unless the transfer ends before: a night's download, not a second week.
pub const TICKET_LIFETIME: i64 = 12 * 60 * 60;

/// Seconds before the end at which the sender of an unopened transfer is told.
pub const WARN_BEFORE_END: i64 = DAY;

/// Seconds after which the sender is told again of wrong passcodes on the same transfer.
pub const WARN_AGAIN_AFTER: i64 = DAY;
