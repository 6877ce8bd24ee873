//! Events as lines: for people, and `fleet.event/1` for programs.

use super::fold;
use super::plan::versions;
use super::text::{Palette, Tone, cut, plural, seconds, to_json, width_of};
use crate::model::event::{Event, EventKind, StepProgress};
use crate::model::id::HostName;
use crate::model::ledger::{RolloutState, WaveKind};
use crate::model::plan::Action;
use crate::model::report::Outcome;
use crate::model::time::Timestamp;

/// One event on one line.
pub fn json(event: &Event) -> String {
    to_json(event)
}

/// The event for a person; none where a line would say nothing that another does not.
pub fn line(event: &Event, palette: Palette) -> Option<String> {
    let environment = &event.environment;
    let rollout = event
        .rollout
        .as_ref()
        .map(|id| format!("rollout {id}"))
        .unwrap_or_default();
    Some(match &event.kind {
        EventKind::Planned { .. } => return None,
        EventKind::Waiting { reason, .. } => {
            format!(
                "{environment}  {}  {reason}",
                palette.paint(Tone::Held, "waiting")
            )
        }
        EventKind::Started {
            plan_id,
            total,
            resumed,
            ..
        } => {
            let verb = if *resumed { "goes on" } else { "started" };
            format!(
                "{environment}  {rollout} {verb}: plan {}, {}",
                plan_id.short(),
                plural(*total, "host")
            )
        }
        EventKind::WaveStarted {
            wave,
            direction,
            hosts,
            ..
        } => {
            let back = match direction {
                WaveKind::Forward => "",
                WaveKind::Rollback => " back",
            };
            let names = fold::hosts(&hosts.iter().collect::<Vec<&HostName>>());
            format!(
                "{environment}  {}{back}: {names}",
                palette.paint(Tone::Strong, &format!("wave {wave}"))
            )
        }
        EventKind::Step {
            progress: StepProgress::Sent,
            ..
        } => return None,
        EventKind::Step { .. } => step(event, palette)?,
        EventKind::WaveDone {
            wave,
            succeeded,
            failed,
            deferred,
            ..
        } => {
            let counts: Vec<String> = [
                (succeeded, "succeeded"),
                (failed, "failed"),
                (deferred, "deferred"),
            ]
            .into_iter()
            .filter(|(count, _)| **count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
            format!("{environment}  wave {wave} done: {}", counts.join(", "))
        }
        EventKind::Soaking { until } => {
            let soaking = palette.paint(Tone::Strong, "soaking");
            format!("{environment}  {soaking} until {until}")
        }
        EventKind::SoakFailed {
            host,
            service,
            message,
        } => {
            let failed = palette.paint(Tone::Bad, "did not last");
            format!("  {host}  {service}  {failed}: {message}")
        }
        EventKind::Paused { reason } => {
            format!(
                "{environment}  {}  {reason}",
                palette.paint(Tone::Held, "paused")
            )
        }
        EventKind::RollingBack { reason, hosts } => {
            format!(
                "{environment}  {} {}: {reason}",
                palette.paint(Tone::Bad, "rolling back"),
                plural(hosts.len(), "host")
            )
        }
        EventKind::Ended { state, reason } => {
            let tone = state_tone(*state);
            let because = if reason.is_empty() {
                String::new()
            } else {
                format!(": {reason}")
            };
            format!(
                "{environment}  {rollout} {}{because}",
                palette.paint(tone, &words(state.as_str()))
            )
        }
    })
}

/// A step's line: `  web-1  hello  1.0.0 → 1.1.0  succeeded  1.2 s`.
pub fn step(event: &Event, palette: Palette) -> Option<String> {
    let EventKind::Step {
        host,
        service,
        action,
        from,
        to,
        progress,
        version,
        seconds: took,
        message,
        next,
        until,
        ..
    } = &event.kind
    else {
        return None;
    };
    let change = versions(*action, from.as_ref(), to.as_ref());
    let mut line = format!("  {host}  {service}  {change}  ");
    let (tone, word) = how_far(*action, *progress);
    line += &palette.paint(tone, &words(word));
    if let Some(took) = took {
        line += &format!("  {}", seconds(*took));
    }
    if let (StepProgress::Over(Outcome::RolledBack | Outcome::Failed), Some(version)) =
        (progress, version)
    {
        let version = if *version == *"none" {
            "nothing"
        } else {
            version.as_str()
        };
        line += &format!("  {version} runs");
    }
    if !message.is_empty() {
        line += &format!("  {message}");
    }
    if let Some(next) = next {
        line += &format!(" at {}", clock(*next, event.at));
    }
    if let Some(until) = until {
        let at = clock(*until, event.at);
        line += &match progress {
            StepProgress::Waiting => format!(", given up at {at}"),
            _ => format!(" until {at}"),
        };
    }
    Some(line)
}

/// A step that is under way, in at most so many columns: what it is gives way to how far it is.
pub fn under_way(event: &Event, palette: Palette, width: usize) -> Option<String> {
    let EventKind::Step {
        host,
        service,
        action,
        from,
        to,
        progress,
        next,
        until,
        ..
    } = &event.kind
    else {
        return None;
    };
    let change = versions(*action, from.as_ref(), to.as_ref());
    let (tone, word) = how_far(*action, *progress);
    let word = match next.or(*until) {
        Some(at) => format!("{word} until {}", clock(at, event.at)),
        None => word.to_owned(),
    };
    let room = width.saturating_sub(width_of(&word) + 2);
    let what = cut(&format!("{host}  {service}  {change}"), room);
    Some(format!("{what}  {}", palette.paint(tone, &word)))
}

/// `12:03:10 UTC`, with the date where it is another day's.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (at.to_string(), now.to_string());
    match (at.split_once('T'), now.split_once('T')) {
        (Some((day, time)), Some((today, _))) => {
            let time = time.trim_end_matches('Z');
            let day = if day == today {
                String::new()
            } else {
                format!("{day} ")
            };
            format!("{day}{time} UTC")
        }
        _ => at,
    }
}

