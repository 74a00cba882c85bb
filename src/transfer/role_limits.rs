//! Wider limits for those who hold a role.

use protocol::sign_in::Limits;

/// What a role widens; what is not set stays as it is for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleLimits {
    /// Plaintext bytes of one file.
    pub max_file_len: Option<u64>,
    /// Plaintext bytes of one transfer.
    pub max_transfer_len: Option<u64>,
    /// Longest life of a transfer, in seconds.
    pub max_lifetime: Option<i64>,
    /// Most openings of one transfer.
    pub max_openings: Option<u32>,
}

/// The limits of a person with these roles: a role can only widen, and of several the widest counts.
pub fn limits_of(everyones: &Limits, roles: impl IntoIterator<Item = RoleLimits>) -> Limits {
    roles.into_iter().fold(everyones.clone(), |limits, role| Limits {
        max_file_len: role.max_file_len.unwrap_or(0).max(limits.max_file_len),
        max_transfer_len: role.max_transfer_len.unwrap_or(0).max(limits.max_transfer_len),
        max_lifetime: role.max_lifetime.unwrap_or(0).max(limits.max_lifetime),
        max_openings: role.max_openings.unwrap_or(0).max(limits.max_openings),
        ..limits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_widens_what_it_names_and_the_widest_of_several_counts() {
        let everyones = Limits {
            max_files: 5,
            max_file_len: 20,
            max_transfer_len: 50,
            max_lifetime: 30,
            max_openings: 100,
            max_transfers_per_day: 200,
            max_stored: 500,
        };
        assert_eq!(limits_of(&everyones, []), everyones);
        let roles = [
            RoleLimits { max_file_len: Some(40), max_lifetime: Some(7), ..RoleLimits::default() },
            RoleLimits { max_file_len: Some(30), max_openings: Some(150), ..RoleLimits::default() },
        ];
        let wider = limits_of(&everyones, roles);
        assert_eq!(wider, Limits { max_file_len: 40, max_openings: 150, ..everyones });
    }
}
