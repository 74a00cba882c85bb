//! Poly1305 (RFC 8439 §2.5) in limbs of 32 bits, for machines that multiply 64 by 64 bits into 64.
//!
//! `r` is clamped: each of its four 32-bit words is below 2^28, and the last three are multiples of four. So a product
//! with a limb of a little more than 32 bits, and the sum of four of them, fit into 64 bits; and since
//! 2^128·rᵢ = 2^130·rᵢ/4 ≡ 5·rᵢ/4, what overflows comes back through `s = r + r/4`. That takes 20 multiplications a
//! block where five limbs of 26 bits take 25, and no limb of the message has to be cut out of its word.
//!
//! Bounds, kept by [`Poly1305::absorb`], with 2^32 as unit: h₀ ≤ 2.25, h₁…h₃ ≤ 1.9, h₄ ≤ 3 (plain). With the message's
//! words the factors are x₀ ≤ 3.25, x₁…x₃ ≤ 2.9, x₄ ≤ 4 (plain), so that every sum is at most
//! (3.25 + 3 · 1.25 · 2.9) · 2^60 + 2^32 < 2^64, and carries of at most 0.9 lead back to the bounds.

use super::TAG_LEN;
use crate::secret::Secret;
use zeroize::ZeroizeOnDrop;

pub(super) const BLOCK_LEN: usize = 16;

const LOW: u64 = 0xffff_ffff;

/// An authenticator under a key that is used once. Wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub(super) struct Poly1305 {
    r: [u64; 4],
    /// `5·r/4`; the first is not used.
    s: [u64; 4],
    h: [u64; 5],
    /// Added at the end.
    pad: [u64; 4],
}

impl Poly1305 {
    pub(super) fn new(key: &Secret<32>) -> Self {
        let [r, pad] = [0, 1].map(|i| read_words(&key.as_bytes().as_chunks().0[i]));
        let r = [r[0] & 0x0fff_ffff, r[1] & 0x0fff_fffc, r[2] & 0x0fff_fffc, r[3] & 0x0fff_fffc];
        Self { r, s: r.map(|r| r + (r >> 2)), h: [0; 5], pad }
    }

    /// h = (h + block + 2^128) · r, not wholly reduced.
    #[inline(always)]
    pub(super) fn absorb(&mut self, block: &[u8; BLOCK_LEN]) {
        let ([r0, r1, r2, r3], [_, s1, s2, s3]) = (self.r, self.s);
        let ([h0, h1, h2, h3, h4], [m0, m1, m2, m3]) = (self.h, read_words(block));
        let (x0, x1, x2, x3, x4) = (h0 + m0, h1 + m1, h2 + m2, h3 + m3, h4 + 1);

        let d0 = (x0 * r0 + x1 * s3) + (x2 * s2 + x3 * s1);
        let d1 = (x0 * r1 + x1 * r0) + (x2 * s3 + x3 * s2) + x4 * s1;
        let d2 = (x0 * r2 + x1 * r1) + (x2 * r0 + x3 * s3) + x4 * s2;
        let d3 = (x0 * r3 + x1 * r2) + (x2 * r1 + x3 * r0) + x4 * s3;
        let d4 = x4 * r0 + (d3 >> 32);

        // Each limb hands its upper half on once, all at the same time, instead of one after the other.
        self.h = [
            // 5 · (d4 >> 2), without a multiplication in the way of the next block's.
            (d0 & LOW) + (d4 & !3) + (d4 >> 2),
            (d1 & LOW) + (d0 >> 32),
            (d2 & LOW) + (d1 >> 32),
            (d3 & LOW) + (d2 >> 32),
            d4 & 3,
        ];
    }

    /// Absorbs `bytes` and the zeros that fill its last block (RFC 8439 §2.8).
    #[inline(never)]
    pub(super) fn absorb_padded(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(BLOCK_LEN) {
            let mut block = [0; BLOCK_LEN];
            block[..bytes.len()].copy_from_slice(bytes);
            self.absorb(&block);
        }
    }

    /// (h mod 2^130 - 5) + pad, modulo 2^128.
    #[inline(never)]
    pub(super) fn finish(mut self) -> [u8; TAG_LEN] {
        // The second round takes what the first one folded into the lowest limb; after the third every limb is exact.
        for _ in 0..3 {
            carry(&mut self.h);
            self.h[0] += 5 * (self.h[4] >> 2);
            self.h[4] &= 3;
        }
        // h + 5 reaches 2^130 exactly if h is not below 2^130 - 5, and is then the reduced one.
        let mut reduced = self.h;
        reduced[0] += 5;
        carry(&mut reduced);
        let choose_reduced = (reduced[4] >> 2).wrapping_neg();
        reduced.iter_mut().zip(self.h).for_each(|(reduced, h)| *reduced = h ^ ((h ^ *reduced) & choose_reduced));

        let mut tag = [0; TAG_LEN];
        let mut sum = 0;
        for (i, bytes) in tag.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            sum = (sum >> 32) + reduced[i] + self.pad[i];
            *bytes = (sum as u32).to_le_bytes();
        }
        tag
    }
}

/// Leaves 32 bits in all limbs but the last.
fn carry(h: &mut [u64; 5]) {
    for i in 0..4 {
        h[i + 1] += h[i] >> 32;
        h[i] &= LOW;
    }
}

#[inline(always)]
fn read_words(block: &[u8; BLOCK_LEN]) -> [u64; 4] {
    let words = block.as_chunks::<4>().0;
    let word = |i: usize| u64::from(u32::from_le_bytes(words[i]));
    [word(0), word(1), word(2), word(3)]
}
