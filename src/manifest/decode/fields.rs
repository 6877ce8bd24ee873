//! Mappings whose keys fleet knows.

use super::shape;
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::{Entry, Value};

/// The keys of one kind of mapping.
pub(super) struct Schema {
    /// With an article: "an environment".
    pub(super) what: &'static str,
    /// What this version acts on.
    pub(super) keys: &'static [&'static str],
    /// What it does not act on yet.
    pub(super) later: &'static [&'static str],
}

/// The entries of a mapping, taken one by one.
pub(super) struct Fields<'d, 't> {
    schema: &'static Schema,
    /// Its first key, or all of it if it is empty: where a missing key is seen. A whole
    /// environment underlined would say nothing.
    beginning: Span,
    entries: Vec<Entry<'d, 't>>,
    /// Keys that were probably meant by one that does not exist.
    meant: Vec<&'static str>,
}

impl<'d, 't> Fields<'d, 't> {
    /// Reads a mapping and reports every key that is not acted on.
    pub(super) fn read(
        value: Value<'d, 't>,
        schema: &'static Schema,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mapping = shape::mapping(value, &format!("a mapping ({})", schema.what), problems)?;
        let mut entries = Vec::with_capacity(mapping.entries().len());
        let mut meant = Vec::new();
        for entry in mapping.entries() {
            if schema.keys.contains(&entry.key) {
                entries.push(entry);
            } else {
                meant.extend(report(&entry, schema, problems));
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
            meant,
        })
    }

    /// The value of a key that may be left out.
    pub(super) fn take(&mut self, key: &str) -> Option<Value<'d, 't>> {
        self.take_entry(key).map(|entry| entry.value)
    }

    /// The same with the key's own place.
    pub(super) fn take_entry(&mut self, key: &str) -> Option<Entry<'d, 't>> {
        debug_assert!(
            self.schema.keys.contains(&key),
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
        let value = self.take(key);
        if value.is_none() && !self.meant.contains(&key) {
            problems.report(
                codes::MISSING_KEY,
                &self.beginning,
                format!("{} needs `{key}`", self.schema.what),
                format!("add `{example}`"),
            );
        }
        value
    }
}

/// Reports a key that is not acted on; gives the one that was probably meant.
fn report(entry: &Entry<'_, '_>, schema: &Schema, problems: &mut Problems) -> Option<&'static str> {
    let (key, what) = (entry.key, schema.what);
    if schema.later.contains(&key) {
        problems.report(
            codes::LATER_KEY,
            entry.key_span,
            format!("`{key}` of {what} is not in this version"),
            "leave it out: this version would not act on it",
        );
        return None;
    }
    let mut meant = None;
    problems.report_lazily(codes::UNKNOWN_KEY, entry.key_span, || {
        meant = nearest(key, schema.keys.iter().copied());
        let help = match meant {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("its keys are {}", schema.keys.join(", ")),
        };
        (format!("{what} has no key {}", shown(key)), help)
    });
    meant
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
        .map(|candidate| (strsim::osa_distance(&word, candidate), candidate))
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
