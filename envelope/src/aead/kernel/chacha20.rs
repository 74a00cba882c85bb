//! ChaCha20's keystream (RFC 8439 §2.3), four blocks at once: lane `i` of every word belongs to block `i`.

use super::lanes::Lanes;
use crate::secret::Secret;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

/// Bytes of one block.
const BLOCK_LEN: usize = 64;

/// Blocks that are made at once: one in each lane.
const BLOCKS: usize = 4;

/// Bytes that are made at once.
pub(super) const GROUP_LEN: usize = BLOCKS * BLOCK_LEN;

pub(super) const DOUBLE_ROUNDS: usize = 10;

/// `expand 32-byte k`
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// `[f(0), …, f(15)]`, written out: words with an index that is not a constant would live in memory instead of registers.
macro_rules! sixteen {
    ($f:expr) => {{
        let f = $f;
        [f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)]
    }};
}

/// The keystream of one key and nonce, from a block on. Wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub(super) struct KeyStream {
    /// Constants, key, counter, nonce.
    state: [u32; 16],
}

/// Sixteen words of four blocks.
pub(super) struct Group([Lanes; 16]);

impl KeyStream {
    /// Starts at block `counter`. The 32-bit counter is good for 256 GiB, which no buffer in memory has.
    pub(super) fn new(key: &[u8; 32], counter: u32, nonce: &[u8; 12]) -> Self {
        let mut state = [0; 16];
        state[..4].copy_from_slice(&CONSTANTS);
        read_words(key, &mut state[4..12]);
        state[12] = counter;
        read_words(nonce, &mut state[13..]);
        Self { state }
    }

    /// The next four blocks.
    #[inline(never)]
    pub(super) fn next_group(&mut self) -> Group {
        self.next_group_with(|_| ())
    }

    /// The same; `between` is called after each double round with its number, from 0.
    #[inline(always)]
    pub(super) fn next_group_with(&mut self, mut between: impl FnMut(usize)) -> Group {
        let state = &self.state;
        let counters = Lanes::splat(state[12]).add(Lanes::new([0, 1, 2, 3]));
        let start = |i| if i == 12 { counters } else { Lanes::splat(state[i]) };
        let mut words = sixteen!(start);
        for round in 0..DOUBLE_ROUNDS {
            double_round(&mut words);
            between(round);
        }
        let group = Group(sixteen!(|i: usize| words[i].add(start(i))));
        self.state[12] = self.state[12].wrapping_add(BLOCKS as u32);
        group
    }

    /// Applies the keystream to what is left after the last whole group.
    pub(super) fn xor_tail(&mut self, tail: &mut [u8]) {
        if tail.is_empty() {
            return;
        }
        let mut group = Zeroizing::new([0; GROUP_LEN]);
        group[..tail.len()].copy_from_slice(tail);
        self.next_group().xor_into(&mut group);
        tail.copy_from_slice(&group[..tail.len()]);
    }

    /// The first half of this stream's first block, for Poly1305 (RFC 8439 §2.6).
    pub(super) fn one_time_key(mut self) -> Secret<32> {
        let mut key = Secret::zero();
        self.xor_tail(key.as_mut_bytes());
        key
    }
}

impl Group {
    /// Applies four blocks of keystream.
    #[inline(never)]
    pub(super) fn xor_into(&self, data: &mut [u8; GROUP_LEN]) {
        for (quarter, rows) in self.0.as_chunks::<4>().0.iter().enumerate() {
            let mut apply = |block: usize, words: Lanes| {
                let at = &mut data.as_chunks_mut::<16>().0[block * (BLOCK_LEN / 16) + quarter];
                *at = Lanes::from_bytes(at).xor(words).to_bytes();
            };
            // Four words of each block.
            let [a, b, c, d] = Lanes::transpose(*rows);
            apply(0, a);
            apply(1, b);
            apply(2, c);
            apply(3, d);
        }
    }
}

/// HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2): a key from a key and the first 16 bytes of a longer nonce.
pub(super) fn derive_subkey(key: &[u8; 32], nonce: &[u8; 24]) -> Secret<32> {
    let mut state = [0; 16];
    state[..4].copy_from_slice(&CONSTANTS);
    read_words(key, &mut state[4..12]);
    read_words(&nonce[..16], &mut state[12..]);
    let mut words = sixteen!(|i: usize| Lanes::splat(state[i]));
    state.zeroize();
    for _ in 0..DOUBLE_ROUNDS {
        double_round(&mut words);
    }
    let mut subkey = Secret::zero();
    let made = subkey.as_mut_bytes().as_chunks_mut::<4>().0;
    for (bytes, word) in made.iter_mut().zip(words[..4].iter().chain(&words[12..])) {
        bytes.copy_from_slice(&word.to_bytes()[..4]);
    }
    subkey
}

#[inline(always)]
fn double_round(words: &mut [Lanes; 16]) {
    quarter_round(words, [0, 4, 8, 12]);
    quarter_round(words, [1, 5, 9, 13]);
    quarter_round(words, [2, 6, 10, 14]);
    quarter_round(words, [3, 7, 11, 15]);
    quarter_round(words, [0, 5, 10, 15]);
    quarter_round(words, [1, 6, 11, 12]);
    quarter_round(words, [2, 7, 8, 13]);
    quarter_round(words, [3, 4, 9, 14]);
}

/// RFC 8439 §2.1.
#[inline(always)]
fn quarter_round(words: &mut [Lanes; 16], [a, b, c, d]: [usize; 4]) {
    words[a] = words[a].add(words[b]);
    words[d] = words[d].xor(words[a]).rotate_left::<16>();
    words[c] = words[c].add(words[d]);
    words[b] = words[b].xor(words[c]).rotate_left::<12>();
    words[a] = words[a].add(words[b]);
    words[d] = words[d].xor(words[a]).rotate_left::<8>();
    words[c] = words[c].add(words[d]);
    words[b] = words[b].xor(words[c]).rotate_left::<7>();
}

fn read_words(bytes: &[u8], words: &mut [u32]) {
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
}
