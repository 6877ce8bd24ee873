//! Collects the problems of one file, so that decoding goes on after each of them.

use std::ops::Range;
use std::sync::Arc;

use super::codes;
use crate::model::characters::is_hidden;
use crate::model::diagnostic::{Diagnostic, Severity};

/// Bytes of the file that is being read.
pub(super) type Span = Range<usize>;

/// A text of the user in a message: in backticks, short, and without anything a terminal obeys.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).flat_map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

fn visible(c: char) -> impl Iterator<Item = char> {
    let (escaped, plain) = if is_hidden(c) {
        (Some(c.escape_default()), None)
    } else {
        (None, Some(c))
    };
    escaped.into_iter().flatten().chain(plain)
}

/// The problems of one file.
pub(super) struct Problems {
    file: Arc<str>,
    found: Vec<Diagnostic>,
    errors: usize,
    unshown: usize,
}

impl Problems {
    /// Nobody reads more than this of one file, and a hostile one could have a million.
    const MOST: usize = 1_000;

    /// Starts collecting for a file.
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            found: Vec::new(),
            errors: 0,
            unshown: 0,
        }
    }

    /// Makes an error of this file; [`Problems::add`] records it.
    pub(super) fn error(
        &self,
        code: &'static str,
        span: &Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, &self.file, span.clone(), message)
    }

    /// Records a problem.
    pub(super) fn add(&mut self, problem: Diagnostic) {
        if problem.severity == Severity::Error {
            self.errors += 1;
        }
        if self.found.len() < Self::MOST {
            self.found.push(problem);
        } else {
            self.unshown += 1;
        }
    }

    /// Records an error that needs no second place.
    pub(super) fn report(
        &mut self,
        code: &'static str,
        span: &Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = self.error(code, span, message).help(help);
        self.add(problem);
    }

    /// The same where the words take work: a problem that is not shown needs none.
    pub(super) fn report_lazily(
        &mut self,
        code: &'static str,
        span: &Span,
        words: impl FnOnce() -> (String, String),
    ) {
        if self.found.len() < Self::MOST {
            let (message, help) = words();
            self.report(code, span, message, help);
        } else {
            self.errors += 1;
            self.unshown += 1;
        }
    }

    /// Records a warning.
    pub(super) fn warn(
        &mut self,
        code: &'static str,
        span: &Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Diagnostic::warning(code, &self.file, span.clone(), message).help(help));
    }

    /// How many errors were recorded so far: equal before and after a part means the part is sound.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// Everything recorded.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        if self.unshown > 0 {
            let message = format!("{} more problems of this file are not shown", self.unshown);
            let more = self
                .error(codes::MORE_PROBLEMS, &(0..0), message)
                .help("mend those that are shown and look again");
            self.found.push(more);
        }
        self.found
    }
}
