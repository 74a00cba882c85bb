//! Whether the server can do what it is there for: database, store of bytes, mail and key.

use super::App;
use protocol::Timestamp;
use protocol::people::Need;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// Seconds for which an answer holds: anyone may ask, and nobody shall set the mail server or the database to work by it.
const HOLDS: i64 = 2;

/// For each of them to answer; a load balancer asks again soon.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was found; its `Display` is a line each.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    database: bool,
    store: bool,
    /// None if there is to be no second copy.
    second_copy: Option<bool>,
    mail: bool,
    key: bool,
    stopping: bool,
}

impl Readiness {
    /// Whether requests should come here. A second copy that is away holds up copying and purging, no request.
    pub fn is_ready(self) -> bool {
        self.database && self.store && self.mail && self.key && !self.stopping
    }

    /// Each thing that is needed, and whether it is there.
    pub fn needs(self) -> Vec<Need> {
        let known = [
            ("database", Some(self.database)),
            ("store", Some(self.store)),
            ("second copy", self.second_copy),
            ("mail", Some(self.mail)),
            ("key", Some(self.key)),
            ("server", Some(!self.stopping)),
        ];
        let need = |(name, is_ready): (&str, Option<bool>)| Some(Need { name: name.to_owned(), is_ready: is_ready? });
        known.into_iter().filter_map(need).collect()
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Need { name, is_ready } in self.needs() {
            let missing = if name == "server" { "stopping" } else { "not ready" };
            writeln!(f, "{name}: {}", if is_ready { "ok" } else { missing })?;
        }
        Ok(())
    }
}

impl App {
    /// Looks at everything, at most every two seconds and one at a time.
    pub async fn readiness(&self) -> Readiness {
        let now = self.clock.now();
        let mut kept = self.looked.lock().await;
        let found = match *kept {
            Some((at, found)) if is_fresh(at, now) => found,
            _ => {
                let found = self.look().await;
                *kept = Some((now, found));
                found
            }
        };
        Readiness { stopping: self.stopping.load(Ordering::SeqCst), ..found }
    }

    async fn look(&self) -> Readiness {
        let second_copy = async {
            match &self.second_copy {
                Some(store) => Some(matches!(timeout(PATIENCE, store.ping()).await, Ok(Ok(())))),
                None => None,
            }
        };
        let (database, store, second_copy, mail) = tokio::join!(
            timeout(PATIENCE, self.store.ping()),
            timeout(PATIENCE, self.blobs.ping()),
            second_copy,
            timeout(PATIENCE, self.mailer.ping()),
        );
        // A key that came from the environment is here for good.
        let key = self.config.server_key.is_some() || self.keys.is_kept_in(&self.config.data.join("server.key"));
        let well = (matches!(database, Ok(Ok(()))), matches!(store, Ok(Ok(()))), matches!(mail, Ok(Ok(()))));
        Readiness { database: well.0, store: well.1, second_copy, mail: well.2, key, stopping: false }
    }
}

/// Also false for a moment that has not come yet: the clock was set back.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    (0..HOLDS).contains(&(now.as_unix() - at.as_unix()))
}
