//! Lengths in words.

/// A length as people say it: `26 GB`, of 1024³ bytes, as file managers on clinic computers count. Rounded up to one
/// digit after the point, so that what is over a limit never reads as the limit itself. The pages say it in the same
/// way (static/js/format.js).
pub fn size_text(bytes: u64) -> String {
    match bytes {
        1 => return "1 byte".to_owned(),
        0..1024 => return format!("{bytes} bytes"),
        _ => {}
    }
    let tenths_of = |shift: u32| (u128::from(bytes) * 10).div_ceil(1 << shift);
    // By the rounded number, or 1023.99 KB would be written as 1024 KB.
    let (shift, unit) = [(10, "KB"), (20, "MB"), (30, "GB")]
        .into_iter()
        .find(|(shift, _)| tenths_of(*shift) < 10_240)
        .unwrap_or((40, "TB"));
    let tenths = tenths_of(shift);
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KB"),
            (412 << 20, "412 MB"),
            (20 << 30, "20 GB"),
            (50 << 40, "50 TB"),
        ] {
            assert_eq!(size_text(bytes), text);
        }
    }

    #[test]
    fn a_byte_over_a_limit_does_not_read_as_the_limit() {
        assert_eq!(size_text((20 << 30) + 1), "20.1 GB");
        assert_eq!(size_text((1 << 20) - 1), "1 MB");
    }
}
