//! Which room may depend on which (docs/ARCHITECTURE.md), checked on cargo's own graph and on the sources.
//!
//! Zero knowledge is a build rule: a server that cannot name `envelope` cannot open an envelope.

pub(crate) mod metadata;
mod rooms;
mod source;

use anyhow::{Result, bail};

use crate::step::Steps;
use crate::workspace;

/// `cargo xtask rules`
pub(crate) fn run() -> Result<()> {
    Steps::new(1).step("checking which room depends on which", check)
}

/// Fails with one line for each broken rule.
pub(crate) fn check() -> Result<()> {
    let mut broken = metadata::read()?.broken_rules();
    broken.extend(rooms::broken_rules(&workspace::path("src"))?);
    if broken.is_empty() {
        return Ok(());
    }
    bail!("dependency rules are broken:\n  {}\nMove the code to the room that may do this.", broken.join("\n  "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_workspace_keeps_the_dependency_rules() {
        super::check().unwrap();
    }
}
