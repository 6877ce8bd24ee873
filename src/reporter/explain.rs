//! One host: what it has, what it should have, why not, what lifts that, and its last steps
//! (`fleet.explain/1`, and text).

use std::collections::BTreeMap;

use serde::Serialize;

use super::event::{state_tone, words};
use super::plan::{Desired, because, versions};
use super::status::ServiceStatus;
use super::summary;
use super::text::{Palette, Tone, ago, columns, seconds, to_json, wrap};
use crate::model::desired::Platform;
use crate::model::id::{
    EnvironmentName, FleetName, HostName, InstanceId, PlanId, Revision, RolloutId, ServiceName,
    Version,
};
use crate::model::ledger::{RolloutLedger, RolloutRecord, RolloutState, WaveKind};
use crate::model::observed::ServiceState;
use crate::model::plan::{Action, Change, ChangeReason, Gate, GateKind, HeldReason};
use crate::model::report::Outcome;
use crate::model::time::Timestamp;

/// `format` of the document.
pub const EXPLAIN_FORMAT: &str = "fleet.explain/1";

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// [`EXPLAIN_FORMAT`].
    pub format: &'static str,
    /// The fleet.
    pub fleet: FleetName,
    /// The desired commit.
    pub revision: Option<Revision>,
    /// The ledger's commit; null before the first.
    pub ledger_revision: Option<Revision>,
    /// Whose host it is.
    pub environment: EnvironmentName,
    /// Its name.
    pub host: HostName,
    /// Its instance.
    pub instance: InstanceId,
    /// What its scripts are written for; null where it left the manifest.
    pub platform: Option<Platform>,
    /// What selectors match.
    pub labels: BTreeMap<String, String>,
    /// What a plan of its environment made now would be; null where that is invalid.
    pub plan_id: Option<PlanId>,
    /// The first errors of an environment that is invalid, one line each: all that is known then
    /// is what the ledger has.
    pub invalid: Vec<String>,
    /// The environment's open rollout.
    pub rollout: Option<RolloutRecord>,
    /// Those that are set for the environment.
    pub gates: Vec<Gate>,
    /// By name.
    pub services: Vec<ServiceExplanation>,
}

/// One service on the host.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceExplanation {
    /// Desired beside observed, and why it is held.
    #[serde(flatten)]
    pub status: ServiceStatus,
    /// The version stands at the host itself.
    pub pinned: bool,
    /// Why its last step did not succeed.
    pub message: String,
    /// What a plan made now would do; null where it is as it should be, or held.
    pub change: Option<PlannedChange>,
    /// What brings the change about.
    pub lifts: Vec<String>,
    /// The last ones, newest first.
    pub steps: Vec<PastStep>,
}

/// What a plan would do.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedChange {
    /// What is done.
    pub action: Action,
    /// And why.
    pub reason: ChangeReason,
    /// In which wave.
    pub wave: u32,
}

/// A step that the ledger has.
#[derive(Clone, Debug, Serialize)]
pub struct PastStep {
    /// When its wave began.
    pub at: Timestamp,
    /// In which rollout.
    pub rollout: RolloutId,
    /// In which wave of it.
    pub wave: u32,
    /// What was done.
    pub action: Action,
    /// From which version.
    pub from: Option<Version>,
    /// To which.
    pub to: Option<Version>,
    /// How it ended; null while it is open.
    pub outcome: Option<Outcome>,
    /// Why it did not succeed.
    pub message: String,
    /// Of the step on its host.
    pub seconds: Option<f64>,
}

/// The steps of a rollout on a host, newest first.
pub fn steps<'a>(
    rollout: &'a RolloutLedger,
    host: &'a HostName,
) -> impl Iterator<Item = (&'a ServiceName, PastStep)> {
    let newest_first = rollout.waves.iter().rev();
    let steps = newest_first.flat_map(|wave| wave.steps.iter().rev().map(move |step| (wave, step)));
    steps
        .filter(move |(_, step)| step.host == *host)
        .map(|(wave, step)| {
            // What a step was to do stands in the plan; a rollback step undoes one of those.
            let change = rollout.plan.plan.changes.iter();
            let change = change
                .filter(|change| change.host == step.host)
                .find(|change| change.service == step.service);
            let (from, to) = change.map_or((None, None), |it| (it.from.clone(), it.to.clone()));
            let (from, to) = match wave.kind {
                WaveKind::Forward => (from, to),
                WaveKind::Rollback => (to, from),
            };
            let past = PastStep {
                at: wave.intent_at,
                rollout: rollout.record.id.clone(),
                wave: wave.wave,
                action: step.action,
                from,
                to,
                outcome: step.outcome,
                message: step.message.clone(),
                seconds: step.seconds,
            };
            (&step.service, past)
        })
}

