//! Says each file of many hosts once: a file is a beginning and an end of an earlier one with its own
//! middle between them. Scripts of different hosts differ in their heads, so that costs a head each;
//! gzip does the rest.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How a file's bytes stand in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// As they are.
    Text,
    /// In base64: bash has no NUL in strings, and this keeps every other odd byte out of them too.
    Binary,
}

impl Kind {
    /// The word in the payload.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// A file as a part of an earlier text: `bases[base][..prefix] + middle + bases[base][suffix..]`.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) base: usize,
    pub(super) prefix: usize,
    pub(super) suffix: usize,
    pub(super) middle: String,
}

/// Texts that parts refer to, in order.
#[derive(Default)]
pub(super) struct Pool {
    bases: Vec<String>,
    /// Which of them hold a file of this path.
    by_path: BTreeMap<(String, Kind), Vec<usize>>,
}

/// Bases that a file is compared with: hosts of one command rarely use more templates than this.
const CANDIDATES: usize = 8;

impl Pool {
    /// Adds a file. It becomes a base itself where no earlier one holds most of it.
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) -> Part {
        let (kind, text) = encode(bytes);
        let known = self.by_path.entry((path.to_owned(), kind)).or_default();
        let best = known
            .iter()
            .rev()
            .take(CANDIDATES)
            .map(|&base| {
                let (prefix, suffix) = shared(&self.bases[base], &text);
                (base, prefix, suffix)
            })
            .max_by_key(|(_, prefix, suffix)| prefix + suffix);
        if let Some((base, prefix, suffix)) = best
            && (prefix + suffix) * 2 >= text.len()
        {
            return Part {
                kind,
                base,
                prefix,
                suffix: self.bases[base].len() - suffix,
                middle: text[prefix..text.len() - suffix].to_owned(),
            };
        }
        let base = self.bases.len();
        let length = text.len();
        known.push(base);
        self.bases.push(text);
        Part {
            kind,
            base,
            prefix: length,
            suffix: length,
            middle: String::new(),
        }
    }

    /// The texts.
    pub(super) fn bases(&self) -> &[String] {
        &self.bases
    }
}

fn encode(bytes: &[u8]) -> (Kind, String) {
    match std::str::from_utf8(bytes) {
        Ok(text)
            if !text
                .chars()
                .any(|c| c.is_control() && !matches!(c, '\n' | '\t')) =>
        {
            (Kind::Text, text.to_owned())
        }
        _ => (Kind::Binary, STANDARD.encode(bytes)),
    }
}

/// Bytes that two texts have in common at their beginnings and, beyond these, at their ends.
fn shared(a: &str, b: &str) -> (usize, usize) {
    let same = |pair: &(u8, u8)| pair.0 == pair.1;
    let mut prefix = a.bytes().zip(b.bytes()).take_while(same).count();
    while !a.is_char_boundary(prefix) || !b.is_char_boundary(prefix) {
        prefix -= 1;
    }
    let room = a.len().min(b.len()) - prefix;
    let backwards = a.bytes().rev().zip(b.bytes().rev());
    let mut suffix = backwards.take(room).take_while(same).count();
    while !a.is_char_boundary(a.len() - suffix) || !b.is_char_boundary(b.len() - suffix) {
        suffix -= 1;
    }
    (prefix, suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restore(pool: &Pool, part: &Part) -> String {
        let base = &pool.bases()[part.base];
        format!(
            "{}{}{}",
            &base[..part.prefix],
            part.middle,
            &base[part.suffix..]
        )
    }

    #[test]
    fn every_file_comes_back_and_repeats_cost_nothing() {
        let mut pool = Pool::default();
        let body = "echo body\n".repeat(50);
        let texts = [
            format!("name='a'\n{body}"),
            format!("name='b'\n{body}"),
            format!("name='é'\n{body}"),
            format!("name='è'\n{body}"),
            String::new(),
            "x".into(),
            "xx".into(),
            "other".into(),
        ];
        for text in &texts {
            let part = pool.add("deploy.sh", text.as_bytes());
            assert_eq!(&restore(&pool, &part), text);
            if text.contains("body") {
                assert_eq!(part.base, 0);
                assert!(part.middle.len() <= 2, "{:?}", part.middle);
            }
        }
    }

    #[test]
    fn what_is_not_plain_text_goes_in_base64() {
        for bytes in [&b"a\0b"[..], b"\xff", b"\x1b[0m", b"a\r\n"] {
            let (kind, text) = encode(bytes);
            assert_eq!(kind, Kind::Binary);
            assert_eq!(STANDARD.decode(text).unwrap(), bytes);
        }
        assert_eq!(encode("é\t\n".as_bytes()).0, Kind::Text);
    }
}
