//! Label selectors, as kubectl writes them.

use std::collections::BTreeMap;

use super::id::HostName;

/// All requirements must hold; without any, every host matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Joined by AND.
    pub requirements: Vec<Requirement>,
}

/// One part between commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `key=value`, `key==value`, `key in (a,b)`.
    In(String, Vec<String>),
    /// `key!=value`, `key notin (a,b)`; hosts without the key match.
    NotIn(String, Vec<String>),
    /// `key`.
    Exists(String),
    /// `!key`.
    Missing(String),
}

impl Selector {
    /// Whether a host matches; its `name` is a label too.
    pub fn matches(&self, host: &HostName, labels: &BTreeMap<String, String>) -> bool {
        let value = |key: &str| match key {
            "name" => Some(host.as_str()),
            _ => labels.get(key).map(String::as_str),
        };
        self.requirements
            .iter()
            .all(|requirement| match requirement {
                Requirement::In(key, values) => {
                    value(key).is_some_and(|v| values.iter().any(|w| w == v))
                }
                Requirement::NotIn(key, values) => {
                    value(key).is_none_or(|v| values.iter().all(|w| w != v))
                }
                Requirement::Exists(key) => value(key).is_some(),
                Requirement::Missing(key) => value(key).is_none(),
            })
    }
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct SelectorProblem {
    /// Byte offset in the text.
    pub at: usize,
    /// In words.
    pub problem: String,
}

impl std::str::FromStr for Selector {
    type Err = SelectorProblem;

    fn from_str(text: &str) -> Result<Self, SelectorProblem> {
        let mut requirements = Vec::new();
        let mut start = 0;
        for part in split_outside_parentheses(text) {
            requirements
                .push(requirement(part).map_err(|problem| SelectorProblem { at: start, problem })?);
            start += part.len() + 1;
        }
        Ok(Self { requirements })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let part = part.trim();
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Missing(word(key)?));
    }
    for (operator, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(operator) {
            let (key, values) = (word(key)?, vec![word(value)?]);
            return Ok(if negated {
                Requirement::NotIn(key, values)
            } else {
                Requirement::In(key, values)
            });
        }
    }
    if let Some((head, list)) = part.split_once('(') {
        let mut words = head.split_whitespace();
        let (key, operator) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let list = list
            .strip_suffix(')')
            .ok_or("a list of values ends with )")?;
        let values = list.split(',').map(word).collect::<Result<Vec<_>, _>>()?;
        return match (operator, words.next()) {
            ("in", None) => Ok(Requirement::In(word(key)?, values)),
            ("notin", None) => Ok(Requirement::NotIn(word(key)?, values)),
            _ => Err("before a list of values stands `key in` or `key notin`".to_owned()),
        };
    }
    word(part).map(Requirement::Exists)
}

fn word(text: &str) -> Result<String, String> {
    let text = text.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if text.is_empty() {
        return Err("a key or value is missing".to_owned());
    }
    match text.chars().find(|c| !legal(*c)) {
        Some(c) => Err(format!("{c:?} is not part of a label")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(selector: &str, matching: &[&str]) {
        let hosts: [(&str, &[(&str, &str)]); 3] = [
            ("web-1", &[("role", "web"), ("tier", "db")]),
            ("web-2", &[("role", "web"), ("canary", "yes")]),
            ("old", &[("legacy", "")]),
        ];
        let selector: Selector = selector.parse().expect("a selector");
        let found: Vec<&str> = hosts
            .iter()
            .filter(|(name, labels)| {
                let labels = labels
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect();
                selector.matches(&HostName::new(*name), &labels)
            })
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(found, matching, "{selector:?}");
    }

    #[test]
    fn selectors_match_as_kubectl_does() {
        check("role=web", &["web-1", "web-2"]);
        check("role==web,tier!=db", &["web-2"]);
        check("tier in (db, api)", &["web-1"]);
        check("role notin (web)", &["old"]);
        check("canary", &["web-2"]);
        check("!legacy", &["web-1", "web-2"]);
        check("name=old", &["old"]);
        check("name in (web-1,old),!tier", &["old"]);
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("role=", 0),
            ("a,,b", 2),
            ("a,role in (x", 2),
            ("role is (x)", 0),
            ("a b", 0),
        ] {
            assert_eq!(
                text.parse::<Selector>().map_err(|p| p.at),
                Err(at),
                "{text}"
            );
        }
    }
}