/// What would bring about what is desired and not there.
pub fn lifts(
    environment: &EnvironmentName,
    status: &ServiceStatus,
    change: Option<&Change>,
    gates: &[Gate],
) -> Vec<String> {
    if let Some(held) = &status.held {
        let foreign =
            held.reason == HeldReason::Refused && held.message.ends_with("and not by fleet");
        let adopts = foreign.then(|| format!("fleet adopt {environment}, to take over what runs"));
        return adopts
            .into_iter()
            .chain([summary::lift(environment, held.reason, held.until)])
            .collect();
    }
    if change.is_none() {
        return Vec::new();
    }
    let closed: Vec<&str> = gates
        .iter()
        .filter(|gate| !gate.open)
        .map(|gate| gate.kind.as_str())
        .collect();
    let mut lifts = Vec::new();
    if !closed.is_empty() {
        lifts.push(format!("the gates open: {}", closed.join(", ")));
    }
    if closed.contains(&GateKind::Hold.as_str()) {
        lifts.push(summary::lift(environment, HeldReason::Hold, None));
    }
    if closed.contains(&GateKind::Unsupported.as_str()) {
        lifts.push(summary::lift(environment, HeldReason::Unsupported, None));
    }
    let waits = [GateKind::Canary, GateKind::Continue].map(GateKind::as_str);
    if closed.iter().any(|gate| waits.contains(gate)) {
        lifts.push(format!("fleet continue {environment}"));
    }
    lifts.push(format!("fleet apply {environment}"));
    lifts
}

/// The document, on one line.
pub fn json(explanation: &Explanation) -> String {
    to_json(explanation)
}

/// How an explanation is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Colours.
    pub palette: Palette,
    /// Columns of the terminal.
    pub width: usize,
    /// For ages.
    pub now: Timestamp,
}

/// A head, and a block per service.
pub fn text(explanation: &Explanation, desired: &Desired, options: Options) -> String {
    let mut page = Page {
        lines: Vec::new(),
        options,
    };
    page.head(explanation, desired);
    for service in &explanation.services {
        page.lines.push(String::new());
        page.service(service, !explanation.invalid.is_empty());
    }
    if explanation.services.is_empty() {
        page.line("has", Tone::Plain, "nothing, and should have nothing");
    }
    page.lines.into_iter().map(|line| line + "\n").collect()
}

struct Page {
    lines: Vec<String>,
    options: Options,
}

impl Page {
    /// Width of a label with the space around it.
    const LABEL: usize = 10;

    fn head(&mut self, explanation: &Explanation, desired: &Desired) {
        let palette = self.options.palette;
        let mut facts = vec![explanation.instance.to_string()];
        match explanation.platform {
            Some(platform) => facts.push(platform.as_str().to_owned()),
            None if explanation.invalid.is_empty() => {
                facts.push("not in the manifest any more".to_owned());
            }
            None => facts.push("as the ledger has it".to_owned()),
        }
        let labels = explanation.labels.iter();
        facts.extend(labels.map(|(key, value)| format!("{key}={value}")));
        self.lines.push(format!(
            "{}  {}",
            palette.paint(Tone::Strong, explanation.host.as_str()),
            palette.paint(Tone::Strong, explanation.environment.as_str()),
        ));
        self.line("is", Tone::Faint, &facts.join("  "));
        self.line("desired", Tone::Faint, &desired.text(self.options.now));
        for (index, problem) in explanation.invalid.iter().enumerate() {
            let label = if index == 0 { "invalid" } else { "" };
            self.line(label, Tone::Bad, problem);
        }
        if !explanation.invalid.is_empty() {
            let lifts = "errors that are mended: nothing starts here before (fleet validate)";
            self.line("lifts", Tone::Held, lifts);
        }
        for gate in &explanation.gates {
            let state = if gate.open { "open" } else { "closed" };
            let text = format!("{} {state}, {}", gate.kind.as_str(), gate.reason);
            self.line("gate", Tone::Held, &text);
        }
        if let Some(rollout) = &explanation.rollout {
            let mut text = format!("{} is {}", rollout.id, words(rollout.state.as_str()));
            if !rollout.reason.is_empty() {
                text += &format!(": {}", rollout.reason);
            }
            if rollout.state == RolloutState::Paused {
                let environment = &explanation.environment;
                text += &format!(" (fleet continue {environment}, or fleet abort {environment})");
            }
            self.line("rollout", state_tone(rollout.state), &text);
        }
    }

