//! Browser bindings over `envelope` and `protocol`: opaque handles, no logic of its own.
//!
//! - [`sealing`], [`opening`]: a transfer's two sides; they keep the books and the keys.
//! - [`part`]: one part's bytes, sealed or opened where they lie, in any worker.
//! - [`zip_stream`], [`qr`]: kept libraries for *save all as ZIP* and the link as a picture.
//! - [`js`]: errors and values as JavaScript has them.
//!
//! What is decided (order, seal once, safe names, limits) is decided in `envelope`, where native tests reach it. Keys
//! never cross to JavaScript, except between the workers of one transfer as opaque bytes. Errors are `Error`s whose `name` is a stable slug.

mod js;
mod opening;
mod part;
mod qr;
mod sealing;
#[cfg(feature = "self-test")]
mod self_test;
mod zip_stream;

pub use js::Bytes;
pub use opening::{Opening, normalize_passcode, parse_link};
pub use part::Part;
pub use qr::qr_modules;
pub use sealing::Sealing;
#[cfg(feature = "self-test")]
pub use self_test::self_test;
pub use zip_stream::ZipStream;

use wasm_bindgen::prelude::wasm_bindgen;

// Server and browser must cut files alike, and neither crate may depend on the other.
const _: () = assert!(envelope::age::PART_LEN as u64 == protocol::layout::PART_LEN);
const _: () = assert!(envelope::age::CHUNK_PLAIN_LEN as u64 == protocol::layout::CHUNK_PLAIN_LEN);
const _: () = assert!(envelope::age::MAX_PARTS == protocol::layout::MAX_PARTS);

/// Plaintext bytes in every part but a file's last.
#[wasm_bindgen]
pub fn part_plain_len() -> u32 {
    envelope::age::PART_PLAIN_LEN as u32
}

/// Sealed bytes of every part but an object's last.
#[wasm_bindgen]
pub fn part_len() -> u32 {
    envelope::age::PART_LEN as u32
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn error(message: &str);
}

/// A panic tells where it happened and nothing of what was being worked on.
#[wasm_bindgen(start)]
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        error(&format!("filmjacket: internal error{place}"));
    }));
}
