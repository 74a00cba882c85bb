//! Whether an account may be used, and for what.

use super::profile::parse_line;
use super::{EmailAddress, Roles, SignInRule, role_text};
use protocol::people::{May, PersonState};
use protocol::sign_in::Role;
use protocol::{DAY, Problem, ProblemKind, Timestamp};

/// Seconds in which an invited person must have signed in once: a mailbox that nobody reads, or that somebody else reads
/// next year, is not an open door.
pub const INVITATION_LIFETIME: i64 = 14 * DAY;

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

    /// Whether it holds a role now, and no day is set on which it will not.
    pub fn is_for_good(&self, role: Role, now: Timestamp) -> bool {
        self.holds(role) && self.is_in_force(now) && self.valid_until.is_none()
    }

    /// Whether it was invited, and has followed or still may follow the invitation.
    fn is_invited(&self, now: Timestamp) -> bool {
        self.invited_at.is_some_and(|at| self.signed_in_at.is_some() || now < at.plus(INVITATION_LIFETIME))
    }

    /// Whether somebody in this standing can sign in, and if not, why; `is_listed` says whether the configuration's list
    /// has their address.
    pub fn state(&self, is_listed: bool, now: Timestamp) -> PersonState {
        if self.disabled_at.is_some() {
            PersonState::Disabled
        } else if self.valid_until.is_some_and(|until| until <= now) {
            PersonState::Over
        } else if self.roles.is_empty() {
            PersonState::NotAllowed
        } else if self.valid_from.is_some_and(|from| now < from) {
            PersonState::NotYet
        } else if !is_listed && !self.is_invited(now) {
            if self.invited_at.is_some() { PersonState::InvitationOver } else { PersonState::NotAllowed }
        } else if self.signed_in_at.is_none() {
            PersonState::Invited
        } else {
            PersonState::Active
        }
    }

    /// Reads what an administrator wants somebody to be able to do.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidField`] that names the field.
    pub fn parse(may: &May) -> Result<Self, Problem> {
        let department = parse_line(&may.department, "may.department")?;
        let roles: Roles = may.roles.iter().copied().collect();
        if roles.is_empty() {
            return Err(Problem::invalid(
                "may.roles",
                "Please choose at least one role; to take somebody off, disable the account.",
            ));
        }
        if roles.contains(&Role::DepartmentHead) && department.is_empty() {
            return Err(Problem::invalid("may.department", "Please say which department this person is the head of."));
        }
        if let (Some(from), Some(until)) = (may.valid_from, may.valid_until)
            && until <= from
        {
            return Err(Problem::invalid("may.valid_until", "The last day is before the first one."));
        }
        let (valid_from, valid_until) = (may.valid_from, may.valid_until);
        Ok(Self { roles, department, valid_from, valid_until, ..Self::default() })
    }

    /// What is set, as it is asked for.
    pub fn may(&self) -> May {
        May {
            roles: self.roles.iter().copied().collect(),
            department: self.department.clone(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }
    }
}

/// Whether an administrator may put an account in this standing: nobody takes themselves off, by mistake or otherwise.
///
/// # Errors
/// [`ProblemKind::AdministratorNeeded`].
pub fn check_own(is_own: bool, next: &Standing, now: Timestamp) -> Result<(), Problem> {
    if is_own && !next.is_in_force(now) {
        let detail = "You would take yourself off. Please have another administrator do it.";
        return Err(Problem::new(ProblemKind::AdministratorNeeded, detail));
    }
    Ok(())
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

/// As the audit tells it: `roles: sender auditor; department: Radiology; from: …; until: …`.
impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let roles: Vec<&str> = self.roles.iter().map(|role| role_text(*role)).collect();
        write!(f, "roles: {}", if roles.is_empty() { "none".to_owned() } else { roles.join(" ") })?;
        if !self.department.is_empty() {
            write!(f, "; department: {}", self.department)?;
        }
        for (word, bound) in [("from", self.valid_from), ("until", self.valid_until)] {
            if let Some(bound) = bound {
                write!(f, "; {word}: {}", bound.to_rfc3339())?;
            }
        }
        Ok(())
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
    fn the_state_that_is_shown_agrees_with_who_is_let_in() {
        let times = [None, Some(at(50)), Some(at(150))];
        let late = at(100).plus(INVITATION_LIFETIME);
        for (roles, now) in [(Roles::new(), at(100)), ([Role::Sender].into(), at(100)), ([Role::Auditor].into(), late)]
        {
            for (from, until) in times.into_iter().flat_map(|from| times.map(|until| (from, until))) {
                for (invited_at, signed_in_at) in times.into_iter().flat_map(|a| times.map(|b| (a, b))) {
                    for disabled_at in [None, Some(at(90))] {
                        let standing = Standing {
                            roles: roles.clone(),
                            department: String::new(),
                            valid_from: from,
                            valid_until: until,
                            disabled_at,
                            invited_at,
                            signed_in_at,
                        };
                        let ana = EmailAddress::parse("ana@clinic.example", "email").unwrap();
                        for rule in [SignInRule::Anyone, SignInRule::parse(&["north.example".to_owned()]).unwrap()] {
                            let state = standing.state(rule.allows(&ana), now);
                            let is_let_in = matches!(state, PersonState::Active | PersonState::Invited);
                            assert_eq!(is_let_in, rule.admits(&ana, Some(&standing), now), "{standing:?} {state:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field() {
        let may = |roles: &[Role], department: &str, from, until| May {
            roles: roles.to_vec(),
            department: department.to_owned(),
            valid_from: from,
            valid_until: until,
        };
        for (may, field) in [
            (may(&[], "", None, None), "may.roles"),
            (may(&[Role::DepartmentHead], " ", None, None), "may.department"),
            (may(&[Role::Sender], "x\ny", None, None), "may.department"),
            (may(&[Role::Sender], "", Some(at(200)), Some(at(200))), "may.valid_until"),
        ] {
            assert_eq!(Standing::parse(&may).unwrap_err().field.as_deref(), Some(field));
        }
        let read = Standing::parse(&may(&[Role::Sender], " Radiology ", None, Some(at(1)))).unwrap();
        assert_eq!(read.to_string(), "roles: sender; department: Radiology; until: 1970-01-01T00:00:01Z");
    }

    #[test]
    fn the_head_of_no_department_heads_none() {
        let mut head = Standing { roles: [Role::DepartmentHead].into(), ..Standing::default() };
        assert!(!head.holds(Role::DepartmentHead) && !head.holds(Role::Sender));
        head.department = "Radiology".to_owned();
        assert!(head.holds(Role::DepartmentHead));
    }
}
