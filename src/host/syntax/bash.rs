//! Scripts of Linux hosts, read by `bash -n`: a process per script.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use super::SyntaxProblem;

/// Reads every script. An error is that of starting bash.
pub(super) fn check(scripts: &[(&str, &[u8])]) -> io::Result<Vec<SyntaxProblem>> {
    let mut problems = Vec::new();
    for (path, script) in scripts {
        problems.extend(read_complaints(path, &complaints(script)?));
    }
    Ok(problems)
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
                is_newer: false,
            }),
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(scripts: &[(&str, &str)]) -> Vec<SyntaxProblem> {
        let scripts: Vec<(&str, &[u8])> = scripts
            .iter()
            .map(|(path, text)| (*path, text.as_bytes()))
            .collect();
        check(&scripts).expect("bash is here")
    }

    #[test]
    fn problems_name_file_and_line() {
        let problems = checked(&[
            ("deploy.sh", "name='a b'\nif true; then\n  echo \"$name\"\n"),
            ("observe.sh", "echo ok\n\nfi\n"),
            ("rollback.sh", "echo fine\n"),
            ("verify.sh", "echo 'open\n"),
        ]);
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
        assert_eq!(checked(&[("deploy.sh", "kill -9 $$\nexit 3\n")]), []);
    }

    #[test]
    fn a_large_broken_script_does_not_block() {
        let text = format!("fi\n{}", "echo line\n".repeat(100_000));
        assert_eq!(checked(&[("deploy.sh", &text)])[0].line, Some(1));
    }
}
