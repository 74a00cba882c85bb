//! Four 32-bit words that are worked on at once: one vector register of WebAssembly.
//!
//! Natively the same four words in an array, for tests only: there the kernel is checked with every tool that the
//! native build has, and its speed does not matter.

#[cfg(target_feature = "simd128")]
pub(super) use vector::Row;
#[cfg(not(target_feature = "simd128"))]
pub(super) use words::Row;

#[cfg(target_feature = "simd128")]
mod vector {
    use core::arch::wasm32::{
        i8x16_shuffle, u32x4, u32x4_add, u32x4_shl, u32x4_shr, u32x4_shuffle, u64x2, u64x2_extract_lane, v128, v128_or,
        v128_xor,
    };

    #[derive(Clone, Copy)]
    pub(in super::super) struct Row(v128);

    impl Row {
        #[inline(always)]
        pub(in super::super) fn new([a, b, c, d]: [u32; 4]) -> Self {
            Self(u32x4(a, b, c, d))
        }

        /// Modulo 2^32.
        #[inline(always)]
        pub(in super::super) fn add(self, other: Self) -> Self {
            Self(u32x4_add(self.0, other.0))
        }

        #[inline(always)]
        pub(in super::super) fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }

        /// Rotates each word. Whole bytes are moved by one shuffle instead of three instructions (ADR 15).
        #[inline(always)]
        pub(in super::super) fn rotate_left<const BITS: u32>(self) -> Self {
            let Self(words) = self;
            Self(match BITS {
                8 => i8x16_shuffle::<3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14>(words, words),
                16 => i8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(words, words),
                _ => v128_or(u32x4_shl(words, BITS), u32x4_shr(words, 32 - BITS)),
            })
        }

        /// Moves the words: the one at `BY` comes first, those before it last.
        #[inline(always)]
        pub(in super::super) fn turn<const BY: usize>(self) -> Self {
            const { assert!(BY < 4) };
            let Self(words) = self;
            Self(match BY {
                0 => words,
                1 => u32x4_shuffle::<1, 2, 3, 0>(words, words),
                2 => u32x4_shuffle::<2, 3, 0, 1>(words, words),
                _ => u32x4_shuffle::<3, 0, 1, 2>(words, words),
            })
        }

        /// The words in memory order, each little-endian.
        #[inline(always)]
        pub(in super::super) fn to_bytes(self) -> [u8; 16] {
            let halves =
                u128::from(u64x2_extract_lane::<1>(self.0)) << 64 | u128::from(u64x2_extract_lane::<0>(self.0));
            halves.to_le_bytes()
        }

        /// The reverse.
        #[inline(always)]
        pub(in super::super) fn from_bytes(bytes: &[u8; 16]) -> Self {
            let halves = u128::from_le_bytes(*bytes);
            Self(u64x2(halves as u64, (halves >> 64) as u64))
        }
    }
}

#[cfg(not(target_feature = "simd128"))]
mod words {
    use std::array::from_fn;

    #[derive(Clone, Copy)]
    pub(in super::super) struct Row([u32; 4]);

    impl Row {
        pub(in super::super) fn new(words: [u32; 4]) -> Self {
            Self(words)
        }

        pub(in super::super) fn add(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
        }

        pub(in super::super) fn xor(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i] ^ other.0[i]))
        }

        pub(in super::super) fn rotate_left<const BITS: u32>(self) -> Self {
            Self(self.0.map(|word| word.rotate_left(BITS)))
        }

        pub(in super::super) fn turn<const BY: usize>(self) -> Self {
            Self(from_fn(|i| self.0[(i + BY) % 4]))
        }

        pub(in super::super) fn to_bytes(self) -> [u8; 16] {
            from_fn(|i| self.0[i / 4].to_le_bytes()[i % 4])
        }

        pub(in super::super) fn from_bytes(bytes: &[u8; 16]) -> Self {
            Self(from_fn(|i| u32::from_le_bytes(from_fn(|j| bytes[4 * i + j]))))
        }
    }
}
