//! What an apply says before it acts and after it.

use super::Due;
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::preview::Preview;
use crate::cli::ui::Format;
use crate::cli::workspace::Books;
use crate::ledger::Ledger as _;
use crate::model::id::EnvironmentName;
use crate::model::ledger::{RolloutLedger, RolloutRecord, RolloutState, WaveKind};
use crate::reconcile::{ExitClass, Pass, PassOutcome};
use crate::reporter;
use crate::reporter::event::words;
use crate::reporter::plan::{Options, Shown};
use crate::reporter::text::{plural, wrap};
use crate::rollout::state::Rollout;

/// Plans with something in them, on stderr: stdout carries what came of them. Programs that nobody
/// asks anything get none.
pub(super) fn show(context: &Context, books: &Books, due: &[Due], asks: bool) {
    let ui = context.ui;
    if ui.format == Format::Json && !asks {
        return;
    }
    let options = Options {
        all: false,
        palette: ui.err,
        width: ui.err_width,
        now: context.now(),
    };
    for due in due {
        if let Some(open) = &due.open {
            let text = open_text(&due.name, open);
            ui.tell(&(wrap(&text, ui.err_width).join("\n  ") + "\n"));
            if is_as_recorded(books, open) {
                continue;
            }
        }
        let Preview { plan, policy } = &due.preview;
        // What is held beside an open rollout is mostly held by it.
        let held = due.open.is_none() && !plan.held.is_empty();
        if !plan.changes.is_empty() || held {
            let shown = Shown::new(plan, policy);
            let text = reporter::plan::text(&shown, &books.desired, options);
            ui.tell(&(text + "\n"));
        }
    }
}

/// `production  rollout … is running and comes first: wave 1 of 2, 0 of 4 hosts done`.
fn open_text(name: &EnvironmentName, open: &RolloutLedger) -> String {
    let record = &open.record;
    let state = words(record.state.as_str());
    let head = format!("{name}  rollout {} is {state}", record.id);
    // What it waits for stands in the plan, which comes next.
    if record.state == RolloutState::Waiting {
        return head;
    }
    let mut parts = Vec::new();
    if let Some(wave) = open.open_wave() {
        let waves = open.plan.plan.waves.len();
        parts.push(match wave.kind {
            WaveKind::Forward => format!("wave {} of {waves}", wave.wave),
            WaveKind::Rollback => "hosts go back".to_owned(),
        });
    }
    let hosts = plural(record.total, "host");
    parts.push(format!("{} of {hosts} done", record.completed));
    if !record.reason.is_empty() {
        parts.push(record.reason.clone());
    }
    format!("{head} and comes first: {}", parts.join(", "))
}

/// Whether the open rollout goes on as it was agreed to, so that there is no newer plan to show.
fn is_as_recorded(books: &Books, open: &RolloutLedger) -> bool {
    let goes_on = match open.record.state {
        RolloutState::Running | RolloutState::Soaking => true,
        // At a gate, that of its canary among them; on failures a person may end it.
        RolloutState::Paused => !Rollout::load(open.clone()).line_stopped(),
        _ => false,
    };
    goes_on && books.revision().as_ref() == Some(&open.record.revision)
}

/// What came of a pass, on stdout.
pub(super) async fn tell(
    context: &Context,
    books: &Books,
    name: &EnvironmentName,
    pass: &Pass,
) -> Result<(), CliError> {
    let ui = context.ui;
    let record = record(pass);
    let rollout = match record {
        Some(record) => books.ledger.rollout(name, &record.id).await?,
        None => None,
    };
    if ui.format == Format::Json {
        if let Some(record) = record {
            let waves = rollout.map(|rollout| rollout.waves).unwrap_or_default();
            ui.answer(&(reporter::rollout::json(record, &waves) + "\n"))?;
        }
    } else {
        let summary = summary(pass, rollout.as_ref());
        ui.answer(&format!("{name}: {summary}\n"))?;
    }
    for hint in hints(name, pass, record) {
        ui.hint(&hint);
    }
    Ok(())
}

/// The rollout that a pass was about.
pub(in crate::cli) fn record(pass: &Pass) -> Option<&RolloutRecord> {
    match &pass.outcome {
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => Some(record),
        PassOutcome::Held { rollout, .. } => rollout.as_ref(),
        PassOutcome::Unchanged | PassOutcome::AllOffline | PassOutcome::Stopped => None,
    }
}

/// What to look at, and what lifts what is held.
fn hints(name: &EnvironmentName, pass: &Pass, record: Option<&RolloutRecord>) -> Vec<String> {
    let mut hints = Vec::new();
    if let (ExitClass::Failed, Some(record)) = (pass.class(), record) {
        hints.push(format!("fleet rollout logs {}", record.id));
    }
    if let PassOutcome::Paused(_) = &pass.outcome {
        hints.push(format!(
            "then: fleet continue {name}, fleet retry {name} or fleet abort {name}"
        ));
    }
    if let PassOutcome::Ended(record) = &pass.outcome
        && record.state == RolloutState::Succeeded
        && record.deferred > 0
    {
        hints.push(format!(
            "a host that was left out comes when it can, with a later: fleet apply {name}"
        ));
    }
    if is_over(pass)
        && let Some(plan) = &pass.plan
    {
        hints.extend(reporter::summary::lifts(plan));
    }
    hints
}

/// Nothing of it is under way, so what its plan held is what is left.
fn is_over(pass: &Pass) -> bool {
    matches!(
        pass.outcome,
        PassOutcome::Unchanged | PassOutcome::AllOffline | PassOutcome::Ended(_)
    )
}

/// The summary of a pass that found nothing to do.
pub(in crate::cli) const NO_CHANGES: &str = "no changes";

/// What came of a pass, in a few words.
pub(in crate::cli) fn summary(pass: &Pass, rollout: Option<&RolloutLedger>) -> String {
    let of = |record: &RolloutRecord| {
        let state = words(record.state.as_str());
        let hosts = format!("{} of {}", record.completed, plural(record.total, "host"));
        match (record.state, rollout) {
            (RolloutState::Succeeded, _) if record.deferred > 0 => {
                format!("{state} on {hosts}, {} left out", record.deferred)
            }
            (RolloutState::Succeeded, _) => format!("{state} on {hosts}"),
            (_, Some(rollout)) => {
                let changes = reporter::summary::changes(rollout);
                format!("{state}: {}; {changes}", record.reason)
            }
            (_, None) => format!("{state}: {}", record.reason),
        }
    };
    let done = match &pass.outcome {
        PassOutcome::Unchanged => NO_CHANGES.to_owned(),
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => of(record),
        PassOutcome::Held { reason, .. } => format!("held: {reason}"),
        PassOutcome::AllOffline => {
            "every host that would change is offline; they are caught up later".to_owned()
        }
        PassOutcome::Stopped => "left; the next apply goes on".to_owned(),
    };
    let plan = pass.plan.as_ref().filter(|_| is_over(pass));
    match plan.and_then(reporter::summary::held) {
        Some(held) => format!("{done}; {held}"),
        None => done,
    }
}
