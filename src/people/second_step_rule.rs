//! Which roles need a second step.

use protocol::account::SecondStep;
use protocol::sign_in::Role;
use serde::{Deserialize, Serialize};

/// What the administrator decided for each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecondStepRule {
    /// For who sends.
    pub sender: SecondStep,
    /// For who reads the audit, and for heads of a department.
    pub auditor: SecondStep,
    /// For who says what others may do.
    pub administrator: SecondStep,
}

impl Default for SecondStepRule {
    fn default() -> Self {
        Self { sender: SecondStep::Offered, auditor: SecondStep::Offered, administrator: SecondStep::Required }
    }
}

impl SecondStepRule {
    /// The rule for who holds all of these roles: the strictest of them counts.
    pub fn of(&self, roles: impl IntoIterator<Item = Role>) -> SecondStep {
        roles.into_iter().map(|role| self.for_role(role)).max().unwrap_or(self.sender)
    }

    const fn for_role(&self, role: Role) -> SecondStep {
        match role {
            Role::Sender => self.sender,
            Role::Auditor | Role::DepartmentHead => self.auditor,
            Role::Administrator => self.administrator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_need_a_second_step_unless_it_is_decided_otherwise() {
        let rule = SecondStepRule::default();
        assert_eq!(rule.of([]), SecondStep::Offered);
        for role in Role::ALL {
            let needs = role == Role::Administrator;
            assert_eq!(rule.of([role]) == SecondStep::Required, needs);
            assert_eq!(rule.of([role, Role::Administrator]), SecondStep::Required);
        }
    }

    #[test]
    fn the_strictest_role_counts() {
        let rule =
            SecondStepRule { sender: SecondStep::None, auditor: SecondStep::Required, ..SecondStepRule::default() };
        assert_eq!(rule.of([Role::Sender]), SecondStep::None);
        assert_eq!(rule.of([Role::Sender, Role::DepartmentHead]), SecondStep::Required);
    }
}
