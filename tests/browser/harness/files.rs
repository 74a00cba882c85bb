//! Real files to send, and names that have gone wrong elsewhere.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::native::File;

/// A picture, 320 × 400.
pub(crate) fn png() -> File {
    File::new("head.png", "image/png", include_bytes!("../files/head.png"))
}

/// The same as a photograph.
pub(crate) fn jpeg() -> File {
    File::new("head.jpg", "image/jpeg", include_bytes!("../files/head.jpg"))
}

/// A report of one page.
pub(crate) fn pdf() -> File {
    File::new("report.pdf", "application/pdf", include_bytes!("../files/report.pdf"))
}

/// A CT slice as a scanner wrote it.
pub(crate) fn dicom() -> File {
    let path = test_tools().join("pydicom/pydicom/data/test_files/CT_small.dcm");
    let bytes = std::fs::read(path).expect("`cargo xtask test` fetches real DICOM files");
    File::new("CT_small.dcm", "application/dicom", bytes)
}

/// Nothing at all, which is also a file.
pub(crate) fn empty() -> File {
    File::new("empty.txt", "text/plain", [])
}

/// Where `cargo xtask test` puts other people's programs and files.
pub(crate) fn test_tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools")
}

/// Writes files into a folder, for a page to pick; answers their paths.
pub(crate) fn write_all(folder: &Path, files: &[File]) -> Vec<PathBuf> {
    let write = |file: &File| {
        let path = folder.join(&file.name);
        std::fs::write(&path, &file.bytes).unwrap();
        path
    };
    files.iter().map(write).collect()
}

/// Writes `len` bytes that no compressor shortens, the same each time; answers their digest.
pub(crate) fn write_noise(path: &Path, len: u64) -> [u8; 32] {
    write_noise_of(0, path, len)
}

/// The same with other bytes for each seed.
pub(crate) fn write_noise_of(seed: u64, path: &Path, len: u64) -> [u8; 32] {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut digest = Sha256::new();
    // SplitMix64 (Steele, Lea, Flood 2014): fast, and good enough to be no pattern.
    let mut state = seed << 48;
    let mut block = [0; 64 * 1024];
    let mut left = len;
    while left > 0 {
        for word in block.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes());
        }
        let now = &block[..usize::try_from(left).unwrap_or(usize::MAX).min(block.len())];
        file.write_all(now).unwrap();
        digest.update(now);
        left -= now.len() as u64;
    }
    file.flush().unwrap();
    digest.finalize().into()
}

/// The SHA-256 of a file on disk, read in pieces.
pub(crate) fn sha256_of(path: &Path) -> [u8; 32] {
    let mut file = std::fs::File::open(path).unwrap();
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1024 * 1024];
    loop {
        match file.read(&mut piece).unwrap() {
            0 => return digest.finalize().into(),
            len => digest.update(&piece[..len]),
        }
    }
}

/// Bytes as [`write_noise`] writes them.
pub(crate) fn noise(len: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write_noise(&folder.path().join("noise"), len);
    std::fs::read(folder.path().join("noise")).unwrap()
}
