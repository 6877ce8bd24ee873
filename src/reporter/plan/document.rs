//! `fleet.plan/1` as it is written: borrowed, because a plan of ten thousand hosts is large.
//! [`PlanDocument`](crate::model::plan::PlanDocument) reads it back.

use serde::Serialize;

use super::{Reach, Shown};
use crate::model::id::{EnvironmentName, FleetName, PlanId, Revision};
use crate::model::plan::{
    Change, EnvironmentPlan, Gate, Held, PLAN_FORMAT, Summary, Unchanged, Wave,
};
use crate::reporter::diff::Difference;
use crate::reporter::text::to_json;

/// What a document says of all its environments.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The fleet.
    pub fleet: &'a FleetName,
    /// The desired commit; none for the work tree.
    pub revision: Option<&'a Revision>,
    /// The ledger's commit; none before the first.
    pub ledger_revision: Option<&'a Revision>,
    /// `revision` or `worktree`, for a plan that is never applied.
    pub preview_of: Option<&'static str>,
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    fleet: &'a FleetName,
    revision: Option<&'a Revision>,
    ledger_revision: Option<&'a Revision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview_of: Option<&'static str>,
    environments: Vec<Environment<'a>>,
}

#[derive(Serialize)]
struct Environment<'a> {
    name: &'a EnvironmentName,
    plan_id: &'a PlanId,
    summary: Summary,
    gates: &'a [Gate],
    waves: &'a [Wave],
    changes: &'a [Change],
    held: &'a [Held],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unchanged: &'a [Unchanged],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    diffs: Option<&'a [Difference]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Reach>,
}

/// The document on one line; rows of what stays as it is only with `all`.
pub fn json(head: &Head<'_>, environments: &[Shown<'_>], all: bool) -> String {
    to_json(&Document {
        format: PLAN_FORMAT,
        fleet: head.fleet,
        revision: head.revision,
        ledger_revision: head.ledger_revision,
        preview_of: head.preview_of,
        environments: environments
            .iter()
            .map(|shown| environment(shown, all))
            .collect(),
    })
}

fn environment<'a>(shown: &Shown<'a>, all: bool) -> Environment<'a> {
    let EnvironmentPlan {
        name,
        plan_id,
        summary,
        gates,
        waves,
        changes,
        held,
        unchanged,
        warnings,
    } = shown.plan;
    Environment {
        name,
        plan_id,
        summary: *summary,
        gates,
        waves,
        changes,
        held,
        unchanged: if all { unchanged } else { &[] },
        warnings,
        diffs: shown.diffs,
        live: shown.live,
    }
}
