//! Rows that differ only by host become one row: `hosting-4 … -6 (3)`.

use crate::model::id::HostName;

/// Groups items with equal keys, in the order in which the keys first appear.
pub fn by_key<T, K: PartialEq>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for item in items {
        let of = key(&item);
        // A fleet has few distinct rows, and a row's likes are mostly its neighbours.
        match groups.iter_mut().rev().find(|(known, _)| *known == of) {
            Some((_, members)) => members.push(item),
            None => groups.push((of, vec![item])),
        }
    }
    groups
}

/// One host by its name, two as `web-1, -2`, more as the first and the last with their number.
pub fn hosts(names: &[&HostName]) -> String {
    match names {
        [] => String::new(),
        [only] => only.to_string(),
        [first, second] => format!("{first}, {}", short(first, second)),
        [first, .., last] => format!("{first} … {} ({})", short(first, last), names.len()),
    }
}

/// What differs in the second name, from its last separator that both have.
fn short<'a>(first: &HostName, second: &'a HostName) -> &'a str {
    let (first, second) = (first.as_str(), second.as_str());
    let common = first
        .bytes()
        .zip(second.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    match second.as_bytes()[..common]
        .iter()
        .rposition(|c| matches!(c, b'-' | b'.' | b'_'))
    {
        Some(at) if at > 0 => &second[at..],
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
        check(&["a.eu-1", "b", "c.eu-1"], "a.eu-1 … c.eu-1 (3)");
        check(&["web-eu-9", "x", "web-eu-10"], "web-eu-9 … -10 (3)");
        check(&["web1", "web2"], "web1, web2");
    }

    #[test]
    fn groups_keep_the_order_of_their_first_member() {
        assert_eq!(
            by_key([3, 1, 4, 1, 5], |n| n % 2),
            [(1, vec![3, 1, 1, 5]), (0, vec![4])]
        );
    }
}
