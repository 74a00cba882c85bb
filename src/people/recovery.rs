//! Recovery codes: for who has lost the telephone.

use protocol::{Problem, ProblemKind};
use zeroize::Zeroizing;

/// How many are made at once.
pub const RECOVERY_CODES: usize = 10;

/// Crockford's base32: without I, L, O and U, which are mistaken for others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 50 bits: with pauses between tries nobody guesses one, and what is stored is an HMAC under a key outside the database.
const SYMBOLS: usize = 10;

/// Ten symbols in two groups. Known to its owner's paper; the server keeps a keyed hash.
pub struct RecoveryCode(Zeroizing<String>);

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCode(redacted)")
    }
}

impl RecoveryCode {
    /// A random code.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn make() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; SYMBOLS]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(Zeroizing::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())))
    }

    /// Reads a code as a person types it: in any case, with or without the hyphen, with O for 0 and I or L for 1.
    ///
    /// # Errors
    /// [`ProblemKind::WrongFactor`] if these are not ten symbols.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let symbols = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            symbol => symbol,
        });
        let symbols: Zeroizing<String> = Zeroizing::new(symbols.collect());
        if symbols.len() != SYMBOLS || !symbols.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Err(Problem::new(
                ProblemKind::WrongFactor,
                "The app shows six digits; a recovery code has ten letters and digits.",
            ));
        }
        Ok(Self(symbols))
    }

    /// Without its hyphen, to be hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `XXXXX-XXXXX`, to be written down.
    pub fn grouped(&self) -> Zeroizing<String> {
        let (first, second) = self.0.split_at(SYMBOLS / 2);
        Zeroizing::new(format!("{first}-{second}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_written_and_as_it_is_typed() {
        let code = RecoveryCode::make().unwrap();
        assert_eq!(RecoveryCode::parse(&code.grouped()).unwrap().expose(), code.expose());
        for text in ["01abc-defgh", "O1ABCDEFGH", " 0L-ABC DEFGH\n", "oiabcdefgh"] {
            assert_eq!(RecoveryCode::parse(text).unwrap().expose(), "01ABCDEFGH", "{text:?}");
        }
        for text in ["", "01ABCDEFG", "01ABCDEFGHJ", "01ABCDEFGU", "01ABCDEFGé", "123456"] {
            assert!(RecoveryCode::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(format!("{code:?}"), "RecoveryCode(redacted)");
    }
}
