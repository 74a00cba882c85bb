//! *Save all as ZIP*: stored entries, written as a stream, of any length (ZIP64 where needed).

use crate::js::{self, Bytes};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use time::OffsetDateTime;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Archive bytes that JavaScript has not taken yet.
#[derive(Clone, Default)]
struct Outbox(Rc<RefCell<Vec<u8>>>);

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From here on an entry or its place needs the longer fields of ZIP64.
const ZIP64_FROM: u64 = u32::MAX as u64;

fn options(plain_len: u64, modified_unix: f64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(plain_len >= ZIP64_FROM)
        .last_modified_time(to_dos_time(modified_unix))
}

/// Each call returns the archive bytes that it led to; all of them in a row are the archive.
#[wasm_bindgen]
pub struct ZipStream {
    outbox: Outbox,
    /// `None` once finished.
    writer: Option<ZipWriter<StreamWriter<Outbox>>>,
    buffer: Vec<u8>,
}

#[wasm_bindgen]
impl ZipStream {
    /// An empty archive.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no Default")]
    pub fn new() -> Self {
        let outbox = Outbox::default();
        Self { writer: Some(ZipWriter::new_stream(outbox.clone())), outbox, buffer: Vec::new() }
    }

    /// Begins the next file. The name is made safe; it must differ from those before.
    pub fn start_file(&mut self, name: &str, plain_len: f64, modified_unix: f64) -> Result<Bytes, JsValue> {
        let options = options(js::length(plain_len)?, modified_unix);
        self.writer()?.start_file(envelope::names::safe_file_name(name), options).map_err(explain)?;
        Ok(self.take())
    }

    /// Goes on with the file begun last.
    pub fn write(&mut self, bytes: &Bytes) -> Result<Bytes, JsValue> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        bytes.append_to(&mut buffer);
        self.writer()?.write_all(&buffer).map_err(explain)?;
        self.buffer = buffer;
        Ok(self.take())
    }

    /// Ends the archive.
    pub fn finish(&mut self) -> Result<Bytes, JsValue> {
        let writer = self.writer.take().ok_or_else(finished)?;
        writer.finish().map_err(explain)?;
        Ok(self.take())
    }

    fn writer(&mut self) -> Result<&mut ZipWriter<StreamWriter<Outbox>>, JsValue> {
        self.writer.as_mut().ok_or_else(finished)
    }

    /// Empties the outbox but keeps its memory for the next part.
    fn take(&self) -> Bytes {
        let mut pending = self.outbox.0.borrow_mut();
        let bytes = Bytes::copy_of(&pending);
        pending.clear();
        bytes
    }
}

fn finished() -> JsValue {
    js::error("zip-finished", "The archive is finished already.")
}

fn explain(cause: impl std::error::Error) -> JsValue {
    js::error("zip", &cause.to_string())
}

/// ZIP knows the years 1980 to 2107; others become its beginning.
fn to_dos_time(unix: f64) -> DateTime {
    OffsetDateTime::from_unix_timestamp(unix as i64)
        .ok()
        .and_then(|t| {
            let year = u16::try_from(t.year()).ok()?;
            DateTime::from_date_and_time(year, t.month().into(), t.day(), t.hour(), t.minute(), t.second()).ok()
        })
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::{Outbox, options};
    use std::io::Write as _;
    use zip::ZipWriter;

    fn archive_len(names: &[&str], lens: &[usize]) -> usize {
        let outbox = Outbox::default();
        let mut writer = ZipWriter::new_stream(outbox.clone());
        for (name, len) in names.iter().zip(lens) {
            writer.start_file(*name, options(*len as u64, 1_800_000_000.0)).unwrap();
            writer.write_all(&vec![7; *len]).unwrap();
        }
        writer.finish().unwrap();
        outbox.0.borrow().len()
    }

    /// So whoever archives nothing under the same names knows the length beforehand (`zipLength` of open-worker.js).
    #[test]
    fn what_an_archive_adds_does_not_depend_on_its_contents() {
        let names = ["scan.png", "🦴 knee.dcm", "صورة.zip", "Größe.pdf", "e"];
        let around = archive_len(&names, &[0; 5]);
        for lens in [[1, 0, 70_000, 2, 3], [300_000, 5, 0, 1, 65_536]] {
            assert_eq!(archive_len(&names, &lens), around + lens.iter().sum::<usize>(), "{lens:?}");
        }
    }
}
