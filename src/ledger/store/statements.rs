//! People's words on a branch of their own, so that nobody who may decide needs to write the
//! ledger (protocol §3). This version writes and reads them unsigned.

use super::super::LedgerError;
use super::Inner;
use crate::git::{BranchCommit, PushOutcome};
use crate::model::id::{Digest, EnvironmentName, PlanId, RolloutId};
use crate::model::statement::{Statement, StatementFile, Verb};

/// How often a statement is written anew on what others pushed meanwhile.
const TRIES: u32 = 5;

impl Inner {
    pub(super) fn statements(
        &self,
        name: &EnvironmentName,
    ) -> Result<Vec<StatementFile>, LedgerError> {
        let Some(tip) = self.repository.tip(&self.branches.statements_ref())? else {
            return Ok(Vec::new());
        };
        let mut statements = Vec::new();
        for (file, blob) in self.repository.files_in(&tip, name.as_str())? {
            if file.ends_with(".txt") {
                let bytes = self.repository.blob(&blob)?;
                statements.push(StatementFile {
                    path: format!("{name}/{file}"),
                    sha256: digest(&bytes),
                    content: parse(&bytes),
                });
            }
        }
        Ok(statements)
    }

    pub(super) fn state(&self, statement: &Statement) -> Result<StatementFile, LedgerError> {
        let text = text(statement);
        let name = format!("{}-{:08x}.txt", statement.at.compact(), self.random.next());
        let path = format!("{}/{name}", statement.environment);
        let files = [(path.clone(), Some(text.clone().into_bytes()))];
        let message = format!("{}: {}\n", statement.environment, statement.verb.as_str());
        let reference = self.branches.statements_ref();
        for _ in 0..TRIES {
            let tip = self.repository.tip(&reference)?;
            let made = self.repository.commit_on(&BranchCommit {
                parent: tip.as_ref(),
                files: &files,
                message: &message,
                at: statement.at,
            })?;
            let done = match &self.branches.remote {
                None => self
                    .repository
                    .compare_and_swap(&reference, tip.as_ref(), &made)?,
                Some(remote) => {
                    let branch = &self.branches.statements_branch;
                    match self.repository.push(remote, &made, branch)? {
                        PushOutcome::Accepted => {
                            self.repository.set_ref(&reference, &made)?;
                            true
                        }
                        PushOutcome::Rejected(message) => {
                            let (remote, branch) = (remote.clone(), branch.clone());
                            return Err(LedgerError::Rejected {
                                remote,
                                branch,
                                message,
                            });
                        }
                        PushOutcome::Unclear(message) => {
                            self.repository.fetch(&self.branches)?;
                            let now = self.repository.tip(&reference)?;
                            if now == tip {
                                return Err(LedgerError::Unreachable {
                                    remote: remote.clone(),
                                    message,
                                });
                            }
                            now.is_some_and(|now| {
                                self.repository.contains(&now, &made).unwrap_or(false)
                            })
                        }
                        PushOutcome::Behind => {
                            self.repository.fetch(&self.branches)?;
                            false
                        }
                    }
                }
            };
            if done {
                let sha256 = digest(text.as_bytes());
                return Ok(StatementFile {
                    path,
                    sha256,
                    content: Ok(statement.clone()),
                });
            }
        }
        Err(LedgerError::Rejected {
            remote: self
                .branches
                .remote
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
            branch: self.branches.statements_branch.clone(),
            message: format!("the branch moved {TRIES} times while it was written"),
        })
    }
}

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes)
        .as_str()
        .trim_start_matches("sha256:")
        .to_owned()
}

/// The exact text of a statement.
fn text(statement: &Statement) -> String {
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
fn parse(bytes: &[u8]) -> Result<Statement, String> {
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
        assert_eq!(parse(text(&statement()).as_bytes()), Ok(statement()));
    }

    #[test]
    fn anything_else_is_no_statement() {
        let good = text(&statement());
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
}
