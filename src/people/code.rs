//! Mailed codes: eight digits, mailed, typed once. They prove who reads a mailbox.

use protocol::{Problem, ProblemKind};
use zeroize::Zeroizing;

/// Seconds that a code works: long enough for slow mail, short enough that an old mail is worth nothing.
pub const CODE_LIFETIME: i64 = 10 * 60;

/// Wrong codes after which the code is dead: with eight digits, a chance of one in twenty million.
pub const CODE_TRIES: i64 = 5;

const DIGITS: usize = 8;

/// Eight digits. Known to the mail and to whoever reads it; the server keeps a keyed hash.
pub struct MailedCode(Zeroizing<String>);

impl std::fmt::Debug for MailedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailedCode(redacted)")
    }
}

impl MailedCode {
    /// A random code.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn make() -> Result<Self, getrandom::Error> {
        // 2^64 mod 10^8 favours the lowest codes by one part in 10^11, which nobody can use.
        let number = getrandom::u64()? % 100_000_000;
        Ok(Self(Zeroizing::new(format!("{number:08}"))))
    }

    /// Reads a code as a person types it: spaces and hyphens are ignored.
    ///
    /// # Errors
    /// [`ProblemKind::WrongCode`] if these are not eight digits.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let digits: Zeroizing<String> =
            Zeroizing::new(text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect());
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::new(ProblemKind::WrongCode, "The code in the mail has eight digits."));
        }
        Ok(Self(digits))
    }

    /// The eight digits, to be mailed or compared.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::MailedCode;

    #[test]
    fn a_code_is_read_as_it_is_mailed_and_as_it_is_typed() {
        for text in ["12345678", "1234 5678", " 1234-5678\n", "1 2 3 4 5 6 7 8"] {
            assert_eq!(MailedCode::parse(text).unwrap().expose(), "12345678", "{text:?}");
        }
        for text in ["", "1234567", "123456789", "1234567a", "１２３４５６７８"] {
            assert!(MailedCode::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn codes_are_eight_digits_and_differ() {
        let codes: std::collections::HashSet<String> =
            (0..20).map(|_| MailedCode::make().unwrap().expose().to_owned()).collect();
        assert!(codes.iter().all(|code| MailedCode::parse(code).is_ok()));
        assert!(codes.len() > 15, "{codes:?}");
    }

    #[test]
    fn a_code_never_shows_itself_in_debug() {
        assert_eq!(format!("{:?}", MailedCode::make().unwrap()), "MailedCode(redacted)");
    }
}
