//! ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305: the only place where anything meets a cipher.
//!
//! In WebAssembly with vector instructions both are computed by this crate's own kernel, because RustCrypto has no code
//! for them and runs at a third to half of the speed there; everywhere else by RustCrypto, which has vector code for the
//! processors that servers and tools run on. They are one algorithm: what one seals the other opens, bit for bit.
//!
//! Both work in place, wipe their keys when dropped, and leave the data as it was where opening fails. A nonce must
//! never be used twice under a key; that is the caller's duty.
//!
//! Knows keys, nonces and bytes; not what they mean. Public for the vectors and for measurements.

#[cfg(any(test, target_feature = "simd128"))]
#[allow(dead_code, unreachable_pub, reason = "tests and measurements compile both engines and use one")]
mod kernel;
#[allow(dead_code, unreachable_pub, reason = "where the kernel is used, nothing of this reaches the module")]
mod rustcrypto;

#[cfg(all(target_feature = "simd128", not(feature = "rustcrypto-only")))]
use kernel as engine;
#[cfg(not(all(target_feature = "simd128", not(feature = "rustcrypto-only"))))]
use rustcrypto as engine;

pub use engine::{ChaCha20Poly1305, NAME as ENGINE, XChaCha20Poly1305};

/// Bytes of the key.
pub const KEY_LEN: usize = 32;

/// Bytes of the tag.
pub const TAG_LEN: usize = 16;

/// Bytes of ChaCha20-Poly1305's nonce: too few to draw at random, so its users count or use each key once.
pub const NONCE_LEN: usize = 12;

/// Bytes of XChaCha20-Poly1305's nonce: enough to draw without counting.
pub const EXTENDED_NONCE_LEN: usize = 24;
