//! The second step of signing in: who needs one, and what is left to do in a session.

use protocol::account::SecondStep;
use protocol::{DAY, Timestamp};

/// Factors of one account: nobody needs more, and each one more is one more that can be stolen.
pub const MAX_FACTORS: i64 = 10;

/// Seconds between the server's question and the answer: finding a telephone, or reading a QR code with it.
pub const CEREMONY_LIFETIME: i64 = 10 * 60;

/// Seconds for which the second step need not be shown again before a dangerous act.
pub const RECENT: i64 = 5 * 60;

/// Seconds for which a browser is remembered as known to an account: browsers keep no cookie longer
/// (draft-ietf-httpbis-rfc6265bis §5.5).
pub const KNOWN_BROWSER_LIFETIME: i64 = 400 * DAY;

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
}

impl Progress {
    /// The same, where the provider's word does not count (any more): what was shown there counts for nothing.
    #[must_use]
    pub fn without_provider(self) -> Self {
        if self.by_provider { Self { second_step_at: None, by_provider: false, ..self } } else { self }
    }

    /// What is left to do where the rule for this account is `rule`, and the provider's word for a second step counts if
    /// `at_provider`. A factor that is there is asked for under every rule: its owner relies on it. Whose second step is the
    /// provider's sets up none here instead: whoever reads their mail, or knows the password there alone, would set up their own.
    pub fn remaining(self, rule: SecondStep, at_provider: bool) -> Remaining {
        match (self.has_factor, self.second_step_at) {
            (true, None) => Remaining::Show,
            (false, at) if rule == SecondStep::Required && !(self.by_provider && at.is_some()) => {
                if at_provider {
                    Remaining::AtProvider
                } else {
                    Remaining::SetUp
                }
            }
            _ => Remaining::Nothing,
        }
    }

    /// Whether the second step was shown within the last minutes: a factor where there is one, else the provider's if its word
    /// counts. Who has neither has nothing to show. One from the future is not recent: then the clock was set back.
    pub fn is_recent(self, now: Timestamp, at_provider: bool) -> bool {
        let shown = self.second_step_at.is_some_and(|at| at <= now && now < at.plus(RECENT));
        match (self.has_factor, at_provider) {
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
        Progress { has_factor, second_step_at: second_step_at.map(Timestamp::from_unix), by_provider: false }
    }

    fn by_provider(has_factor: bool, second_step_at: i64) -> Progress {
        Progress { by_provider: true, ..progress(has_factor, Some(second_step_at)) }
    }

    #[test]
    fn a_factor_is_always_asked_for_and_a_missing_one_only_where_it_is_required() {
        for rule in [SecondStep::None, SecondStep::Offered, SecondStep::Required] {
            assert_eq!(progress(true, None).remaining(rule, false), Remaining::Show);
            assert_eq!(progress(true, Some(1)).remaining(rule, false), Remaining::Nothing);
        }
        assert_eq!(progress(false, None).remaining(SecondStep::Offered, false), Remaining::Nothing);
        assert_eq!(progress(false, None).remaining(SecondStep::Required, false), Remaining::SetUp);
        // The last factor was removed by an administrator, in a session that had shown it.
        assert_eq!(progress(false, Some(1)).remaining(SecondStep::Required, false), Remaining::SetUp);
    }

    #[test]
    fn a_step_that_the_provider_asked_for_needs_no_factor_here() {
        for has_factor in [true, false] {
            assert_eq!(by_provider(has_factor, 1).remaining(SecondStep::Required, true), Remaining::Nothing);
        }
        assert_eq!(progress(false, None).remaining(SecondStep::Required, true), Remaining::AtProvider);
        assert_eq!(progress(false, None).remaining(SecondStep::Offered, true), Remaining::Nothing);
        assert_eq!(progress(true, None).remaining(SecondStep::None, true), Remaining::Show);
        // The operator does not take its word any more.
        for has_factor in [true, false] {
            assert_eq!(by_provider(has_factor, 1).without_provider(), progress(has_factor, None));
            let own = progress(has_factor, Some(1));
            assert_eq!(own.without_provider(), own);
        }
    }

    #[test]
    fn a_step_at_the_provider_is_recent_only_for_who_has_no_factor_here() {
        let now = Timestamp::from_unix(1000);
        assert!(by_provider(false, 999).is_recent(now, true));
        assert!(!by_provider(false, 0).is_recent(now, true));
        assert!(!progress(false, None).is_recent(now, true));
        // A factor that was removed since.
        assert!(!progress(false, Some(999)).is_recent(now, true));
        assert!(!by_provider(true, 999).is_recent(now, true));
        assert!(progress(true, Some(999)).is_recent(now, true));
    }

    #[test]
    fn what_was_shown_is_recent_for_five_minutes_and_never_in_the_future() {
        let is_recent = |shown: Progress, now| shown.is_recent(Timestamp::from_unix(now), false);
        assert!(is_recent(progress(true, Some(100)), 100 + RECENT - 1));
        assert!(!is_recent(progress(true, Some(100)), 100 + RECENT));
        assert!(!is_recent(progress(true, Some(100)), 99));
        assert!(!is_recent(progress(true, None), 100));
        assert!(is_recent(progress(false, None), 100));
    }
}
