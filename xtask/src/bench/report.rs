//! Rows as people and programs read them: the table, the JSON files, the plot, the document.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::row::Row;
use super::{Bench, plot};
use crate::workspace;

const BEGIN: &str = "<!-- written by cargo xtask bench -->";
const END: &str = "<!-- until here -->";

/// The figures of one part, with what they were measured on: parts may be measured on different days.
#[derive(Serialize, Deserialize)]
struct Figures {
    machine: BTreeMap<String, String>,
    rows: Vec<Row>,
}

/// A Markdown table, its columns padded so that a terminal shows it as well.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["", "what", "in", "figure", "ratio", "target"].map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    // Markdown asks for three hyphens.
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!("| {cell:<width$} "));
        }
        text.push_str("|\n");
        if index == 0 {
            text.push_str(&widths.iter().map(|width| format!("| {} ", "-".repeat(*width))).collect::<String>());
            text.push_str("|\n");
        }
    }
    text
}

fn cells(row: &Row) -> [String; 6] {
    let beside = row.beside.as_ref().map(|beside| format!(" × {beside}")).unwrap_or_default();
    let target = row.target.clone().map(|target| {
        let kept = if row.is_met() == Some(true) { "kept" } else { "MISSED" };
        format!("{} {kept}", String::from(target).replace(">=", "≥").replace("<=", "≤"))
    });
    [
        row.part.clone(),
        row.name.clone(),
        row.engine.clone(),
        format!("{} {}", figure(row.value), row.unit),
        row.ratio.map(|ratio| format!("{ratio:.2}{beside}")).unwrap_or_default(),
        target.unwrap_or_default(),
    ]
}

/// Three significant digits; more would claim what no second run confirms.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Keeps the rows: one JSON file a part, then the plot and the document's table from all files there are.
pub(crate) fn write(bench: &Bench, machine: &[(String, String)], rows: &[Row]) -> Result<()> {
    let folder = workspace::path(if bench.is_partial() { "target/bench" } else { "docs/bench" });
    fs::create_dir_all(&folder)?;
    let machine: BTreeMap<String, String> = machine.iter().cloned().collect();
    for part in rows.iter().map(|row| row.part.as_str()).collect::<BTreeSet<_>>() {
        let rows = rows.iter().filter(|row| row.part == part).cloned().collect();
        let json = serde_json::to_string_pretty(&Figures { machine: machine.clone(), rows })?;
        fs::write(folder.join(format!("{part}.json")), json + "\n")?;
    }
    let kept = read_all(&folder)?;
    let all: Vec<Row> = kept.values().flat_map(|figures| figures.rows.iter().cloned()).collect();
    fs::write(folder.join("plot.svg"), plot::draw(&all))?;
    println!("    {}", folder.display());
    if bench.is_partial() {
        return Ok(());
    }
    let document = workspace::path("docs/PERFORMANCE.md");
    let text = fs::read_to_string(&document)?;
    let (before, after) = around_table(&text).context("docs/PERFORMANCE.md has lost the marks around its table")?;
    Ok(fs::write(&document, format!("{before}{BEGIN}\n\n{}\n{}\n{END}{after}", table(&all), provenance(&kept)))?)
}

fn read_all(folder: &Path) -> Result<BTreeMap<String, Figures>> {
    let mut kept = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let part = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let figures = serde_json::from_slice(&fs::read(&path)?).with_context(|| path.display().to_string())?;
            kept.insert(part, figures);
        }
    }
    Ok(kept)
}

fn around_table(text: &str) -> Option<(&str, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    Some((before, rest.split_once(END)?.1))
}

/// Which part was measured when and on what.
fn provenance(kept: &BTreeMap<String, Figures>) -> String {
    let mut by_machine: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (part, figures) in kept {
        let facts: Vec<String> = figures.machine.iter().map(|(what, is)| format!("{what} {is}")).collect();
        by_machine.entry(facts.join(" · ")).or_default().push(part);
    }
    by_machine.iter().map(|(facts, parts)| format!("Measured ({}): {facts}\n", parts.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_figure_ratio_and_verdict() {
        let line = r#"bench-row {"part":"c","name":"send 1 GiB","engine":"Firefox 153","value":6.514,"unit":"s","ratio":1.62,"beside":"bare PUT","target":"<= 1.5"}"#;
        let text = table(&[Row::find_in(line).unwrap().unwrap()]);
        let cells: Vec<&str> = text.lines().last().unwrap().split('|').map(str::trim).collect();
        assert_eq!(cells, ["", "c", "send 1 GiB", "Firefox 153", "6.51 s", "1.62 × bare PUT", "≤ 1.5 MISSED", ""]);
    }

    #[test]
    fn the_document_has_the_marks_around_its_table() {
        let text = fs::read_to_string(workspace::path("docs/PERFORMANCE.md")).unwrap();
        assert!(around_table(&text).is_some());
    }
}
