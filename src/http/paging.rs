//! Pages of a list, each with the place where the next one begins.

/// How many rows a page has: as asked for, within `1..=longest`, or `usual`.
pub(super) fn page_len(asked: Option<u32>, usual: u32, longest: u32) -> u32 {
    asked.unwrap_or(usual).clamp(1, longest)
}

/// A page of at most `len` rows, and where the next one begins if there is one: of `found`, which was asked for one row more
/// than the page has.
pub(super) fn cut<T, C>(mut found: Vec<T>, len: u32, place: impl Fn(&T) -> C) -> (Vec<T>, Option<C>) {
    let more = found.len() > len as usize;
    found.truncate(len as usize);
    let next = found.last().filter(|_| more).map(place);
    (found, next)
}
