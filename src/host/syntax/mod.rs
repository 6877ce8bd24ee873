//! Finds syntax errors of rendered scripts before any host sees them. No script is run and no file is
//! written.

use std::io;

use crate::model::bundle::Bundle;
use crate::model::desired::Platform;

mod bash;
mod powershell;
mod tree;

/// Who read the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// `bash -n`.
    Bash,
    /// PowerShell's own parser.
    PowerShell,
    /// A grammar of PowerShell, where there is no PowerShell. It does not understand all of the
    /// language, so what it says is a warning.
    TreeSitter,
}

impl Checker {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::PowerShell => "powershell",
            Self::TreeSitter => "tree-sitter",
        }
    }
}

/// What is known of a bundle's scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxCheck {
    /// All were read; no problem means that they are well-formed.
    Checked(Checker, Vec<SyntaxProblem>),
    /// There is no bash here, or it could not be started: nothing is known.
    NoBash(String),
}

/// One thing that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// Path in the bundle.
    pub file: String,
    /// From 1, in the rendered script; none where no line is named.
    pub line: Option<usize>,
    /// In the checker's words.
    pub message: String,
    /// It is understood, but not by Windows PowerShell 5.1, which is what SSM starts.
    pub is_newer: bool,
}

impl SyntaxProblem {
    /// An operator that only PowerShell 7 has.
    fn newer(file: &str, line: Option<usize>, operator: &str) -> Self {
        Self {
            file: file.to_owned(),
            line,
            message: format!("Windows PowerShell 5.1 has no operator `{operator}`"),
            is_newer: true,
        }
    }
}

/// Reads every script of a bundle for a platform.
pub fn check(bundle: &Bundle, platform: Platform) -> SyntaxCheck {
    let ending = format!(".{}", platform.extension());
    let scripts: Vec<(&str, &[u8])> = bundle
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(&ending) && !path.contains('/'))
        .map(|(path, bytes)| (path.as_str(), &**bytes))
        .collect();
    match platform {
        Platform::Linux => match bash::check(&scripts) {
            Ok(problems) => SyntaxCheck::Checked(Checker::Bash, problems),
            Err(error) => SyntaxCheck::NoBash(error.to_string()),
        },
        Platform::Windows => powershell::check(&scripts).map_or_else(
            |_: io::Error| SyntaxCheck::Checked(Checker::TreeSitter, tree::check(&scripts)),
            |problems| SyntaxCheck::Checked(Checker::PowerShell, problems),
        ),
    }
}
