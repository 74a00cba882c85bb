//! The name and organisation that recipients see.

use protocol::Problem;
use protocol::sign_in::ProfileRequest;

/// Longest name or organisation, in characters: it stands in a mail's subject.
const MAX_CHARS: usize = 80;

/// Longest name of a factor, in characters.
const MAX_FACTOR_CHARS: usize = 40;

/// What a sender is called. Free of control and direction characters, because it is shown to strangers as who sent this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// 1 to 80 characters.
    pub name: String,
    /// 0 to 80 characters.
    pub organisation: String,
}

impl Profile {
    /// Reads a sender's own words: spaces around them are dropped.
    ///
    /// # Errors
    /// [`protocol::ProblemKind::InvalidField`] that names `name` or `organisation`.
    pub fn parse(request: &ProfileRequest) -> Result<Self, Problem> {
        let name = parse_line(&request.name, "name")?;
        if name.is_empty() {
            return Err(Problem::invalid("name", "Please give your name: recipients see it as the sender."));
        }
        Ok(Self { name, organisation: parse_line(&request.organisation, "organisation")? })
    }
}

/// Reads what someone calls their telephone: it stands in their list and in mails to them.
///
/// # Errors
/// [`protocol::ProblemKind::InvalidField`] that names `name`.
pub fn parse_factor_name(text: &str) -> Result<String, Problem> {
    let name = parse_line_of(MAX_FACTOR_CHARS, text, "name")?;
    if name.is_empty() {
        return Err(Problem::invalid("name", "Please give it a name, such as “my phone”."));
    }
    Ok(name)
}

/// One line of a person's words, 80 characters at most.
pub(super) fn parse_line(text: &str, field: &str) -> Result<String, Problem> {
    parse_line_of(MAX_CHARS, text, field)
}

pub(super) fn parse_line_of(max_chars: usize, text: &str, field: &str) -> Result<String, Problem> {
    let text = text.trim();
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(Problem::invalid(field, format!("This has {chars} characters; there is room for {max_chars}.")));
    }
    if text.chars().any(|c| c.is_control() || is_invisible_format(c)) {
        return Err(Problem::invalid(field, "This has characters that cannot be shown; please type it again."));
    }
    Ok(text.to_owned())
}

/// Characters that reorder or hide their neighbours: zero width space, line and paragraph separators, bidirectional
/// marks, overrides and isolates, byte order mark (Unicode UAX #9 §2). The two joiners (U+200C, U+200D) stay: Persian
/// and Indic names are spelled with them.
fn is_invisible_format(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{061c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, organisation: &str) -> Result<Profile, Problem> {
        Profile::parse(&ProfileRequest { name: name.into(), organisation: organisation.into() })
    }

    #[test]
    fn names_of_all_peoples_are_taken_as_they_are() {
        for name in ["Dr. Ana Ruiz", "د. ليلى حسن", "김민수", "Ó Súilleabháin", &"x".repeat(80)] {
            assert_eq!(parse(&format!("  {name} "), "").unwrap().name, name);
        }
    }

    #[test]
    fn names_that_are_empty_too_long_or_deceive_are_refused_with_their_field() {
        for (name, organisation, field) in [
            ("  ", "North Clinic", "name"),
            (&*"x".repeat(81), "", "name"),
            ("Ana\r\nBcc: eve@evil.example", "", "name"),
            ("Ana\u{202e}ziuR", "", "name"),
            ("Ana", "North\u{200b}Clinic", "organisation"),
        ] {
            assert_eq!(parse(name, organisation).unwrap_err().field.as_deref(), Some(field), "{name:?}");
        }
    }
}
