//! To whom a transfer may go, and whose mailbox must be proved before it opens.

use protocol::sign_in::{MailboxRule, Policy};
use protocol::transfers::RecipientKind;
use protocol::{Problem, ProblemKind};

/// Domains named in a refusal; the send page shows them all.
const NAMED: usize = 3;

/// Reads a domain as an administrator writes it: in capitals, with a dot before or behind it, in any script.
///
/// # Errors
/// The entry itself, if it is no domain.
pub fn parse_domain(entry: &str) -> Result<String, String> {
    let domain = entry.trim().trim_start_matches('@').trim_matches('.');
    let read = idna::domain_to_ascii_strict(domain).ok().filter(|domain| !domain.is_empty());
    read.ok_or_else(|| entry.to_owned())
}

/// Holds a recipient's domain, as A-labels in lower case, against the policy. A domain stands for all below it; who is blocked is
/// blocked, also below an allowed one.
///
/// # Errors
/// [`ProblemKind::RecipientNotAllowed`], with the rule and the way out.
pub fn check_recipient(policy: &Policy, domain: &str) -> Result<(), Problem> {
    let is_in = |domains: &[String]| domains.iter().any(|known| is_at_or_below(domain, known));
    let rule = if is_in(&policy.blocked_domains) {
        format!("Your organisation does not send to {domain}")
    } else if policy.allowed_domains.is_empty() || is_in(&policy.allowed_domains) {
        return Ok(());
    } else {
        format!("Your organisation sends only to {}", listed(&policy.allowed_domains))
    };
    let detail = format!("{rule}. Please check the address, or ask your administrator to allow it.");
    let field = Some("recipient.email".to_owned());
    Err(Problem { field, ..Problem::new(ProblemKind::RecipientNotAllowed, detail) })
}

/// Whether whoever opens a transfer must first type a code that is mailed to the recipient. `wanted` is the sender's own wish. Asked
/// when it is opened too: a rule that was made stricter holds for what was sent before.
pub fn needs_mailbox_code(rule: MailboxRule, kind: RecipientKind, wanted: bool) -> bool {
    wanted
        || match rule {
            MailboxRule::Offered => false,
            MailboxRule::Patients => kind == RecipientKind::Patient,
            MailboxRule::Always => true,
        }
}

fn is_at_or_below(domain: &str, known: &str) -> bool {
    domain.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// `a.example, b.example, c.example and 4 more`
fn listed(domains: &[String]) -> String {
    match domains.len().checked_sub(NAMED) {
        Some(more) if more > 0 => {
            format!("{} and {more} more", domains.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
        }
        _ => match domains.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str], blocked: &[&str]) -> Policy {
        let read = |entries: &[&str]| entries.iter().map(|entry| parse_domain(entry).unwrap()).collect();
        Policy { allowed_domains: read(allowed), blocked_domains: read(blocked), mailbox_code: MailboxRule::Offered }
    }

    #[test]
    fn a_domain_stands_for_itself_and_all_below_it_and_for_nothing_that_only_ends_like_it() {
        let policy = policy(&["Clinic.Example", "@North.example.", "münchen.example"], &["guests.clinic.example"]);
        for allowed in ["clinic.example", "ct.clinic.example", "north.example", "xn--mnchen-3ya.example"] {
            assert_eq!(check_recipient(&policy, allowed), Ok(()), "{allowed}");
        }
        for refused in [
            "evilclinic.example",
            "clinic.example.evil",
            "example",
            "",
            "guests.clinic.example",
            "a.guests.clinic.example",
        ] {
            assert!(check_recipient(&policy, refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn without_a_list_everyone_is_allowed_who_is_not_blocked() {
        let policy = policy(&[], &["gmail.com"]);
        assert_eq!(check_recipient(&policy, "clinic.example"), Ok(()));
        let problem = check_recipient(&policy, "gmail.com").unwrap_err();
        assert!(
            problem.detail.contains("gmail.com") && problem.detail.contains("ask your administrator"),
            "{problem:?}"
        );
    }

    #[test]
    fn a_refusal_names_the_rule_in_few_words() {
        let detail = |allowed: &[&str]| check_recipient(&policy(allowed, &[]), "other.example").unwrap_err().detail;
        assert!(detail(&["a.example"]).contains("only to a.example."));
        assert!(detail(&["a.example", "b.example"]).contains("only to a.example and b.example."));
        let many = detail(&["a.example", "b.example", "c.example", "d.example", "e.example"]);
        assert!(many.contains("only to a.example, b.example, c.example and 2 more."), "{many}");
    }

    #[test]
    fn what_is_no_domain_is_no_entry() {
        for entry in ["", " ", "@", "a b.example", "anna@clinic.example", "*.clinic.example", "clinic..example"] {
            assert_eq!(parse_domain(entry), Err(entry.to_owned()));
        }
    }

    #[test]
    fn a_mailbox_code_is_needed_by_wish_or_by_rule() {
        use RecipientKind::{Clinician, Patient};
        for (rule, kind, wanted, needed) in [
            (MailboxRule::Offered, Patient, false, false),
            (MailboxRule::Offered, Clinician, true, true),
            (MailboxRule::Patients, Patient, false, true),
            (MailboxRule::Patients, Clinician, false, false),
            (MailboxRule::Always, Clinician, false, true),
        ] {
            assert_eq!(needs_mailbox_code(rule, kind, wanted), needed, "{rule:?} {kind:?} {wanted}");
        }
    }
}
