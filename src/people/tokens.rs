//! Access tokens: what one looks like, for what and how long it is made, and what it never does.

use super::profile::parse_line_of;
use super::{Roles, Standing};
use protocol::sign_in::Role;
use protocol::tokens::{Scope, TOKEN_PREFIX, TokenRequest};
use protocol::{AccessToken, DAY, Problem, ProblemKind, Timestamp};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// Tokens of one account that have not run out: one for each program that a person looks after, and few enough that they still
/// know what each is for.
pub const MAX_TOKENS: i64 = 10;

/// Days that a token works unless its owner says otherwise: a quarter, so that who makes it is usually still there to make the
/// next one.
pub const DEFAULT_TOKEN_DAYS: u32 = 90;

/// Days that a token works at most: a program that nobody has looked after for a year should stop, not go on.
pub const LONGEST_TOKEN_DAYS: u32 = 365;

/// Seconds for which a token that ran out still stands in its owner's list, so that they see why a program stopped.
pub const SHOWN_AFTER_END: i64 = 30 * DAY;

/// A token's last use is written down at most this often (seconds): it tells which ones are still needed, and costs a busy
/// program nothing.
pub const NOTE_USE_AFTER: i64 = 60 * 60;

/// Seconds for which the tokens of somebody who signs in by a provider work without a sign-in there: who was removed there does not
/// come back, and this server is not told. A month, because a program's owner may be on leave, and is not for longer.
pub const PROVIDER_WORD_LIFETIME: i64 = 30 * DAY;

/// Seconds by which the clocks of several nodes may differ.
const CLOCK_SLACK: i64 = 60;

/// Longest name in characters.
const MAX_NAME_CHARS: usize = 40;

/// A token as it is told its owner, this once.
pub fn write_token(token: &AccessToken) -> Zeroizing<String> {
    Zeroizing::new(format!("{TOKEN_PREFIX}{}", token.to_text()))
}

/// Reads what [`write_token`] writes; `None` for anything else.
pub fn parse_token(text: &str) -> Option<AccessToken> {
    AccessToken::parse(text.strip_prefix(TOKEN_PREFIX)?).ok()
}

/// Whether a token made at `created_at` works at `now`. One from the future never does: then the clock was set back, and
/// nobody knows how old it is.
pub fn is_live(created_at: Timestamp, expires_at: Timestamp, now: Timestamp) -> bool {
    created_at <= now.plus(CLOCK_SLACK) && now < expires_at
}

/// What a token is to be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// From when on it does not work any more.
    pub expires_at: Timestamp,
}

impl NewToken {
    /// Reads what somebody in this standing asks for. A scope that they cannot use now is refused: it would otherwise wait in
    /// the token for the day on which they are given the role.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidField`] that names the field.
    pub fn parse(request: &TokenRequest, standing: &Standing, now: Timestamp) -> Result<Self, Problem> {
        let name = parse_line_of(MAX_NAME_CHARS, &request.name, "name")?;
        if name.is_empty() {
            return Err(Problem::invalid("name", "Please give it a name, such as “nightly export”."));
        }
        let scopes: BTreeSet<Scope> = request.scopes.iter().copied().collect();
        if scopes.is_empty() {
            return Err(Problem::invalid("scopes", "Please say what the token may do."));
        }
        if let Some(scope) = scopes.iter().find(|scope| !is_open_to(**scope, standing)) {
            return Err(Problem::invalid("scopes", format!("Your account cannot do what {} is for.", scope.as_text())));
        }
        let days = request.days.unwrap_or(DEFAULT_TOKEN_DAYS);
        if !(1..=LONGEST_TOKEN_DAYS).contains(&days) {
            return Err(Problem::invalid("days", format!("A token works for 1 to {LONGEST_TOKEN_DAYS} days.")));
        }
        Ok(Self { name, scopes, expires_at: now.plus(i64::from(days) * DAY) })
    }

    /// Its scopes, one after the other.
    pub fn scope_texts(&self) -> Vec<&'static str> {
        self.scopes.iter().map(|scope| scope.as_text()).collect()
    }
}

/// Who can use a scope: anyone with one of these roles.
const fn roles_for(scope: Scope) -> &'static [Role] {
    match scope {
        Scope::TransfersRead | Scope::TransfersWrite => &[Role::Sender],
        Scope::OversightRead => &[Role::Administrator, Role::DepartmentHead],
        Scope::OversightWrite | Scope::PeopleRead | Scope::PeopleWrite | Scope::StateRead => &[Role::Administrator],
        Scope::AuditRead => &[Role::Auditor],
    }
}

