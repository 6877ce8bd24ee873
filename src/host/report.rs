//! Reads what a runner prints. Strict: a line that is not exactly a runner's makes the whole answer
//! garbled, for what it says decides whether a step counts as done. That the step is the one asked
//! for is the caller's check.

use serde::Deserialize;

use crate::model::id::{HostName, StepId};
use crate::model::report::{CurrentState, Report};
use crate::model::task::AnswerContent;

/// Why an answer cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum ReportProblem {
    /// Nothing was printed: the script was killed, or it never started.
    #[error("the host printed no report")]
    Empty,
    /// A byte outside of ASCII: not a runner's.
    #[error("line {line} of the answer is not ASCII")]
    NotAscii {
        /// From 1.
        line: usize,
    },
    /// Not a JSON object with the fields of a report; cut output also reads like this.
    #[error("line {line} of the answer is not a report")]
    Garbled {
        /// From 1.
        line: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// From a runner of another format.
    #[error("the host answers in format {0}, and this fleet knows format 1")]
    Format(u32),
    /// A step id is 64 hex digits.
    #[error("{0:?} in the answer is not a step")]
    Step(StepId),
    /// The runner says that it has no answer.
    #[error("the host could not answer: {0}")]
    Host(String),
    /// Services are missing from the answer: cut, or too many to fit.
    #[error("host {host} told of {found} services and has {announced}")]
    Incomplete {
        /// Which host.
        host: HostName,
        /// How many lines there are.
        found: usize,
        /// How many it said there would be.
        announced: usize,
    },
}

/// Whatever a host answers: reports, or `current` of its services.
pub fn read(stdout: &str) -> Result<AnswerContent, ReportProblem> {
    let is_heading = |line: &str| serde_json::from_str::<Heading>(line).is_ok();
    match lines(stdout)?.first() {
        Some((_, line)) if is_heading(line) => parse_current(stdout).map(AnswerContent::Current),
        _ => parse(stdout).map(AnswerContent::Reports),
    }
}

/// The first line of the answer to [`crate::model::task::Work::Current`].
#[derive(Deserialize)]
struct Heading {
    fleet: u32,
    host: HostName,
    services: usize,
}

/// The reports of a step, or of the steps asked about, in the order in which the host gives them.
pub fn parse(stdout: &str) -> Result<Vec<Report>, ReportProblem> {
    let reports = lines(stdout)?
        .into_iter()
        .map(|(number, line)| {
            let report: Report = decode(number, line)?;
            let step = report.step.as_str();
            if report.fleet != 1 {
                Err(ReportProblem::Format(report.fleet))
            } else if step.len() != 64 || !step.bytes().all(is_hex) {
                Err(ReportProblem::Step(report.step))
            } else {
                Ok(report)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(reports)
}

/// The answer to the asking without steps: `current` of each service of the host.
pub fn parse_current(stdout: &str) -> Result<Vec<CurrentState>, ReportProblem> {
    let mut lines = lines(stdout)?.into_iter();
    let (number, first) = lines.next().ok_or(ReportProblem::Empty)?;
    let heading: Heading = decode(number, first)?;
    if heading.fleet != 1 {
        return Err(ReportProblem::Format(heading.fleet));
    }
    let states = lines
        .map(|(number, line)| decode(number, line))
        .collect::<Result<Vec<CurrentState>, _>>()?;
    if states.len() != heading.services {
        return Err(ReportProblem::Incomplete {
            host: heading.host,
            found: states.len(),
            announced: heading.services,
        });
    }
    Ok(states)
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// What SSM puts between standard output and standard error where it gives both in one text.
const ERROR_HEADING: &str = "----------ERROR-------";

/// The lines of standard output, numbered from 1; none is empty, none says that there is no answer.
fn lines(stdout: &str) -> Result<Vec<(usize, &str)>, ReportProblem> {
    #[derive(Deserialize)]
    struct Problem {
        problem: String,
    }
    let lines: Vec<_> = stdout
        .lines()
        .take_while(|line| *line != ERROR_HEADING)
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| (index + 1, line))
        .collect();
    for (number, line) in &lines {
        if !line.is_ascii() {
            return Err(ReportProblem::NotAscii { line: *number });
        }
        if let Ok(Problem { problem }) = serde_json::from_str(line) {
            return Err(ReportProblem::Host(problem));
        }
    }
    if lines.is_empty() {
        return Err(ReportProblem::Empty);
    }
    Ok(lines)
}

fn decode<'a, T: Deserialize<'a>>(line: usize, text: &'a str) -> Result<T, ReportProblem> {
    serde_json::from_str(text).map_err(|source| ReportProblem::Garbled { line, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::ReportOutcome;

    const STEP: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn line(outcome: &str) -> String {
        format!(r#"{{"fleet":1,"step":"{STEP}","outcome":"{outcome}","seconds":1.0,"new":[1]}}"#)
    }

    #[test]
    fn a_report_may_have_fields_of_later_versions_and_standard_error_behind_it() {
        let text = format!("{}\n\n{ERROR_HEADING}\nü {{\n", line("rolled_back"));
        let reports = parse(&text).expect("a report");
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].outcome, ReportOutcome::RolledBack);
        assert_eq!(reports[0].step.as_str(), STEP);
        assert_eq!(
            parse(&[line("untouched"), line("busy")].join("\n"))
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn anything_else_is_a_problem() {
        let check = |text: &str, expect: &str| {
            assert_eq!(parse(text).expect_err(text).to_string(), expect, "{text}");
        };
        check("", "the host printed no report");
        check(" \n", "line 1 of the answer is not a report");
        check("hello", "line 1 of the answer is not a report");
        check(&line("healthy"), "line 1 of the answer is not a report");
        check(
            &line("succeeded")[..80],
            "line 1 of the answer is not a report",
        );
        check(
            &format!("{}\nx", line("failed")),
            "line 2 of the answer is not a report",
        );
        check(
            &line("failed").replace("[1]", "\"é\""),
            "line 1 of the answer is not ASCII",
        );
        check(
            &line("failed").replace(":1,", ":2,"),
            "the host answers in format 2, and this fleet knows format 1",
        );
        check(
            &line("failed").replace(STEP, "abc"),
            "StepId(\"abc\") in the answer is not a step",
        );
        check(
            r#"{"fleet":1,"problem":"no lock"}"#,
            "the host could not answer: no lock",
        );
    }

    #[test]
    fn a_missing_service_is_noticed() {
        let state = r#"{"host":"a","service":"web","version":"1.0","sequence":7}"#;
        let heading = |n: usize| format!(r#"{{"fleet":1,"host":"a","services":{n}}}"#);
        assert!(parse_current(&heading(0)).expect("none").is_empty());
        let states = parse_current(&format!("{}\n{state}\n", heading(1))).expect("one");
        assert_eq!(states[0].sequence, 7);
        assert_eq!(states[0].digest, None);
        assert_eq!(
            parse_current(&format!("{}\n{state}\n", heading(2)))
                .expect_err("one is missing")
                .to_string(),
            "host a told of 1 services and has 2"
        );
        assert!(matches!(parse_current(""), Err(ReportProblem::Empty)));
        let read = |text: &str| read(text).map_err(|problem| problem.to_string());
        assert!(matches!(read(&heading(0)), Ok(AnswerContent::Current(_))));
        assert!(matches!(
            read(&line("failed")),
            Ok(AnswerContent::Reports(_))
        ));
        assert_eq!(
            read(&heading(1)),
            Err("host a told of 0 services and has 1".to_owned())
        );
        assert_eq!(
            read(state),
            Err("line 1 of the answer is not a report".to_owned())
        );
    }
}
