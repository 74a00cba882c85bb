//! Errors and values as JavaScript has them.

use envelope::Explained;
use js_sys::{JSON, Uint8Array};
use serde::Serialize;
use wasm_bindgen::JsValue;
use zeroize::Zeroizing;

/// A JavaScript `Error` whose `name` is the slug.
pub(crate) fn error(slug: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
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
    JSON::parse(&json)
}

/// JSON text.
pub(crate) fn json(value: &impl Serialize) -> Result<String, JsValue> {
    serde_json::to_string(value).map_err(|cause| error("json", &cause.to_string()))
}

/// A length, which JavaScript counts in floating point.
pub(crate) fn length(number: f64) -> Result<u64, JsValue> {
    // Beyond 2^53 JavaScript cannot count bytes; far below, `envelope` refuses by its own limit.
    if (0.0..=js_sys::Number::MAX_SAFE_INTEGER).contains(&number) && number.fract() == 0.0 {
        Ok(number as u64)
    } else {
        Err(error("length", "A length must be a whole number of bytes."))
    }
}

/// The reverse; lengths here stay far below 2^53.
pub(crate) fn number(length: u64) -> f64 {
    length as f64
}

/// One buffer for all parts that a handle works on, so that memory does not grow with the file. Wiped at the end.
#[derive(Default)]
pub(crate) struct PartBuffer(Zeroizing<Vec<u8>>);

impl PartBuffer {
    /// Copies `bytes` in, lets `work` change them in place, and copies the result out.
    pub(crate) fn run<E: Explained>(
        &mut self,
        bytes: &Uint8Array,
        work: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Uint8Array, JsValue> {
        self.0.resize(bytes.length() as usize, 0);
        bytes.copy_to(&mut self.0);
        work(&mut self.0).map_err(explain)?;
        Ok(Uint8Array::from(self.0.as_slice()))
    }
}
