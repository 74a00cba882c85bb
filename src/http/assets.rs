//! The embedded files of `static/`: stylesheets, modules, pictures and the WASM client.
//!
//! They are served under `/assets/<hash of the whole tree>/…`, so they never change under one address and may be kept
//! for ever. This room knows nothing of pages or people.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};

/// One embedded file.
pub(super) struct Asset {
    /// Relative to `static/`, with forward slashes.
    pub(super) path: &'static str,
    /// For the `integrity` attribute: `sha384-…`.
    pub(super) integrity: &'static str,
    bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

impl Asset {
    /// Where the browser finds it.
    pub(super) fn url(&self) -> String {
        format!("/assets/{TREE_HASH}/{}", self.path)
    }

    fn content_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("wasm") => "application/wasm",
            Some("webmanifest") => "application/manifest+json",
            _ => "application/octet-stream",
        }
    }
}

/// The embedded file at `path`, if there is one.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    // build.rs sorts the table.
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().and_then(|index| ASSETS.get(index))
}

/// A module and all that it imports, itself first: what a page preloads, so that each carries its integrity.
pub(super) fn module_graph(entry: &str) -> Vec<&'static Asset> {
    let mut graph: Vec<&'static Asset> = find(entry).into_iter().collect();
    let mut next = 0;
    while let Some(module) = graph.get(next).copied() {
        next += 1;
        for import in imports(module) {
            if !graph.iter().any(|known| known.path == import)
                && let Some(asset) = find(&import)
            {
                graph.push(asset);
            }
        }
    }
    graph
}

/// Paths of the modules that `module` imports statically. Our modules write each import as `… from "./path.js";`.
fn imports(module: &Asset) -> impl Iterator<Item = String> {
    let text = std::str::from_utf8(module.bytes).unwrap_or_default();
    let folder = module.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    text.lines()
        .filter_map(|line| line.trim_end().strip_suffix("\";")?.rsplit_once("from \"").map(|(_, path)| path))
        .map(move |path| resolve(folder, path))
}

/// `path` as seen from `folder`.
fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// `GET /assets/{hash}/{path}`. Another tree's hash is answered like a missing file: old pages must not mix with new modules.
pub(super) async fn get(path: web::Path<(String, String)>) -> HttpResponse {
    let (hash, path) = path.into_inner();
    match find(&path) {
        Some(asset) if hash == TREE_HASH => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, asset.content_type()))
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .body(asset.bytes),
        _ => super::problem_pages::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, TREE_HASH, find, imports, module_graph};

    #[test]
    fn every_file_is_found_under_its_path() {
        for asset in ASSETS {
            assert!(find(asset.path).is_some_and(|found| std::ptr::eq(found, asset)), "{}", asset.path);
            assert!(asset.url().contains(TREE_HASH));
        }
        assert!(find("../Cargo.toml").is_none());
    }

    #[test]
    fn every_import_of_our_modules_leads_to_an_embedded_file() {
        for module in ASSETS.iter().filter(|asset| asset.path.starts_with("js/")) {
            for import in imports(module) {
                assert!(find(&import).is_some(), "{} imports {import}, which is not there", module.path);
            }
        }
    }

    #[test]
    fn a_page_preloads_what_its_modules_import() {
        let paths: Vec<_> = module_graph("js/send/main.js").iter().map(|asset| asset.path).collect();
        assert_eq!(paths.first(), Some(&"js/send/main.js"));
        assert!(paths.contains(&"js/api.js"), "{paths:?}");
    }

    #[test]
    fn no_file_names_another_origin_to_load_from() {
        for asset in ASSETS.iter().filter(|asset| asset.path.starts_with("css/")) {
            let text = String::from_utf8_lossy(asset.bytes);
            assert!(!text.contains("@import") && !text.contains("://"), "{} loads from elsewhere", asset.path);
        }
    }
}
