//! Names from another person's system, made safe to save under on this one.
//!
//! Whoever seals may write any name, and both a mistake and a trick end in the recipient's downloads folder. What
//! looks right stays: letters of every script, emoji, spaces, quotes.

/// Bytes of a name at most. File systems take 255; while a file is being saved, browsers put `.crdownload` or ` (1)`
/// after its name, and Chromium gives up if there is no room for that.
pub const MAX_NAME_LEN: usize = 240;

/// Bytes of an extension that is kept when a name is shortened, dot included. The longest in use are far shorter.
const MAX_EXTENSION_LEN: usize = 20;

/// What a file is called when nothing of its name is left.
const FALLBACK_NAME: &str = "file";

/// What a file is when its media type is none.
const FALLBACK_MEDIA_TYPE: &str = "application/octet-stream";

/// Names that Windows gives to devices, whatever the extension.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// A name without folders, controls, direction changes, characters or words that Windows reserves, leading or
/// trailing dots and spaces; at most [`MAX_NAME_LEN`] bytes and never empty.
///
/// A safe name stays as it is.
pub fn safe_file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|piece| !trim(piece).is_empty()).unwrap_or_default();
    let clean: String = last.chars().filter(|c| !is_invisible(*c)).map(replace_reserved).collect();
    let trimmed = trim(&clean);
    let named = match trimmed {
        "" => FALLBACK_NAME.to_owned(),
        device if is_device(device) => format!("_{device}"),
        other => other.to_owned(),
    };
    shorten(&named, "")
}

/// Safe names in the same order, no two alike even where case does not count (that of ASCII:
/// the tables for all scripts would be a fortieth of the browser's download): `scan.png`, `scan (2).png`.
pub fn distinct_file_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    let mut distinct = Vec::new();
    for name in names {
        let wanted = safe_file_name(name);
        let mut candidate = wanted.clone();
        let mut number = 2;
        while taken.contains(&candidate.to_ascii_lowercase()) {
            candidate = shorten(&wanted, &format!(" ({number})"));
            number += 1;
        }
        taken.push(candidate.to_ascii_lowercase());
        distinct.push(candidate);
    }
    distinct
}

/// `type/subtype` of the characters that RFC 6838 §4.2 allows, or `application/octet-stream`.
pub fn safe_media_type(media_type: &str) -> &str {
    let is_name = |name: &str| {
        (1..=127).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    match media_type.split_once('/') {
        Some((kind, subtype)) if is_name(kind) && is_name(subtype) => media_type,
        _ => FALLBACK_MEDIA_TYPE,
    }
}

/// Controls, line separators, and marks that reorder text or hide in it. Joiners and variation selectors stay: emoji
/// and several scripts are written with them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

const fn replace_reserved(c: char) -> char {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => '_',
        other => other,
    }
}

/// Without leading dots (hidden files) and trailing dots (which Windows drops), and spaces around.
fn trim(name: &str) -> &str {
    name.trim_matches(|c: char| c == '.' || c.is_whitespace())
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |port: &str| {
        stem.strip_prefix(port).is_some_and(|rest| {
            let mut rest = rest.chars();
            rest.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c)) && rest.next().is_none()
        })
    };
    DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

/// Puts `suffix` before the extension and cuts the stem so that all fits.
fn shorten(name: &str, suffix: &str) -> String {
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_EXTENSION_LEN => name.split_at(dot),
        _ => (name, ""),
    };
    let mut room = (MAX_NAME_LEN - suffix.len() - extension.len()).min(stem.len());
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    let cut = if room < stem.len() {
        // A cut may leave half an emoji's joiner, or a dot or space, at the end.
        stem[..room].trim_end_matches(|c: char| c == '\u{200d}' || c == '.' || c.is_whitespace())
    } else {
        stem
    };
    format!("{cut}{suffix}{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_looks_right_stays() {
        for name in [
            "scan.dcm",
            "Röntgen Thorax (2).png",
            "תמונה.jpg",
            "👩🏽‍⚕️ befund.pdf",
            "it's \u{2019}quoted\u{2019}.txt",
            "❤️.gif",
            "IM-0001-0001",
            "con-trast.png",
            "COM10.txt",
            "عکس\u{200c}ها.png",
        ] {
            assert_eq!(safe_file_name(name), name);
        }
    }

    #[test]
    fn what_is_dangerous_goes() {
        for (name, safe) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\scan.png", "scan.png"),
            ("folder/", "folder"),
            ("..", "file"),
            ("", "file"),
            (" . ", "file"),
            (".htaccess", "htaccess"),
            ("scan.png. . ", "scan.png"),
            ("invoice\u{202e}gnp.exe", "invoicegnp.exe"),
            ("a\u{2066}b\u{2069}\u{200f}c", "abc"),
            ("line\nbreak\r\0.png", "linebreak.png"),
            ("x\u{feff}\u{200b}.png", "x.png"),
            ("a<b>:\"|?*.png", "a_b______.png"),
            ("CON", "_CON"),
            ("nul.tar.gz", "_nul.tar.gz"),
            ("com1 .txt", "_com1 .txt"),
            ("LPT¹.png", "_LPT¹.png"),
            ("file.txt:stream", "file.txt_stream"),
            ("\u{202e}/\u{200b}", "file"),
        ] {
            assert_eq!(safe_file_name(name), safe, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let safe = safe_file_name(&format!("{}.dcm", "ü".repeat(300)));
        assert!(safe.len() <= MAX_NAME_LEN && safe.ends_with("ü.dcm"));
        assert_eq!(safe_file_name(&"x".repeat(300)), "x".repeat(MAX_NAME_LEN));
    }

    #[test]
    fn names_alike_are_numbered() {
        let long = format!("{}.png", "x".repeat(251));
        let names = distinct_file_names(["a.png", "x/A.PNG", "a (2).png", "a.png", &long, &long].into_iter());
        assert_eq!(names[..4], ["a.png", "A (2).PNG", "a (2) (2).png", "a (3).png"]);
        assert!(names[5].ends_with(" (2).png") && names[5].len() == MAX_NAME_LEN);
    }

    #[test]
    fn a_media_type_is_one_or_is_replaced() {
        assert_eq!(safe_media_type("image/svg+xml"), "image/svg+xml");
        for bad in ["", "image", "image/", "/png", "text/html; charset=utf-8", "a/b/c", "image/p\u{0}ng"] {
            assert_eq!(safe_media_type(bad), FALLBACK_MEDIA_TYPE, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_safe_name_is_short_plain_and_stays(name in "\\PC*|[.a-z/\\\\ \u{202e}\u{200d}]{0,400}|[👩‍.]{50,120}") {
            let safe = safe_file_name(&name);
            prop_assert!(!safe.is_empty() && safe.len() <= MAX_NAME_LEN);
            prop_assert!(!safe.contains(['/', '\\', '\0', ':']) && !safe.starts_with('.') && !safe.ends_with(['.', ' ']));
            prop_assert_eq!(safe_file_name(&safe), safe);
        }
    }
}
