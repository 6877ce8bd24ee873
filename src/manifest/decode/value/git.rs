//! Names of remotes and branches. They are handed to git, so they follow git's own rules
//! (git-check-ref-format) and never look like an option.

use crate::manifest::codes;
use crate::manifest::decode::{Spanned, shape};
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;

const LONGEST: usize = 200;

/// Reads a branch: its short name.
pub(in crate::manifest::decode) fn branch(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<String>> {
    let text = shape::scalar(value, "the name of a branch", problems)?.text;
    let help = if text.starts_with("refs/") {
        "leave refs/heads/ out"
    } else if is_reference(text) {
        return Some(Spanned {
            value: text.to_owned(),
            span: value.span().clone(),
        });
    } else {
        "letters, digits, hyphens and single slashes always fit"
    };
    let message = format!("{} is not the name of a branch", shown(text));
    problems.report(codes::GIT_NAME, value.span(), message, help);
    None
}

/// Reads `remote`: the name of one, or `none`.
pub(in crate::manifest::decode) fn remote(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Option<String>> {
    let text = shape::scalar(value, "the name of a remote, or none,", problems)?.text;
    match text {
        "none" => Some(None),
        text if is_reference(text) => Some(Some(text.to_owned())),
        _ => {
            problems.report(
                codes::GIT_NAME,
                value.span(),
                format!("{} is not the name of a remote", shown(text)),
                "`git remote` lists the names; a URL is given a name by `git remote add`",
            );
            None
        }
    }
}

fn is_reference(text: &str) -> bool {
    let forbidden = |c: char| {
        c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    !text.is_empty()
        && text.len() <= LONGEST
        && text != "@"
        && text != "HEAD"
        && !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.chars().any(forbidden)
        && text
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}

#[cfg(test)]
mod tests {
    use super::is_reference;

    #[test]
    fn references_follow_gits_rules() {
        for good in ["main", "fleet/observed", "release-1.0", "ümläut", "a@b"] {
            assert!(is_reference(good), "{good}");
        }
        for bad in [
            "",
            "-f",
            "a..b",
            "a b",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "@",
            "a@{1}",
            "HEAD",
            "a\u{7f}",
            "--upload-pack=x",
            "https://example.com/x",
        ] {
            assert!(!is_reference(bad), "{bad}");
        }
    }
}
