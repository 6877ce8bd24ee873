//! People's words on a branch of their own, so that nobody who may decide needs to write the
//! ledger (protocol §3). This version writes and reads them unsigned.

use super::super::{LedgerError, statement as form};
use super::Inner;
use crate::git::{BranchCommit, PushOutcome};
use crate::model::id::EnvironmentName;
use crate::model::statement::{Statement, StatementFile};

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
                statements.push(form::file(format!("{name}/{file}"), &bytes));
            }
        }
        Ok(statements)
    }

    pub(super) fn state(&self, statement: &Statement) -> Result<StatementFile, LedgerError> {
        let text = form::text(statement)?;
        let path = form::path(statement, self.random.next());
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
                    match self.repository.push(remote, branch, tip.as_ref(), &made)? {
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
                        PushOutcome::Behind(_) => {
                            self.repository.fetch(&self.branches)?;
                            false
                        }
                    }
                }
            };
            if done {
                return Ok(form::file(path, text.as_bytes()));
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
