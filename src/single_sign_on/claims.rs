//! What the provider says of somebody, read with care: every claim may be missing or of another type.

use super::SKEW;
use crate::config::SingleSignOnSettings;
use crate::people::EmailAddress;
use protocol::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// Longest name of a person at a provider (OpenID Connect Core 1.0 §2), in characters.
const LONGEST_SUBJECT: usize = 255;

/// Who signs in, as the provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its name for the person, which never means another one.
    pub subject: String,
    /// An address that it vouches for.
    pub email: Option<EmailAddress>,
    /// The groups that they are in.
    pub groups: Vec<String>,
    /// When it asked for a second step that counts as ours, if it did. If it does not say when, as long ago as can be: its own
    /// session, and not the person, may have answered.
    pub second_step_at: Option<Timestamp>,
}

/// The claims of a verified ID token, and of the userinfo answer about the same person.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) token: Map<String, Value>,
    pub(super) userinfo: Map<String, Value>,
}

/// Any claims as a map by name.
pub(super) fn to_map(claims: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

impl Claims {
    /// Whether something that may matter is not in the ID token: many providers say it only when asked once more.
    pub(super) fn want_userinfo(&self, settings: &SingleSignOnSettings) -> bool {
        let wants_groups = !settings.roles.is_empty() && !self.token.contains_key(&settings.groups_claim);
        wants_groups || vouched_address(&self.token, settings).is_none()
    }

    /// What counts of them here and now; a sentence for the log if they cannot be used.
    pub(super) fn read(&self, settings: &SingleSignOnSettings, now: Timestamp) -> Result<Told, &'static str> {
        let subject = self.token.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT {
            return Err("a name of no use (sub)");
        }
        let sources = [&self.token, &self.userinfo];
        let groups = sources.iter().find_map(|claims| claims.get(&settings.groups_claim));
        // "Somewhere else are too many to list" (Core §5.6.2) is not "none": taking roles away for it would be wrong.
        let elsewhere = |claims: &&Map<String, Value>| {
            claims.get("_claim_names").is_some_and(|names| names.get(&settings.groups_claim).is_some())
        };
        if groups.is_none() && !settings.roles.is_empty() && sources.iter().any(elsewhere) {
            return Err(
                "too many groups to be listed: have the provider list only those that are assigned to this server",
            );
        }
        Ok(Told {
            subject: subject.to_owned(),
            // Address and voucher from the same place: who mixes them vouches for what nobody said.
            email: sources.into_iter().find_map(|claims| vouched_address(claims, settings)),
            groups: groups.map(texts).unwrap_or_default(),
            second_step_at: self.has_second_step(settings).then(|| self.authenticated_at(now)),
        })
    }

    fn has_second_step(&self, settings: &SingleSignOnSettings) -> bool {
        let told = ["amr", "acr"].iter().filter_map(|name| self.token.get(*name)).flat_map(texts);
        told.into_iter().any(|value| settings.second_step.contains(&value))
    }

    /// When the person was last asked who they are (`auth_time`, Core §2). A time a little in the future is now, for two clocks
    /// differ; one further away, or none, is 1970.
    fn authenticated_at(&self, now: Timestamp) -> Timestamp {
        let seconds = self.token.get("auth_time").and_then(Value::as_i64).unwrap_or_default();
        if seconds > now.as_unix() + SKEW {
            Timestamp::from_unix(0)
        } else {
            Timestamp::from_unix(seconds.min(now.as_unix()))
        }
    }
}

fn vouched_address(claims: &Map<String, Value>, settings: &SingleSignOnSettings) -> Option<EmailAddress> {
    // Some providers write the truth as text or as a number.
    let is_vouched = match claims.get(&settings.verified_claim)? {
        Value::Bool(vouched) => *vouched,
        Value::String(text) => text == "true" || text == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    };
    let email = claims.get("email")?.as_str().filter(|_| is_vouched)?;
    EmailAddress::parse(email, "email").ok()
}

