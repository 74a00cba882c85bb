//! Recipients who prove that they read a mailbox.

use super::EmailAddress;

/// Seconds that a proof of a mailbox holds: time to find the passcode and type it, short enough for a borrowed computer.
pub const MAILBOX_LIFETIME: i64 = 30 * 60;

/// `a…@clinic.example`: enough for its owner to know which mailbox to look into, and for nobody else to write to it.
pub fn mask(address: &EmailAddress) -> String {
    let first: String = address.as_str().chars().take(1).collect();
    format!("{first}…@{}", address.domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_address_tells_its_first_letter_and_its_domain() {
        for (address, masked) in [
            ("anna.ruiz+ct@clinic.example", "a…@clinic.example"),
            ("x@clinic.example", "x…@clinic.example"),
            ("łucja@clinic.example", "ł…@clinic.example"),
        ] {
            assert_eq!(mask(&EmailAddress::parse(address, "email").unwrap()), masked);
        }
    }
}
