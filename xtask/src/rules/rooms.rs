//! What the server's rooms must not name.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::source::paths_in;

/// The crates that carry bytes in and out, and the rooms that use them.
const TRANSPORTS: [&str; 5] = ["actix", "sqlx", "aws", "lettre", "tokio"];
const OUTER_ROOMS: [&str; 8] = [
    "crate::commands",
    "crate::app",
    "crate::http",
    "crate::jobs",
    "crate::store",
    "crate::blobs",
    "crate::mail",
    "crate::config",
];

struct Rule {
    /// Files and folders under `src/` the rule is about; empty means all.
    inside: &'static [&'static str],
    /// Files the rule does not bind.
    except: &'static [&'static str],
    /// Path beginnings that must not be named.
    never: &'static [&'static str],
    why: &'static str,
}

const RULES: [Rule; 9] = [
    Rule { inside: &["transfer", "people", "audit"], except: &[], never: &TRANSPORTS, why: "rules do no IO" },
    Rule {
        inside: &["transfer", "people", "audit"],
        except: &[],
        never: &OUTER_ROOMS,
        why: "rules know no outer room",
    },
    Rule {
        inside: &["store"],
        except: &[],
        never: &["crate::blobs", "crate::mail", "crate::http", "crate::app", "crate::jobs", "crate::commands"],
        why: "store is SQL only",
    },
    Rule {
        inside: &["blobs"],
        except: &[],
        never: &["crate::store", "crate::mail", "crate::http", "crate::app", "crate::jobs", "crate::commands"],
        why: "blobs is ciphertext bytes only",
    },
    Rule {
        inside: &["mail"],
        except: &[],
        never: &["crate::store", "crate::blobs", "crate::http", "crate::app", "crate::jobs", "crate::commands"],
        why: "mail only makes and hands over messages",
    },
    Rule {
        inside: &["single_sign_on"],
        except: &[],
        never: &[
            "crate::store",
            "crate::blobs",
            "crate::mail",
            "crate::http",
            "crate::app",
            "crate::jobs",
            "crate::commands",
        ],
        why: "single_sign_on only asks the provider",
    },
    Rule {
        inside: &["jobs.rs", "jobs"],
        except: &[],
        never: &["crate::http", "crate::commands"],
        why: "jobs stand beside http",
    },
    Rule {
        inside: &[],
        except: &["config.rs", "config"],
        never: &["std::env", "env::var", "env::vars", "env::var_os"],
        why: "only config reads the environment",
    },
    Rule {
        inside: &[],
        except: &["clock.rs"],
        never: &[
            "std::time::SystemTime::now",
            "SystemTime::now",
            "OffsetDateTime::now_utc",
            "time::OffsetDateTime::now_utc",
            "UtcDateTime::now",
            "time::UtcDateTime::now",
            "CURRENT_TIMESTAMP",
            "unixepoch",
        ],
        why: "time comes from the clock",
    },
];

/// One line for each forbidden path in the sources below `src`.
pub(super) fn broken_rules(src: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(src, &mut files)?;
    files.sort();
    let mut broken = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let relative = file.strip_prefix(src)?.to_string_lossy().replace('\\', "/");
        broken.extend(broken_in(&relative, &text));
    }
    Ok(broken)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The rules that one file, `relative` to `src/`, breaks.
fn broken_in(relative: &str, text: &str) -> Vec<String> {
    let names_it = |place: &str| relative == place || relative.starts_with(&format!("{place}/"));
    let rules = RULES.iter().filter(|rule| rule.inside.is_empty() || rule.inside.iter().any(|place| names_it(place)));
    let rules: Vec<&Rule> = rules.filter(|rule| !rule.except.iter().any(|place| names_it(place))).collect();
    let mut broken = Vec::new();
    for (line, path) in paths_in(text, &module_of(relative)) {
        for rule in &rules {
            if rule.never.iter().any(|start| begins(&path, start)) {
                broken.push(format!("src/{relative}:{line} names {path}: {}", rule.why));
            }
        }
    }
    broken
}

/// Whole segments, except that the first may be a family of crates (`actix` covers `actix_web`, `aws` `aws_sdk_s3`).
fn begins(path: &str, start: &str) -> bool {
    let after = path.strip_prefix(start);
    after.is_some_and(|after| {
        after.is_empty() || after.starts_with("::") || (!start.contains("::") && after.starts_with('_'))
    })
}

fn module_of(relative: &str) -> Vec<&str> {
    let stem = relative.trim_end_matches(".rs");
    let segments = stem.split('/').filter(|segment| !matches!(*segment, "mod" | "lib" | "main"));
    std::iter::once("crate").chain(segments).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaks(relative: &str, text: &str) -> bool {
        !broken_in(relative, text).is_empty()
    }

    #[test]
    fn rules_that_do_io_are_caught() {
        assert!(breaks("transfer/limits.rs", "use actix_web::HttpResponse;"));
        assert!(breaks("transfer/limits.rs", "fn f(pool: &sqlx::AnyPool) {}"));
        assert!(breaks("people/codes.rs", "use crate::{store::Store, clock::Clock};"));
        assert!(breaks("people/codes.rs", "use lettre::Message;"));
        assert!(!breaks("transfer/limits.rs", "use protocol::TransferId;\nuse super::states::State;"));
    }

    #[test]
    fn back_ends_that_know_one_another_are_caught() {
        assert!(breaks("store/outbox.rs", "use super::super::mail::Message;"));
        assert!(breaks("blobs/dir.rs", "use crate::store::Store;"));
        assert!(breaks("mail/smtp.rs", "let x = crate::http::error::Error;"));
        assert!(!breaks("blobs/dir.rs", "use super::key::ObjectKey;"));
        assert!(!breaks("http/mod.rs", "use crate::{blobs, mail, store};"));
    }

    #[test]
    fn only_config_reads_the_environment() {
        assert!(breaks("http/pages.rs", "let x = std::env::var(\"X\");"));
        assert!(breaks("jobs.rs", "use std::{env, fs};"));
        assert!(!breaks("config.rs", "let x = std::env::var(\"X\");"));
    }

    #[test]
    fn only_the_clock_reads_the_time() {
        assert!(breaks("http/open.rs", "let now = SystemTime::now();"));
        assert!(breaks("store/rows.rs", "query(\"DELETE FROM rows WHERE at < unixepoch()\")"));
        assert!(!breaks("clock.rs", "let now = std::time::SystemTime::now();"));
    }
}
