//! Who is mailed what is unusual.

use super::App;
use crate::store::{Account, StoreError};
use protocol::account::SecondStep;

impl App {
    /// The auditors who could come as far as the page that shows it, and whom the settings name besides: it names people and
    /// transfers. Sorted, each once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn alert_recipients(&self) -> Result<Vec<String>, StoreError> {
        let mut told = self.config.audit.alert_mail.clone();
        for auditor in self.store.list_auditors().await? {
            if self.lets_in(&auditor).await? {
                told.push(auditor.email.to_string());
            }
        }
        told.sort_unstable();
        told.dedup();
        Ok(told)
    }

    /// Whether an account may sign in now, and has the second step that it must have: whoever reads its mailbox alone is not its
    /// owner.
    async fn lets_in(&self, account: &Account) -> Result<bool, StoreError> {
        let standing = &account.standing;
        if !self.config.sign_in.admits(&account.email, Some(standing), self.clock.now()) {
            return Ok(false);
        }
        if self.config.second_step.of(standing.roles.iter().copied()) != SecondStep::Required {
            return Ok(true);
        }
        Ok(self.has_step_at_provider(account).await? || !self.store.list_factors(&account.account_id).await?.is_empty())
    }
}
