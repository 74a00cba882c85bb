//! Who may sign in.

use super::EmailAddress;
use protocol::Problem;

/// Who may sign in and send. Recipients need no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInRule {
    /// Whoever reads mail at the address. Only for a server that nobody but this machine can reach.
    Anyone,
    /// These addresses, and everyone at these domains.
    Listed {
        /// Whole addresses, in lower case.
        addresses: Vec<String>,
        /// What follows the `@`, in lower case; subdomains do not count.
        domains: Vec<String>,
    },
}

impl SignInRule {
    /// Reads a list of addresses (`anna@clinic.example`) and domains (`clinic.example` or `@clinic.example`).
    ///
    /// # Errors
    /// A problem that names the entry that is neither.
    pub fn parse(entries: &[String]) -> Result<Self, Problem> {
        let (mut addresses, mut domains) = (Vec::new(), Vec::new());
        for entry in entries {
            let entry = entry.trim();
            let domain = entry.strip_prefix('@').unwrap_or(entry);
            if domain.contains('@') {
                addresses.push(EmailAddress::parse(domain, entry)?.account_key());
            } else {
                // A domain is what makes an address with any name before it.
                domains.push(EmailAddress::parse(&format!("anyone@{domain}"), entry)?.domain().to_owned());
            }
        }
        Ok(Self::Listed { addresses, domains })
    }

    /// Whether this address may sign in.
    pub fn allows(&self, address: &EmailAddress) -> bool {
        match self {
            Self::Anyone => true,
            Self::Listed { addresses, domains } => {
                addresses.contains(&address.account_key()) || domains.iter().any(|domain| domain == address.domain())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text, "email").unwrap()
    }

    #[test]
    fn listed_addresses_and_domains_may_sign_in_and_nobody_else() {
        let rule = SignInRule::parse(&["Anna@other.example".into(), "clinic.example".into(), "@north.example".into()])
            .unwrap();
        for allowed in ["anna@other.example", "bob@Clinic.Example", "eve@north.example"] {
            assert!(rule.allows(&address(allowed)), "{allowed}");
        }
        for refused in ["bob@other.example", "bob@sub.clinic.example", "bob@evilclinic.example"] {
            assert!(!rule.allows(&address(refused)), "{refused}");
        }
    }

    #[test]
    fn an_entry_that_is_neither_is_named() {
        let problem = SignInRule::parse(&["clinic.example".into(), "no domain".into()]).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("no domain"));
    }
}
