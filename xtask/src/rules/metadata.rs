//! What cargo itself says about the workspace: who depends on whom, and which integration tests there are.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::step::{cargo, run_quietly};

/// Which members of the workspace each member may build upon. Dev-dependencies are free.
const MAY_USE: [(&str, &[&str]); 5] = [
    ("protocol", &[]),
    ("envelope", &[]),
    ("wasm-client", &["envelope", "protocol"]),
    ("filmjacket", &["protocol"]),
    ("xtask", &[]),
];

/// No normal or build dependency of the first, however far down, is the second.
const NEVER_REACHES: (&str, &str) = ("filmjacket", "envelope");

/// The parts of `cargo metadata` that the rules need.
pub(crate) struct Metadata {
    members: BTreeSet<String>,
    /// Package name → names of its normal and build dependencies.
    uses: BTreeMap<String, BTreeSet<String>>,
    integration_tests: Vec<String>,
}

/// Asks cargo, with every feature on.
pub(crate) fn read() -> Result<Metadata> {
    let mut ask = cargo();
    ask.args(["metadata", "--format-version", "1", "--all-features", "--locked"]);
    let output = run_quietly(&mut ask, "Mend Cargo.toml or Cargo.lock first.")?;
    Metadata::parse(&serde_json::from_slice(&output.stdout)?).context("cargo metadata has an unknown shape")
}

impl Metadata {
    fn parse(json: &Value) -> Option<Self> {
        let mut names = BTreeMap::new();
        let mut integration_tests = Vec::new();
        let member_ids: BTreeSet<&str> =
            json["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
        for package in json["packages"].as_array()? {
            let id = package["id"].as_str()?;
            names.insert(id, package["name"].as_str()?.to_owned());
            if member_ids.contains(id) {
                let tests = package["targets"].as_array()?.iter().filter(|target| target["kind"][0] == "test");
                integration_tests.extend(tests.filter_map(|test| test["name"].as_str().map(str::to_owned)));
            }
        }
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in json["resolve"]["nodes"].as_array()? {
            let entry = uses.entry(names.get(node["id"].as_str()?)?.clone()).or_default();
            for dependency in node["deps"].as_array()? {
                if dependency["dep_kinds"].as_array()?.iter().any(|kind| kind["kind"] != "dev") {
                    entry.insert(names.get(dependency["pkg"].as_str()?)?.clone());
                }
            }
        }
        let members = member_ids.iter().filter_map(|id| names.get(id).cloned()).collect();
        Some(Self { members, uses, integration_tests })
    }

    /// The names of the workspace's integration tests.
    pub(crate) fn integration_tests(self) -> impl Iterator<Item = String> {
        self.integration_tests.into_iter()
    }

    /// One line for each broken rule.
    pub(super) fn broken_rules(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for member in &self.members {
            let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| name == member) else {
                broken.push(format!("{member}: a new member needs a line in xtask/src/rules/metadata.rs"));
                continue;
            };
            let used = self.uses.get(member).into_iter().flatten().filter(|used| self.members.contains(*used));
            let forbidden = used.filter(|used| !allowed.contains(&used.as_str()));
            broken.extend(forbidden.map(|used| format!("{member} must not depend on {used}")));
        }
        let (server, secret) = NEVER_REACHES;
        if self.reach_of(server).contains(secret) {
            broken.push(format!("{server} reaches {secret} through its dependencies"));
        }
        broken
    }

    fn reach_of(&self, package: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![package];
        while let Some(next) = waiting.pop() {
            for used in self.uses.get(next).into_iter().flatten() {
                if reached.insert(used.as_str()) {
                    waiting.push(used);
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(uses: &[(&str, &[&str])]) -> Metadata {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        Metadata {
            members: names(&["protocol", "envelope", "wasm-client", "filmjacket", "xtask"]),
            uses: uses.iter().map(|(name, used)| ((*name).to_owned(), names(used))).collect(),
            integration_tests: Vec::new(),
        }
    }

    #[test]
    fn allowed_dependencies_break_nothing() {
        let kept =
            metadata(&[("wasm-client", &["envelope", "protocol", "serde"]), ("filmjacket", &["protocol", "sqlx"])]);
        assert_eq!(kept.broken_rules(), [""; 0]);
    }

    #[test]
    fn a_server_that_depends_on_envelope_is_caught() {
        let direct = metadata(&[("filmjacket", &["envelope"])]);
        assert_eq!(direct.broken_rules().len(), 2);
        let through_another = metadata(&[("filmjacket", &["middle"]), ("middle", &["envelope"])]);
        assert_eq!(through_another.broken_rules(), ["filmjacket reaches envelope through its dependencies"]);
    }

    #[test]
    fn an_envelope_that_depends_on_a_member_is_caught() {
        let broken = metadata(&[("envelope", &["protocol"])]).broken_rules();
        assert_eq!(broken, ["envelope must not depend on protocol"]);
    }

    #[test]
    fn dev_dependencies_are_free_and_others_are_not() {
        let json = |kind: &str| {
            serde_json::json!({
                "workspace_members": ["f"],
                "packages": [{"id": "f", "name": "filmjacket", "targets": [{"kind": ["test"], "name": "api"}]},
                             {"id": "e", "name": "envelope", "targets": []}],
                "resolve": {"nodes": [{"id": "f", "deps": [{"pkg": "e", "dep_kinds": [{"kind": kind}]}]},
                                      {"id": "e", "deps": []}]},
            })
        };
        let broken = |kind| Metadata::parse(&json(kind)).unwrap().broken_rules().len();
        assert_eq!(broken("dev"), 0);
        assert_eq!(broken("build"), 1);
        assert_eq!(Metadata::parse(&json("dev")).unwrap().integration_tests().collect::<Vec<_>>(), ["api"]);
    }
}
