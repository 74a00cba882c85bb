//! By which way somebody may sign in.

use super::App;
use crate::people::{EmailAddress, Ties};
use crate::store::{Account, StoreError};
use protocol::Timestamp;

impl App {
    /// Whether an account is bound to the provider that is configured: then its owner signs in there, and nowhere else. Otherwise
    /// their mailbox alone would open what the provider guards, also after they were removed there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signs_in_by_provider(&self, account: &Account) -> Result<bool, StoreError> {
        Ok(self.bound_since(account).await?.is_some())
    }

    /// Since when, if it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bound_since(&self, account: &Account) -> Result<Option<Timestamp>, StoreError> {
        match &self.config.single_sign_on {
            Some(provider) if account.has_identity => {
                self.store.bound_since(&account.account_id, &provider.issuer).await
            }
            _ => Ok(None),
        }
    }

    /// Whether the provider's word for a second step counts for this account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_step_at_provider(&self, account: &Account) -> Result<bool, StoreError> {
        let is_taken = self.config.single_sign_on.as_ref().is_some_and(|provider| !provider.second_step.is_empty());
        Ok(is_taken && self.signs_in_by_provider(account).await?)
    }

    /// What an account needs the provider for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ties(&self, account: &Account) -> Result<Ties, StoreError> {
        let provider = match &self.config.single_sign_on {
            Some(provider) if self.signs_in_by_provider(account).await? => Some(provider),
            _ => None,
        };
        Ok(Ties {
            only_way: provider.is_some_and(|provider| !provider.mailed_codes),
            roles: provider.is_some_and(|provider| provider.group_roles().give_any(&account.standing.roles)),
            has_factor: !self.store.list_factors(&account.account_id).await?.is_empty(),
        })
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
