//! What was read, where each value comes from, and how all of it is shown: secrets by their type only as "hidden".

use super::file::File;
use super::secret::HIDDEN;
use super::{Config, ConfigError};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What environment variables begin with.
const ENV_PREFIX: &str = "FILMJACKET_";

/// Every key with its default, and the text that explains them: a test holds it to the program.
const EXAMPLE: &str = include_str!("../../filmjacket.example.toml");

/// A configuration, with what an administrator wants to know about it. Its `Display` is TOML.
#[derive(Debug)]
pub struct Reading {
    /// The settings.
    pub config: Config,
    pub(super) file: Option<PathBuf>,
    /// Every value that is in force.
    effective: Table,
    origins: BTreeMap<String, Origin>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    File,
    Environment,
}

impl Reading {
    /// Reads the file, if one is named, and the environment.
    ///
    /// # Errors
    /// [`ConfigError`], a sentence for the administrator.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = file.map_or(Ok(String::new()), |path| {
            std::fs::read_to_string(path).map_err(|error| ConfigError::File(path.display().to_string(), error))
        })?;
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Self { file: file.map(Path::to_owned), ..Self::parse(&text, environment)? })
    }

    /// Reads the text of a file and the variables of an environment.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let syntax = |error: toml::de::Error| ConfigError::Syntax(error.message().to_owned());
        let mut table: Table = text.parse().map_err(|error| ConfigError::Syntax(place(text, &error)))?;
        let mut origins = BTreeMap::new();
        each_value(&table, "", &mut |path, _| {
            origins.insert(path.to_owned(), Origin::File);
        });
        for (name, value) in environment {
            if let Some(path) = name.strip_prefix(ENV_PREFIX) {
                let path = path.to_ascii_lowercase();
                insert(&mut table, &path, &value);
                origins.insert(path.replace("__", "."), Origin::Environment);
            }
        }
        // The error's own text may quote a secret's line; its message does not.
        let file: File = table.try_into().map_err(syntax)?;
        let mut effective: Table = EXAMPLE.parse().map_err(syntax)?;
        let given = Table::try_from(&file).map_err(|error| ConfigError::Syntax(error.to_string()))?;
        overlay(&mut effective, given);
        let config = Config::check(file)?;
        overlay(&mut effective, derived(&config));
        Ok(Self { config, file: None, effective, origins })
    }

    /// The secrets that stand in the file itself.
    pub(super) fn secrets_in_file(&self) -> Vec<String> {
        let mut found = Vec::new();
        each_value(&self.effective, "", &mut |path, value| {
            if value.as_str() == Some(HIDDEN) && self.origins.get(path) == Some(&Origin::File) {
                found.push(path.to_owned());
            }
        });
        found
    }

    fn write_table(&self, f: &mut fmt::Formatter<'_>, table: &Table, path: &str) -> fmt::Result {
        let (tables, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
        if !path.is_empty() && !values.is_empty() {
            writeln!(f, "\n[{path}]")?;
        }
        for (key, value) in values {
            let origin = match self.origins.get(&join(path, key)) {
                Some(Origin::File) => "the file",
                Some(Origin::Environment) => "the environment",
                None => "the default",
            };
            writeln!(f, "{key} = {value}  # {origin}")?;
        }
        for (key, value) in tables {
            if let Value::Table(inner) = value {
                self.write_table(f, inner, &join(path, key))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f, &self.effective, "")
    }
}

/// What does not read, by its line. The error's own text would quote the line, which may hold a secret.
fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

/// Defaults that follow from other settings, which no example can show.
fn derived(config: &Config) -> Table {
    let text = |value: &str| Value::String(value.to_owned());
    let mail = Table::from_iter([("from".to_owned(), text(&config.mail.from))]);
    Table::from_iter([
        ("public_url".to_owned(), text(config.public_url.origin())),
        ("mail".to_owned(), Value::Table(mail)),
    ])
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn each_value(table: &Table, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => each_value(inner, &join(path, key), visit),
            other => visit(&join(path, key), other),
        }
    }
}

/// Lays `above` over `below`, value by value.
fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(above)) => overlay(inner, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

/// Puts a variable's value where its name says: `mail__from` is the key `from` in the table `mail`.
fn insert(table: &mut Table, path: &str, value: &str) {
    match path.split_once("__") {
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
        None => {
            let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut one| one.remove("value"));
            table.insert(path.to_owned(), parsed.unwrap_or_else(|| Value::String(value.to_owned())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Reading {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Reading::parse(text, environment).unwrap()
    }

    #[test]
    fn every_setting_is_shown_with_where_it_comes_from_and_reads_again() {
        let reading = read(
            "listen = \"127.0.0.1:81\"\n[limits]\nmax_files = 3\n",
            &[("FILMJACKET_MAIL__FROM", "post@clinic.example")],
        );
        let shown = reading.to_string();
        for line in [
            "listen = \"127.0.0.1:81\"  # the file",
            "public_url = \"http://127.0.0.1:81\"  # the default",
            "max_files = 3  # the file",
            "max_openings = 100  # the default",
            "from = \"post@clinic.example\"  # the environment",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} is not in:\n{shown}");
        }
        let again = read(&shown, &[]);
        assert_eq!(format!("{:?}", again.config), format!("{:?}", reading.config));
    }

    #[test]
    fn no_secret_is_shown_wherever_it_comes_from() {
        let text =
            "server_key = \"canary-one\"\n[mail.smtp]\nhost = \"mail.clinic.example\"\npassword = \"canary-two\"\n";
        let reading = read(text, &[("FILMJACKET_SERVER_KEY", "canary-three")]);
        let shown = format!("{reading}{reading:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("server_key = \"hidden\"  # the environment"), "{shown}");
        assert_eq!(reading.secrets_in_file(), ["mail.smtp.password"]);
    }
}
