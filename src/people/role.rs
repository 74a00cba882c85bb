//! What an account may do.

use protocol::sign_in::Role;
use std::collections::BTreeSet;

/// The roles that one account holds. None: it can do nothing, and does not sign in.
pub type Roles = BTreeSet<Role>;

/// A role as the command line and the audit write it.
pub const fn role_text(role: Role) -> &'static str {
    match role {
        Role::Sender => "sender",
        Role::Auditor => "auditor",
        Role::Administrator => "administrator",
        Role::DepartmentHead => "department_head",
    }
}

/// Those who hold a role, in a sentence.
pub const fn role_words(role: Role) -> &'static str {
    match role {
        Role::Sender => "people who send",
        Role::Auditor => "auditors",
        Role::Administrator => "administrators",
        Role::DepartmentHead => "heads of a department",
    }
}

/// The role that [`role_text`] writes so.
pub fn parse_role(text: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role_text(*role) == text)
}
