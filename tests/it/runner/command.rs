//! What a packed command has in it.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::host::Step;

const PAYLOAD: &str = "payload=H4s";

/// The lines of a step's command, and the runner with its tasks that one of them carries.
pub(super) fn unpacked(step: &Step) -> (Vec<String>, String) {
    let lines = fleet::host::payload::pack(&[step.task()]).unwrap();
    let packed = lines.iter().find_map(|line| line.strip_prefix(PAYLOAD));
    let packed = STANDARD.decode(format!("H4s{}", packed.unwrap())).unwrap();
    let mut text = String::new();
    GzDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    (lines, text)
}

/// The command with another text for a piece of the runner.
pub(super) fn rewritten(step: &Step, from: &str, to: &str) -> Vec<String> {
    let (lines, text) = unpacked(step);
    assert!(text.contains(from), "{from}");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(text.replace(from, to).as_bytes())
        .unwrap();
    let packed = STANDARD.encode(encoder.finish().unwrap());
    let replace = |line: String| match line.starts_with(PAYLOAD) {
        true => format!("payload={packed}"),
        false => line,
    };
    lines.into_iter().map(replace).collect()
}
