//! What the figures were measured on: a figure without its machine means nothing.

use std::fs;

use crate::step::{answer_of, command};

/// Facts in the order in which they are told; what is not there is left out.
pub(crate) fn facts() -> Vec<(String, String)> {
    let cores = std::thread::available_parallelism().map(|cores| cores.to_string()).ok();
    let facts = [
        ("cores", cores),
        ("processor", first_value("/proc/cpuinfo", "model name")),
        ("memory", first_value("/proc/meminfo", "MemTotal")),
        ("system", ask("uname", &["-sr"])),
        ("rustc", ask("rustc", &["--version"])),
        ("commit", ask("git", &["describe", "--always", "--dirty"])),
        ("measured", ask("date", &["-u", "+%F"])),
        ("chromium", ask("chromium", &["--version"])),
        ("firefox", ask("firefox-esr", &["--version"])),
        ("webkit", ask("WebKitWebDriver", &["--version"])),
        ("node", ask("node", &["--version"])),
        ("age", ask("age", &["--version"])),
        ("rage", ask("rage", &["--version"])),
    ];
    facts.into_iter().filter_map(|(what, is)| Some((what.to_owned(), is?))).collect()
}

/// The first line of what a program says about itself.
fn ask(program: &str, args: &[&str]) -> Option<String> {
    let answer = answer_of(command(program).args(args))?;
    answer.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// The value of the first `key : value` line of one of Linux' own files.
fn first_value(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let (_, value) = text.lines().find(|line| line.starts_with(key))?.split_once(':')?;
    Some(value.trim().to_owned())
}
