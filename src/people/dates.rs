//! Days as administrators write them.

use protocol::{DAY, Timestamp};

/// The first second of a day such as `2027-01-31`, in UTC; `None` if it is none.
pub fn parse_day(text: &str) -> Option<Timestamp> {
    let is_day = text.len() == 10;
    is_day.then(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"))).flatten()
}

/// The first second after it: who may come until a day may come on that day too.
pub fn parse_last_day(text: &str) -> Option<Timestamp> {
    parse_day(text).map(|day| day.plus(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_from_its_first_second_to_its_last() {
        assert_eq!(parse_day("2027-01-15").map(Timestamp::to_rfc3339).as_deref(), Some("2027-01-15T00:00:00Z"));
        assert_eq!(parse_last_day("2027-12-31").map(Timestamp::to_rfc3339).as_deref(), Some("2028-01-01T00:00:00Z"));
        for text in ["", "tomorrow", "2027-02-30", "2027-1-15", "15.01.2027", "2027-01-15T00:00:00Z"] {
            assert!(parse_day(text).is_none() && parse_last_day(text).is_none(), "{text:?}");
        }
    }
}
