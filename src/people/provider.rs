//! What a provider's word about somebody means here: which roles their groups give, and who may do without it.

use super::Roles;
use protocol::sign_in::Role;
use protocol::{Problem, ProblemKind};
use std::collections::{BTreeMap, BTreeSet};

/// What an account needs the provider for. Whoever parts with it there signs in by a mailed code: that must not open what the
/// provider guarded, nor keep what its groups gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ties {
    /// Whether no codes are mailed here.
    pub only_way: bool,
    /// Whether its roles go by the groups there.
    pub roles: bool,
    /// Whether it has a second step here.
    pub has_factor: bool,
}

impl Ties {
    /// Whether its owner may disconnect it.
    ///
    /// # Errors
    /// [`ProblemKind::ProviderNeeded`], with what to do.
    pub fn check_by_owner(self) -> Result<(), Problem> {
        let why = match self {
            Self { only_way: true, .. } => "Your clinic’s sign-in is the only way in: this server mails no codes.",
            Self { roles: true, .. } => {
                "It stays, because your groups at your clinic say what you may do here. Please ask your administrator."
            }
            Self { has_factor: false, .. } => {
                "To disconnect it, please set up a second step here first: without one, the code from your mail would be enough to sign in."
            }
            _ => return Ok(()),
        };
        Err(Problem::new(ProblemKind::ProviderNeeded, why))
    }

    /// Whether an administrator may disconnect somebody else's, who then connects anew or signs in by a mailed code.
    ///
    /// # Errors
    /// [`ProblemKind::ProviderNeeded`], with what to do.
    pub fn check_by_administrator(self) -> Result<(), Problem> {
        if self.only_way && self.has_factor {
            // Connecting anew takes a session that showed the second step, and nothing would start one.
            let why = "Nobody could sign in to this account any more: it has a second step here, and this server mails no codes. Whoever runs the server removes both, with “filmjacket user unbind” and “filmjacket user reset-factors”.";
            return Err(Problem::new(ProblemKind::ProviderNeeded, why));
        }
        Ok(())
    }
}

/// Which groups of the provider give which role. A role that is not named is left to the administrators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupRoles(BTreeMap<Role, BTreeSet<String>>);

impl GroupRoles {
    /// From the groups of each role.
    pub fn new(groups: impl IntoIterator<Item = (Role, BTreeSet<String>)>) -> Self {
        Self(groups.into_iter().collect())
    }

    /// Whether no role goes by groups.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The roles of somebody who held `held` and is in `groups` at the provider: those that are named go by the groups, all
    /// others stay as they are. Names of groups are compared letter by letter.
    pub fn apply(&self, held: &Roles, groups: &[String]) -> Roles {
        let mut roles = held.clone();
        for role in self.0.keys() {
            if self.gives(*role, groups) == Some(true) {
                roles.insert(*role);
            } else {
                roles.remove(role);
            }
        }
        roles
    }

    /// Whether one of these roles goes by groups.
    pub fn give_any(&self, held: &Roles) -> bool {
        held.iter().any(|role| self.0.contains_key(role))
    }

    /// Whether somebody in `groups` has this role; `None` if it does not go by groups.
    pub fn gives(&self, role: Role, groups: &[String]) -> Option<bool> {
        let giving = self.0.get(&role)?;
        Some(groups.iter().any(|group| giving.contains(group)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_parts_with_the_provider_who_would_be_locked_out_or_better_off() {
        for only_way in [true, false] {
            for roles in [true, false] {
                for has_factor in [true, false] {
                    let ties = Ties { only_way, roles, has_factor };
                    assert_eq!(ties.check_by_owner().is_ok(), !only_way && !roles && has_factor, "{ties:?}");
                    assert_eq!(ties.check_by_administrator().is_ok(), !(only_way && has_factor), "{ties:?}");
                }
            }
        }
    }

    #[test]
    fn named_roles_go_by_the_groups_and_all_others_stay() {
        let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let rule = GroupRoles::new([(Role::Sender, set(&["radiology", "ward"])), (Role::Auditor, set(&["revision"]))]);
        let held: Roles = [Role::Auditor, Role::Administrator].into();
        assert_eq!(rule.apply(&held, &groups(&["ward", "x"])), [Role::Sender, Role::Administrator].into());
        assert_eq!(rule.apply(&held, &groups(&["Revision"])), [Role::Administrator].into());
        assert_eq!(rule.apply(&held, &groups(&["revision"])), held);
        assert_eq!(rule.apply(&[Role::Sender].into(), &[]), Roles::new());
        assert_eq!(GroupRoles::default().apply(&held, &groups(&["ward"])), held);
    }
}
