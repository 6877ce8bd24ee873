//! What PowerShell makes of the head of a script, written from its language specification (chapter 2,
//! Lexical structure) and from nothing of fleet: it judges what `render` writes.

/// What a name is bound to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// A string.
    Text(String),
    /// An array of strings.
    Array(Vec<String>),
}

/// Reads assignments of literals to variables, comments and blank lines; gives what they bind, and the
/// rest of the script from the first line that is anything else.
pub(super) fn head(script: &str) -> (Vec<(String, Bound)>, &str) {
    let mut bound = Vec::new();
    let mut rest = script;
    loop {
        let line = rest;
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(next) = rest.strip_prefix('\n') {
            rest = next;
        } else if rest.starts_with('#') {
            // Single-line-comment: up to, not including, a new-line-character.
            rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
        } else if let Some((assignment, next)) = assignment(rest) {
            bound.push(assignment);
            rest = next;
        } else {
            return (bound, line);
        }
    }
}

fn assignment(text: &str) -> Option<((String, Bound), &str)> {
    let text = text.strip_prefix('$')?;
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (name, rest) = text.split_at(end);
    let rest = blank(blank(rest).strip_prefix('=')?);
    let (bound, rest) = match rest.strip_prefix("@(") {
        Some(items) => {
            let (items, rest) = array(items)?;
            (Bound::Array(items), rest)
        }
        None => {
            let (text, rest) = verbatim_string(rest)?;
            (Bound::Text(text), rest)
        }
    };
    // A statement-terminator: a new line or the end of the script.
    let rest = blank(rest);
    let is_ended = rest.is_empty() || rest.starts_with('\n');
    is_ended.then(|| ((name.to_owned(), bound), rest))
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn array(mut text: &str) -> Option<(Vec<String>, &str)> {
    let mut items = Vec::new();
    loop {
        if let Some(rest) = text.strip_prefix(')') {
            return Some((items, rest));
        }
        if !items.is_empty() {
            text = text.strip_prefix(',')?;
        }
        let (item, rest) = verbatim_string(text)?;
        items.push(item);
        text = rest;
    }
}

/// Single-quote-character: U+0027, U+2018, U+2019, U+201A or U+201B.
fn is_single_quote(c: char) -> bool {
    [0x27, 0x2018, 0x2019, 0x201a, 0x201b].contains(&u32::from(c))
}

/// Verbatim-string-literal: any characters but single-quote-characters, of which two stand for one,
/// the second, between two of them.
fn verbatim_string(text: &str) -> Option<(String, &str)> {
    let mut characters = text.char_indices();
    if !is_single_quote(characters.next()?.1) {
        return None;
    }
    let mut value = String::new();
    while let Some((at, c)) = characters.next() {
        if !is_single_quote(c) {
            value.push(c);
            continue;
        }
        match text[at + c.len_utf8()..].chars().next() {
            Some(second) if is_single_quote(second) => {
                value.push(second);
                characters.next();
            }
            _ => return Some((value, &text[at + c.len_utf8()..])),
        }
    }
    None
}

/// Whether a new statement can begin behind a text: no string, comment or bracket of it is open, and
/// its last line does not go on. What it cannot tell, it denies.
pub(super) fn is_between_statements(text: &str) -> bool {
    let mut rest = text;
    let mut depth = 0_usize;
    let mut goes_on = false;
    let mut in_word = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let is_quote = is_single_quote(c);
        let is_double = matches!(c, '"' | '\u{201c}'..='\u{201e}');
        (rest, goes_on, in_word) = match c {
            '\n' => (after, goes_on, false),
            ' ' | '\t' => (after, goes_on, false),
            '`' => match after.chars().next() {
                Some(next) => (&after[next.len_utf8()..], next == '\n', true),
                None => return false,
            },
            '<' if after.starts_with('#') => match after.find("#>") {
                Some(end) => (&after[end + 2..], goes_on, false),
                None => return false,
            },
            '#' if !in_word => (
                after.find('\n').map_or("", |end| &after[end..]),
                goes_on,
                false,
            ),
            '@' if after.starts_with(|q| is_single_quote(q) || q == '"') => return false,
            _ if is_quote => match verbatim_string(rest) {
                Some((_, next)) => (next, false, true),
                None => return false,
            },
            // Text that is expanded has code of its own in it.
            _ if is_double => return false,
            '(' | '{' | '[' => {
                depth += 1;
                (after, false, false)
            }
            ')' | '}' | ']' => {
                depth = depth.saturating_sub(1);
                (after, false, true)
            }
            '|' | ',' | '=' | '&' | '+' | '*' | '/' | '%' | '.' | '-' | '<' | '>' | '!' => {
                (after, true, false)
            }
            _ => (after, false, true),
        };
    }
    depth == 0 && !goes_on
}
