//! How many parts a sender may have on their way at a time.
//!
//! A draft's bytes count against its sender's storage from the announcement on, but the same part can be sent several
//! times at once, and each copy takes room until it is complete. So what is under way is bounded by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts that one sender may have under way. A browser sends eight at a time at most; four times as many leave room for
/// a second tab and for copies whose connections are dead and not yet given up. All 32 are 270 MB, which is what one
/// sender can take up beyond their storage limit.
pub const PARTS_UNDER_WAY: u32 = 32;

/// Counts each sender's parts under way. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct PartsUnderWay(Arc<Mutex<HashMap<String, u32>>>);

impl PartsUnderWay {
    /// Counts one more part of this account until the returned value is dropped; `None` if there are too many.
    pub fn begin(&self, account_id: &str) -> Option<PartUnderWay> {
        let mut counts = self.counts();
        let count = counts.entry(account_id.to_owned()).or_default();
        if *count >= PARTS_UNDER_WAY {
            return None;
        }
        *count += 1;
        Some(PartUnderWay { all: self.clone(), account_id: account_id.to_owned() })
    }

    /// A thread that panicked while holding the lock left true counts behind: every change is a single step.
    fn counts(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One part under way; dropped when it arrived or came to nothing.
#[derive(Debug)]
pub struct PartUnderWay {
    all: PartsUnderWay,
    account_id: String,
}

impl Drop for PartUnderWay {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.account_id) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_has_so_many_parts_under_way_and_what_ends_makes_room() {
        let all = PartsUnderWay::default();
        let mut mine: Vec<_> = (0..PARTS_UNDER_WAY).map(|_| all.begin("ana").unwrap()).collect();
        assert!(all.begin("ana").is_none());
        assert!(all.begin("eve").is_some());
        mine.pop();
        assert!(all.begin("ana").is_some());
        mine.clear();
        assert!(all.counts().is_empty(), "a sender who is done is forgotten");
    }
}
