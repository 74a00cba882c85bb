//! Debian packages: installed when root, otherwise the one line to run is told.

use std::path::Path;

use anyhow::{Result, bail};

use crate::step::{answer_of, command, run_quietly};

/// Makes sure that Debian `packages` are installed. `why` ends the sentence "installing …".
pub(crate) fn ensure(packages: &[&str], why: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if answer_of(command("id").arg("-u")).as_deref() != Some("0") {
        bail!("these packages are needed {why}. Run this, then try again:\n  sudo {install}");
    }
    println!("    {install}   ({why})");
    run_quietly(command("apt-get").args(["update", "-q"]), "Check this machine's network and apt sources.")?;
    let mut apt = command("apt-get");
    apt.args(["install", "-y", "-q", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run_quietly(&mut apt, "Read apt's own message above.")?;
    Ok(())
}

/// Brings apt's lists up to date, where that is allowed: a fresh container has none.
pub(crate) fn refresh_if_root() -> Result<()> {
    if answer_of(command("id").arg("-u")).as_deref() == Some("0") {
        run_quietly(command("apt-get").args(["update", "-q"]), "Check this machine's network and apt sources.")?;
    }
    Ok(())
}

/// Makes sure that commands are on PATH, each given with the Debian package that brings it.
pub(crate) fn ensure_commands(wanted: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = wanted.iter().filter(|(command, _)| !is_on_path(command)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !Path::new("/etc/debian_version").exists() {
        let names: Vec<&str> = missing.iter().map(|(command, _)| *command).collect();
        bail!("the tests need these commands on PATH: {}. Install them, then try again", names.join(", "));
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    ensure(&packages, "the tests run these")?;
    match missing.iter().find(|(command, _)| !is_on_path(command)) {
        Some((command, package)) => bail!("{package} is installed, yet there is no {command} on PATH"),
        None => Ok(()),
    }
}

fn is_installed(package: &str) -> bool {
    answer_of(command("dpkg-query").args(["-W", "-f", "${Status}", package])).as_deref() == Some("install ok installed")
}

fn is_on_path(name: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // Servers lie where an ordinary user's shell does not look; the tests name the folder.
    let mut folders = std::env::split_paths(&folders).chain(["/usr/sbin".into()]);
    folders.any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_command_is_seen() {
        assert!(is_on_path("sh"));
        assert!(!is_on_path("no-such-command-anywhere"));
    }
}
