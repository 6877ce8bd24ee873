//! Pages. A token is the place to go on from, and good for the same question only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::ApiError;
use crate::model::id::Digest;

/// Cuts one page out of what matches. `question` tells requests from each other, `key` names an
/// item; the order must not change between pages.
pub(super) fn cut<T>(
    items: Vec<T>,
    size: usize,
    token: Option<&String>,
    question: &str,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let mut items = items;
    if let Some(token) = token {
        let last = read(token, question).ok_or_else(ApiError::invalid_next_token)?;
        let seen = items.iter().position(|item| key(item) == last);
        let seen = seen.ok_or_else(ApiError::invalid_next_token)?;
        items.drain(..=seen);
    }
    let more = items.len() > size;
    items.truncate(size);
    let next = items
        .last()
        .filter(|_| more)
        .map(|last| write(&key(last), question));
    Ok((items, next))
}

fn write(key: &str, question: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}\0{key}", Digest::of(question)))
}

fn read(token: &str, question: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (digest, key) = text.split_once('\0')?;
    (digest == Digest::of(question).as_str()).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let items: Vec<String> = (0..5).map(|n| n.to_string()).collect();
        let page =
            |token: Option<&String>| cut(items.clone(), 2, token, "q", Clone::clone).unwrap();
        let (first, next) = page(None);
        let (second, more) = page(next.as_ref());
        let (third, end) = page(more.as_ref());
        assert_eq!([first, second, third].concat(), items);
        assert_eq!(end, None);
        assert!(cut(items.clone(), 2, next.as_ref(), "other", Clone::clone).is_err());
        assert!(cut(items, 2, Some(&"nonsense".to_owned()), "q", Clone::clone).is_err());
    }
}
