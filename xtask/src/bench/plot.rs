//! The rows as bars, in an SVG that needs nothing: bars of one part and unit share a scale.
//!
//! Written by hand because horizontal bars with a label each are fifty lines, and a plotting library brings fonts.

use super::report::figure;
use super::row::Row;

const WIDTH: u32 = 960;
/// Where bars begin and how long the longest is; its figure stands behind it.
const BAR_X: u32 = 430;
const BAR_WIDTH: f64 = 350.0;
const LINE: u32 = 22;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1c2733}.head{font-weight:600}.bar{fill:#2f6f9f}.missed{fill:#b3541e}\
    @media(prefers-color-scheme:dark){text{fill:#dce3ea}.bar{fill:#6aa9d8}.missed{fill:#e08a55}}";

/// A picture of all rows, in their order.
pub(crate) fn draw(rows: &[Row]) -> String {
    let mut body = String::new();
    let mut y = 10;
    for group in rows.chunk_by(|one, other| (&one.part, &one.unit) == (&other.part, &other.unit)) {
        y += LINE;
        body.push_str(&text(10, y, "head", &format!("({}) {}", group[0].part, group[0].unit)));
        let largest = group.iter().map(|row| row.value).fold(f64::MIN_POSITIVE, f64::max);
        for row in group {
            y += LINE;
            body.push_str(&bar(row, y, row.value.max(0.0) / largest * BAR_WIDTH));
        }
        y += LINE / 2;
    }
    let height = y + LINE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n"
    )
}

fn bar(row: &Row, y: u32, width: f64) -> String {
    let label = if row.engine.is_empty() { row.name.clone() } else { format!("{} · {}", row.name, row.engine) };
    let missed = row.is_met() == Some(false);
    let class = if missed { "missed" } else { "bar" };
    let verdict = if missed { "  target missed" } else { "" };
    let ratio = row.ratio.map(|ratio| format!("  ({ratio:.2} ×)")).unwrap_or_default();
    let value = format!("{} {}{ratio}{verdict}", figure(row.value), row.unit);
    let top = y - 13;
    let rect = format!("<rect class=\"{class}\" x=\"{BAR_X}\" y=\"{top}\" width=\"{width:.1}\" height=\"16\"/>\n");
    let behind = BAR_X + 8 + width as u32;
    text(10, y, "", &label) + &rect + &text(behind, y, "", &value)
}

fn text(x: u32, y: u32, class: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{words}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_of_a_unit_fills_the_scale_and_names_cannot_break_the_picture() {
        let row = |name: &str, value: u32| {
            Row::find_in(&format!(r#"bench-row {{"part":"a","name":"{name}","value":{value},"unit":"MB/s"}}"#))
                .unwrap()
                .unwrap()
        };
        let svg = draw(&[row("<seal> & open", 1000), row("other", 250)]);
        assert!(svg.contains("width=\"350.0\"") && svg.contains("width=\"87.5\""), "{svg}");
        assert!(svg.contains("&lt;seal&gt; &amp; open"), "{svg}");
    }
}
