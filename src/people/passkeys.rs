//! Passkeys: keys in a device that opens by fingerprint, face or PIN, and that work at this server only
//! (W3C Web Authentication, level 3).
//!
//! A ceremony has two halves, the server's question and the browser's answer. What must be remembered between them is given
//! to the caller as text, and must come back whole: it is kept in the database, for one answer, in one session.

use protocol::Sha256Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use webauthn_rs::prelude::{
    CredentialID, Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

/// The rules of this server's passkeys.
#[derive(Debug)]
pub struct Passkeys(Webauthn);

/// The first half of a ceremony.
#[derive(Debug)]
pub struct Question {
    /// For the browser: what `parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` takes.
    pub options: serde_json::Value,
    /// For the second half.
    pub state: String,
}

/// A passkey as it is kept.
#[derive(Debug)]
pub struct KeptPasskey {
    /// Its name in its authenticator, as base64url: no two accounts share one.
    pub credential_id: String,
    /// Public key, counter and flags.
    pub text: String,
    /// Signatures that its authenticator counted; 0 if it counts none.
    pub counter: i64,
}

/// Why an answer proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The authenticator's counter went back: there may be two of it (level 3, §6.1.1).
    #[error("the signature counter went back")]
    Copied,
    /// Anything else: other challenge, other origin, other key, bad signature, no person verified.
    #[error("{0}")]
    Refused(String),
}

impl From<WebauthnError> for PasskeyError {
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::CredentialPossibleCompromise => Self::Copied,
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for PasskeyError {
    fn from(error: serde_json::Error) -> Self {
        Self::Refused(error.to_string())
    }
}

impl Passkeys {
    /// For pages of this origin, such as `https://send.clinic.example`; `None` where the host is a number: a passkey belongs to
    /// a name (level 3, §5.1.3, "effective domain").
    pub fn for_origin(origin: &str) -> Option<Self> {
        let origin = Url::parse(origin).ok()?;
        let host = origin.domain()?.to_owned();
        let builder = WebauthnBuilder::new(&host, &origin).ok()?.rp_name("Filmjacket");
        builder.build().ok().map(Self)
    }

    /// Asks for a new passkey, of an authenticator that has none of `kept` yet.
    ///
    /// # Errors
    /// [`PasskeyError`]: something kept does not read.
    pub fn ask_for_new(&self, account_id: &str, email: &str, kept: &[String]) -> Result<Question, PasskeyError> {
        let passkeys: Vec<Passkey> = read_all(kept)?;
        let known: Vec<CredentialID> = passkeys.iter().map(|passkey| passkey.cred_id().clone()).collect();
        let (options, state) = self.0.start_passkey_registration(user_handle(account_id), email, email, Some(known))?;
        question(&options.public_key, &state)
    }

    /// Checks the new passkey that came in answer.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn check_new(&self, state: &str, answer: serde_json::Value) -> Result<KeptPasskey, PasskeyError> {
        let state: PasskeyRegistration = serde_json::from_str(state)?;
        let answer: RegisterPublicKeyCredential = serde_json::from_value(answer)?;
        let passkey = self.0.finish_passkey_registration(&answer, &state)?;
        keep(&passkey, 0)
    }

    /// Asks for a signature by one of the passkeys in `kept`, of which there is at least one.
    ///
    /// # Errors
    /// [`PasskeyError`]: something kept does not read.
    pub fn ask(&self, kept: &[String]) -> Result<Question, PasskeyError> {
        let (options, state) = self.0.start_passkey_authentication(&read_all(kept)?)?;
        question(&options.public_key, &state)
    }

    /// Checks the signature that came in answer. `kept` are the account's passkeys as they are now. Returns the passkey that
    /// signed, as it is to be kept from now on.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn check(&self, state: &str, answer: serde_json::Value, kept: &[String]) -> Result<KeptPasskey, PasskeyError> {
        let state: PasskeyAuthentication = serde_json::from_str(state)?;
        let answer: PublicKeyCredential = serde_json::from_value(answer)?;
        let outcome = self.0.finish_passkey_authentication(&answer, &state)?;
        if !outcome.user_verified() {
            return Err(PasskeyError::Refused("nobody was verified".to_owned()));
        }
        for mut passkey in read_all::<Passkey>(kept)? {
            if passkey.update_credential(&outcome).is_some() {
                return keep(&passkey, outcome.counter());
            }
        }
        Err(PasskeyError::Refused("the passkey was removed".to_owned()))
    }
}

/// What authenticators file their passkeys under: no address, and never shown (level 3, §14.6.1).
fn user_handle(account_id: &str) -> Uuid {
    let mut handle = [0; 16];
    if let Ok(id) = Sha256Digest::parse(account_id) {
        handle.copy_from_slice(&id.as_bytes()[..16]);
    }
    Uuid::from_bytes(handle)
}

fn question(options: &impl Serialize, state: &impl Serialize) -> Result<Question, PasskeyError> {
    Ok(Question { options: serde_json::to_value(options)?, state: serde_json::to_string(state)? })
}

fn keep(passkey: &Passkey, counter: u32) -> Result<KeptPasskey, PasskeyError> {
    let credential_id = protocol::Base64Bytes(passkey.cred_id().clone());
    let serde_json::Value::String(credential_id) = serde_json::to_value(&credential_id)? else {
        return Err(PasskeyError::Refused("the passkey has no name".to_owned()));
    };
    Ok(KeptPasskey { credential_id, text: serde_json::to_string(passkey)?, counter: i64::from(counter) })
}

fn read_all<T: DeserializeOwned>(kept: &[String]) -> Result<Vec<T>, PasskeyError> {
    Ok(kept.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::Passkeys;

    #[test]
    fn passkeys_belong_to_a_name() {
        for origin in ["https://send.clinic.example", "http://localhost:8080"] {
            assert!(Passkeys::for_origin(origin).is_some(), "{origin}");
        }
        for origin in ["http://127.0.0.1:8080", "http://[::1]:8080"] {
            assert!(Passkeys::for_origin(origin).is_none(), "{origin}");
        }
    }

    #[test]
    fn a_person_must_be_verified_and_no_address_is_in_the_handle() {
        let passkeys = Passkeys::for_origin("https://send.clinic.example").unwrap();
        let id = protocol::Sha256Digest::from_bytes([7; 32]).to_text();
        let options = passkeys.ask_for_new(&id, "ana@clinic.example", &[]).unwrap().options;
        assert_eq!(options["rp"]["id"], "send.clinic.example");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(options["user"]["id"], "BwcHBwcHBwcHBwcHBwcHBw");
    }
}
