//! What is remembered between the server's question and the browser's answer while a factor is set up or shown: in the
//! session that was asked, for minutes, for one answer.

use super::{Result, Store, to_text};
use protocol::Timestamp;
use sqlx::AnyConnection;

/// What for. A session has one of each at most: a new question makes the one before it worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeremonyKind {
    /// An authenticator app is set up; its secret waits for the first code.
    App,
    /// A passkey is made.
    NewPasskey,
    /// A passkey is shown.
    Passkey,
    /// Somebody signs in at the provider of single sign-on. There is no session yet: in its place stands a hash that only the
    /// browser and the way back know together.
    Provider,
}

impl CeremonyKind {
    const fn text(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::NewPasskey => "new_passkey",
            Self::Passkey => "passkey",
            Self::Provider => "provider",
        }
    }

    /// Names the place for which the state is sealed, so that it opens in no other session.
    pub fn place(self, session_hash: &[u8; 32]) -> String {
        format!("{} {}", self.text(), to_text(session_hash))
    }

    /// Removes the ceremony within a transaction; false if there is none (any more).
    pub(super) async fn spend(
        self,
        connection: &mut AnyConnection,
        session_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<bool> {
        let spent = sqlx::query("DELETE FROM ceremonies WHERE session_hash = $1 AND kind = $2 AND expires_at > $3")
            .bind(to_text(session_hash))
            .bind(self.text())
            .bind(now.as_unix())
            .execute(connection)
            .await?;
        Ok(spent.rows_affected() == 1)
    }
}

impl Store {
    /// Keeps the state of a ceremony that begins, sealed for [`CeremonyKind::place`].
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn begin_ceremony(
        &self,
        kind: CeremonyKind,
        session_hash: &[u8; 32],
        sealed: &str,
        expires_at: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO ceremonies (session_hash, kind, sealed, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (session_hash, kind) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at",
        )
        .bind(to_text(session_hash))
        .bind(kind.text())
        .bind(sealed)
        .bind(expires_at.as_unix())
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// The state of a ceremony that may be answered again, because an answer that is wrong tells nothing about it.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_ceremony(
        &self,
        kind: CeremonyKind,
        session_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<String>> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT sealed FROM ceremonies WHERE session_hash = $1 AND kind = $2 AND expires_at > $3")
                .bind(to_text(session_hash))
                .bind(kind.text())
                .bind(now.as_unix())
                .fetch_optional(&self.reads)
                .await?;
        Ok(row.map(|(sealed,)| sealed))
    }

    /// The state of a ceremony whose one answer has come, whatever it is worth.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn take_ceremony(
        &self,
        kind: CeremonyKind,
        session_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<String>> {
        let row: Option<(String,)> = sqlx::query_as(
            "DELETE FROM ceremonies WHERE session_hash = $1 AND kind = $2 AND expires_at > $3 RETURNING sealed",
        )
        .bind(to_text(session_hash))
        .bind(kind.text())
        .bind(now.as_unix())
        .fetch_optional(&self.writes)
        .await?;
        Ok(row.map(|(sealed,)| sealed))
    }
}
