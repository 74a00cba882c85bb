//! How long a session lives.

use super::Roles;
use protocol::Timestamp;
use protocol::sign_in::Role;

/// How long a session lives, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without any action. Uploading parts is action.
    pub idle: i64,
    /// Whatever happens.
    pub lifetime: i64,
}

/// Of who sends: a form half filled in survives a phone call, and an upload one long working day.
pub const LONGEST: SessionLimits = SessionLimits { idle: 60 * 60, lifetime: 12 * 60 * 60 };

/// Of who sees or changes what belongs to others (administrators, auditors, heads of a department): a screen left alone in a
/// ward gives away more, so it locks itself within a coffee break, and a stolen cookie is worth half a day at most. OWASP's
/// session management cheat sheet has 15 to 30 minutes idle and 4 to 8 hours in all for such.
const SHORTEST: SessionLimits = SessionLimits { idle: 15 * 60, lifetime: 4 * 60 * 60 };

/// A session's last action is written down at most this often (seconds), so that a thousand parts do not cost a thousand writes.
pub const REFRESH_AFTER: i64 = 60;

impl SessionLimits {
    /// The limits for who holds all of these roles: the strictest of them counts.
    pub fn of(roles: &Roles) -> Self {
        if roles.iter().all(|role| *role == Role::Sender) { LONGEST } else { SHORTEST }
    }

    /// Whether a session made at `created_at` and last used at `seen_at` still holds. One from the future never does:
    /// then the clock was set back, and nobody knows how old it is.
    pub fn is_alive(self, created_at: Timestamp, seen_at: Timestamp, now: Timestamp) -> bool {
        created_at <= now.plus(REFRESH_AFTER) && now < created_at.plus(self.lifetime) && now < seen_at.plus(self.idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_idle_or_old_or_from_the_future() {
        let at = Timestamp::from_unix;
        for limits in [LONGEST, SHORTEST] {
            let SessionLimits { idle, lifetime } = limits;
            assert!(limits.is_alive(at(0), at(0), at(idle - 1)));
            assert!(!limits.is_alive(at(0), at(0), at(idle)));
            assert!(limits.is_alive(at(0), at(lifetime - 2), at(lifetime - 1)));
            assert!(!limits.is_alive(at(0), at(lifetime - 1), at(lifetime)));
            assert!(!limits.is_alive(at(1000), at(1000), at(1000 - REFRESH_AFTER - 1)));
        }
    }

    #[test]
    fn whoever_sees_what_belongs_to_others_has_the_shorter_session_also_as_a_sender() {
        assert_eq!(SessionLimits::of(&[Role::Sender].into()), LONGEST);
        for role in [Role::Auditor, Role::Administrator, Role::DepartmentHead] {
            assert_eq!(SessionLimits::of(&[role].into()), SHORTEST);
            assert_eq!(SessionLimits::of(&[role, Role::Sender].into()), SHORTEST);
        }
    }
}
