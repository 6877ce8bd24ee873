//! A wave that is open and not one's own is left to its writer, as long as that one lives.

use std::time::Duration;

use crate::ledger::LedgerError;
use crate::model::event::EventKind;
use crate::model::id::{EnvironmentName, RolloutId};
use crate::model::ledger::{RolloutLedger, WaveRecord};
use crate::rollout::Controller;

/// A writer commits at least every 5 minutes and sends for at most 6 after its last push, which
/// hosts refuse after 10: twice that and some is certainly a dead one (protocol §2).
const STANDS_STILL: Duration = Duration::from_secs(12 * 60);
/// How often is looked.
const LOOK: Duration = Duration::from_secs(15);

/// How the waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The environment's tip stood still for 12 minutes: anyone may finish.
    StoodStill,
    /// The wave is closed, or another one is open: look again.
    Moved,
    /// Told to leave.
    Stopped,
}

/// The open wave, if it is not ours.
pub(super) fn wave<'a>(open: &'a RolloutLedger, ours: &str) -> Option<&'a WaveRecord> {
    open.open_wave().filter(|wave| wave.writer != ours)
}

/// Waits until the environment's tip has stood still for 12 minutes by our own clock.
pub(super) async fn wait(
    controller: &Controller<'_>,
    environment: &EnvironmentName,
    open: &RolloutLedger,
    foreign: &WaveRecord,
) -> Result<Waited, LedgerError> {
    let id: &RolloutId = &open.record.id;
    controller.emit(
        environment,
        Some(id),
        EventKind::Waiting {
            gates: Vec::new(),
            reason: reason(foreign),
        },
    );
    let mut tip = controller.ledger.read(environment).await?.tip;
    let mut since = controller.clock.monotonic();
    loop {
        controller.sleep(LOOK).await;
        if controller.is_stopping() {
            return Ok(Waited::Stopped);
        }
        let now = controller.clock.monotonic();
        match controller.ledger.fetch().await {
            Ok(()) => {}
            // What cannot be looked at has not been seen to stand still.
            Err(error) if error.is_transient() => {
                since = now;
                continue;
            }
            Err(error) => return Err(error),
        }
        let there = controller.ledger.read(environment).await?;
        let still_open = there
            .open
            .as_ref()
            .filter(|there| there.record.id == *id)
            .and_then(|there| wave(there, &controller.writer));
        let whose = |wave: &WaveRecord| (wave.wave, wave.writer.clone());
        if still_open.map(whose) != Some(whose(foreign)) {
            return Ok(Waited::Moved);
        }
        if there.tip != tip {
            tip = there.tip;
            since = now;
        } else if now.saturating_sub(since) >= STANDS_STILL {
            return Ok(Waited::StoodStill);
        }
    }
}

/// In words, why nothing is done.
pub(super) fn reason(foreign: &WaveRecord) -> String {
    format!(
        "another controller ({}) is in the middle of wave {} since {}; its wave is taken over when \
         it has been silent for 12 minutes, or at once with --take-over",
        foreign.writer, foreign.wave, foreign.intent_at
    )
}
