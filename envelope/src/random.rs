//! The one source of randomness: the platform's CSPRNG.

use crate::error::RandomUnavailable;
use crate::secret::Secret;

/// `N` public random bytes (ids, salts, nonces).
pub(crate) fn make_bytes<const N: usize>() -> Result<[u8; N], RandomUnavailable> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| RandomUnavailable)?;
    Ok(bytes)
}

/// `N` secret random bytes (keys).
pub(crate) fn make_secret<const N: usize>() -> Result<Secret<N>, RandomUnavailable> {
    let mut secret = Secret::zero();
    getrandom::fill(secret.as_mut_bytes()).map_err(|_| RandomUnavailable)?;
    Ok(secret)
}
