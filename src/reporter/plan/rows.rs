//! The rows of a plan: what differs only by host is one.

use std::time::Duration;

use super::{Options, Shown, room, section, versions};
use crate::model::id::{HostName, ServiceName, Version};
use crate::model::plan::{Change, EnvironmentPlan, Held, Unchanged};
use crate::model::policy::{AfterCanary, Policy, Strategy};
use crate::model::time::{Seconds, Timestamp};
use crate::reporter::fold;
use crate::reporter::text::{Tone, columns, width_of, wrap};

/// One folded row before it is laid out: all parts of a plan share their columns.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) tone: Tone,
    pub(super) hosts: String,
    pub(super) service: String,
    pub(super) middle: String,
    pub(super) last: String,
    pub(super) members: usize,
}

pub(super) fn rows(shown: &Shown<'_>, options: Options) -> Vec<String> {
    let Shown {
        plan, policy, live, ..
    } = *shown;
    let mut rows = shortened(changes(&plan.changes), options);
    if let Some(first) = rows.first_mut() {
        first.last += &after_the_first(plan, policy);
    }
    rows.extend(shortened(held(&plan.held), options));
    if let Some(live) = live {
        rows.extend(shortened(live.rows(), options));
    }
    if options.all {
        rows.extend(unchanged(&plan.unchanged));
    }
    let cells: Vec<Vec<(Tone, String)>> = rows
        .iter()
        .map(|row| {
            [&row.hosts, &row.service, &row.middle]
                .map(|text| (Tone::Plain, text.clone()))
                .to_vec()
        })
        .collect();
    let laid_out = columns(&cells, options.palette);
    let width = laid_out
        .iter()
        .map(|line| width_of(line))
        .max()
        .unwrap_or(0);
    let mut previous = "";
    let mut lines = Vec::new();
    for (row, line) in rows.iter().zip(laid_out) {
        let label = if row.label == previous {
            ""
        } else {
            &row.label
        };
        previous = &row.label;
        lines.extend(section(
            label,
            with_reason(row, &line, width, options),
            row.tone,
            options,
        ));
    }
    lines
}

/// Rows of one part; more are counted. Each may be a host of its own, of thousands.
const MOST_ROWS: usize = 40;

/// The first rows, and one that counts the rest.
fn shortened(mut rows: Vec<Row>, options: Options) -> Vec<Row> {
    if options.all || rows.len() <= MOST_ROWS {
        return rows;
    }
    let rest = rows.split_off(MOST_ROWS);
    let members = rest.iter().map(|row| row.members).sum();
    if let Some(last) = rows.last() {
        rows.push(Row {
            label: last.label.clone(),
            tone: last.tone,
            hosts: format!("… {members} more"),
            service: String::new(),
            middle: String::new(),
            last: "fleet plan --all shows them".to_owned(),
            members,
        });
    }
    rows
}

/// The laid-out cells of a row with its reason beside them; a long reason continues under itself,
/// or stands below where the cells leave it no room.
fn with_reason(row: &Row, line: &str, width: usize, options: Options) -> Vec<String> {
    const NARROWEST: usize = 20;
    const BELOW: usize = 4;
    let line = options.palette.cell(Tone::Plain, line, width + 3);
    let beside = room(options).saturating_sub(width + 3);
    if width_of(&row.last) <= beside || beside >= NARROWEST {
        let mut parts = wrap(&row.last, beside).into_iter();
        let first = parts.next().unwrap_or_default();
        let indent = " ".repeat(width + 3);
        std::iter::once(format!("{line}{first}"))
            .chain(parts.map(|part| format!("{indent}{part}")))
            .collect()
    } else {
        let indent = " ".repeat(BELOW);
        let below = wrap(&row.last, room(options).saturating_sub(BELOW));
        std::iter::once(line)
            .chain(below.into_iter().map(|part| format!("{indent}{part}")))
            .collect()
    }
}

pub(super) fn changes(changes: &[Change]) -> Vec<Row> {
    fold::by_key(changes, |c| {
        (c.wave, &c.service, c.action, &c.from, &c.to, c.reason)
    })
    .into_iter()
    .map(|((wave, service, action, from, to, reason), members)| Row {
        label: format!("wave {wave}"),
        tone: Tone::Strong,
        hosts: names(members.iter().map(|c| &c.host)),
        service: service.to_string(),
        middle: versions(action, from.as_ref(), to.as_ref()),
        last: reason.as_str().to_owned(),
        members: members.len(),
    })
    .collect()
}

/// What lies between the first wave and whatever follows it.
fn after_the_first(plan: &EnvironmentPlan, policy: &Policy) -> String {
    let rollout = &policy.rollout;
    let mut text = String::new();
    if rollout.soak > Seconds(0) {
        text += &format!(", then soak {}", rollout.soak);
    }
    let waits = rollout.strategy == Strategy::Canary && rollout.after_canary == AfterCanary::Wait;
    if waits && plan.waves.len() > 1 {
        text += &format!(", then `fleet continue {}`", plan.name);
    }
    text
}

pub(super) fn held(held: &[Held]) -> Vec<Row> {
    // Hosts of one wave end seconds apart: the time does not tell them apart.
    fold::by_key(held, |h| {
        (&h.service, &h.from, h.reason, &h.message, h.until.is_some())
    })
    .into_iter()
    .map(|((service, from, reason, message, _), members)| {
        let mut last = reason.as_str().to_owned();
        if !message.is_empty() {
            last = format!("{last}: {message}");
        }
        last.push_str(&until(members.iter().filter_map(|h| h.until)));
        Row {
            label: "held".to_owned(),
            tone: Tone::Held,
            hosts: names(members.iter().map(|h| &h.host)),
            service: service.to_string(),
            middle: from
                .as_ref()
                .map_or("not installed".to_owned(), |from| format!("stays {from}")),
            last,
            members: members.len(),
        }
    })
    .collect()
}

/// Until when all of them are held; with hosts that are far apart, from when on not all.
fn until(times: impl Iterator<Item = Timestamp> + Clone) -> String {
    const TOGETHER: Duration = Duration::from_secs(15 * 60);
    match (times.clone().min(), times.max()) {
        (Some(first), Some(last)) if last.since(first) > TOGETHER => {
            format!(", until {first} … {last}")
        }
        (_, Some(last)) => format!(", until {last}"),
        (_, None) => String::new(),
    }
}

pub(super) fn unchanged(unchanged: &[Unchanged]) -> Vec<Row> {
    fold::by_key(unchanged, |u| (&u.service, &u.version, u.pinned))
        .into_iter()
        .map(
            |((service, version, pinned), members): ((&ServiceName, &Option<Version>, bool), _)| {
                Row {
                    label: "same".to_owned(),
                    tone: Tone::Faint,
                    hosts: names(members.iter().map(|u| &u.host)),
                    service: service.to_string(),
                    middle: version
                        .as_ref()
                        .map_or("not installed".to_owned(), Version::to_string),
                    last: if pinned { "pinned" } else { "unchanged" }.to_owned(),
                    members: members.len(),
                }
            },
        )
        .collect()
}

pub(super) fn names<'a>(hosts: impl Iterator<Item = &'a HostName>) -> String {
    fold::hosts(&hosts.collect::<Vec<_>>())
}
