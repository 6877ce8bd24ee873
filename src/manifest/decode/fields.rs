//! Mappings whose keys fleet knows.
//!
//! Each kind of mapping is a table of keys with what may stand there. The decoder takes its bounds
//! and words from the table, and the JSON Schema is printed from it, so that the two cannot differ.

use super::Spanned;
use super::value::choice::{Word, choice, words};
use super::value::duration::duration;
use super::value::number::number;
use super::{habits, shape};
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::{Entry, Kind, Value};
use crate::model::time::Seconds;

/// One key.
pub(in crate::manifest) struct Key {
    pub(in crate::manifest) name: &'static str,
    /// What it is for, in one line.
    pub(in crate::manifest) about: &'static str,
    pub(in crate::manifest) shape: Shape,
    pub(in crate::manifest) required: bool,
}

/// A key that may be left out.
pub(super) const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        about,
        shape,
        required: false,
    }
}

/// A key that has to be there.
pub(super) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        required: true,
        ..optional(name, shape, about)
    }
}

/// What may stand at a key.
pub(in crate::manifest) enum Shape {
    /// Any scalar, which is its source text.
    Text,
    /// A scalar that follows a pattern.
    Pattern(&'static str),
    /// The same where YAML must not read it as something else than text.
    Quoted(&'static str),
    /// One of a few words.
    Words(fn() -> Vec<&'static str>),
    /// A whole number between two bounds, both included.
    Number(u32, u32),
    /// `10m`, between two bounds, both included.
    Duration(Seconds, Seconds),
    /// A list.
    List(&'static Self),
    /// A value, or a list of such.
    OneOrMore(&'static Self),
    /// A mapping of names to values; the pattern is that of a name.
    Map(&'static str, &'static Self),
    /// A mapping with keys of its own.
    Object(&'static Schema),
    /// One of several shapes.
    Any(&'static [Self]),
}

impl Shape {
    /// One of the words of a type.
    pub(super) const fn word<T: Word>() -> Self {
        Self::Words(words::<T>)
    }
}

/// The keys of one kind of mapping.
pub(in crate::manifest) struct Schema {
    /// With an article: "an environment".
    pub(in crate::manifest) what: &'static str,
    /// In groups, some of which several kinds share.
    pub(in crate::manifest) keys: &'static [&'static [Key]],
}

impl Schema {
    /// Every key.
    pub(in crate::manifest) fn all(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().copied().flatten()
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.all().find(|key| key.name == name)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all().map(|key| key.name)
    }
}

/// The keys of a mapping that somebody meant to write and that could not be read. That was
/// reported, so nothing is said about what follows from their absence.
#[derive(Clone, Debug, Default)]
pub(in crate::manifest) struct Unread {
    keys: Vec<&'static str>,
    /// Any key may be one.
    all: bool,
}

impl Unread {
    /// Of what is no mapping at all.
    pub(super) const ALL: Self = Self {
        keys: Vec::new(),
        all: true,
    };

    /// Whether this is one of them.
    pub(in crate::manifest) fn has(&self, key: &str) -> bool {
        self.all || self.keys.contains(&key)
    }
}

/// The entries of a mapping, taken one by one.
pub(super) struct Fields<'d, 't> {
    schema: &'static Schema,
    /// Its first key, or all of it if it is empty: where a missing key is seen. A whole
    /// environment underlined would say nothing.
    beginning: Span,
    entries: Vec<Entry<'d, 't>>,
    unread: Unread,
}

impl<'d, 't> Fields<'d, 't> {
    /// Reads a mapping and reports every key that does not exist.
    pub(super) fn read(
        value: Value<'d, 't>,
        schema: &'static Schema,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mapping = shape::mapping(value, &format!("a mapping ({})", schema.what), problems)?;
        let mut entries = Vec::with_capacity(mapping.entries().len());
        let mut unread = Unread {
            keys: Vec::new(),
            all: mapping.has_gaps(),
        };
        for entry in mapping.entries() {
            if schema.key(entry.key).is_some() {
                entries.push(entry);
            } else {
                unread.keys.extend(report(&entry, schema, problems));
            }
        }
        Some(Self {
            schema,
            beginning: mapping
                .entries()
                .next()
                .map_or(value.span(), |first| first.key_span)
                .clone(),
            entries,
            unread,
        })
    }

    /// What could not be read so far.
    pub(super) fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Reads the value of a key; what has errors counts as unread.
    pub(super) fn part<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(Value<'d, 't>, &mut Problems) -> T,
    ) -> Option<T> {
        let value = self.take(key)?;
        let before = problems.errors();
        let part = read(value, problems);
        if problems.errors() > before {
            self.unread.keys.push(key);
        }
        Some(part)
    }

    /// Reads a value that is there as a whole or not at all; only where it is not it counts as unread.
    pub(super) fn whole<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(Value<'d, 't>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let whole = read(value, problems).filter(|_| !has_gaps(value));
        if whole.is_none() {
            self.unread.keys.push(key);
        }
        whole
    }

    /// Where the mapping begins.
    pub(super) fn beginning(&self) -> &Span {
        &self.beginning
    }

    /// The entry of a key, which stays to be taken.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry<'d, 't>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key that may be left out.
    pub(super) fn take(&mut self, key: &str) -> Option<Value<'d, 't>> {
        self.take_entry(key).map(|entry| entry.value)
    }

    /// The same with the key's own place.
    pub(super) fn take_entry(&mut self, key: &str) -> Option<Entry<'d, 't>> {
        debug_assert!(
            self.schema.key(key).is_some(),
            "`{key}` is missing in the schema of {}",
            self.schema.what
        );
        let position = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.swap_remove(position))
    }

    /// The value of a key that must be there; `example` shows what to write.
    pub(super) fn require(
        &mut self,
        key: &str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<Value<'d, 't>> {
        debug_assert!(
            self.schema.key(key).is_some_and(|key| key.required),
            "`{key}` is not required in the schema of {}",
            self.schema.what
        );
        let value = self.take(key);
        if value.is_none() && !self.unread.has(key) {
            problems.report(
                codes::MISSING_KEY,
                &self.beginning,
                format!("{} needs `{key}`", self.schema.what),
                format!("add `{example}`"),
            );
        }
        value
    }

    /// A whole number within the bounds of its key.
    pub(super) fn number(&mut self, key: &'static str, problems: &mut Problems) -> Option<u32> {
        let (least, most) = match self.schema.key(key).map(|key| &key.shape) {
            Some(&Shape::Number(least, most)) => (least, most),
            _ => (0, u32::MAX),
        };
        self.whole(key, problems, |value, problems| {
            number(value, least, most, problems)
        })
    }

    /// A duration within the bounds of its key.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Seconds> {
        let (shortest, longest) = self.bounds(key);
        self.whole(key, problems, |value, problems| {
            duration(value, shortest, longest, problems)
        })
    }

    /// The same where the value was taken already.
    pub(super) fn duration_of(
        &self,
        key: &str,
        value: Value<'_, '_>,
        problems: &mut Problems,
    ) -> Option<Seconds> {
        let (shortest, longest) = self.bounds(key);
        duration(value, shortest, longest, problems)
    }

    fn bounds(&self, key: &str) -> (Seconds, Seconds) {
        match self.schema.key(key).map(|key| &key.shape) {
            Some(&Shape::Duration(shortest, longest)) => (shortest, longest),
            _ => (Seconds(0), Seconds(u64::MAX)),
        }
    }

    /// One of the words of a type.
    pub(super) fn word<T: Word>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Spanned<T>> {
        self.whole(key, problems, |value, problems| {
            Some(Spanned {
                value: choice(value, key, problems)?,
                span: value.span().clone(),
            })
        })
    }
}

/// Whether a mapping lacks entries that were written and could not be read.
pub(super) fn has_gaps(value: Value<'_, '_>) -> bool {
    matches!(value.kind(), Kind::Mapping(mapping) if mapping.has_gaps())
}

/// Reports a key that does not exist; gives the one that was probably meant.
fn report(entry: &Entry<'_, '_>, schema: &Schema, problems: &mut Problems) -> Option<&'static str> {
    let (key, what) = (entry.key, schema.what);
    let mut meant = None;
    problems.report_lazily(codes::UNKNOWN_KEY, entry.key_span, || {
        meant = nearest(key, schema.names());
        let help = match (meant, habits::instead_of(key)) {
            // What another tool calls so is surer than a distance in letters.
            (_, Some(instead)) => {
                meant = habits::meant(key);
                instead.to_owned()
            }
            (Some(nearest), None) => format!("did you mean `{nearest}`?"),
            (None, None) => format!(
                "its keys are {}",
                schema.names().collect::<Vec<_>>().join(", ")
            ),
        };
        (format!("{what} has no key {}", shown(key)), help)
    });
    meant
}

/// What to do about a name that does not exist: the nearest one that does, else something else.
pub(in crate::manifest) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    otherwise: &str,
) -> String {
    match nearest(word, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => otherwise.to_owned(),
    }
}

/// The word that somebody most likely meant.
pub(in crate::manifest) fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let length = word.chars().count();
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(length) <= length.max(candidate.len()) / 3 + 1)
        .map(|candidate| {
            let lower = candidate.to_ascii_lowercase();
            (strsim::osa_distance(&word, &lower), candidate)
        })
        .filter(|(distance, candidate)| {
            let longest = length.max(candidate.len());
            *distance <= (longest / 3).max(1) && *distance < longest
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_near() {
        let keys = ["hosts", "hold", "services", "transport"];
        for (word, expected) in [
            ("host", Some("hosts")),
            ("Hosts", Some("hosts")),
            ("service", Some("services")),
            ("transprot", Some("transport")),
            ("window", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }
}
