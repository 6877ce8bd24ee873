//! Zones, days and times of windows, and points in time.

use jiff::tz::TimeZoneDatabase;

use super::choice::Word;
use super::parsed::{Form, parsed};
use crate::manifest::codes;
use crate::manifest::decode::fields::nearest;
use crate::manifest::decode::{Spanned, shape};
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;
use crate::model::time::Timestamp;
use crate::model::window::{Date, Day, TimeOfDay};

const TIME: Form = Form {
    code: codes::TIME_OF_DAY,
    what: "a time of day",
    help: "write hours and minutes, such as \"09:30\"; the end of a day is \"24:00\"",
};

const DATE: Form = Form {
    code: codes::DATE,
    what: "a date",
    help: "write year, month and day, such as 2026-12-20",
};

const TIMESTAMP: Form = Form {
    code: codes::TIMESTAMP,
    what: "a point in time",
    help: "write it in UTC, such as 2026-11-20T01:02:03Z",
};

impl Word for Day {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("mon", Self::Mon),
        ("tue", Self::Tue),
        ("wed", Self::Wed),
        ("thu", Self::Thu),
        ("fri", Self::Fri),
        ("sat", Self::Sat),
        ("sun", Self::Sun),
    ];
}

/// Reads `timezone`: the IANA name of a zone that is in the database inside the binary, so that
/// every machine agrees.
pub(in crate::manifest::decode) fn time_zone(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let text = shape::scalar(value, "a time zone such as Australia/Sydney", problems)?.text;
    let zones = TimeZoneDatabase::bundled();
    let known = zones.get(text).ok();
    if known.is_some_and(|zone| zone.iana_name() == Some(text)) {
        return Some(text.to_owned());
    }
    problems.report_lazily(codes::TIME_ZONE, value.span(), || {
        let names: Vec<_> = zones.available().collect();
        let same = names
            .iter()
            .find(|name| name.as_str().eq_ignore_ascii_case(text));
        let city = names.iter().find(|name| {
            let last = name.as_str().rsplit('/').next().unwrap_or_default();
            last.eq_ignore_ascii_case(&text.replace(' ', "_"))
        });
        let near = nearest(text, names.iter().map(|name| name.as_str()));
        let meant = same.or(city).map(|name| name.as_str()).or(near);
        let help = match meant {
            Some(name) => format!("did you mean `{name}`?"),
            None => "write its IANA name, such as Australia/Sydney, or UTC".to_owned(),
        };
        (format!("{} is not a time zone", shown(text)), help)
    });
    None
}

/// Reads `from` or `to`.
pub(in crate::manifest::decode) fn time_of_day(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<TimeOfDay> {
    Some(parsed(value, &TIME, problems, |text| text.parse().ok())?.value)
}

/// Reads a day of the calendar.
pub(in crate::manifest::decode) fn date(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<Date>> {
    parsed(value, &DATE, problems, |text| text.parse().ok())
}

/// Reads a point in time.
pub(in crate::manifest::decode) fn timestamp(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Timestamp> {
    Some(parsed(value, &TIMESTAMP, problems, |text| text.parse().ok())?.value)
}
