//! A statement's exact text (protocol §3): the same for every ledger, for people sign its bytes.

use super::LedgerError;
use crate::model::id::{Digest, PlanId, RolloutId};
use crate::model::statement::{Statement, StatementFile, Verb};

/// The file of a statement below its environment's folder: oldest first in the order of names.
pub(super) fn path(statement: &Statement, random: u32) -> String {
    let Statement {
        environment, at, ..
    } = statement;
    format!("{environment}/{}-{random:08x}.txt", at.compact())
}

/// A file as it lies on the branch.
pub(super) fn file(path: String, bytes: &[u8]) -> StatementFile {
    StatementFile {
        path,
        sha256: digest(bytes),
        content: parse(bytes),
    }
}

/// sha256 of a statement's bytes, hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes)
        .as_str()
        .trim_start_matches("sha256:")
        .to_owned()
}

/// The exact text of a statement.
///
/// # Errors
/// It would not read back as the same, such as where a name has a line feed in it.
pub(super) fn text(statement: &Statement) -> Result<String, LedgerError> {
    let text = lines(statement);
    let problem = match parse(text.as_bytes()) {
        Ok(back) if back == *statement => return Ok(text),
        Ok(_) => "it would read as another one".to_owned(),
        Err(problem) => problem,
    };
    Err(LedgerError::Git {
        what: "write a statement",
        source: problem.into(),
    })
}

fn lines(statement: &Statement) -> String {
    let Statement {
        fleet,
        environment,
        verb,
        plan,
        rollout,
        by,
        at,
    } = statement;
    let plan = plan.as_ref().map_or("-", PlanId::as_str);
    let rollout = rollout.as_ref().map_or("-", RolloutId::as_str);
    format!(
        "fleet-statement/1\nfleet: {fleet}\nenvironment: {environment}\nverb: {}\nplan: {plan}\n\
         rollout: {rollout}\nby: {by}\nat: {at}\n",
        verb.as_str()
    )
}

/// Reads a statement strictly: these lines, in this order, and nothing else.
pub(super) fn parse(bytes: &[u8]) -> Result<Statement, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let body = text
        .strip_suffix('\n')
        .ok_or("does not end with a line feed")?;
    let mut lines = body.split('\n');
    if lines.next() != Some("fleet-statement/1") {
        return Err("does not begin with fleet-statement/1".to_owned());
    }
    let mut field = |name: &str| -> Result<String, String> {
        let line = lines.next().ok_or_else(|| format!("{name} is missing"))?;
        let value = line
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(": "));
        let value = value.ok_or_else(|| format!("{name} is not where it belongs"))?;
        match value.is_empty() || value.trim() != value || value.chars().any(char::is_control) {
            true => Err(format!("{name} has no proper value")),
            false => Ok(value.to_owned()),
        }
    };
    let optional = |value: String| (value != "-").then_some(value);
    let statement = Statement {
        fleet: field("fleet")?.into(),
        environment: field("environment")?.into(),
        verb: match field("verb")?.as_str() {
            "continue" => Verb::Continue,
            "abort" => Verb::Abort,
            "retry" => Verb::Retry,
            other => return Err(format!("verb {other:?} is not one of this version")),
        },
        plan: optional(field("plan")?).map(PlanId::new),
        rollout: optional(field("rollout")?).map(RolloutId::new),
        by: field("by")?,
        at: field("at")?
            .parse()
            .map_err(|error: crate::model::time::TimeProblem| error.to_string())?,
    };
    match lines.next() {
        Some(_) => Err("has more lines than a statement".to_owned()),
        None => Ok(statement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn statement() -> Statement {
        Statement {
            fleet: "acme".into(),
            environment: "production".into(),
            verb: Verb::Retry,
            plan: None,
            rollout: Some("20261120T010140Z-3f2a91".into()),
            by: "alice".to_owned(),
            at: Timestamp::from_unix(1_790_000_000),
        }
    }

    #[test]
    fn a_statement_survives_its_text() {
        assert_eq!(
            parse(text(&statement()).unwrap().as_bytes()),
            Ok(statement())
        );
    }

    #[test]
    fn anything_else_is_no_statement() {
        let good = text(&statement()).unwrap();
        for bad in [
            good.trim_end().to_owned(),
            good.replace("fleet-statement/1", "fleet-statement/2"),
            good.replace("by: alice\n", ""),
            good.replace("by: alice", "by:  alice"),
            good.replace("verb: retry", "verb: approve"),
            good.replace('\n', "\r\n"),
            format!("{good}extra: 1\n"),
            good.replace("at: 2026", "at: yesterday"),
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
    #[test]
    fn a_name_with_a_line_feed_is_not_written() {
        let by = "alice\nat: 2026-11-20T01:01:40Z".to_owned();
        let forged = Statement { by, ..statement() };
        assert!(text(&forged).is_err());
    }
}
