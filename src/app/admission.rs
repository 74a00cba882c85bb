//! By which way somebody may sign in.

use super::App;
use crate::people::EmailAddress;
use crate::store::{Account, StoreError};

impl App {
    /// Whether an account is bound to the provider that is configured: then its owner signs in there, and nowhere else. Otherwise
    /// their mailbox alone would open what the provider guards, also after they were removed there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signs_in_by_provider(&self, account: &Account) -> Result<bool, StoreError> {
        match &self.config.single_sign_on {
            Some(provider) if account.has_identity => {
                self.store.has_identity_at(&account.account_id, &provider.issuer).await
            }
            _ => Ok(false),
        }
    }

    /// Whether this address may sign in now by a mailed code: by its account or, without one, by the configuration's list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admits_by_code(&self, email: &EmailAddress) -> Result<bool, StoreError> {
        let account = self.store.find_account(email).await?;
        let standing = account.as_ref().map(|account| &account.standing);
        if !self.config.sign_in.admits(email, standing, self.clock.now()) {
            return Ok(false);
        }
        match &account {
            Some(account) => Ok(!self.signs_in_by_provider(account).await?),
            None => Ok(true),
        }
    }
}
