//! What a provider's word about somebody means here: which roles their groups give.

use super::Roles;
use protocol::sign_in::Role;
use std::collections::{BTreeMap, BTreeSet};

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