fn is_open_to(scope: Scope, standing: &Standing) -> bool {
    roles_for(scope).iter().any(|role| standing.holds(*role))
}

/// The scopes that somebody in this standing can give a token.
pub fn scopes_for(standing: &Standing) -> Vec<Scope> {
    Scope::ALL.iter().copied().filter(|scope| is_open_to(*scope, standing)).collect()
}

/// What a token may do to people. In a browser a dangerous act asks for the second step once more; a token cannot show one. So
/// it may make people senders, change them and take them off, and that is all: whoever finds a token cannot make themselves more
/// than a sender with it, nor lock out who would see what they do.
///
/// `roles` are those that somebody has before and after.
///
/// # Errors
/// [`ProblemKind::StepUpNeeded`].
pub fn check_by_token(roles: &[&Roles]) -> Result<(), Problem> {
    let only_sends = |roles: &&Roles| roles.iter().all(|role| *role == Role::Sender);
    if roles.iter().all(only_sends) { Ok(()) } else { Err(beyond_tokens()) }
}

/// What a program is told that wanted more.
pub fn beyond_tokens() -> Problem {
    let detail = "An access token makes nobody more than a sender, and does nothing about people who are more. Please sign in, and do this with your second step.";
    Problem::new(ProblemKind::StepUpNeeded, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn standing(roles: &[Role]) -> Standing {
        Standing { roles: roles.iter().copied().collect(), department: "Radiology".into(), ..Standing::default() }
    }

    fn request(scopes: &[Scope], days: Option<u32>) -> TokenRequest {
        TokenRequest { name: " nightly export ".into(), scopes: scopes.to_vec(), days }
    }

    #[test]
    fn a_token_reads_back_what_was_written_and_nothing_else() {
        let text = write_token(&AccessToken::from_bytes([0xfb; 32]));
        assert_eq!(text.len(), TOKEN_PREFIX.len() + 43);
        assert_eq!(parse_token(&text).unwrap().as_bytes(), &[0xfb; 32]);
        for other in
            [&text[1..], &text[TOKEN_PREFIX.len()..], &format!("{}=", *text), &text.to_uppercase(), "", TOKEN_PREFIX]
        {
            assert!(parse_token(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_token_works_from_now_to_before_its_end_and_never_before_it_was_made() {
        let at = Timestamp::from_unix;
        for (now, live) in
            [(1000, true), (1999, true), (2000, false), (1000 - CLOCK_SLACK, true), (999 - CLOCK_SLACK, false)]
        {
            assert_eq!(is_live(at(1000), at(2000), at(now)), live, "{now}");
        }
    }

    #[test]
    fn a_token_lasts_ninety_days_unless_asked_otherwise_and_a_year_at_most() {
        let made = |days| NewToken::parse(&request(&[Scope::TransfersRead], days), &standing(&[Role::Sender]), NOW);
        assert_eq!(made(None).unwrap().expires_at, NOW.plus(90 * DAY));
        assert_eq!(made(Some(365)).unwrap().expires_at, NOW.plus(365 * DAY));
        assert_eq!(made(None).unwrap().name, "nightly export");
        for days in [0, 366, u32::MAX] {
            assert_eq!(made(Some(days)).unwrap_err().field.as_deref(), Some("days"));
        }
    }

    #[test]
    fn a_scope_is_given_only_by_who_can_use_it() {
        let everyone = standing(&Role::ALL);
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_text()), Some(*scope));
            assert!(NewToken::parse(&request(&[*scope], None), &everyone, NOW).is_ok());
            for role in Role::ALL {
                let one = standing(&[role]);
                let made = NewToken::parse(&request(&[*scope], None), &one, NOW);
                assert_eq!(made.is_ok(), roles_for(*scope).contains(&role), "{scope:?} {role:?}");
                assert_eq!(made.is_ok(), scopes_for(&one).contains(scope));
            }
        }
        assert_eq!(NewToken::parse(&request(&[], None), &everyone, NOW).unwrap_err().field.as_deref(), Some("scopes"));
    }

    #[test]
    fn a_token_makes_nobody_more_than_a_sender_and_touches_nobody_who_is_more() {
        let sender: Roles = [Role::Sender].into();
        assert!(check_by_token(&[&sender, &sender]).is_ok());
        assert!(check_by_token(&[&Roles::new()]).is_ok());
        for role in [Role::Auditor, Role::DepartmentHead, Role::Administrator] {
            let more: Roles = [Role::Sender, role].into();
            assert!(check_by_token(&[&sender, &more]).is_err());
            assert!(check_by_token(&[&more, &sender]).is_err());
            assert!(check_by_token(&[&more]).is_err());
        }
    }
}
