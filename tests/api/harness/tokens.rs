//! Access tokens, and programs that have one.

use super::client::{Answer, Client};
use super::people::sign_in_as;
use super::second_step::{App, set_up_app};
use super::site::Site;
use protocol::sign_in::Role;
use protocol::tokens::{Scope, TokenMade, TokenRequest};

pub(crate) const PATH: &str = "/api/v1/account/tokens";

/// Whoever makes tokens: signed in with an app, which was shown just now.
pub(crate) struct Owner {
    pub(crate) client: Client,
    pub(crate) app: App,
}

impl Owner {
    /// Somebody with these roles.
    pub(crate) async fn sign_in(site: &Site, email: &str, roles: &[Role]) -> Self {
        let client = sign_in_as(site, email, roles).await;
        let (app, _) = set_up_app(site, &client).await;
        Self { client, app }
    }

    pub(crate) async fn ask(&self, name: &str, scopes: &[Scope], days: Option<u32>) -> Answer {
        self.client.post(PATH, &TokenRequest { name: name.into(), scopes: scopes.to_vec(), days }).await
    }

    /// A token for ninety days.
    pub(crate) async fn make(&self, scopes: &[Scope]) -> TokenMade {
        self.ask("nightly export", scopes, None).await.expect(201).json()
    }
}

/// A program: no cookies, no origin, nothing but the token.
pub(crate) fn program(site: &Site, token: &str) -> Client {
    bare(site).with("authorization", &format!("Bearer {token}"))
}

/// A program without a token.
pub(crate) fn bare(site: &Site) -> Client {
    site.client().with("origin", "").with("sec-fetch-site", "")
}
