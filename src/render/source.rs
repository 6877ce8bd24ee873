//! Entries of the tree → bytes and text.

use std::ops::Range;
use std::sync::Arc;

use crate::model::desired::Platform;
use crate::model::diagnostic::Diagnostic;
use crate::model::source::Entry;

use super::codes;

/// Larger templates are refused: a command carries 48 KB, packed.
const LARGEST: usize = 256 * 1024;

/// The bytes of an entry, if it is a regular file of reasonable size.
pub(super) fn bytes<'a>(
    path: &Arc<str>,
    entry: &'a Entry,
) -> Result<&'a Arc<[u8]>, Box<Diagnostic>> {
    let error = |message: String, help: &str| {
        Box::new(Diagnostic::error(codes::NOT_A_FILE, path, 0..0, message).help(help))
    };
    let too_large = |size: u64| {
        error(
            format!("this file has {size} bytes, more than {LARGEST}"),
            "a command carries 48 KB, packed; let deploy download what is larger",
        )
    };
    match entry {
        Entry::File(bytes) if bytes.len() > LARGEST => Err(too_large(bytes.len() as u64)),
        Entry::File(bytes) => Ok(bytes),
        Entry::TooLarge(size) => Err(too_large(*size)),
        Entry::Link(target) => Err(error(
            format!("this is a link to `{target}`"),
            "put the file itself here: no path leaves the repository",
        )),
        Entry::Other => Err(error(
            "this is not a file".to_owned(),
            "put the file itself here; submodules, pipes, sockets and devices are not read",
        )),
    }
}

/// The text of a template; scripts (`None` for data) are stricter: another form of the same text would
/// have another digest, and one line end has one meaning in every here-document and here-string.
pub(super) fn text<'a>(
    path: &Arc<str>,
    bytes: &'a [u8],
    script: Option<Platform>,
) -> Result<&'a str, Box<Diagnostic>> {
    let error = |place: Range<usize>, message: &str, help: &str| {
        Box::new(Diagnostic::error(codes::NOT_TEXT, path, place, message).help(help))
    };
    let text = std::str::from_utf8(bytes).map_err(|problem| {
        error(
            problem.valid_up_to()..problem.valid_up_to() + 1,
            "this is not UTF-8",
            "save the file as UTF-8; what is not text stands in files/ without the ending .hbs",
        )
    })?;
    let Some(platform) = script else {
        return Ok(text);
    };
    const MARK: char = '\u{feff}';
    if text.starts_with(MARK) {
        return Err(error(
            0..MARK.len_utf8(),
            "a byte order mark",
            match platform {
                Platform::Linux => "save the file as UTF-8 without one",
                Platform::Windows => {
                    "save the file as UTF-8 without one: what Windows PowerShell needs of it, fleet writes"
                }
            },
        ));
    }
    if let Some(at) = text.find('\r') {
        return Err(error(
            at..at + 1,
            match platform {
                Platform::Linux => "a carriage return: bash would take it as part of the line",
                Platform::Windows => "a carriage return: scripts have one kind of line end",
            },
            match platform {
                Platform::Linux => "save the file with LF line endings",
                Platform::Windows => {
                    "save the file with LF line endings, which PowerShell reads too"
                }
            },
        ));
    }
    if let Some(at) = text.find('\0') {
        return Err(error(
            at..at + 1,
            "a NUL byte",
            "no shell can read it; take it away",
        ));
    }
    Ok(text)
}
