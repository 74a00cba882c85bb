//! What the transfers of a department may hold together.

use super::size::size_text;
use protocol::sign_in::Limits;
use protocol::{Problem, ProblemKind};
use std::collections::BTreeMap;

/// How many plaintext bytes each department's transfers may hold together: all that are not purged, drafts from the moment that they
/// are announced. Whoever is in no department fills none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DepartmentQuotas {
    /// For each department that is not named; none if not set.
    pub everyones: Option<u64>,
    /// By name, spelled as on the accounts; `None`: this one has no quota.
    pub named: BTreeMap<String, Option<u64>>,
}

impl DepartmentQuotas {
    /// The bytes that this department may hold, if there is a quota for it.
    pub fn of(&self, department: &str) -> Option<u64> {
        match self.named.get(department) {
            Some(quota) => *quota,
            None => self.everyones.filter(|_| !department.is_empty()),
        }
    }
}

/// What a transfer must find room in: its sender's own limits, and its department's quota.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// The sender's.
    pub limits: &'a Limits,
    /// Everyone's.
    pub quotas: &'a DepartmentQuotas,
}

/// A department that has no room for what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepartmentFull {
    /// Which.
    pub department: String,
    /// Plaintext bytes that it holds beside what was asked for.
    pub stored: u64,
    /// Plaintext bytes that it may hold.
    pub max_stored: u64,
}

impl From<DepartmentFull> for Problem {
    /// Names the limit, what is used, and the way out.
    fn from(full: DepartmentFull) -> Self {
        let detail = format!(
            "The transfers of {} hold {} together; the limit is {}, and these files would be too much. Please end transfers that are no longer needed, or ask your administrator.",
            full.department,
            size_text(full.stored),
            size_text(full.max_stored)
        );
        Self::new(ProblemKind::QuotaReached, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_department_has_its_own_quota_or_everyones_and_who_is_in_none_has_none() {
        let named = BTreeMap::from([("Radiology".to_owned(), Some(7)), ("Archive".to_owned(), None)]);
        let quotas = DepartmentQuotas { everyones: Some(5), named };
        for (department, quota) in [("Radiology", Some(7)), ("Archive", None), ("radiology", Some(5)), ("", None)] {
            assert_eq!(quotas.of(department), quota, "{department:?}");
        }
        assert_eq!(DepartmentQuotas::default().of("Radiology"), None);
    }
}