    fn service(&mut self, service: &ServiceExplanation, is_invalid: bool) {
        let ServiceExplanation { status, .. } = service;
        let palette = self.options.palette;
        self.lines
            .push(palette.paint(Tone::Strong, status.service.as_str()));
        let (tone, has) = has(service, self.options.now);
        self.line("has", tone, &has);
        let should = match &status.desired {
            Some(version) if service.pinned => format!("{version}, pinned at the host"),
            Some(version) => version.to_string(),
            None if is_invalid => "what the manifest says once it is valid".to_owned(),
            None => "nothing: fleet leaves it alone".to_owned(),
        };
        self.line("should", Tone::Plain, &should);
        match (&status.held, &service.change) {
            (Some(held), _) => {
                let mut text = because(held.reason, &held.message);
                if let Some(until) = held.until {
                    text += &format!(", until {until}");
                }
                self.line("held", Tone::Held, &text);
            }
            (None, Some(change)) => {
                let text = format!(
                    "{} in wave {}, because of: {}",
                    change.action.as_str(),
                    change.wave,
                    words(change.reason.as_str())
                );
                self.line("plan", Tone::Held, &text);
            }
            (None, None) if status.desired.is_some() => {
                self.line("plan", Tone::Good, "nothing to do");
            }
            (None, None) => {}
        }
        for (index, lift) in service.lifts.iter().enumerate() {
            let label = if index == 0 { "lifts" } else { "" };
            self.line(label, Tone::Held, lift);
        }
        self.steps(&service.steps);
    }

    fn steps(&mut self, steps: &[PastStep]) {
        let rows: Vec<Vec<(Tone, String)>> = steps
            .iter()
            .map(|step| {
                let versions = versions(step.action, step.from.as_ref(), step.to.as_ref());
                let outcome = step.outcome.map_or("open", Outcome::as_str);
                vec![
                    (Tone::Faint, ago(step.at, self.options.now)),
                    (Tone::Plain, versions),
                    (Tone::Plain, words(outcome)),
                    (Tone::Faint, step.seconds.map(seconds).unwrap_or_default()),
                    (Tone::Faint, step.rollout.to_string()),
                ]
            })
            .collect();
        let rows = columns(&rows, self.options.palette);
        for (index, (row, step)) in rows.into_iter().zip(steps).enumerate() {
            let label = if index == 0 { "steps" } else { "" };
            self.lines.push(self.labelled(Tone::Faint, label, &row));
            if !step.message.is_empty() {
                self.line("", Tone::Plain, &format!("  {}", step.message));
            }
        }
    }

    /// A label and a text that continues under itself.
    fn line(&mut self, label: &str, tone: Tone, text: &str) {
        let room = self.options.width.saturating_sub(Self::LABEL).max(40);
        for (index, part) in wrap(text, room).iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let line = self.labelled(tone, label, part);
            self.lines.push(line);
        }
    }

    fn labelled(&self, tone: Tone, label: &str, text: &str) -> String {
        let cell = self.options.palette.cell(tone, label, Self::LABEL - 2);
        format!("  {cell}{text}").trim_end().to_owned()
    }
}

/// What the host has, and how that is.
fn has(service: &ServiceExplanation, now: Timestamp) -> (Tone, String) {
    let ServiceStatus {
        version,
        state,
        since,
        ..
    } = &service.status;
    let Some(state) = *state else {
        return (Tone::Plain, "nothing that fleet knows of".to_owned());
    };
    let version = version.as_ref().map_or("nothing", Version::as_str);
    let mut text = format!("{version}, {}", words(state.as_str()));
    if let Some(since) = *since {
        text += &format!(", {}", ago(since, now));
    }
    if !service.message.is_empty() {
        text += &format!(": {}", service.message);
    }
    let tone = match state {
        ServiceState::Healthy | ServiceState::Adopted => Tone::Good,
        ServiceState::Released => Tone::Faint,
        _ => Tone::Bad,
    };
    (tone, text)
}
