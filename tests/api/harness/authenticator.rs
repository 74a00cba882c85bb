//! A software authenticator with one passkey, and the browser around it: it does what the specification says (W3C Web
//! Authentication, level 3, §6 and §5.8.1), unless a test makes it misbehave.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// User present, user verified, credential data attached (§6.1).
const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;
const ATTACHED: u8 = 0x40;

/// A device that holds one passkey.
#[derive(Clone)]
pub(crate) struct Authenticator {
    /// As PKCS #8: a copied device is a copy of it.
    key: Vec<u8>,
    pub(crate) credential_id: Vec<u8>,
    /// Signatures so far.
    counter: u32,
    /// Whether it counts them. Passkeys that are kept in several devices do not.
    pub(crate) counts: bool,
    /// The flags of what happened at the device.
    pub(crate) flags: u8,
    /// Where the browser's page comes from.
    pub(crate) origin: String,
    /// Which relying party the device believes in.
    pub(crate) rp_id: String,
}

impl Authenticator {
    /// A new device, in a browser on a page of this origin.
    pub(crate) fn at(origin: &str) -> Self {
        let host = origin.split("//").nth(1).unwrap().split(':').next().unwrap();
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Self {
            key: key.as_ref().to_vec(),
            credential_id: crate::harness::parcel::random::<16>().to_vec(),
            counter: 0,
            counts: true,
            flags: PRESENT | VERIFIED,
            origin: origin.to_owned(),
            rp_id: host.to_owned(),
        }
    }

    /// Makes the passkey: what `navigator.credentials.create` answers to the server's options.
    pub(crate) fn create(&self, options: &Value) -> Value {
        let mut data = self.data(self.flags | ATTACHED);
        // No AAGUID; the credential's name and its public key.
        data.extend([0; 16]);
        data.extend((self.credential_id.len() as u16).to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": bytes} in CBOR.
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let response = json!({
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(self.client_data("webauthn.create", options)),
        });
        self.credential(&response)
    }

    /// Shows the passkey: what `navigator.credentials.get` answers to the server's options.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        self.counter += u32::from(self.counts);
        let (data, client_data) = (self.data(self.flags), self.client_data("webauthn.get", options));
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let random = SystemRandom::new();
        let signature = self.key_pair().sign(&random, &signed).unwrap();
        let response = json!({
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
            "userHandle": null,
        });
        self.credential(&response)
    }

    fn key_pair(&self) -> EcdsaKeyPair {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.key, &SystemRandom::new()).unwrap()
    }

    fn credential(&self, response: &Value) -> Value {
        let id = URL_SAFE_NO_PAD.encode(&self.credential_id);
        json!({ "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response })
    }

    /// Hash of the relying party's name, flags, counter (§6.1).
    fn data(&self, flags: u8) -> Vec<u8> {
        [Sha256::digest(self.rp_id.as_bytes()).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data =
            json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false });
        serde_json::to_vec(&data).unwrap()
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y} in CBOR (RFC 9053 §7.1.1): an elliptic curve key on P-256 for ES256.
    fn cose_key(&self) -> Vec<u8> {
        let pair = self.key_pair();
        // An uncompressed point: 04, x, y.
        let point = pair.public_key().as_ref();
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", &point[1..33], b"\x22\x58\x20", &point[33..]].concat()
    }
}
