//! Mail that stays in this process: for tests, which may read it and may ask for failures.

use super::{Letter, MailError, OutgoingMail, Rendered};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A mailer whose clones share what was sent, so that a test keeps one and the server gets the other.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    sent: Vec<SentMail>,
    failures: VecDeque<MailError>,
}

/// A mail that was taken over.
#[derive(Debug, Clone)]
pub struct SentMail {
    /// The recipient.
    pub to: String,
    /// As data.
    pub letter: Letter,
    /// As handed over: headers and both bodies.
    pub message: Vec<u8>,
}

impl SentMail {
    /// The letter in words.
    ///
    /// # Errors
    /// Those of [`Letter::render`].
    pub fn rendered(&self) -> Result<Rendered, askama::Error> {
        self.letter.render()
    }
}

impl Memory {
    /// Everything that was taken over, oldest first.
    pub fn sent(&self) -> Vec<SentMail> {
        self.state().sent.clone()
    }

    /// Makes the next mail fail in this way; several calls make as many mails fail, in their order.
    pub fn fail_next(&self, error: MailError) {
        self.state().failures.push_back(error);
    }

    pub(super) fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let message = mail.to_message()?.formatted();
        let mut state = self.state();
        if let Some(error) = state.failures.pop_front() {
            return Err(error);
        }
        state.sent.push(SentMail { to: mail.to.clone(), letter: mail.letter.clone(), message });
        Ok(())
    }

    /// A thread that panicked while holding the lock left a whole state behind: every change is a single call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
