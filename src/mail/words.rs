//! The pieces that letters are put together from: one-line texts, secrets, dates.

use protocol::Timestamp;
use std::fmt;
use time::OffsetDateTime;
use time::macros::format_description;
use zeroize::Zeroizing;

/// Longest text that someone else may put into a letter, in characters. Names are shorter (80); a mail server's
/// reason may not be.
const MAX_LINE_CHARS: usize = 240;

/// A text from outside (a name, an address, a server's reason) as one harmless line: no line breaks or other
/// controls, no invisible or direction-changing characters, single spaces, at most 240 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(String);

impl Line {
    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Line {
    fn from(text: T) -> Self {
        let visible: String =
            text.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_invisible(*c)).collect();
        let mut line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = line.char_indices().nth(MAX_LINE_CHARS) {
            line.truncate(end);
            line.push('…');
        }
        Self(line)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters that change how their neighbours are shown without being shown (Unicode 17, general category Cf and
/// the bidirectional controls of UAX #9): a name must not be able to reorder the sentence it stands in. The two joiners
/// (U+200C, U+200D) stay, because Persian and Indic names are spelled with them.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A secret that a letter carries: a code or a link. Wiped when dropped, redacted in `Debug`; only a template may
/// write it out.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(Zeroizing::new(text.into()))
    }
}

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// `Sunday 29 November 2026, 12:00 UTC`: the day in words, because people read the day of the week first and
/// because 11/12 is two different days in two countries.
pub(super) fn day_and_time(moment: Timestamp) -> String {
    let format = format_description!("[weekday] [day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(moment.as_unix())
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| moment.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use super::{Line, Secret, day_and_time};
    use protocol::Timestamp;

    #[test]
    fn a_name_cannot_leave_its_line_or_turn_the_sentence_around() {
        let line = Line::from("  Dr.\r\nBcc: eve@example.com\u{0}\t\u{202e}Ana\u{200b}  Ruiz\u{2066} ");
        assert_eq!(line.as_str(), "Dr. Bcc: eve@example.com Ana Ruiz");
        for name in ["Dr. Łucja Ñandú 山田 🩻", "دکتر علی\u{200c}رضا نیک\u{200c}پور"] {
            assert_eq!(Line::from(name).as_str(), name);
        }
    }

    #[test]
    fn an_endless_reason_is_cut_between_characters() {
        let line = Line::from("é".repeat(5000));
        assert_eq!(line.as_str().chars().count(), 241);
        assert!(line.as_str().ends_with('…'));
    }

    #[test]
    fn a_secret_never_shows_itself_in_debug() {
        assert_eq!(format!("{:?}", Secret::from("1234 5678")), "Secret(redacted)");
    }

    #[test]
    fn a_date_is_told_in_words() {
        assert_eq!(day_and_time(Timestamp::from_unix(1_795_953_600)), "Sunday 29 November 2026, 12:00 UTC");
        assert_eq!(day_and_time(Timestamp::from_unix(1_795_953_600 + 7 * 86_400)), "Sunday 6 December 2026, 12:00 UTC");
    }
}
