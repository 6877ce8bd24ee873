//! What of a script's output the service shows: the agent's cuts, byte for byte, then the service's.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The agent hands the service at most this much of each stream.
const AGENT_LIMIT: usize = 24_000;
/// The service shows at most this much of standard error.
const SERVICE_ERROR_LIMIT: usize = 8_000;
const AGENT_SUFFIX: &[u8] = b"--output truncated--";
/// Both streams together, as ListCommandInvocations shows them.
const COMBINED_LIMIT: usize = 2_500;
const ERROR_TITLE: &[u8] = b"\n----------ERROR-------\n";
const OUTPUT_CUT: &[u8] = b"\n---Output truncated---";
const ERROR_CUT: &[u8] = b"\n---Error truncated----";

/// One stream: its beginning, and how long it is in all.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    head: Vec<u8>,
    length: usize,
}

impl Stream {
    /// Reads as much as any cut can need. A stream that was never opened is empty.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let mut head = Vec::new();
        file.take(AGENT_LIMIT as u64).read_to_end(&mut head)?;
        let length = length.max(head.len());
        Ok(Self { head, length })
    }

    /// What the agent itself says after the script's own words.
    pub(super) fn append(&mut self, text: &str) {
        if self.head.len() == self.length {
            self.head.extend_from_slice(text.as_bytes());
        }
        self.length += text.len();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// For tests of clients: as if the script had printed this much.
    pub(super) fn truncate(&mut self, bytes: usize) {
        self.head.truncate(bytes);
        self.length = self.length.min(bytes);
    }

    fn first(&self, bytes: usize) -> &[u8] {
        &self.head[..bytes.min(self.head.len())]
    }

    /// `StandardOutputContent`.
    pub(super) fn standard_output(&self) -> String {
        text(&self.cut_by_agent())
    }

    /// `StandardErrorContent`.
    pub(super) fn standard_error(&self) -> String {
        let all = text(&self.cut_by_agent());
        all.chars().take(SERVICE_ERROR_LIMIT).collect()
    }

    fn cut_by_agent(&self) -> Vec<u8> {
        if self.length < AGENT_LIMIT {
            return self.head.clone();
        }
        let mut cut = self.first(AGENT_LIMIT - AGENT_SUFFIX.len()).to_vec();
        cut.extend_from_slice(AGENT_SUFFIX);
        cut
    }
}

/// `Output`: both streams in 2,500 bytes.
pub(super) fn combined(output: &Stream, error: &Stream) -> String {
    let title = if error.length > 0 { ERROR_TITLE } else { b"" };
    let space = COMBINED_LIMIT - title.len();
    let parts: [&[u8]; 5] = if output.length.saturating_add(error.length) < space {
        [&output.head, b"", title, &error.head, b""]
    } else if output.length > space / 2 && error.length > space / 2 {
        let half = (space - OUTPUT_CUT.len() - ERROR_CUT.len()) / 2;
        [
            output.first(half),
            OUTPUT_CUT,
            title,
            error.first(half),
            ERROR_CUT,
        ]
    } else if output.length <= space / 2 {
        let rest = space - ERROR_CUT.len() - output.length;
        [&output.head, b"", title, error.first(rest), ERROR_CUT]
    } else {
        let rest = space - OUTPUT_CUT.len() - error.length;
        [output.first(rest), OUTPUT_CUT, title, &error.head, b""]
    };
    text(&parts.concat())
}

/// Every byte that is not UTF-8 becomes one U+FFFD, as Go's JSON encoder writes it.
fn text(bytes: &[u8]) -> String {
    bytes
        .utf8_chunks()
        .fold(String::with_capacity(bytes.len()), |mut text, chunk| {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(letter: &str, length: usize) -> Stream {
        let mut stream = Stream {
            head: letter.repeat(length).into_bytes(),
            length,
        };
        stream.head.truncate(AGENT_LIMIT);
        stream
    }

    fn combine(output: usize, error: usize) -> String {
        combined(&stream("q", output), &stream("z", error))
    }

    #[test]
    fn a_short_output_survives_whole() {
        assert_eq!(combine(2_499, 0), "q".repeat(2_499));
        assert!(combine(2_500, 0).ends_with("q\n---Output truncated---"));
        assert_eq!(combine(2_500, 0).len(), 2_500);
        let whole = combine(1_238, 100_000);
        assert!(whole.starts_with(&"q".repeat(1_238)));
        assert!(whole.ends_with("z\n---Error truncated----"));
        assert_eq!(whole.len(), 2_500);
    }

    #[test]
    fn two_long_streams_share_the_space() {
        let both = combine(1_239, 5_000);
        assert_eq!(both.matches('q').count(), 1_215);
        assert_eq!(both.matches('z').count(), 1_215);
        assert!(both.contains("\n----------ERROR-------\n"));
        let long_output = combine(50_000, 7);
        assert!(long_output.ends_with("\n---Output truncated---\n----------ERROR-------\nzzzzzzz"));
        assert_eq!(long_output.len(), 2_500);
    }

    #[test]
    fn each_stream_is_cut_at_the_agents_limit_and_the_services() {
        assert_eq!(stream("q", 23_999).standard_output(), "q".repeat(23_999));
        let cut = stream("q", 24_000).standard_output();
        assert_eq!(cut.len(), 24_000);
        assert!(cut.ends_with("q--output truncated--"));
        assert_eq!(stream("z", 24_000).standard_error(), "z".repeat(8_000));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_one_by_one() {
        assert_eq!(
            text(b"a\xff\xe2\x82z\0\r"),
            "a\u{fffd}\u{fffd}\u{fffd}z\0\r"
        );
    }
}
