//! What the provider says of itself: its addresses and keys (OpenID Connect Discovery 1.0 §4), asked by one for all who wait.

use super::line::Line;
use super::{Fault, causes};
use crate::clock::Clock;
use openidconnect::IssuerUrl;
use openidconnect::core::CoreProviderMetadata;
use protocol::Timestamp;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds for which the provider's own description and keys are believed without asking again.
const FRESH: i64 = 60 * 60;

/// Seconds for which a provider that is away is not asked again: everybody who waits would ask, and wait, in turn.
const AWAY: i64 = 10;

/// What is known of the provider.
#[derive(Debug)]
pub(super) struct Discovery {
    issuer: IssuerUrl,
    /// What it said of itself, and when.
    known: Mutex<Option<(Timestamp, Arc<CoreProviderMetadata>)>>,
    /// Whoever asks it for that, one at a time; when it was last asked in vain, and why.
    asking: tokio::sync::Mutex<Option<(Timestamp, String)>>,
}

impl Discovery {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// The issuer is no address.
    pub(super) fn new(issuer: String) -> io::Result<Self> {
        let issuer = IssuerUrl::new(issuer).map_err(io::Error::other)?;
        Ok(Self { issuer, known: Mutex::new(None), asking: tokio::sync::Mutex::new(None) })
    }

    /// What the provider says of itself, asked again after an hour.
    ///
    /// # Errors
    /// [`Fault::Away`].
    pub(super) async fn provider(&self, line: &Line, clock: &Clock) -> Result<Arc<CoreProviderMetadata>, Fault> {
        let now = clock.now();
        match self.known() {
            Some((at, provider)) if at <= now && now < at.plus(FRESH) => Ok(provider),
            known => self.ask(known.map(|(_, provider)| provider).as_ref(), line, clock).await,
        }
    }

    fn known(&self) -> Option<(Timestamp, Arc<CoreProviderMetadata>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the provider for more than was `seen`, once for all who wait for that.
    ///
    /// # Errors
    /// [`Fault::Away`].
    pub(super) async fn ask(
        &self,
        seen: Option<&Arc<CoreProviderMetadata>>,
        line: &Line,
        clock: &Clock,
    ) -> Result<Arc<CoreProviderMetadata>, Fault> {
        let mut failed = self.asking.lock().await;
        // Somebody asked while this one waited, with whatever outcome.
        let is_new = |provider: &Arc<_>| seen.is_none_or(|seen| !Arc::ptr_eq(seen, provider));
        if let Some((_, provider)) = self.known().filter(|(_, provider)| is_new(provider)) {
            return Ok(provider);
        }
        let now = clock.now();
        if let Some((_, why)) = failed.as_ref().filter(|(at, _)| *at <= now && now < at.plus(AWAY)) {
            return Err(Fault::Away(why.clone()));
        }
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), line).await;
        let now = clock.now();
        let provider = found.map(Arc::new).map_err(|error| {
            let why = causes(&error);
            *failed = Some((now, why.clone()));
            Fault::Away(why)
        })?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&provider)));
        Ok(provider)
    }
}
