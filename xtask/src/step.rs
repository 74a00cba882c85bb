//! Numbered steps with their times, and child processes whose failure says what to do.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Prints `[2/3] building the server …` and, at the end, how long each step took.
pub(crate) struct Steps {
    total: usize,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: Vec::new() }
    }

    /// Runs one step; its error names the step.
    pub(crate) fn step<T>(&mut self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let number = self.done.len() + 1;
        println!("[{number}/{}] {what} …", self.total);
        let begun = Instant::now();
        let result = work().with_context(|| format!("step {number} of {} failed ({what})", self.total))?;
        let took = begun.elapsed();
        println!("[{number}/{}] {what}: {}", self.total, seconds(took));
        self.done.push((what.to_owned(), took));
        Ok(result)
    }

    /// One line a step, for the end of a long run.
    pub(crate) fn print_times(&self) {
        println!("\nTimes");
        for (what, took) in &self.done {
            println!("{:>10}  {what}", seconds(*took));
        }
        println!("{:>10}  in all", seconds(self.done.iter().map(|(_, took)| *took).sum()));
    }
}

fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    match tenths / 600 {
        0 => format!("{}.{} s", tenths / 10, tenths % 10),
        minutes => format!("{minutes} min {:02} s", tenths % 600 / 10),
    }
}

/// A command that starts in the workspace's root folder and never waits for someone to type.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this task, as if called from a shell.
///
/// `cargo run` tells this task of its own package in variables that some build scripts (ring's) watch too: handed on, they
/// would have all that stands on such a crate compiled again at every change between this task and a shell.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command on this terminal. `advice` is what a person can do when it fails.
pub(crate) fn run(command: &mut Command, advice: &str) -> Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("`{shown}` could not be started. {advice}"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status}). {advice}");
    }
    Ok(())
}

/// Runs a command silently; its output is shown only if it fails.
pub(crate) fn run_quietly(command: &mut Command, advice: &str) -> Result<Output> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("`{shown}` could not be started. {advice}"))?;
    if !output.status.success() {
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        bail!("{}\n`{shown}` failed ({}). {advice}", String::from_utf8_lossy(&said), output.status);
    }
    Ok(output)
}

/// What a command prints, without the line end; `None` if it is missing or fails.
pub(crate) fn answer_of(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Runs a command silently and answers whether it succeeded in time; it is ended if not.
pub(crate) fn succeeds_within(command: &mut Command, patience: Duration) -> bool {
    let Ok(mut child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else { return false };
    let begun = Instant::now();
    while begun.elapsed() < patience {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(50)),
            Err(_) => return false,
        }
    }
    // It is out of time: whether it dies now or ended a moment ago makes no difference.
    let _ = child.kill();
    let _ = child.wait();
    false
}

fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or_default().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
