//! Whether an account may be used, and for what.

use super::{EmailAddress, Roles, SignInRule};
use protocol::Timestamp;
use protocol::sign_in::Role;

/// Seconds in which an invited person must have signed in once: a mailbox that nobody reads, or that somebody else reads
/// next year, is not an open door.
pub const INVITATION_LIFETIME: i64 = 14 * 24 * 60 * 60;

/// What administrators have set for an account, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// What it may do.
    pub roles: Roles,
    /// The department that it sends in; empty: none.
    pub department: String,
    /// From when on it may be used; always if not set.
    pub valid_from: Option<Timestamp>,
    /// Until when, this second excluded; for ever if not set.
    pub valid_until: Option<Timestamp>,
    /// Since when it may not, whatever else is set.
    pub disabled_at: Option<Timestamp>,
    /// When it was invited last; never if the configuration's list lets it in.
    pub invited_at: Option<Timestamp>,
    /// When it signed in last.
    pub signed_in_at: Option<Timestamp>,
}

impl Standing {
    /// Whether the account holds a role. The head of no department heads none.
    pub fn holds(&self, role: Role) -> bool {
        self.roles.contains(&role) && (role != Role::DepartmentHead || !self.department.is_empty())
    }

    /// Whether its administrators let it be used at `now`.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.disabled_at.is_none()
            && !self.roles.is_empty()
            && self.valid_from.is_none_or(|from| from <= now)
            && self.valid_until.is_none_or(|until| now < until)
    }

    /// Whether it was invited, and has followed or still may follow the invitation.
    pub fn is_invited(&self, now: Timestamp) -> bool {
        self.invited_at.is_some_and(|at| self.signed_in_at.is_some() || now < at.plus(INVITATION_LIFETIME))
    }
}

impl SignInRule {
    /// Whether this address may sign in, and stay signed in: an account that is in force, if it was invited or is on the
    /// list; an address without account (`None`), if it is on the list.
    pub fn admits(&self, email: &EmailAddress, standing: Option<&Standing>, now: Timestamp) -> bool {
        match standing {
            Some(standing) => standing.is_in_force(now) && (standing.is_invited(now) || self.allows(email)),
            None => self.allows(email),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn sender() -> Standing {
        Standing { roles: [Role::Sender].into(), ..Standing::default() }
    }

    #[test]
    fn an_account_is_in_force_from_its_first_second_to_before_its_last() {
        let standing = Standing { valid_from: Some(at(100)), valid_until: Some(at(200)), ..sender() };
        for (now, in_force) in [(99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(standing.is_in_force(at(now)), in_force, "{now}");
        }
        assert!(sender().is_in_force(at(0)));
    }

    #[test]
    fn who_is_disabled_or_has_no_role_is_out_whatever_the_dates_and_the_list_say() {
        let ana = EmailAddress::parse("ana@clinic.example", "email").unwrap();
        let disabled = Standing { disabled_at: Some(at(500)), ..sender() };
        for standing in [disabled, Standing::default()] {
            for now in [0, 499, 500, 1000] {
                assert!(!SignInRule::Anyone.admits(&ana, Some(&standing), at(now)), "{standing:?} {now}");
            }
        }
    }

    #[test]
    fn an_invitation_opens_the_door_for_a_fortnight_and_then_only_to_who_came_in() {
        let rule = SignInRule::parse(&["north.example".to_owned()]).unwrap();
        let ana = EmailAddress::parse("ana@clinic.example", "email").unwrap();
        let late = at(1000).plus(INVITATION_LIFETIME);
        let invited = Standing { invited_at: Some(at(1000)), ..sender() };
        assert!(rule.admits(&ana, Some(&invited), late.plus(-1)));
        assert!(!rule.admits(&ana, Some(&invited), late));
        let joined = Standing { signed_in_at: Some(at(2000)), ..invited };
        assert!(rule.admits(&ana, Some(&joined), late.plus(1_000_000)));
        assert!(!rule.admits(&ana, Some(&sender()), at(1000)), "neither listed nor invited");
        assert!(!rule.admits(&ana, None, at(1000)));
    }

    #[test]
    fn the_head_of_no_department_heads_none() {
        let mut head = Standing { roles: [Role::DepartmentHead].into(), ..Standing::default() };
        assert!(!head.holds(Role::DepartmentHead) && !head.holds(Role::Sender));
        head.department = "Radiology".to_owned();
        assert!(head.holds(Role::DepartmentHead));
    }
}
