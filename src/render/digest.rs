//! What plans and blocks compare.
//!
//! A digest is the sha256 of a text that `sha256sum` would have written for the same files, with a
//! first line that names the kind and the number of the rendering:
//!
//! ```text
//! fleet digest, renderer 1
//! <sha256 of the version>  version
//! <sha256 of the file>  deploy.sh
//! <sha256 of the file>  files/motd
//! ```
//!
//! Names have no line ends and hashes one length, so two different inputs never give one text.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::model::desired::{Value, Variables};
use crate::model::id::{Digest, hex};

/// Raised by every change of fleet that alters the bytes of a rendering.
pub const RENDERER: u32 = 1;

/// The sha256 of some content, in hex.
pub(super) type ContentHash = Arc<str>;

/// Hashes some content.
pub(super) fn content(bytes: impl AsRef<[u8]>) -> ContentHash {
    hex(&Sha256::digest(bytes)).into()
}

/// A digest that is being computed.
pub(super) struct Manifest(Sha256);

impl Manifest {
    /// Begins one of a kind.
    pub(super) fn new(kind: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("fleet {kind}, renderer {RENDERER}\n"));
        Self(hash)
    }

    /// Adds a line.
    pub(super) fn line(&mut self, hash: &str, name: &str) {
        for part in [hash, "  ", name, "\n"] {
            self.0.update(part);
        }
    }

    /// Ends it.
    pub(super) fn finish(self) -> Digest {
        Digest::new(format!("sha256:{}", hex(&self.0.finalize())))
    }
}

/// The hash of variables: every text with its length before it.
pub(super) fn variables(variables: &Variables) -> ContentHash {
    let mut hash = Sha256::new();
    let mut text = |kind: u8, text: &str| {
        hash.update([kind]);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    for (name, value) in variables {
        text(b'n', name);
        match value {
            Value::Scalar(value) => text(b's', value),
            Value::List(items) => {
                text(b'l', "");
                for item in items {
                    text(b'i', item);
                }
            }
        }
    }
    hex(&hash.finalize()).into()
}
