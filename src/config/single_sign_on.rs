//! The institution's own sign-in: which provider, and what is made of what it says.

use super::{ConfigError, Secret};
use crate::people::GroupRoles;
use protocol::sign_in::Role;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Longest label of the button, in characters: it has to fit on a telephone.
const MAX_LABEL: usize = 60;

/// An OpenID provider, and what is made of what it says.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SingleSignOnSettings {
    /// Its address, exactly as it names itself (OpenID Connect Discovery 1.0 §4.3).
    pub issuer: String,
    /// As which this server is registered there.
    pub client_id: String,
    /// By which this server proves that it is that client.
    pub client_secret: Secret,
    /// File with another authority's certificate to trust, as PEM.
    pub ca: Option<PathBuf>,
    /// What stands on the button.
    #[serde(default = "label")]
    pub label: String,
    /// What is asked for beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that names somebody's groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// The claim by which the provider vouches for an address.
    #[serde(default = "verified_claim")]
    pub verified_claim: String,
    /// Whether codes are mailed to those who have never signed in by the provider.
    #[serde(default = "mailed_codes")]
    pub mailed_codes: bool,
    /// Values of `amr` or `acr` (OpenID Connect Core 1.0 §2) that count as our own second step; none of them unless given.
    #[serde(default)]
    pub second_step: Vec<String>,
    /// The groups that give each role.
    #[serde(default)]
    pub roles: BTreeMap<Role, BTreeSet<String>>,
}

fn label() -> String {
    "Sign in with your clinic account".to_owned()
}

fn scopes() -> Vec<String> {
    vec!["email".to_owned()]
}

fn groups_claim() -> String {
    "groups".to_owned()
}

fn verified_claim() -> String {
    "email_verified".to_owned()
}

const fn mailed_codes() -> bool {
    true
}

impl SingleSignOnSettings {
    /// Holds the values against what can work.
    pub(super) fn check(self) -> Result<Self, ConfigError> {
        let issuer = url::Url::parse(&self.issuer).ok().filter(|url| {
            let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
            // Discovery 1.0 §3: no query and no fragment.
            is_web && url.username().is_empty() && url.query().is_none() && url.fragment().is_none()
        });
        if issuer.is_none() {
            let why = format!("{:?} is no address of a provider, such as https://login.clinic.example", self.issuer);
            return Err(ConfigError::Value("single_sign_on.issuer", why));
        }
        let labels = self.label.chars().count();
        if labels == 0 || labels > MAX_LABEL || self.label.chars().any(char::is_control) {
            let why = format!("must be one line of 1 to {MAX_LABEL} characters");
            return Err(ConfigError::Value("single_sign_on.label", why));
        }
        for (name, value) in [
            ("single_sign_on.client_id", self.client_id.as_str()),
            ("single_sign_on.client_secret", self.client_secret.expose()),
            ("single_sign_on.groups_claim", &self.groups_claim),
            ("single_sign_on.verified_claim", &self.verified_claim),
        ] {
            if value.trim().is_empty() {
                return Err(ConfigError::Value(name, "must not be empty".to_owned()));
            }
        }
        if self.roles.values().any(|groups| groups.is_empty() || groups.contains("")) {
            let why = "name at least one group for each role, or leave the role out";
            return Err(ConfigError::Value("single_sign_on.roles", why.to_owned()));
        }
        Ok(self)
    }

    /// Which groups give which role.
    pub fn group_roles(&self) -> GroupRoles {
        GroupRoles::new(self.roles.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const USUAL: &str = "[single_sign_on]\nclient_id = \"films\"\nclient_secret = \"canary\"\n";

    fn parse(more: &str) -> Result<SingleSignOnSettings, ConfigError> {
        let config = Config::parse(&format!("{USUAL}{more}"), std::iter::empty())?;
        Ok(config.single_sign_on.expect("the section is there"))
    }

    #[test]
    fn little_has_to_be_said_and_the_rest_is_careful() {
        let settings = parse("issuer = \"https://login.clinic.example\"\n").unwrap();
        assert_eq!((&*settings.groups_claim, &*settings.verified_claim), ("groups", "email_verified"));
        assert!(settings.mailed_codes && settings.second_step.is_empty() && settings.group_roles().is_empty());
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn what_cannot_work_is_told_by_its_key() {
        for issuer in ["", "login.clinic.example", "ftp://x.example", "https://x.example/?a=b", "https://u@x.example"] {
            let told = parse(&format!("issuer = {issuer:?}\n")).unwrap_err().to_string();
            assert!(told.contains("single_sign_on.issuer"), "{told}");
        }
        for (more, key) in [
            ("label = \"\"\n", "single_sign_on.label"),
            ("groups_claim = \" \"\n", "single_sign_on.groups_claim"),
            ("[single_sign_on.roles]\nsender = []\n", "single_sign_on.roles"),
        ] {
            let told = parse(&format!("issuer = \"https://x.example\"\n{more}")).unwrap_err().to_string();
            assert!(told.contains(key), "{told}");
        }
    }
}
