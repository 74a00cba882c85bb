//! ChaCha20's keystream (RFC 8439 §2.3), two blocks at once. A block is its four rows, one vector each, so that a round of it
//! is one quarter round of whole rows.

use super::row::Row;
use crate::secret::Secret;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Bytes of one row.
const ROW_LEN: usize = 16;

/// Blocks that are made at once: the two need ten of the sixteen vector registers that most processors have, constants
/// included, and one has the other's waits to fill (ADR 15).
const BLOCKS: usize = 2;

/// Bytes that are made at once.
pub(super) const GROUP_LEN: usize = BLOCKS * 4 * ROW_LEN;

pub(super) const DOUBLE_ROUNDS: usize = 10;

/// `expand 32-byte k`
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// RFC 8439 §2.3's state.
type Block = [Row; 4];

/// The keystream of one key and nonce, from a block on. Wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub(super) struct KeyStream {
    /// Constants, key, first counter and nonce.
    state: [[u32; 4]; 4],
    /// Blocks made so far. Not in the state: a row of which one word was written a moment ago is slow to load.
    made: u32,
}

/// Two blocks of keystream.
pub(super) struct Group([Block; BLOCKS]);

impl KeyStream {
    /// Starts at block `counter`. The 32-bit counter is good for 256 GiB, which no buffer in memory has.
    pub(super) fn new(key: &[u8; 32], counter: u32, nonce: &[u8; 12]) -> Self {
        let mut stream = Self { state: [CONSTANTS, [0; 4], [0; 4], [counter, 0, 0, 0]], made: 0 };
        let words = stream.state.as_flattened_mut();
        read_words(key, &mut words[4..12]);
        read_words(nonce, &mut words[13..]);
        stream
    }

    /// Applies the next two blocks.
    #[inline(never)]
    pub(super) fn xor(&mut self, group: &mut [u8; GROUP_LEN]) {
        self.next_group_beside(&[], |()| ()).xor_into(group);
    }

    /// The next two blocks. After each of the first double rounds `work` is done on the next of `pieces`, of which there are no
    /// more than [`DOUBLE_ROUNDS`].
    #[inline(always)]
    pub(super) fn next_group_beside<T>(&mut self, pieces: &[T], mut work: impl FnMut(&T)) -> Group {
        debug_assert!(pieces.len() <= DOUBLE_ROUNDS, "more rounds would be another cipher");
        let [a, b, c, d] = self.state;
        let [a, b, c, d] = [Row::new(a), Row::new(b), Row::new(c), Row::new(d)];
        let first = [a, b, c, d.add(Row::new([self.made, 0, 0, 0]))];
        let second = [a, b, c, d.add(Row::new([self.made.wrapping_add(1), 0, 0, 0]))];
        let (mut x, mut y) = (first, second);
        for piece in pieces {
            double_round(&mut x);
            double_round(&mut y);
            work(piece);
        }
        for _ in pieces.len()..DOUBLE_ROUNDS {
            double_round(&mut x);
            double_round(&mut y);
        }
        self.made = self.made.wrapping_add(BLOCKS as u32);
        Group([sum(x, first), sum(y, second)])
    }

    /// Applies the keystream to what is left after the last whole group.
    pub(super) fn xor_tail(&mut self, tail: &mut [u8]) {
        if tail.is_empty() {
            return;
        }
        let mut group = Zeroizing::new([0; GROUP_LEN]);
        group[..tail.len()].copy_from_slice(tail);
        self.xor(&mut group);
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
    /// Applies two blocks of keystream.
    #[inline(always)]
    pub(super) fn xor_into(&self, data: &mut [u8; GROUP_LEN]) {
        let Self([[a, b, c, d], [e, f, g, h]]) = *self;
        let (rows, _) = data.as_chunks_mut::<ROW_LEN>();
        // Written out: rows with an index that is not a constant would live in memory instead of registers.
        let mut apply = |i: usize, row: Row| rows[i] = Row::from_bytes(&rows[i]).xor(row).to_bytes();
        apply(0, a);
        apply(1, b);
        apply(2, c);
        apply(3, d);
        apply(4, e);
        apply(5, f);
        apply(6, g);
        apply(7, h);
    }
}

/// HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2): a key from a key and the first 16 bytes of a longer nonce.
pub(super) fn derive_subkey(key: &[u8; 32], nonce: &[u8; 24]) -> Secret<32> {
    let mut state = Zeroizing::new([CONSTANTS, [0; 4], [0; 4], [0; 4]]);
    let words = state.as_flattened_mut();
    read_words(key, &mut words[4..12]);
    read_words(&nonce[..16], &mut words[12..]);
    let mut block = state.map(Row::new);
    for _ in 0..DOUBLE_ROUNDS {
        double_round(&mut block);
    }
    let mut subkey = Secret::zero();
    let [first, _, _, last] = block;
    subkey.as_mut_bytes()[..ROW_LEN].copy_from_slice(&first.to_bytes());
    subkey.as_mut_bytes()[ROW_LEN..].copy_from_slice(&last.to_bytes());
    subkey
}

fn sum(block: Block, start: Block) -> Block {
    let [a, b, c, d] = block;
    [a.add(start[0]), b.add(start[1]), c.add(start[2]), d.add(start[3])]
}

/// Columns, then diagonals. These are made columns by turning the three other rows instead of the second, as is usual: that
/// one comes last out of a round and is asked for first by the next, which need not wait for its turn then.
#[inline(always)]
fn double_round(block: &mut Block) {
    quarter_rounds(block);
    let [a, b, c, d] = *block;
    *block = [a.turn::<3>(), b, c.turn::<1>(), d.turn::<2>()];
    quarter_rounds(block);
    let [a, b, c, d] = *block;
    *block = [a.turn::<1>(), b, c.turn::<3>(), d.turn::<2>()];
}

/// RFC 8439 §2.1, of all four columns.
#[inline(always)]
fn quarter_rounds(block: &mut Block) {
    let [mut a, mut b, mut c, mut d] = *block;
    a = a.add(b);
    d = d.xor(a).rotate_left::<16>();
    c = c.add(d);
    b = b.xor(c).rotate_left::<12>();
    a = a.add(b);
    d = d.xor(a).rotate_left::<8>();
    c = c.add(d);
    b = b.xor(c).rotate_left::<7>();
    *block = [a, b, c, d];
}

fn read_words(bytes: &[u8], words: &mut [u32]) {
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
}