/// One text, or a list of them; whatever else stands there is nothing.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use serde_json::json;

    fn settings(more: &str) -> SingleSignOnSettings {
        let text = format!(
            "[single_sign_on]\nissuer = \"https://login.clinic.example\"\nclient_id = \"films\"\nclient_secret = \"x\"\n{more}"
        );
        Config::parse(&text, std::iter::empty()).unwrap().single_sign_on.unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_unix(1000)
    }

    fn claims(token: &Value, userinfo: &Value) -> Claims {
        Claims { token: to_map(token), userinfo: to_map(userinfo) }
    }

    fn address(token: &Value, userinfo: &Value) -> Option<String> {
        claims(token, userinfo).read(&settings(""), now()).unwrap().email.map(|email| email.to_string())
    }

    #[test]
    fn an_address_counts_only_where_the_same_answer_vouches_for_it() {
        let good = json!({ "sub": "1", "email": "ana@clinic.example", "email_verified": true });
        assert_eq!(address(&good, &json!({})).as_deref(), Some("ana@clinic.example"));
        assert_eq!(address(&json!({ "sub": "1" }), &good).as_deref(), Some("ana@clinic.example"));
        for (token, userinfo) in [
            (json!({ "sub": "1", "email": "ana@clinic.example" }), json!({})),
            (json!({ "sub": "1", "email": "ana@clinic.example", "email_verified": false }), json!({})),
            (json!({ "sub": "1", "email": "ana@clinic.example", "email_verified": "false" }), json!({})),
            (json!({ "sub": "1", "email": "ana@clinic.example", "email_verified": null }), json!({})),
            (json!({ "sub": "1", "email": "ana@clinic.example" }), json!({ "email_verified": true })),
            (json!({ "sub": "1", "email": "ana", "email_verified": true }), json!({})),
            (json!({ "sub": "1", "email": ["ana@clinic.example"], "email_verified": true }), json!({})),
        ] {
            assert_eq!(address(&token, &userinfo), None, "{token}");
        }
    }

    #[test]
    fn groups_are_texts_and_too_many_of_them_are_not_none() {
        let with_roles = settings("[single_sign_on.roles]\nsender = [\"a\"]\n");
        let groups = |token: Value| claims(&token, &json!({})).read(&with_roles, now()).map(|told| told.groups);
        assert_eq!(groups(json!({ "sub": "1", "groups": ["a", 1, "b"] })).unwrap(), ["a", "b"]);
        assert_eq!(groups(json!({ "sub": "1", "groups": "a" })).unwrap(), ["a"]);
        assert!(groups(json!({ "sub": "1", "groups": { "a": true } })).unwrap().is_empty());
        assert!(groups(json!({ "sub": "1" })).unwrap().is_empty());
        assert!(groups(json!({ "sub": "1", "_claim_names": { "groups": "src1" } })).is_err());
    }

    #[test]
    fn a_second_step_counts_only_if_the_operator_named_it() {
        let token = json!({ "sub": "1", "amr": ["pwd", "mfa"], "acr": "2" });
        for (listed, counts) in [("[]", false), ("[\"mfa\"]", true), ("[\"2\"]", true), ("[\"MFA\", \"hwk\"]", false)] {
            let settings = settings(&format!("second_step = {listed}\n"));
            let told = claims(&token, &json!({})).read(&settings, now()).unwrap();
            assert_eq!(told.second_step_at.is_some(), counts, "{listed}");
        }
        // What the userinfo answer says of it was said outside of this sign-in.
        let elsewhere = claims(&json!({ "sub": "1" }), &json!({ "amr": ["mfa"] }));
        assert_eq!(elsewhere.read(&settings("second_step = [\"mfa\"]\n"), now()).unwrap().second_step_at, None);
    }

    #[test]
    fn a_second_step_is_as_old_as_the_provider_says_and_very_old_if_it_does_not() {
        for (auth_time, at) in [
            (json!(900), 900),
            (json!(1000 + SKEW), 1000),
            (json!(1001 + SKEW), 0),
            (json!(null), 0),
            (json!("900"), 0),
        ] {
            let token = json!({ "sub": "1", "amr": "mfa", "auth_time": auth_time });
            let told = claims(&token, &json!({ "auth_time": 999 })).read(&settings("second_step = [\"mfa\"]\n"), now());
            assert_eq!(told.unwrap().second_step_at, Some(Timestamp::from_unix(at)), "{auth_time}");
        }
    }

    #[test]
    fn nobody_without_a_name_signs_in() {
        for token in [json!({}), json!({ "sub": "" }), json!({ "sub": "x".repeat(256) })] {
            assert!(claims(&token, &json!({})).read(&settings(""), now()).is_err());
        }
    }
}
