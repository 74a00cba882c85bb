//! People with roles, set beside the server's back.

use super::client::Client;
use super::rows;
use super::sender::sign_in;
use super::site::Site;
use filmjacket::people::role_text;
use protocol::sign_in::Role;

/// Has an account hold exactly these roles; it must have signed in before.
pub(crate) async fn give(site: &Site, email: &str, roles: &[Role]) {
    for role in Role::ALL {
        let holds = i64::from(roles.contains(&role));
        set(site, email, &format!("{} = {holds}", role_text(role))).await;
    }
}

/// Changes columns of an account.
pub(crate) async fn set(site: &Site, email: &str, change: &str) {
    rows::execute(site, &format!("UPDATE accounts SET {change} WHERE email_key = '{email}'")).await;
}

/// A browser whose person holds these roles, in the department "Radiology".
pub(crate) async fn sign_in_as(site: &Site, email: &str, roles: &[Role]) -> Client {
    let client = sign_in(site, email).await;
    give(site, email, roles).await;
    set(site, email, "department = 'Radiology', name = 'Dr. Ada Berg'").await;
    client
}

/// Makes an administrator who is there for good.
pub(crate) async fn administrator(site: &Site, email: &str) -> Client {
    sign_in_as(site, email, &[Role::Administrator]).await
}

/// The id that calls name an account by.
pub(crate) async fn id_of(site: &Site, email: &str) -> String {
    rows::one(site, &format!("SELECT account_id FROM accounts WHERE email_key = '{email}'")).await
}
