//! E-mail addresses.

use protocol::Problem;

/// Longest address that SMTP carries (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_LEN: usize = 254;

/// A well-formed address. Its domain is as the DNS has it: in lower case and A-labels (RFC 5890 §2.3.2.1), so that what a rule
/// looks at is where the mail goes. The part before `@` is as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address as a person types it: spaces around it are dropped. A display name, a quoted local part or a
    /// domain without a dot is refused: in practice each of them is a slip.
    ///
    /// # Errors
    /// [`protocol::ProblemKind::InvalidField`] that names `field`.
    pub fn parse(text: &str, field: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.len() > MAX_LEN {
            return Err(Problem::invalid(
                field,
                format!("This address has {} characters; the longest possible has {MAX_LEN}.", text.len()),
            ));
        }
        let options =
            email_address::Options::default().with_required_tld().without_display_text().without_domain_literal();
        let parsed = email_address::EmailAddress::parse_with_options(text, options)
            .ok()
            .filter(|parsed| {
                !parsed.local_part().contains(['"', '\\'])
                    && text.chars().all(|c| !c.is_control() && !c.is_whitespace())
            })
            .and_then(|parsed| Some((parsed.local_part().to_owned(), idna::domain_to_ascii(parsed.domain()).ok()?)))
            // Letters of other scripts become dots, at signs and nothing at all there: it must still be a domain.
            .filter(|(_, domain)| domain.contains('.') && domain.split('.').all(is_label))
            .ok_or_else(|| {
                Problem::invalid(field, "This is not a complete e-mail address; it looks like anna@clinic.example.")
            })?;
        let (local_part, domain) = parsed;
        Ok(Self(format!("{local_part}@{domain}")))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for all spellings that people use for one mailbox: all in lower case. Accounts are found by it. ASCII
    /// only: Unicode folds the Kelvin sign to `k`, which would let one mailbox into another's account.
    pub fn account_key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What follows the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// RFC 5321 §4.1.2: what stands between the dots of a domain.
fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.len() <= 63 && label.bytes().all(inner)
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::EmailAddress;

    #[test]
    fn an_address_is_read_as_people_type_it() {
        let address = EmailAddress::parse("  Anna.Ruiz+ct@Clinic.Example ", "email").unwrap();
        assert_eq!(address.as_str(), "Anna.Ruiz+ct@clinic.example");
        assert_eq!(address.account_key(), "anna.ruiz+ct@clinic.example");
        assert_eq!(address.domain(), "clinic.example");
    }

    #[test]
    fn letters_that_only_look_alike_are_another_account() {
        let kelvin = EmailAddress::parse("fran\u{212a}@clinic.example", "email");
        assert!(kelvin.is_err() || kelvin.is_ok_and(|address| address.account_key() != "frank@clinic.example"));
    }

    #[test]
    fn a_domain_has_one_spelling_however_it_was_typed() {
        let kept = |typed: &str| EmailAddress::parse(typed, "email").map(|address| address.as_str().to_owned());
        for typed in ["a@KLINIK-München.example", "a@xn--klinik-mnchen-3ob.EXAMPLE"] {
            assert_eq!(kept(typed).unwrap(), "a@xn--klinik-mnchen-3ob.example", "{typed}");
        }
        // Wide letters, the Kelvin sign, a soft hyphen: the DNS does not know them apart, so no rule may.
        for typed in ["a@\u{ff43}linik.example", "a@clini\u{212a}.example", "a@cli\u{ad}nik.example"] {
            assert!(kept(typed).is_err() || kept(typed).unwrap() == "a@clinik.example", "{typed}");
        }
        // Cyrillic letters that look Latin are another domain.
        assert!(kept("a@\u{441}linik.example").unwrap().contains("xn--"));
    }

    #[test]
    fn what_is_not_one_plain_address_is_refused_with_its_field() {
        let long = format!("{}@clinic.example", "a".repeat(250));
        for text in [
            "",
            "anna",
            "anna@",
            "@clinic.example",
            "anna@localhost",
            "anna@clinic.example, bob@clinic.example",
            "Anna <anna@clinic.example>",
            "anna@clinic.example\r\nBcc: eve@evil.example",
            "\"a b\"@clinic.example",
            "anna@[127.0.0.1]",
            "anna @clinic.example",
            "anna@clinic.example.",
            "anna@clinic..example",
            "anna@evil.example\u{2f}@clinic.example",
            "anna@xn--.example",
            &long,
        ] {
            let problem = EmailAddress::parse(text, "recipient.email").expect_err(text);
            assert_eq!(problem.field.as_deref(), Some("recipient.email"), "{text:?}");
        }
    }
}
