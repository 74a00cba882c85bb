//! How there comes to be a first administrator: by a link that is told on the server's console and nowhere else. Whoever
//! reads the console runs the server.

use super::{App, StartError};
use crate::keys::{hash_secret, make_secret};
use protocol::{DAY, LinkToken};

/// Seconds that such a link works: long enough for whoever installs the server, too short for an old log. The next start
/// prints another.
const LIFETIME: i64 = DAY;

impl App {
    /// Makes a link that turns whoever opens it and signs in into the first administrator; `None` if there is one. Of
    /// several nodes each makes its own, and the first that is used ends all.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn make_first_administrator_link(&self) -> Result<Option<String>, StartError> {
        let secret = make_secret().map_err(StartError::Random)?;
        let now = self.clock.now();
        if !self.store.add_admin_link(&hash_secret(&secret), now.plus(LIFETIME), now).await? {
            return Ok(None);
        }
        // After the fragment's mark, so that no proxy and no log on the way gets it.
        let token = LinkToken::from_bytes(*secret).to_text();
        Ok(Some(format!("{}/first-administrator#{token}", self.config.public_url.origin())))
    }
}
