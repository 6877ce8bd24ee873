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
use crate::model::plan::HeldReason;
use crate::reconcile::{ExitClass, Pass, PassOutcome};
use crate::reporter;
use crate::reporter::event::words;
use crate::reporter::plan::Options;
use crate::reporter::text::{plural, wrap};

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
            let text = reporter::plan::text(plan, policy, &books.desired, options);
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
    if let Some(wave) = open.waves.iter().find(|wave| wave.is_open()) {
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
    let runs = matches!(
        open.record.state,
        RolloutState::Running | RolloutState::Soaking
    );
    runs && books.revision().as_ref() == Some(&open.record.revision)
}

/// What came of a pass, on stdout.
pub(super) async fn tell(
    context: &Context,
    books: &Books,
    name: &EnvironmentName,
    pass: &Pass,
) -> Result<(), CliError> {
    let ui = context.ui;
    let rollout = match &pass.outcome {
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => Some(record),
        PassOutcome::Held { rollout, .. } => rollout.as_ref(),
        PassOutcome::Unchanged | PassOutcome::AllOffline | PassOutcome::Stopped => None,
    };
    if ui.format == Format::Json {
        if let Some(record) = rollout {
            let waves = books
                .ledger
                .rollout(name, &record.id)
                .await?
                .map(|rollout| rollout.waves)
                .unwrap_or_default();
            ui.answer(&(reporter::rollout::json(record, &waves) + "\n"))?;
        }
        return Ok(());
    }
    ui.answer(&format!("{name}: {}\n", summary(pass)))?;
    if let PassOutcome::Paused(record) = &pass.outcome {
        ui.hint(&format!("fleet rollout logs {}", record.id));
        ui.hint(&format!(
            "then: fleet continue {name}, fleet retry {name} or fleet abort {name}"
        ));
    } else if let (ExitClass::Failed, Some(record)) = (pass.class(), rollout) {
        ui.hint(&format!("fleet rollout logs {}", record.id));
    }
    Ok(())
}

fn summary(pass: &Pass) -> String {
    let of = |record: &RolloutRecord| {
        let state = words(record.state.as_str());
        let hosts = format!("{} of {}", record.completed, plural(record.total, "host"));
        match record.state {
            RolloutState::Succeeded => format!("{state} on {hosts}"),
            _ => format!("{state}: {}; {hosts} changed", record.reason),
        }
    };
    match &pass.outcome {
        PassOutcome::Unchanged => match pass.plan.as_ref().map_or(0, |plan| plan.held.len()) {
            0 => "no changes".to_owned(),
            held => format!("no changes, {held} held{}", why_held(pass)),
        },
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => of(record),
        PassOutcome::Held { reason, .. } => format!("held: {reason}"),
        PassOutcome::AllOffline => {
            "every host that would change is offline; they are caught up later".to_owned()
        }
        PassOutcome::Stopped => "left; the next apply goes on".to_owned(),
    }
}

/// Blocks need a person, and a person needs to know.
fn why_held(pass: &Pass) -> String {
    let blocked = pass
        .plan
        .iter()
        .flat_map(|plan| &plan.held)
        .find(|held| held.reason == HeldReason::Blocked);
    match blocked {
        Some(held) => format!(" (blocked: {})", held.message),
        None => String::new(),
    }
}
