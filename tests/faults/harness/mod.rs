//! What the tests stand on: the server as a process, and the clients and parcels of tests/api, which do not care what kind of
//! site they talk to.

#![allow(dead_code, reason = "made for tests/api, which uses all of it")]

pub(crate) mod aftermath;
pub(crate) mod site;
pub(crate) mod unanswered;

#[path = "../../api/harness/client.rs"]
pub(crate) mod client;
#[path = "../../api/harness/described.rs"]
mod described;
#[path = "../../api/harness/parcel.rs"]
pub(crate) mod parcel;
#[path = "../../api/harness/postgres.rs"]
pub(crate) mod postgres;
#[path = "../../api/harness/recipient.rs"]
pub(crate) mod recipient;
#[path = "../../api/harness/rows.rs"]
pub(crate) mod rows;
#[path = "../../api/harness/sender.rs"]
pub(crate) mod sender;

pub(crate) use parcel::Parcel;
pub(crate) use recipient::Recipient;
pub(crate) use sender::Sender;
pub(crate) use site::Site;

use std::time::{Duration, Instant};

pub(crate) const HOUR: i64 = 60 * 60;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Who sends.
pub(crate) const ANA: &str = "ana@clinic.example";
/// Who receives; see [`Parcel::scribble`].
pub(crate) const ANNA: &str = "anna@clinic.example";

/// Longer than anything here may take on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `look` answers what was waited for. The server is another process: there is nothing to be woken by.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
