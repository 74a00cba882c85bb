//! Growing pauses after wrong passcodes.
//!
//! A passcode has 75 random bits, so guessing does not need a lock, and a lock would let anyone who holds the link keep
//! the recipient out. Pauses keep attempts few enough to stand in the log one by one.

use protocol::{DAY, Timestamp};

/// Seconds after the last wrong passcode at which earlier ones no longer count, in any scope.
pub const FORGET_AFTER: i64 = DAY;

/// How wrong passcodes are counted in one scope.
#[derive(Debug, Clone, Copy)]
pub struct PauseRule {
    /// Wrong passcodes before the first pause.
    pub free: u32,
    /// The first pause, in seconds; each later one is twice as long.
    pub first: i64,
    /// The longest pause, in seconds.
    pub longest: i64,
    /// Seconds after the last wrong passcode at which earlier ones no longer count.
    pub forget: i64,
}

impl PauseRule {
    /// For one transfer, whoever asks. The longest pause is short: it hits the true recipient too.
    pub const TRANSFER: Self = Self { free: 5, first: 30, longest: 5 * 60, forget: FORGET_AFTER };

    /// For one client network, whatever it asks for. A clinic behind one address opens many transfers, and its slips of a
    /// day must not add up: what guesses does so faster than once an hour.
    pub const NETWORK: Self = Self { free: 10, first: 30, longest: 15 * 60, forget: 60 * 60 };

    /// For the second step of one account. Who comes to it can read the account's mail, so its owner is not kept out by
    /// strangers, and the longest pause may be long: of a million codes, three work at a time.
    pub const SECOND_STEP: Self = Self { free: 5, first: 30, longest: 60 * 60, forget: FORGET_AFTER };

    /// What follows the `failures`-th wrong passcode in a row.
    pub fn after(self, failures: u32) -> Failures {
        match failures.checked_sub(self.free) {
            // The one that uses up the free tries pauses at once.
            None => Failures { tries: self.free - failures, pause: 0 },
            Some(over) => {
                let doubled = self.first.saturating_mul(1_i64.checked_shl(over.min(30)).unwrap_or(i64::MAX));
                Failures { tries: 0, pause: doubled.min(self.longest) }
            }
        }
    }
}

/// What a wrong passcode led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// Tries left before the next pause.
    pub tries: u32,
    /// Seconds to wait now.
    pub pause: i64,
}

impl Failures {
    /// The stricter of two scopes.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self { tries: self.tries.min(other.tries), pause: self.pause.max(other.pause) }
    }

    /// Until when to wait.
    pub fn paused_until(self, now: Timestamp) -> Timestamp {
        now.plus(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tries_are_free_and_then_pauses_double_up_to_a_bound() {
        let rule = PauseRule { free: 3, first: 30, longest: 100, forget: FORGET_AFTER };
        let after: Vec<_> = (1..=6).map(|failures| rule.after(failures)).map(|f| (f.tries, f.pause)).collect();
        assert_eq!(after, [(2, 0), (1, 0), (0, 30), (0, 60), (0, 100), (0, 100)]);
        assert_eq!(rule.after(u32::MAX).pause, 100);
    }

    #[test]
    fn the_stricter_scope_decides() {
        let both = Failures { tries: 2, pause: 0 }.stricter(Failures { tries: 0, pause: 60 });
        assert_eq!(both, Failures { tries: 0, pause: 60 });
    }
}
