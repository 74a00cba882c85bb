//! Every path that a Rust source names, with nested `use` groups spelled out and `super` resolved.
//!
//! Not a parser: comments are cut, and what stands in a string counts too. Both err on the strict side.

/// The paths named in `text`, the source of `module` (`["crate", "store", "rows"]`), each with its line number.
/// Reading stops where the file's unit tests begin: tests may reach anywhere.
pub(super) fn paths_in(text: &str, module: &[&str]) -> Vec<(usize, String)> {
    let mut reader = Reader { module, groups: Vec::new(), path: Vec::new(), joined: false, found: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        reader.read_line(index + 1, code_of(line));
    }
    reader.found
}

/// The line without its `//` comment; the two slashes of a URL are none.
fn code_of(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

struct Reader<'a> {
    module: &'a [&'a str],
    /// One entry an open brace: the path before it in a `use` group, or nothing for a block of code.
    groups: Vec<Vec<String>>,
    path: Vec<String>,
    /// Whether `::` has just been read.
    joined: bool,
    found: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn read_line(&mut self, number: usize, code: &str) {
        let mut rest = code;
        while let Some(first) = rest.chars().next() {
            let word_len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            if word_len > 0 {
                self.read_word(number, &rest[..word_len]);
                rest = &rest[word_len..];
            } else if let Some(after) = rest.strip_prefix("::") {
                self.joined = true;
                rest = after;
            } else {
                self.read_mark(number, first);
                rest = &rest[first.len_utf8()..];
            }
        }
        if !self.joined {
            self.end_path(number);
        }
    }

    fn read_word(&mut self, number: usize, word: &str) {
        if !self.joined {
            self.end_path(number);
        }
        self.path.push(word.to_owned());
        self.joined = false;
    }

    fn read_mark(&mut self, number: usize, mark: char) {
        match mark {
            '{' if self.joined => {
                let mut group = self.groups.last().cloned().unwrap_or_default();
                group.append(&mut self.path);
                self.groups.push(group);
                self.joined = false;
            }
            '{' => {
                self.end_path(number);
                self.groups.push(Vec::new());
            }
            '}' => {
                self.end_path(number);
                self.groups.pop();
            }
            _ if mark.is_whitespace() => {}
            _ => self.end_path(number),
        }
    }

    fn end_path(&mut self, number: usize) {
        self.joined = false;
        if self.path.is_empty() {
            return;
        }
        let mut whole = self.groups.last().cloned().unwrap_or_default();
        whole.append(&mut self.path);
        self.found.push((number, self.absolute(&whole).join("::")));
    }

    fn absolute(&self, path: &[String]) -> Vec<String> {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        let own = usize::from(path.first().is_some_and(|segment| segment == "self"));
        if ups + own == 0 {
            return path.to_vec();
        }
        let base = self.module.iter().take(self.module.len().saturating_sub(ups)).map(|segment| (*segment).to_owned());
        base.chain(path.iter().skip(ups + own).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let two_or_more = |path: &String| path.contains("::");
        paths_in(text, &["crate", "store", "rows"]).into_iter().map(|(_, path)| path).filter(two_or_more).collect()
    }

    #[test]
    fn groups_are_spelled_out() {
        let text = "use crate::{\n    http::{error, extract::Sender},\n    store::Store,\n};";
        assert_eq!(paths(text), ["crate::http::error", "crate::http::extract::Sender", "crate::store::Store"]);
    }

    #[test]
    fn super_and_self_are_resolved() {
        assert_eq!(paths("use super::super::mail;"), ["crate::mail"]);
        assert_eq!(paths("use self::inner::Thing;"), ["crate::store::rows::inner::Thing"]);
    }

    #[test]
    fn paths_in_expressions_count_and_comments_do_not() {
        let text = "// std::env::var\nlet url = \"https://x\"; let t = std::time::SystemTime::now(); // sqlx::query";
        assert_eq!(paths(text), ["std::time::SystemTime::now"]);
    }

    #[test]
    fn unit_tests_are_left_alone() {
        assert_eq!(paths("use std::fmt;\n#[cfg(test)]\nmod tests { use crate::http::x; }"), ["std::fmt"]);
    }
}
