//! One file of a bundle: its bytes on a host, and their hash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::diagnostic::Diagnostic;

use super::context::{Found, Subject};
use super::digest::{self, ContentHash};
use super::path::Path;
use super::program::{Program, Values, read_secrets};

/// More remembered renderings per file than this are of no use: the values differ from host to host.
const MOST_REMEMBERED: usize = 4_096;

/// One file of a bundle.
#[derive(Debug)]
pub(super) struct Part {
    /// Where it comes from.
    pub(super) file: Arc<str>,
    /// A secret is read on the host.
    pub(super) reads_secrets: bool,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// The same on every host.
    Fixed(Arc<[u8]>, ContentHash),
    /// Different from host to host.
    Rendered {
        program: Program,
        /// Hashes by the values of the slots.
        remembered: Option<Mutex<HashMap<Box<[u8]>, ContentHash>>>,
    },
}

impl Part {
    /// A file that travels as it is.
    pub(super) fn copied(file: &Arc<str>, bytes: &Arc<[u8]>) -> Self {
        Self {
            file: Arc::clone(file),
            reads_secrets: false,
            content: Content::Fixed(Arc::clone(bytes), digest::content(bytes)),
        }
    }

    /// A file that a program writes.
    pub(super) fn rendered(file: &Arc<str>, program: Program) -> Self {
        let reads_secrets = read_secrets(&program.nodes);
        let content = if program.slots.is_empty() {
            let bytes = program.render(&Vec::new()).into_bytes();
            let hash = digest::content(&bytes);
            Content::Fixed(bytes.into(), hash)
        } else {
            let is_shared = !program.slots.iter().any(Path::is_unique);
            Content::Rendered {
                program,
                remembered: is_shared.then(Mutex::default),
            }
        };
        Self {
            file: Arc::clone(file),
            reads_secrets,
            content,
        }
    }

    /// What writes it, unless it is the same on every host.
    pub(super) const fn program(&self) -> Option<&Program> {
        match &self.content {
            Content::Fixed(..) => None,
            Content::Rendered { program, .. } => Some(program),
        }
    }

    fn values<'a>(
        &self,
        program: &Program,
        subject: &Subject<'a>,
    ) -> Result<Values<'a>, Box<Diagnostic>> {
        if let Some(problem) = program.problems(subject).next() {
            return Err(Box::new(problem.diagnostic(&self.file, subject)));
        }
        Ok(program.values(subject).unwrap_or_default())
    }

    /// Its bytes for a subject.
    pub(super) fn bytes(&self, subject: &Subject<'_>) -> Result<Arc<[u8]>, Box<Diagnostic>> {
        match &self.content {
            Content::Fixed(bytes, _) => Ok(Arc::clone(bytes)),
            Content::Rendered { program, .. } => {
                let values = self.values(program, subject)?;
                Ok(program.render(&values).into_bytes().into())
            }
        }
    }

    /// Their hash; `key` is scratch space.
    pub(super) fn hash(
        &self,
        subject: &Subject<'_>,
        key: &mut Vec<u8>,
    ) -> Result<ContentHash, Box<Diagnostic>> {
        let (program, remembered) = match &self.content {
            Content::Fixed(_, hash) => return Ok(Arc::clone(hash)),
            Content::Rendered {
                program,
                remembered,
            } => (program, remembered),
        };
        let values = self.values(program, subject)?;
        let Some(remembered) = remembered else {
            return Ok(digest::content(program.render(&values)));
        };
        write_key(&values, key);
        // What was remembered stays right even if a thread panicked beside it.
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = remembered.get(&**key) {
            return Ok(Arc::clone(hash));
        }
        let hash = digest::content(program.render(&values));
        if remembered.len() < MOST_REMEMBERED {
            remembered.insert(key.as_slice().into(), Arc::clone(&hash));
        }
        Ok(hash)
    }
}

/// Writes values so that different ones never look the same.
fn write_key(values: &Values<'_>, key: &mut Vec<u8>) {
    key.clear();
    for value in values {
        let count = match value {
            Found::Text(_) => u64::MAX,
            Found::List(items) => items.len() as u64,
        };
        key.extend_from_slice(&count.to_be_bytes());
        for text in value.texts() {
            key.extend_from_slice(&(text.len() as u64).to_be_bytes());
            key.extend_from_slice(text.as_bytes());
        }
    }
}
