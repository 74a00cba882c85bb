//! What `cargo xtask bench` measures in browsers; ignored otherwise. Run it in release, or the figures mean nothing.

mod bare;
mod bucket;
mod ciphers;
mod memory;
mod native;
mod pages;
mod sdk;
mod server;
mod transfers;

use serde_json::json;

use crate::harness::browser::Browser;

/// One measured figure, printed for `xtask/src/bench/row.rs` to find.
struct Row<'a> {
    part: &'a str,
    name: String,
    value: f64,
    unit: &'a str,
    /// What the value is divided by, with its name.
    beside: Option<(&'a str, f64)>,
    /// Such as `<= 1.5`, of the ratio if there is one.
    target: Option<&'a str>,
}

impl Row<'_> {
    #[allow(clippy::print_stdout, reason = "standard output is how a measuring program answers")]
    fn print(&self, engine: &str) {
        let row = json!({
            "part": self.part,
            "name": self.name,
            "engine": engine,
            "value": round(self.value),
            "unit": self.unit,
            "ratio": self.beside.map(|(_, other)| round(self.value / other)),
            "beside": self.beside.map(|(name, _)| name),
            "target": self.target,
        });
        println!("bench-row {row}");
    }
}

/// Three digits after the point: more would be noise.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Whether to measure small sizes only, to see that everything runs.
fn is_quick() -> bool {
    std::env::var_os("BENCH_QUICK").is_some()
}

/// The browser's name and version, as it tells them.
async fn name_of(browser: &Browser) -> String {
    let script = "const words = navigator.userAgent.split(' ');
        return words.find(w => /^(Chrome|Firefox|HeadlessChrome|Version)/.test(w)).replace('/', ' ').replace('Headless', '')";
    let name = browser.run(script, vec![]).await;
    let version = name.as_str().unwrap().rsplit(' ').next().unwrap().split('.').next().unwrap().to_owned();
    format!("{:?} {version}", browser.engine)
}
