//! Codes of an authenticator app: TOTP (RFC 6238) as all apps know it, six digits of HMAC-SHA-1 every 30 seconds.

use protocol::{Problem, ProblemKind, Timestamp};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

/// RFC 4226 §4 R6 recommends 160 bits.
const SECRET_LEN: usize = 20;

const DIGITS: usize = 6;

/// What the app and the server share. Wiped when dropped; its `Debug` is redacted.
#[derive(Debug)]
pub struct TotpSecret(Totp);

/// Six digits as typed.
pub struct TotpCode(Zeroizing<String>);

impl std::fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpCode(redacted)")
    }
}

impl TotpSecret {
    /// A random secret.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn make() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; SECRET_LEN]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self::from_array(&bytes))
    }

    /// The secret of these bytes; `None` if it is not as long as one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_array)
    }

    fn from_array(bytes: &[u8; SECRET_LEN]) -> Self {
        // The builder's own numbers are those of every app: SHA-1, 6 digits, 30 seconds, one step of slack to both sides
        // (RFC 6238 §5.2). What `build` checks beyond them is the secret's length.
        Self(Builder::new().with_secret(*bytes).build_noncompliant())
    }

    /// The secret itself, to be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.secret().as_bytes()
    }

    /// As people type it into an app that cannot read the QR code: base32 (RFC 4648 §6).
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.secret().to_base32())
    }

    /// What the QR code says: `otpauth://totp/…`, as the apps' common practice has it. `issuer` is this server's host,
    /// `email` the account.
    pub fn to_uri(&self, issuer: &str, email: &str) -> Zeroizing<String> {
        let mut uri = url::form_urlencoded::Serializer::new(String::new());
        uri.append_pair("secret", &self.to_base32()).append_pair("issuer", issuer);
        // In a path, `+` would be a plus.
        let query = Zeroizing::new(uri.finish().replace('+', "%20"));
        let label: String = url::form_urlencoded::byte_serialize(format!("{issuer}:{email}").as_bytes()).collect();
        Zeroizing::new(format!("otpauth://totp/{}?{}", label.replace('+', "%20"), *query))
    }

    /// The time step that this code belongs to, if that is now, the one before or the one after. Compared in constant time.
    pub fn find_step(&self, code: &TotpCode, now: Timestamp) -> Option<i64> {
        let now = u64::try_from(now.as_unix()).ok()?;
        self.0.check(&code.0, now).and_then(|step| i64::try_from(step).ok())
    }

    /// The code that the app shows.
    pub fn code_at(&self, now: Timestamp) -> String {
        self.0.generate(u64::try_from(now.as_unix()).unwrap_or(0)).to_string()
    }
}

impl TotpCode {
    /// Reads a code as a person types it: spaces are ignored.
    ///
    /// # Errors
    /// [`ProblemKind::WrongFactor`] if these are not six digits.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let digits = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect::<String>());
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::new(ProblemKind::WrongFactor, "The code in the app has six digits."));
        }
        Ok(Self(digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> TotpCode {
        TotpCode::parse(text).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_specification() {
        // RFC 6238 appendix B, SHA-1, of whose eight digits six-digit codes are the last six.
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for (time, digits) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            let now = Timestamp::from_unix(time);
            assert_eq!(secret.code_at(now), digits);
            assert_eq!(secret.find_step(&code(digits), now), Some(time / 30));
        }
    }

    #[test]
    fn a_code_works_one_step_early_and_late_and_no_more() {
        let secret = TotpSecret::make().unwrap();
        let step = |n: i64| Timestamp::from_unix(1_800_000_000 + 30 * n);
        let shown = code(&secret.code_at(step(0)));
        for (n, works) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            assert_eq!(secret.find_step(&shown, step(n)).is_some(), works, "{n} steps later");
        }
        assert_eq!(secret.find_step(&shown, step(1)), secret.find_step(&shown, step(-1)));
    }

    #[test]
    fn a_code_is_read_as_it_is_shown_and_nothing_else_is() {
        for text in ["287082", "287 082", " 287082\n"] {
            assert_eq!(*code(text).0, "287082");
        }
        for text in ["", "28708", "2870822", "28708a", "２８７０８２", "-28708"] {
            assert!(TotpCode::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_qr_code_names_the_server_and_the_account() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        assert_eq!(
            *secret.to_uri("send.clinic.example", "ana+ct@clinic.example"),
            "otpauth://totp/send.clinic.example%3Aana%2Bct%40clinic.example\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=send.clinic.example"
        );
        assert!(!format!("{secret:?}").contains("GEZDG") && !format!("{secret:?}").contains("49, 50"));
    }
}
