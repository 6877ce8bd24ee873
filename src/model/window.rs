//! When changes may start, as the manifest says it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::time::Seconds;

/// `window` with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// IANA name of the zone that every time and date is meant in.
    pub timezone: String,
    /// With entries, one must be active.
    pub allow: Vec<WindowEntry>,
    /// An active one closes.
    pub deny: Vec<WindowEntry>,
    /// So long must stay open ahead for a wave to start.
    pub cutoff: Seconds,
}

/// One of `allow` or `deny`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowEntry {
    /// Days of the week on which it begins, in their order.
    pub days: Vec<Day>,
    /// Its first minute.
    pub from: TimeOfDay,
    /// The first minute behind it; at or before `from` it ends the next day.
    pub to: TimeOfDay,
    /// Dates on which it begins.
    pub dates: Option<Dates>,
    /// In words.
    pub reason: Option<String>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// From Monday on.
    pub const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];
}

/// Minutes since midnight, 0 to 1,440; `10:00` in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// 00:00.
    pub const MIDNIGHT: Self = Self(0);
    /// 24:00.
    pub const END: Self = Self(24 * 60);

    /// Minutes since midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A text that is no time of day or no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowProblem {
    /// Not `hh:mm`.
    #[error("{0:?} is not a time of day such as 09:30")]
    Time(String),
    /// Not `yyyy-mm-dd`, or no day of the calendar.
    #[error("{0:?} is not a date such as 2026-12-20")]
    Date(String),
}

impl FromStr for TimeOfDay {
    type Err = WindowProblem;
    fn from_str(text: &str) -> Result<Self, WindowProblem> {
        let problem = || WindowProblem::Time(text.to_owned());
        let (hours, minutes) = text.split_once(':').ok_or_else(problem)?;
        let two = |digits: &str| {
            let plain = digits.len() == 2 && digits.bytes().all(|c| c.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|_| plain)
        };
        match (two(hours), two(minutes)) {
            (Some(24), Some(0)) => Ok(Self::END),
            (Some(hours @ 0..24), Some(minutes @ 0..60)) => Ok(Self(hours * 60 + minutes)),
            _ => Err(problem()),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = WindowProblem;
    fn try_from(text: String) -> Result<Self, WindowProblem> {
        text.parse()
    }
}

/// `dates`, both days included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dates {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
}

/// A day of the calendar; `2026-12-20` in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Date(jiff::civil::Date);

impl Date {
    /// The day itself.
    pub const fn civil(self) -> jiff::civil::Date {
        self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Date {
    type Err = WindowProblem;
    fn from_str(text: &str) -> Result<Self, WindowProblem> {
        let bytes = text.as_bytes();
        let plain = bytes.len() == 10
            && bytes
                .iter()
                .enumerate()
                .all(|(position, c)| match position {
                    4 | 7 => *c == b'-',
                    _ => c.is_ascii_digit(),
                });
        text.parse()
            .ok()
            .filter(|_| plain)
            .map(Self)
            .ok_or_else(|| WindowProblem::Date(text.to_owned()))
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl TryFrom<String> for Date {
    type Error = WindowProblem;
    fn try_from(text: String) -> Result<Self, WindowProblem> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_dates_have_one_form() {
        for (text, minutes) in [
            ("00:00", 0),
            ("09:30", 570),
            ("23:59", 1_439),
            ("24:00", 1_440),
        ] {
            let time: TimeOfDay = text.parse().expect("a time");
            assert_eq!((time.minutes(), time.to_string().as_str()), (minutes, text));
        }
        for text in [
            "9:30", "24:01", "10:60", "10", "10:00:00", "+1:00", "ten", "",
        ] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
        assert_eq!(
            "2028-02-29".parse::<Date>().expect("a date").to_string(),
            "2028-02-29"
        );
        for text in [
            "2027-02-29",
            "2026-12-2",
            "20261220",
            "2026-12-20T00:00",
            "-026-12-20",
            "",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }
}
