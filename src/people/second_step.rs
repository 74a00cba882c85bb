//! The second step of signing in: who needs one, and what is left to do in a session.

use protocol::Timestamp;
use protocol::account::SecondStep;

/// Factors of one account: nobody needs more, and each one more is one more that can be stolen.
pub const MAX_FACTORS: i64 = 10;

/// Seconds between the server's question and the answer: finding a telephone, or reading a QR code with it.
pub const CEREMONY_LIFETIME: i64 = 10 * 60;

/// Seconds for which the second step need not be shown again before a dangerous act.
pub const RECENT: i64 = 5 * 60;

/// Seconds for which a browser is remembered as known to an account: browsers keep no cookie longer
/// (draft-ietf-httpbis-rfc6265bis §5.5).
pub const KNOWN_BROWSER_LIFETIME: i64 = 400 * 24 * 60 * 60;

/// What is left to do before a session may do what its account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// Nothing.
    Nothing,
    /// The second step is to be shown.
    Show,
    /// A second step is to be set up: the account must have one and has none.
    SetUp,
    /// The provider is to ask for its second step: it is this account's, and was not shown there.
    AtProvider,
}

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Whether the account has a factor.
    pub has_factor: bool,
    /// When the second step was shown in this session; at a time that the provider did not tell, it is 1970.
    pub second_step_at: Option<Timestamp>,
    /// Whether it was shown to the provider.
    pub by_provider: bool,
    /// Whether the account signs in by a provider whose word for a second step the operator takes.
    pub at_provider: bool,
}

impl Progress {
    /// The same, where it is known whether the provider's word counts for this account. Where it does not (any more), what was
    /// shown there counts for nothing.
    #[must_use]
    pub fn where_provider_counts(self, counts: bool) -> Self {
        let void = self.by_provider && !counts;
        Self {
            second_step_at: self.second_step_at.filter(|_| !void),
            by_provider: self.by_provider && counts,
            at_provider: counts,
            ..self
        }
    }

    /// What is left to do where the rule for this account is `rule`. A factor that is there is asked for under every rule: its
    /// owner relies on it. Whose second step is the provider's sets up none here instead: whoever reads their mail, or knows the
    /// password there alone, would set up their own.
    pub fn remaining(self, rule: SecondStep) -> Remaining {
        match (self.has_factor, self.second_step_at) {
            (true, None) => Remaining::Show,
            (false, at) if rule == SecondStep::Required && !(self.by_provider && at.is_some()) => {
                if self.at_provider {
                    Remaining::AtProvider
                } else {
                    Remaining::SetUp
                }
            }
            _ => Remaining::Nothing,
        }
    }

    /// Whether the second step was shown within the last minutes: a factor where there is one, else the provider's. Who has
    /// neither has nothing to show. One from the future is not recent: then the clock was set back.
    pub fn is_recent(self, now: Timestamp) -> bool {
        let shown = self.second_step_at.is_some_and(|at| at <= now && now < at.plus(RECENT));
        match (self.has_factor, self.at_provider) {
            (true, _) => shown && !self.by_provider,
            (false, true) => shown && self.by_provider,
            (false, false) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(has_factor: bool, second_step_at: Option<i64>) -> Progress {
        Progress {
            has_factor,
            second_step_at: second_step_at.map(Timestamp::from_unix),
            by_provider: false,
            at_provider: false,
        }
    }

    #[test]
    fn a_factor_is_always_asked_for_and_a_missing_one_only_where_it_is_required() {
        for rule in [SecondStep::None, SecondStep::Offered, SecondStep::Required] {
            assert_eq!(progress(true, None).remaining(rule), Remaining::Show);
            assert_eq!(progress(true, Some(1)).remaining(rule), Remaining::Nothing);
        }
        assert_eq!(progress(false, None).remaining(SecondStep::Offered), Remaining::Nothing);
        assert_eq!(progress(false, None).remaining(SecondStep::Required), Remaining::SetUp);
        // The last factor was removed by an administrator, in a session that had shown it.
        assert_eq!(progress(false, Some(1)).remaining(SecondStep::Required), Remaining::SetUp);
    }

    #[test]
    fn a_step_that_the_provider_asked_for_needs_no_factor_here() {
        let at_provider = |has_factor, at: Option<i64>| Progress {
            by_provider: at.is_some(),
            at_provider: true,
            ..progress(has_factor, at)
        };
        for has_factor in [true, false] {
            assert_eq!(at_provider(has_factor, Some(1)).remaining(SecondStep::Required), Remaining::Nothing);
        }
        assert_eq!(at_provider(false, None).remaining(SecondStep::Required), Remaining::AtProvider);
        assert_eq!(at_provider(false, None).remaining(SecondStep::Offered), Remaining::Nothing);
        assert_eq!(at_provider(true, None).remaining(SecondStep::None), Remaining::Show);
        // The operator does not take its word any more.
        for has_factor in [true, false] {
            let void = at_provider(has_factor, Some(1)).where_provider_counts(false);
            assert_eq!(void, progress(has_factor, None));
        }
    }

    #[test]
    fn a_step_at_the_provider_is_recent_only_for_who_has_no_factor_here() {
        let now = Timestamp::from_unix(1000);
        let at = |has_factor, by_provider, at: Option<i64>| Progress {
            by_provider,
            at_provider: true,
            ..progress(has_factor, at)
        };
        assert!(at(false, true, Some(999)).is_recent(now));
        assert!(!at(false, true, Some(0)).is_recent(now));
        assert!(!at(false, false, None).is_recent(now));
        // A factor that was removed since.
        assert!(!at(false, false, Some(999)).is_recent(now));
        assert!(!at(true, true, Some(999)).is_recent(now));
        assert!(at(true, false, Some(999)).is_recent(now));
    }

    #[test]
    fn what_was_shown_is_recent_for_five_minutes_and_never_in_the_future() {
        let at = Timestamp::from_unix;
        assert!(progress(true, Some(100)).is_recent(at(100 + RECENT - 1)));
        assert!(!progress(true, Some(100)).is_recent(at(100 + RECENT)));
        assert!(!progress(true, Some(100)).is_recent(at(99)));
        assert!(!progress(true, None).is_recent(at(100)));
        assert!(progress(false, None).is_recent(at(100)));
    }
}
