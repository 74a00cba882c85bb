//! Errors and values as JavaScript has them.

use envelope::Explained;
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

// The few parts of JavaScript that are needed. The crate js-sys declares all of them; what its closures leave in the
// module cannot be removed again and would be downloaded by everyone.
#[wasm_bindgen]
extern "C" {
    /// `Uint8Array`
    #[wasm_bindgen(js_name = Uint8Array)]
    pub type Bytes;

    /// A copy of a view into this module's memory.
    #[wasm_bindgen(constructor, js_class = "Uint8Array")]
    pub(crate) fn copy_of(view: &[u8]) -> Bytes;

    /// `view.subarray()`: the view itself.
    #[wasm_bindgen(js_namespace = ["Uint8Array", "prototype", "subarray"], js_name = call)]
    fn subarray(view: &[u8]) -> Bytes;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn length(this: &Bytes) -> u32;

    /// `target.set(source)`
    #[wasm_bindgen(js_namespace = ["Uint8Array", "prototype", "set"], js_name = call)]
    fn copy_into(target: &mut [u8], source: &Bytes);

    type Error;

    #[wasm_bindgen(constructor)]
    fn new(message: &str) -> Error;

    #[wasm_bindgen(method, setter)]
    fn set_name(this: &Error, name: &str);

    #[wasm_bindgen(catch, js_namespace = JSON, js_name = parse)]
    fn parse_json(text: &str) -> Result<JsValue, JsValue>;
}

/// The largest whole number up to which JavaScript counts exactly.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A JavaScript `Error` whose `name` is the slug.
pub(crate) fn error(slug: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    error.set_name(slug);
    error.into()
}

/// The same, from an error of `envelope`.
#[expect(clippy::needless_pass_by_value, reason = "map_err hands the error over")]
pub(crate) fn explain(cause: impl Explained) -> JsValue {
    error(cause.slug(), &cause.to_string())
}

/// A plain object, which can be posted between workers.
pub(crate) fn object(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let json = Zeroizing::new(json(value)?);
    parse_json(&json)
}

/// JSON text.
pub(crate) fn json(value: &impl Serialize) -> Result<String, JsValue> {
    serde_json::to_string(value).map_err(|cause| error("json", &cause.to_string()))
}

/// A length, which JavaScript counts in floating point.
pub(crate) fn length(number: f64) -> Result<u64, JsValue> {
    // Beyond 2^53 JavaScript cannot count bytes; far below, `envelope` refuses by its own limit.
    if (0.0..=MAX_SAFE_INTEGER).contains(&number) && number.fract() == 0.0 {
        Ok(number as u64)
    } else {
        Err(error("length", "A length must be a whole number of bytes."))
    }
}

/// The reverse; lengths here stay far below 2^53.
pub(crate) fn number(length: u64) -> f64 {
    length as f64
}

impl Bytes {
    /// Not a copy: ends when this module's memory grows, and shows whatever comes to lie there later.
    pub(crate) fn view_of(bytes: &[u8]) -> Self {
        subarray(bytes)
    }

    /// Adds these bytes at the end.
    pub(crate) fn append_to(&self, buffer: &mut Vec<u8>) {
        let end = buffer.len();
        buffer.resize(end + self.length() as usize, 0);
        self.copy_to(&mut buffer[end..]);
    }

    /// Puts these bytes into a place of their length.
    pub(crate) fn copy_to(&self, place: &mut [u8]) {
        copy_into(place, self);
    }
}
