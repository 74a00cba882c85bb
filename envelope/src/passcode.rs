//! The recipient's secret: 15 random symbols and a check symbol.
//!
//! In mode 1 the passcode is the whole secret and must resist offline guessing for ever, hence 75 generated bits that
//! no person chooses. The check symbol finds typing mistakes before Argon2id runs and before an attempt is spent.

use crate::error::{Explained, RandomUnavailable};
use crate::random;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Crockford's base32: no I, L, O (read as 1, 1, 0) and no U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Symbols that carry the secret: 15 × 5 = 75 bits.
const DATA_LEN: usize = 15;

/// All symbols, the check symbol last.
const LEN: usize = DATA_LEN + 1;

/// Symbols between two hyphens when shown.
const GROUP_LEN: usize = 4;

/// A well-formed passcode, check symbol included.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Passcode([u8; LEN]);

impl Passcode {
    /// Draws a passcode.
    ///
    /// # Errors
    /// [`RandomUnavailable`] if the platform has no randomness.
    pub fn make() -> Result<Self, RandomUnavailable> {
        let random = random::make_secret::<DATA_LEN>()?;
        let mut symbols = Zeroizing::new([0; LEN]);
        for (symbol, byte) in symbols.iter_mut().zip(random.as_bytes()) {
            // 256 is a multiple of 32, so the low five bits are uniform.
            *symbol = ALPHABET[usize::from(byte & 31)];
        }
        symbols[DATA_LEN] = check_symbol(&symbols[..DATA_LEN]);
        Ok(Self(*symbols))
    }

    /// Reads a passcode as people type and paste it: any case, any spaces and hyphens, O for 0, I and L for 1.
    ///
    /// # Errors
    /// [`PasscodeError`] naming the first thing to correct.
    pub fn parse(text: &str) -> Result<Self, PasscodeError> {
        let mut symbols = Zeroizing::new([0; LEN]);
        let mut count = 0;
        for typed in text.chars().filter(|c| !is_separator(*c)) {
            let symbol = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let byte = u8::try_from(symbol).ok().filter(|byte| ALPHABET.contains(byte)).ok_or(PasscodeError::Symbol)?;
            if let Some(place) = symbols.get_mut(count) {
                *place = byte;
            }
            count += 1;
        }
        if count != LEN {
            return Err(PasscodeError::Length { given: count });
        }
        if symbols[DATA_LEN] != check_symbol(&symbols[..DATA_LEN]) {
            return Err(PasscodeError::CheckSymbol);
        }
        Ok(Self(*symbols))
    }

    /// The 16 symbols, upper case, without hyphens.
    pub fn symbols(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().copied().map(char::from).collect())
    }

    /// As it is shown and read aloud: `XXXX-XXXX-XXXX-XXXX`.
    pub fn to_text(&self) -> Zeroizing<String> {
        // The exact capacity, so that no copy is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(LEN + LEN / GROUP_LEN));
        for (i, symbol) in self.0.iter().enumerate() {
            if i > 0 && i % GROUP_LEN == 0 {
                text.push('-');
            }
            text.push(char::from(*symbol));
        }
        text
    }

    /// What Argon2id is given: the 15 data symbols.
    pub(crate) fn password(&self) -> &[u8] {
        &self.0[..DATA_LEN]
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(redacted)")
    }
}

/// Spaces and hyphens of every kind that word processors and phones put between groups.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}' | '\u{feff}')
}

/// Luhn mod 32: finds every single wrong symbol and nearly every swap of neighbours.
fn check_symbol(data: &[u8]) -> u8 {
    let mut sum = 0;
    for (i, symbol) in data.iter().rev().enumerate() {
        let value = ALPHABET.iter().position(|known| known == symbol).unwrap_or_default();
        // From the right, every other value counts double; a two-digit result (in base 32) counts as its digit sum.
        let weighted = if i % 2 == 0 { value * 2 } else { value };
        sum += weighted / 32 + weighted % 32;
    }
    ALPHABET[(32 - sum % 32) % 32]
}

/// What is wrong with a passcode as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasscodeError {
    /// Not 16 symbols.
    Length {
        /// How many there were.
        given: usize,
    },
    /// A character that no passcode has.
    Symbol,
    /// The check symbol does not fit: a typing mistake.
    CheckSymbol,
}

impl fmt::Display for PasscodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { given } => write!(f, "A passcode has {LEN} letters and digits; this has {given}."),
            Self::Symbol => f.write_str("A passcode has only digits and letters, and never the letter U."),
            Self::CheckSymbol => {
                f.write_str("There is a typing mistake in this passcode. Please compare it once more.")
            }
        }
    }
}

impl std::error::Error for PasscodeError {}

impl Explained for PasscodeError {
    fn slug(&self) -> &'static str {
        match self {
            Self::Length { .. } => "passcode-length",
            Self::Symbol => "passcode-symbol",
            Self::CheckSymbol => "check-symbol",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by hand from the description in docs/FORMAT.md.
    const KNOWN: &str = "0123-4567-89AB-CDEZ";

    #[test]
    fn a_known_passcode_has_the_known_check_symbol() {
        assert_eq!(Passcode::parse(KNOWN).unwrap().to_text().as_str(), KNOWN);
    }

    #[test]
    fn a_made_passcode_reads_back() {
        let made = Passcode::make().unwrap();
        assert_eq!(Passcode::parse(&made.to_text()).unwrap().symbols(), made.symbols());
        assert_eq!(made.to_text().len(), 19);
    }

    #[test]
    fn a_passcode_is_read_as_people_type_it() {
        for typed in [
            "0123456789ABCDEZ",
            " o i 2 3 4567 – 89ab cdez\n",
            "Ol23\u{2011}4567\u{2011}89AB\u{2011}CDEZ",
            "\u{feff}0123—4567—89AB—CDEZ",
        ] {
            assert_eq!(Passcode::parse(typed).unwrap().to_text().as_str(), KNOWN, "{typed:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (typed, wrong) in [
            ("", PasscodeError::Length { given: 0 }),
            ("0123-4567-89AB-CDE", PasscodeError::Length { given: 15 }),
            ("0123-4567-89AB-CDEZ-0", PasscodeError::Length { given: 17 }),
            ("U123-4567-89AB-CDEZ", PasscodeError::Symbol),
            ("0123-4567-89AB-CDE٣", PasscodeError::Symbol),
            ("0123-4567-89AB-CDEE", PasscodeError::CheckSymbol),
        ] {
            assert_eq!(Passcode::parse(typed).unwrap_err(), wrong, "{typed:?}");
        }
    }

    #[test]
    fn every_single_wrong_symbol_is_found() {
        let right = Passcode::parse(KNOWN).unwrap().0;
        for place in 0..LEN {
            for symbol in ALPHABET.iter().filter(|symbol| **symbol != right[place]) {
                let mut wrong = right;
                wrong[place] = *symbol;
                let typed = std::str::from_utf8(&wrong).unwrap();
                assert_eq!(Passcode::parse(typed).unwrap_err(), PasscodeError::CheckSymbol, "{typed}");
            }
        }
    }

    #[test]
    fn a_passcode_never_shows_itself_in_debug() {
        assert_eq!(format!("{:?}", Passcode::parse(KNOWN).unwrap()), "Passcode(redacted)");
    }
}
