//! Scripts of Windows hosts, read by PowerShell's own parser: one process for all of them.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::SyntaxProblem;

/// PowerShell 7, and Windows PowerShell where it is alone.
const PROGRAMS: [&str; 2] = ["pwsh", "powershell"];

/// Takes scripts in base64, one a line, and prints `<number> <line> error <message in base64>` for each
/// error, `<number> <line> newer <text in base64>` for each operator that 5.1 does not have, and
/// `read <count>` at its end. It has no double quotes in it: it is one argument, and Windows has no
/// arguments but one text.
const READ: &str = include_str!("read.ps1");

/// Reads every script. An error says that there is no PowerShell that can be asked.
pub(super) fn check(scripts: &[(&str, &[u8])]) -> io::Result<Vec<SyntaxProblem>> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for program in PROGRAMS {
        match ask(program, scripts) {
            Ok(problems) => return Ok(problems),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask(program: &str, scripts: &[(&str, &[u8])]) -> io::Result<Vec<SyntaxProblem>> {
    let mut child = Command::new(program)
        .args(["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdin = child.stdin.take();
    let lines: String = scripts
        .iter()
        .map(|(_, script)| BASE64.encode(script) + "\n")
        .collect();
    let output = thread::scope(|scope| {
        // What it has to say may fill its pipe before it has read everything. If it stops reading,
        // its answer is not complete, which is seen below.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(lines.as_bytes())));
        child.wait_with_output()
    })?;
    let answer = String::from_utf8_lossy(&output.stdout);
    understand(&answer, scripts)
        .filter(|_| output.status.success())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// The problems in an answer; none where it is not the answer to these scripts.
fn understand(answer: &str, scripts: &[(&str, &[u8])]) -> Option<Vec<SyntaxProblem>> {
    let mut problems = Vec::new();
    let mut lines = answer.lines();
    loop {
        let mut words = lines.next()?.split(' ');
        let (number, second) = (words.next()?, words.next()?);
        if number == "read" {
            let is_all = second.parse() == Ok(scripts.len());
            return (is_all && lines.next().is_none()).then_some(problems);
        }
        let (file, _) = scripts.get(number.parse::<usize>().ok()?)?;
        let (kind, text) = (words.next()?, BASE64.decode(words.next()?).ok()?);
        let text = String::from_utf8(text).ok()?;
        let line = second.parse().ok();
        problems.push(match kind {
            "newer" => SyntaxProblem::newer(file, line, &text),
            _ => SyntaxProblem {
                file: (*file).to_owned(),
                line,
                message: text.lines().collect::<Vec<_>>().join(" "),
                is_newer: false,
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPTS: [(&str, &[u8]); 2] = [("deploy.ps1", b"if (\n"), ("observe.ps1", b"'ok'\n")];

    #[test]
    fn an_answer_is_understood_or_is_none() {
        let message = BASE64.encode("Missing condition\nin if statement.");
        let answer = format!("0 2 error {message}\r\n1 1 newer Pz8=\r\nread 2\r\n");
        let problem = SyntaxProblem {
            file: "deploy.ps1".to_owned(),
            line: Some(2),
            message: "Missing condition in if statement.".to_owned(),
            is_newer: false,
        };
        let newer = SyntaxProblem {
            file: "observe.ps1".to_owned(),
            line: Some(1),
            message: "Windows PowerShell 5.1 has no operator `??`".to_owned(),
            is_newer: true,
        };
        assert_eq!(understand(&answer, &SCRIPTS), Some(vec![problem, newer]));
        assert_eq!(understand("read 2\n", &SCRIPTS), Some(Vec::new()));
        for wrong in [
            "",
            "read 1\n",
            "read 2\nmore\n",
            "hello\nread 2\n",
            "9 1 error YQ==\nread 2\n",
            "0 1 error %\nread 2\n",
            "0 1 YQ==\nread 2\n",
            &format!("0 2 error {message}\n"),
        ] {
            assert_eq!(understand(wrong, &SCRIPTS), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_or_another_one_is_an_error() {
        assert!(ask("no-such-program-of-fleet", &SCRIPTS).is_err());
        assert!(ask("true", &SCRIPTS).is_err());
        assert!(ask("false", &SCRIPTS).is_err());
    }

    #[test]
    fn what_reads_scripts_is_one_argument_everywhere() {
        assert!(READ.is_ascii() && !READ.contains('"'));
    }
}
