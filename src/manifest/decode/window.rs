//! `window`: when changes may start.

use super::Spanned;
use super::fields::{Fields, Schema, Shape, Unread, optional, required};
use super::shape;
use super::value::calendar::{date, time_of_day, time_zone};
use super::value::choice::choice;
use super::value::text::line;
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span};
use crate::manifest::tree::Value;
use crate::model::time::Seconds;
use crate::model::window::{Dates, Day, TimeOfDay, WindowEntry};

const TIME: Shape = Shape::Pattern("^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$");
const DATE: Shape = Shape::Pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
const DAYS: Shape = Shape::word::<Day>();

pub(super) const WINDOW: Schema = Schema {
    what: "a window",
    keys: &[&[
        optional(
            "timezone",
            Shape::Text,
            "IANA name of the zone of every time and date",
        ),
        optional(
            "allow",
            Shape::List(&Shape::Object(&ENTRY)),
            "with entries, one must be active",
        ),
        optional(
            "deny",
            Shape::List(&Shape::Object(&ENTRY)),
            "an active one closes",
        ),
        optional(
            "cutoff",
            Shape::Duration(Seconds(0), Seconds(86_400)),
            "so long must stay open ahead for a wave to start",
        ),
    ]],
};

const ENTRY: Schema = Schema {
    what: "an entry of a window",
    keys: &[&[
        optional(
            "days",
            Shape::List(&DAYS),
            "days of the week on which it begins",
        ),
        optional("from", TIME, "its first minute, 00:00 if left out"),
        optional("to", TIME, "the first minute behind it, 24:00 if left out"),
        optional("dates", Shape::Object(&DATES), "dates on which it begins"),
        optional("reason", Shape::Text, "why, in words"),
    ]],
};

const DATES: Schema = Schema {
    what: "`dates`",
    keys: &[&[
        required("from", DATE, "the first day"),
        required("until", DATE, "the last day, included"),
    ]],
};

/// The keys that are written.
#[derive(Clone, Debug, Default)]
pub(in crate::manifest) struct WindowKeys {
    /// Where it begins.
    pub(in crate::manifest) span: Span,
    pub(in crate::manifest) timezone: Option<String>,
    pub(in crate::manifest) allow: Option<Vec<WindowEntry>>,
    pub(in crate::manifest) deny: Option<Vec<WindowEntry>>,
    pub(in crate::manifest) cutoff: Option<Seconds>,
    pub(in crate::manifest) unread: Unread,
}

pub(super) fn window(value: Value<'_, '_>, problems: &mut Problems) -> Option<WindowKeys> {
    let mut fields = Fields::read(value, &WINDOW, problems)?;
    Some(WindowKeys {
        span: fields.beginning().clone(),
        timezone: fields.whole("timezone", problems, time_zone),
        allow: fields.whole("allow", problems, entries),
        deny: fields.whole("deny", problems, entries),
        cutoff: fields.duration("cutoff", problems),
        unread: fields.unread().clone(),
    })
}

fn entries(value: Value<'_, '_>, problems: &mut Problems) -> Option<Vec<WindowEntry>> {
    let items = shape::sequence(value, "a list of times", problems)?.items();
    Some(items.filter_map(|item| entry(item, problems)).collect())
}

fn entry(value: Value<'_, '_>, problems: &mut Problems) -> Option<WindowEntry> {
    let mut fields = Fields::read(value, &ENTRY, problems)?;
    let days = match fields.take("days") {
        Some(value) => days(value, problems)?,
        None => Day::ALL.to_vec(),
    };
    let mut time = |key, standard, problems: &mut Problems| match fields.take(key) {
        Some(value) => time_of_day(value, problems),
        None => Some(standard),
    };
    let from = time("from", TimeOfDay::MIDNIGHT, problems);
    let to = time("to", TimeOfDay::END, problems);
    let dates = match fields.take("dates") {
        Some(value) => Some(dates(value, problems)?),
        None => None,
    };
    let reason = fields
        .take("reason")
        .and_then(|value| line(value, problems));
    let from = from?;
    if from == TimeOfDay::END {
        problems.report(
            codes::TIME_OF_DAY,
            fields.beginning(),
            "no entry begins at 24:00",
            "write \"00:00\" and the day after",
        );
        return None;
    }
    Some(WindowEntry {
        days,
        from,
        to: to?,
        dates,
        reason,
    })
}

fn days(value: Value<'_, '_>, problems: &mut Problems) -> Option<Vec<Day>> {
    let items = shape::sequence(value, "a list of days such as [tue, wed]", problems)?.items();
    let read: Vec<Option<Day>> = items.map(|item| choice(item, "day", problems)).collect();
    let mut days = read.into_iter().collect::<Option<Vec<Day>>>()?;
    if days.is_empty() {
        problems.report(
            codes::WINDOW,
            value.span(),
            "an entry without days is never active",
            "name days, or leave `days` out for all of them",
        );
        return None;
    }
    days.sort_unstable();
    days.dedup();
    Some(days)
}

fn dates(value: Value<'_, '_>, problems: &mut Problems) -> Option<Dates> {
    let mut fields = Fields::read(value, &DATES, problems)?;
    let from = fields
        .require("from", "from: 2026-12-20", problems)
        .and_then(|value| date(value, problems));
    let until = fields
        .require("until", "until: 2027-01-04", problems)
        .and_then(|value| date(value, problems));
    let (from, until): (Spanned<_>, Spanned<_>) = (from?, until?);
    if until.value < from.value {
        problems.report(
            codes::WINDOW,
            &until.span,
            format!("`until` {} is before `from` {}", until.value, from.value),
            "both days are included, so one day has the same date twice",
        );
        return None;
    }
    Some(Dates {
        from: from.value,
        until: until.value,
    })
}
