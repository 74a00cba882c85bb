//! The link as a QR code.

use crate::js;
use js_sys::{Object, Reflect, Uint8Array};
use qrcodegen::{QrCode, QrCodeEcc};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// `{size, modules}`: `size × size` modules row by row, 1 = dark, without the quiet zone.
#[wasm_bindgen]
pub fn qr_modules(text: &str) -> Result<JsValue, JsValue> {
    // Medium corrects 15 %: a printed hand-out gets folded.
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| js::error("qr-too-long", "This text is too long for a QR code."))?;
    let modules: Vec<u8> = (0..code.size())
        .flat_map(|y| (0..code.size()).map(move |x| (x, y)))
        .map(|(x, y)| u8::from(code.get_module(x, y)))
        .collect();
    let answer = Object::new();
    Reflect::set(&answer, &"size".into(), &code.size().into())?;
    Reflect::set(&answer, &"modules".into(), &Uint8Array::from(modules.as_slice()).into())?;
    Ok(answer.into())
}
