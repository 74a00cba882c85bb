//! (b) What sealing and opening a file costs natively, beside `age` and `rage`: wall time and processor time.
//!
//! All read the same file from the page cache and write nowhere, so that neither disk counts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::Bench;
use super::row::{Row, Target};
use crate::packages::{apt, cargo_install};
use crate::step::{answer_of, cargo, command, run as run_command, run_quietly};
use crate::workspace;

/// One program and how it is asked to seal and to open.
struct Program {
    name: &'static str,
    path: PathBuf,
    seal: &'static [&'static str],
    open: &'static [&'static str],
}

/// Seconds of the best of several runs; the best, because whatever else the machine does can only add.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    /// User and system together, of all threads.
    processor: f64,
}

/// Seals and opens in turns, several rounds.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let programs = programs()?;
    let folder = workspace::path("target/bench/native");
    fs::create_dir_all(&folder)?;
    let len: u64 = if bench.quick { 64 << 20 } else { 1 << 30 };
    let (identity, plain) = (folder.join("identity.txt"), folder.join("plain.bin"));
    let _ = fs::remove_file(&identity);
    run_quietly(command("age-keygen").arg("-o").arg(&identity), "It comes with Debian's package age.")?;
    std::io::copy(&mut std::io::Read::take(File::open("/dev/urandom")?, len), &mut File::create(&plain)?)?;
    let mut costs: BTreeMap<(&str, &str), Cost> = BTreeMap::new();
    for _ in 0..if bench.quick { 1 } else { 5 } {
        for program in &programs {
            let sealed = folder.join(format!("{}.age", program.name));
            note(&mut costs, ("seal", program.name), measure(program, program.seal, &identity, &plain, None)?);
            if !sealed.exists() {
                measure(program, program.seal, &identity, &plain, Some(&sealed))?;
            }
            note(&mut costs, ("open", program.name), measure(program, program.open, &identity, &sealed, None)?);
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(rows(&programs, &costs, len))
}

fn programs() -> Result<Vec<Program>> {
    apt::ensure_commands(&[("age", "age"), ("bash", "bash")])?;
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "envelope", "--example", "age_file"]);
    run_command(&mut build, "The first error above is the one to mend.")?;
    let own = workspace::path("target/release/examples/age_file");
    let (seal, open): (&[_], &[_]) = (&["-e", "-i"], &["-d", "-i"]);
    Ok(vec![
        Program { name: "Filmjacket", path: own, seal: &["seal"], open: &["open"] },
        Program { name: "rage", path: cargo_install::ensure_rage()?, seal, open },
        Program { name: "age", path: "age".into(), seal, open },
    ])
}

/// Runs a program once under bash, which tells the times of what it started.
fn measure(program: &Program, verb: &[&str], identity: &Path, file: &Path, out: Option<&Path>) -> Result<Cost> {
    let mut bash = Command::new("bash");
    bash.args(["-c", "TIMEFORMAT='%R %U %S'; time \"$@\"", "bash"]);
    bash.arg(&program.path).args(verb).arg(identity).arg(file).env("LC_ALL", "C");
    bash.stdout(out.map_or(Ok(Stdio::null()), |path| File::create(path).map(Stdio::from))?);
    let output = bash.stderr(Stdio::piped()).output().context("bash could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let times: Vec<f64> =
        said.lines().last().unwrap_or_default().split(' ').filter_map(|time| time.parse().ok()).collect();
    match times.as_slice() {
        [wall, user, system] if output.status.success() => Ok(Cost { wall: *wall, processor: user + system }),
        _ => bail!("{} failed: {said}", program.name),
    }
}

fn note<'a>(costs: &mut BTreeMap<(&'a str, &'a str), Cost>, what: (&'a str, &'a str), cost: Cost) {
    let best = costs.entry(what).or_insert(Cost { wall: f64::MAX, processor: f64::MAX });
    best.wall = best.wall.min(cost.wall);
    best.processor = best.processor.min(cost.processor);
}

fn rows(programs: &[Program], costs: &BTreeMap<(&str, &str), Cost>, len: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for verb in ["seal", "open"] {
        for program in programs {
            let cost = &costs[&(verb, program.name)];
            let row = |what: &str, value: f64, unit: &str| Row {
                part: "b".to_owned(),
                name: format!("{verb} natively, {what}"),
                engine: version(program),
                value,
                unit: unit.to_owned(),
                ratio: None,
                beside: None,
                target: None,
            };
            rows.push(row("speed", len as f64 / 1e6 / cost.wall, "MB/s"));
            let mut processor = row("processor time a GiB", cost.processor * (1_u64 << 30) as f64 / len as f64, "s");
            if program.name == "Filmjacket" {
                processor.ratio = Some(cost.processor / costs[&(verb, "rage")].processor);
                processor.beside = Some("rage".to_owned());
                processor.target = (verb == "seal").then_some(Target::AtMost(1.0));
            }
            rows.push(processor);
        }
    }
    rows
}

fn version(program: &Program) -> String {
    if program.name == "Filmjacket" {
        return program.name.to_owned();
    }
    let said = answer_of(Command::new(&program.path).arg("--version")).unwrap_or_default();
    format!("{} {}", program.name, said.trim_start_matches(program.name).trim())
}
