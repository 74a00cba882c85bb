//! The link as a QR code.

use crate::js::{self, Bytes};
use qrcodegen::{QrCode, QrCodeEcc};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// A plain object, which can be posted between workers.
    #[wasm_bindgen(js_name = Object)]
    type Picture;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> Picture;

    #[wasm_bindgen(method, setter)]
    fn set_size(this: &Picture, size: i32);

    #[wasm_bindgen(method, setter)]
    fn set_modules(this: &Picture, modules: &Bytes);
}

/// `{size, modules}`: `size × size` modules row by row, 1 = dark, without the quiet zone.
#[wasm_bindgen]
pub fn qr_modules(text: &str) -> Result<JsValue, JsValue> {
    // Medium corrects 15 %: a printed hand-out gets folded.
    let code = QrCode::encode_binary(text.as_bytes(), QrCodeEcc::Medium)
        .map_err(|_| js::error("qr-too-long", "This text is too long for a QR code."))?;
    let modules: Vec<u8> = (0..code.size())
        .flat_map(|y| (0..code.size()).map(move |x| (x, y)))
        .map(|(x, y)| u8::from(code.get_module(x, y)))
        .collect();
    let picture = Picture::new();
    picture.set_size(code.size());
    picture.set_modules(&Bytes::copy_of(&modules));
    Ok(picture.into())
}
