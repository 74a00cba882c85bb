//! How long a session lives.

use protocol::Timestamp;

/// Seconds without any action after which a session ends. Uploading parts is action.
pub const IDLE_LIFETIME: i64 = 60 * 60;

/// Seconds after which a session ends whatever happens: one long working day.
pub const LIFETIME: i64 = 12 * 60 * 60;

/// A session's last action is written down at most this often (seconds), so that a thousand parts do not cost a thousand writes.
pub const REFRESH_AFTER: i64 = 60;

/// Whether a session made at `created_at` and last used at `seen_at` still holds. One from the future never does:
/// then the clock was set back, and nobody knows how old it is.
pub fn is_alive(created_at: Timestamp, seen_at: Timestamp, now: Timestamp) -> bool {
    created_at <= now.plus(REFRESH_AFTER) && now < created_at.plus(LIFETIME) && now < seen_at.plus(IDLE_LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_idle_or_old_or_from_the_future() {
        let at = Timestamp::from_unix;
        assert!(is_alive(at(0), at(0), at(IDLE_LIFETIME - 1)));
        assert!(!is_alive(at(0), at(0), at(IDLE_LIFETIME)));
        assert!(is_alive(at(0), at(LIFETIME - 2), at(LIFETIME - 1)));
        assert!(!is_alive(at(0), at(LIFETIME - 1), at(LIFETIME)));
        assert!(!is_alive(at(1000), at(1000), at(1000 - REFRESH_AFTER - 1)));
    }
}
