//! `cargo xtask bench`: how fast, how large, how much, in one run, beside what others do on the same machine.
//!
//! A [`Part`] answers one question. It builds and starts whatever it measures (this module knows programs, never the
//! product's crates) and answers with [`Row`]s; everything else is the same for all: the table on the terminal, one
//! JSON file a part and a plot in docs/bench, and the table in docs/PERFORMANCE.md. To add a part, write its module and
//! its line in [`PARTS`]; a program that measures prints its rows on standard output (see [`row::MARK`]).

mod api;
mod ciphers;
mod machine;
mod native;
mod plot;
mod report;
mod row;
mod transfers;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::step::{Steps, cargo, run as run_command};
use crate::wasm::{self, Choice};
use row::Row;

/// What [`run`] was asked for.
pub(crate) struct Bench {
    /// Small sizes, to see that everything runs; its figures mean nothing and are not kept.
    pub(crate) quick: bool,
    /// What of the whole transfers to measure, as `--sizes` names it; empty for all of it.
    pub(crate) sizes: String,
    pub(crate) wasm_toolchain: Choice,
}

/// One question with its answer's rows.
struct Part {
    /// As on the command line; each row names its letter, for one run may answer two questions.
    letters: &'static str,
    title: &'static str,
    run: fn(&Bench) -> Result<Vec<Row>>,
}

/// Every part there is, in the order in which they run.
const PARTS: &[Part] = &[
    Part { letters: "ae", title: "ciphers and Argon2id in browsers", run: ciphers::run },
    Part { letters: "b", title: "native sealing and opening, beside age and rage", run: native::run },
    Part { letters: "cd", title: "whole transfers in browsers, and their memory", run: transfers::run },
    Part { letters: "f", title: "API calls with 100,000 transfers", run: api::run },
    Part {
        letters: "g",
        title: "API calls with 1,000,000 transfers in PostgreSQL, and a purge",
        run: api::run_on_postgres,
    },
    Part { letters: "h", title: "1 GiB through an S3 bucket", run: transfers::run_through_bucket },
    Part { letters: "i", title: "what the time of an answer tells", run: api::run_timing },
    Part { letters: "j", title: "an audit of 1,000,000 rows: verifying it, and its pages", run: api::run_audit },
    Part { letters: "k", title: "how long pages keep a person waiting", run: transfers::run_pages },
];

/// What `--quick` is to the programs that measure.
const QUICK: &str = "BENCH_QUICK";

/// `cargo xtask bench [--quick] [--sizes=…] [letter …]`
pub(crate) fn run(wasm_toolchain: Choice, args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{}", help());
        return Ok(());
    }
    let (options, letters): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.starts_with('-'));
    let mut bench = Bench { quick: false, sizes: String::new(), wasm_toolchain };
    for option in options {
        match option.split_once('=') {
            None if option == "--quick" => bench.quick = true,
            Some(("--sizes", sizes)) => bench.sizes = sizes.to_owned(),
            _ => bail!("bench has no option {option}.\n\n{}", help()),
        }
    }
    let chosen = choose(&letters)?;
    let machine = machine::facts();
    for (what, is) in &machine {
        println!("{what:>10}  {is}");
    }
    let mut steps = Steps::new(chosen.len() + 1);
    let mut rows = Vec::new();
    for part in chosen {
        let what = format!("measuring ({}): {}", part.letters, part.title);
        rows.extend(steps.step(&what, || (part.run)(&bench))?);
    }
    println!("\n{}", report::table(&rows));
    steps.step("writing the figures down", || report::write(&bench, &machine, &rows))?;
    steps.print_times();
    let missed: Vec<_> = rows.iter().filter(|row| row.is_met() == Some(false)).map(|row| row.name.as_str()).collect();
    if !missed.is_empty() {
        println!(
            "\nTargets missed{}: {}",
            if bench.quick { " (sizes too small to mean anything)" } else { "" },
            missed.join("; ")
        );
    }
    Ok(())
}

fn help() -> String {
    let mut text = "cargo xtask bench [--quick] [--sizes=…] [part …]\n\nParts (without one: all)\n".to_owned();
    for part in PARTS {
        text.push_str(&format!("  {:<4} {}\n", part.letters, part.title));
    }
    text + "\nOptions\n  --quick   small sizes, to see that everything runs; the figures go to target/bench only\n  \
        --sizes=64M,1G,10G\n            some of the transfers of part c only; the figures go to target/bench only\n\n\
        Figures go to docs/bench and docs/PERFORMANCE.md, which also says how to read them. Close everything else first.\n"
}

fn choose(letters: &[&String]) -> Result<Vec<&'static Part>> {
    for letter in letters {
        if !PARTS.iter().any(|part| part.letters.contains(letter.as_str())) {
            bail!("bench has no part {letter:?}.\n\n{}", help());
        }
    }
    let wanted =
        |part: &&Part| letters.is_empty() || letters.iter().any(|letter| part.letters.contains(letter.as_str()));
    Ok(PARTS.iter().filter(wanted).collect())
}

impl Bench {
    /// Whether the figures are not all that there are, or mean nothing: such are not kept.
    pub(crate) fn is_partial(&self) -> bool {
        self.quick || !self.sizes.is_empty()
    }

    /// Builds the server as `cargo xtask run` does.
    pub(crate) fn build_server(&self) -> Result<()> {
        wasm::build(self.wasm_toolchain, &[wasm::PRODUCT])?;
        let mut build = cargo();
        build.args(["build", "--release", "--locked", "--package", "filmjacket", "--bin", "filmjacket"]);
        run_command(&mut build, "The first error above is the one to mend.")
    }

    /// Runs a program that measures, shows what it prints, and keeps the rows among it.
    pub(crate) fn rows_from(&self, program: &mut Command) -> Result<Vec<Row>> {
        if self.quick {
            program.env(QUICK, "1");
        }
        let mut child = program.stdout(Stdio::piped()).spawn().context("the program that measures does not start")?;
        let output = child.stdout.take().context("the program's output is not a pipe")?;
        let mut rows = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            match Row::find_in(&line)? {
                Some(row) => rows.push(row),
                None => println!("    {line}"),
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("the program that measures failed ({status}); its last lines say why");
        }
        if rows.is_empty() {
            bail!("the program that measures printed no row");
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_chosen_by_letter_and_all_run_unless_one_is_named() {
        assert_eq!(choose(&[]).unwrap().len(), PARTS.len());
        for part in PARTS {
            for letter in part.letters.chars() {
                assert_eq!(choose(&[&letter.to_string()]).unwrap()[0].title, part.title);
            }
        }
        assert!(choose(&[&"z".to_owned()]).is_err());
    }

    #[test]
    fn no_two_parts_share_a_letter() {
        let letters: String = PARTS.iter().map(|part| part.letters).collect();
        assert!(letters.chars().all(|letter| letters.matches(letter).count() == 1), "{letters}");
    }
}
