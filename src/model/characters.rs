//! Characters of other people's texts that do not reach a terminal or a comment as they are.

/// Whether it turns the text around it, which then reads as something else than it is.
pub const fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether nobody sees it, but a terminal obeys it or two texts differ by it: controls, line ends
/// (tabs, too), what turns text, and what has no width.
pub fn is_hidden(c: char) -> bool {
    let has_no_width = matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
    c.is_control() || turns_text(c) || has_no_width || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_not_hidden() {
        for c in "\u{1b}\u{7f}\u{85}\u{200b}\u{200e}\u{202e}\u{2029}\u{2066}\u{feff}\n\t".chars() {
            assert!(is_hidden(c), "{c:?}");
        }
        for c in "a ü\u{a0}–“日🦀".chars() {
            assert!(!is_hidden(c) && !turns_text(c), "{c:?}");
        }
        assert!(turns_text('\u{202e}') && !turns_text('\u{1b}'));
    }
}
