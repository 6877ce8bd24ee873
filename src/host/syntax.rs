//! Finds syntax errors of rendered scripts before any host sees them, by `bash -n`. It runs a process
//! per script and writes no file.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use crate::model::bundle::Bundle;

/// What bash says of a bundle's scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxCheck {
    /// It read them all; no problem means that they are well-formed.
    Checked(Vec<SyntaxProblem>),
    /// There is no bash here, or it could not be started: nothing is known.
    NoBash(String),
}

/// One thing that bash does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// Path in the bundle.
    pub file: String,
    /// From 1, in the rendered script; none where bash names no line.
    pub line: Option<usize>,
    /// In bash's words.
    pub message: String,
}

/// Reads every script of a bundle with `bash -n`.
pub fn check(bundle: &Bundle) -> SyntaxCheck {
    let scripts = bundle
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".sh") && !path.starts_with("files/"));
    let mut problems = Vec::new();
    for (path, bytes) in scripts {
        match complaints(bytes) {
            Ok(text) => problems.extend(read_complaints(path, &text)),
            Err(error) => return SyntaxCheck::NoBash(error.to_string()),
        }
    }
    SyntaxCheck::Checked(problems)
}

/// What `bash -n` prints about a script.
fn complaints(script: &[u8]) -> io::Result<String> {
    let mut child = Command::new("bash")
        .args(["--noprofile", "--norc", "-n"])
        .env("LC_ALL", "C")
        .env_remove("BASH_ENV")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Bash may stop reading at the first error.
        stdin
            .write_all(script)
            .or_else(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(error),
            })?;
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.is_empty() && !output.status.success() {
        return Ok(format!("bash -n ended with {}", output.status));
    }
    Ok(text)
}

/// `bash: line 3: syntax error …`; a second line about the same line quotes the script.
fn read_complaints(file: &str, text: &str) -> Vec<SyntaxProblem> {
    let mut problems: Vec<SyntaxProblem> = Vec::new();
    for complaint in text.lines() {
        let numbered = complaint
            .strip_prefix("bash: line ")
            .and_then(|rest| rest.split_once(": "))
            .and_then(|(line, message)| Some((line.parse().ok()?, message)));
        let (line, message) = match numbered {
            Some((line, message)) => (Some(line), message),
            None => (None, complaint.strip_prefix("bash: ").unwrap_or(complaint)),
        };
        match problems.last_mut() {
            Some(last) if line.is_some() && last.line == line => {
                last.message.push_str(": ");
                last.message.push_str(message);
            }
            _ => problems.push(SyntaxProblem {
                file: file.to_owned(),
                line,
                message: message.to_owned(),
            }),
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::bundle::Digests;
    use crate::model::id::Digest;

    fn bundle(files: &[(&str, &str)]) -> Bundle {
        let digest = Digest::of("");
        Bundle {
            files: files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().into()))
                .collect::<BTreeMap<_, _>>(),
            digests: Digests {
                digest: digest.clone(),
                scripts: digest.clone(),
                template: digest.clone(),
                definition: digest.clone(),
                host_definition: digest,
            },
        }
    }

    #[test]
    fn problems_name_file_and_line() {
        let found = check(&bundle(&[
            ("deploy.sh", "name='a b'\nif true; then\n  echo \"$name\"\n"),
            ("observe.sh", "echo ok\n\nfi\n"),
            ("verify.sh", "echo 'open\n"),
            ("files/not-a-phase.sh", "if\n"),
            ("rollback.sh", "echo fine\n"),
        ]));
        let SyntaxCheck::Checked(problems) = found else {
            panic!("{found:?}")
        };
        let places: Vec<_> = problems.iter().map(|p| (p.file.as_str(), p.line)).collect();
        assert_eq!(places.len(), 3, "{problems:?}");
        assert_eq!(places[0].0, "deploy.sh");
        assert!(places[0].1.is_some());
        assert_eq!(places[1], ("observe.sh", Some(3)));
        assert!(problems[1].message.contains("`fi'"), "{problems:?}");
        assert_eq!(places[2].0, "verify.sh");
    }

    #[test]
    fn a_script_is_read_and_never_run() {
        let found = check(&bundle(&[("deploy.sh", "kill -9 $$\nexit 3\n")]));
        assert_eq!(found, SyntaxCheck::Checked(Vec::new()));
    }

    #[test]
    fn a_large_broken_script_does_not_block() {
        let text = format!("fi\n{}", "echo line\n".repeat(100_000));
        let SyntaxCheck::Checked(problems) = check(&bundle(&[("deploy.sh", &text)])) else {
            panic!("bash is here")
        };
        assert_eq!(problems[0].line, Some(1));
    }
}
