//! What the server logs, kept in memory so that a test can look through it.

use std::io::{Result, Write};
use std::sync::{Mutex, Once, PoisonError};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// From now on what `filter` lets through is kept, of any server of this process: more than an administrator would ask for.
pub(crate) fn capture(filter: &str) {
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Kept).init();
    });
}

/// The log of all servers so far.
pub(crate) fn text() -> Vec<u8> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
