//! Rows that differ only by host become one row: `hosting-4 … -6 (3)`.

use std::collections::HashMap;
use std::hash::Hash;

use crate::model::id::HostName;

/// Groups items with equal keys, in the order in which the keys first appear.
pub fn by_key<T, K: Eq + Hash + Clone>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<(K, Vec<T>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for item in items {
        let of = key(&item);
        match places.get(&of) {
            Some(place) => groups[*place].1.push(item),
            None => {
                places.insert(of.clone(), groups.len());
                groups.push((of, vec![item]));
            }
        }
    }
    groups
}

/// `web-1`, `web-1, -2`, `hosting-4 … -6 (3)`, `db-1, web-1 … -4 (5)`; numbers in their own order.
pub fn hosts(names: &[&HostName]) -> String {
    const MOST_STEMS: usize = 3;
    let mut names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.sort_by_cached_key(|name| natural(name));
    let runs: Vec<&[&str]> = names
        .chunk_by(|a, b| stem(a).is_some() && stem(a) == stem(b))
        .collect();
    let runs = if runs.len() > MOST_STEMS {
        vec![&names[..]]
    } else {
        runs
    };
    let text = runs
        .iter()
        .map(|run| fold_run(run))
        .collect::<Vec<_>>()
        .join(", ");
    if text.contains('…') {
        format!("{text} ({})", names.len())
    } else {
        text
    }
}

fn fold_run(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, second] => format!("{first}, {}", short(first, second)),
        [first, .., last] => format!("{first} … {}", short(first, last)),
    }
}

/// A name as people sort it, `web-2` before `web-10`: its pieces of text, each with the number that
/// follows it.
pub fn natural(name: &str) -> Vec<(String, u64)> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (text, after) = rest.split_at(digits);
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        // No number, and one beyond reason: the text decides, or the name itself.
        pieces.push((text.to_owned(), number.parse().unwrap_or(0)));
        rest = after;
    }
    pieces
}

/// What stands before the last separator.
fn stem(name: &str) -> Option<&str> {
    name.rfind(['-', '.', '_']).map(|at| &name[..at])
}

/// What differs in the second name, with its separator, where they share a stem.
fn short<'a>(first: &str, second: &'a str) -> &'a str {
    match stem(second) {
        Some(common) if stem(first) == Some(common) => &second[common.len()..],
        _ => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_at_a_separator() {
        let check = |names: &[&str], expect: &str| {
            let names: Vec<HostName> = names.iter().map(|name| HostName::from(*name)).collect();
            assert_eq!(hosts(&names.iter().collect::<Vec<_>>()), expect);
        };
        check(&["hosting-1"], "hosting-1");
        check(&["hosting-1", "hosting-2"], "hosting-1, -2");
        check(
            &["hosting-4", "hosting-5", "hosting-6"],
            "hosting-4 … -6 (3)",
        );
        check(
            &["db-1", "web-1", "web-2", "web-3", "web-4"],
            "db-1, web-1 … -4 (5)",
        );
        check(&["a", "b", "c"], "a, b, c");
        check(&["a", "b", "c", "d"], "a … d (4)");
        check(&["web-eu-9", "web-eu-10"], "web-eu-9, -10");
        check(&["web1", "web2"], "web1, web2");
        check(&["web-1", "web-10", "web-2", "web-9"], "web-1 … -10 (4)");
    }

    #[test]
    fn groups_keep_the_order_of_their_first_member() {
        assert_eq!(
            by_key([3, 1, 4, 1, 5], |n| n % 2),
            [(1, vec![3, 1, 1, 5]), (0, vec![4])]
        );
    }
}