const fn how_far(action: Action, progress: StepProgress) -> (Tone, &'static str) {
    match progress {
        StepProgress::Sent => (Tone::Plain, "sent"),
        StepProgress::Asking => (Tone::Held, "asking the host"),
        StepProgress::Waiting => (Tone::Held, "waiting"),
        StepProgress::Over(outcome) => (outcome_tone(action, outcome), outcome.as_str()),
    }
}

/// `rolled_back` as people write it.
pub fn words(word: &str) -> String {
    word.replace('_', " ")
}

/// Good, bad or in between.
pub const fn state_tone(state: RolloutState) -> Tone {
    match state {
        RolloutState::Succeeded => Tone::Good,
        RolloutState::Failed | RolloutState::RolledBack | RolloutState::Aborted => Tone::Bad,
        RolloutState::Running => Tone::Plain,
        RolloutState::Waiting
        | RolloutState::Soaking
        | RolloutState::Paused
        | RolloutState::Superseded => Tone::Held,
    }
}

/// Whether a host is the worse for it.
pub const fn is_bad(action: Action, outcome: Outcome) -> bool {
    matches!(outcome_tone(action, outcome), Tone::Bad)
}

const fn outcome_tone(action: Action, outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Succeeded => Tone::Good,
        Outcome::RolledBack if matches!(action, Action::Rollback) => Tone::Good,
        Outcome::Refused | Outcome::RolledBack | Outcome::Failed | Outcome::Unknown => Tone::Bad,
        Outcome::Superseded | Outcome::Deferred | Outcome::Untouched => Tone::Held,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EVENT_FORMAT;

    fn event(kind: EventKind) -> Event {
        Event {
            format: EVENT_FORMAT,
            at: Timestamp::from_unix(1_795_136_500),
            environment: "production".into(),
            rollout: Some("20261120T010140Z-3f2a91".into()),
            kind,
        }
    }

    fn story() -> Vec<Event> {
        let over = |host: &str, outcome, version: &str, message: &str| EventKind::Step {
            wave: 1,
            host: host.into(),
            service: "hello".into(),
            action: Action::Upgrade,
            from: Some("1.0.0".into()),
            to: Some("1.1.0".into()),
            progress: StepProgress::Over(outcome),
            version: Some(version.into()),
            seconds: Some(1.25),
            message: message.to_owned(),
            next: None,
            until: None,
        };
        let later = |seconds: i64| Some(Timestamp::from_unix(1_795_136_500 + seconds));
        let waits = |progress, message: &str, next, until| EventKind::Step {
            wave: 1,
            host: "web-2".into(),
            service: "hello".into(),
            action: Action::Upgrade,
            from: Some("1.0.0".into()),
            to: Some("1.1.0".into()),
            progress,
            version: None,
            seconds: None,
            message: message.to_owned(),
            next,
            until,
        };
        [
            EventKind::Started {
                plan_id: "sha256:5e1c09a4aaaa".into(),
                revision: "8c1f0e2".into(),
                total: 2,
                resumed: false,
            },
            EventKind::WaveStarted {
                wave: 1,
                direction: WaveKind::Forward,
                hosts: vec!["web-1".into(), "web-2".into()],
                steps: 2,
            },
            over("web-1", Outcome::Succeeded, "1.1.0", ""),
            waits(StepProgress::Asking, "", None, later(120)),
            waits(
                StepProgress::Waiting,
                "no answer, asked again",
                later(660),
                later(780),
            ),
            over(
                "web-2",
                Outcome::RolledBack,
                "1.0.0",
                "verify: connection refused",
            ),
            EventKind::WaveDone {
                wave: 1,
                direction: WaveKind::Forward,
                succeeded: 1,
                failed: 1,
                deferred: 0,
            },
            EventKind::RollingBack {
                reason: "web-2 failed".to_owned(),
                hosts: vec!["web-1".into()],
            },
            EventKind::Ended {
                state: RolloutState::RolledBack,
                reason: "1 of 2 hosts failed".to_owned(),
            },
        ]
        .map(event)
        .to_vec()
    }

    #[test]
    fn what_is_waited_for_stands_in_the_line_of_its_step() {
        let story = story();
        let live = |at: usize, width| under_way(&story[at], Palette::PLAIN, width).unwrap();
        assert_eq!(
            live(3, 66),
            "web-2  hello  1.0.0 → 1.1.0  asking the host until 01:03:40 UTC"
        );
        assert_eq!(
            live(4, 66),
            "web-2  hello  1.0.0 → 1.1.0  waiting until 01:12:40 UTC"
        );
        assert_eq!(live(4, 40), "web-2  hell…  waiting until 01:12:40 UTC");
    }

    #[test]
    fn another_day_is_named() {
        let at = Timestamp::from_unix(1_795_136_500);
        assert_eq!(clock(at, at), "01:01:40 UTC");
        let tomorrow = at + std::time::Duration::from_secs(86_400);
        assert_eq!(clock(tomorrow, at), "2026-11-21 01:01:40 UTC");
    }

    #[test]
    fn a_story_reads_line_by_line() {
        let lines: Vec<_> = story()
            .iter()
            .filter_map(|event| line(event, Palette::PLAIN))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn programs_get_every_event() {
        let lines: Vec<_> = story().iter().map(json).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
