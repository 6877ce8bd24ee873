//! The pages of diagnostics: `docs/diagnostics/`, inside the binary.

/// The files, each with one section per code.
const FILES: [&str; 4] = [
    include_str!("../../docs/diagnostics/files.md"),
    include_str!("../../docs/diagnostics/values.md"),
    include_str!("../../docs/diagnostics/references.md"),
    include_str!("../../docs/diagnostics/templates.md"),
];

/// Every page: its code, its title, and what stands below it in Markdown.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let sections = FILES.into_iter().flat_map(|file| {
        let mut parts = file.split("\n## ");
        parts.next();
        parts
    });
    sections.filter_map(|section| {
        let (heading, body) = section.split_once('\n')?;
        let (code, title) = heading.split_once(": ")?;
        Some((code, title, body.trim()))
    })
}

/// A page as a terminal shows it: examples are indented, and fences are not there.
pub(crate) fn text(code: &str) -> Option<String> {
    let (code, title, body) = all().find(|(known, ..)| *known == code)?;
    let mut text = format!("{code}: {title}\n\n");
    let mut is_example = false;
    for line in body.lines() {
        if line.starts_with("```") {
            is_example = !is_example;
            continue;
        }
        if is_example && !line.is_empty() {
            text.push_str("    ");
        }
        text.push_str(line);
        text.push('\n');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{FILES, all, text};
    use crate::cli::syntax;
    use crate::{manifest, render};

    #[test]
    fn every_code_has_its_page_and_every_page_its_code() {
        let codes: BTreeMap<&str, &str> = [manifest::CODES, render::CODES, syntax::CODES]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let pages: BTreeMap<&str, &str> = all().map(|(code, title, _)| (code, title)).collect();
        let missing: Vec<_> = codes
            .keys()
            .filter(|code| !pages.contains_key(*code))
            .collect();
        assert!(
            missing.is_empty(),
            "no section in docs/diagnostics/: {missing:?}"
        );
        let stray: Vec<_> = pages
            .keys()
            .filter(|code| !codes.contains_key(*code))
            .collect();
        assert!(
            stray.is_empty(),
            "docs/diagnostics/ explains what is no code: {stray:?}"
        );
        assert_eq!(pages, codes, "a page's title is the code's meaning");
        let headings = FILES.iter().flat_map(|file| file.lines());
        let headings = headings.filter(|line| line.starts_with("## ")).count();
        assert_eq!(headings, codes.len(), "one section per code");
    }

    #[test]
    fn pages_fit_a_terminal_and_stand_in_order() {
        for (code, ..) in all() {
            let text = text(code).expect("a page");
            let prose = text
                .lines()
                .skip(1)
                .filter(|line| !line.starts_with("    "));
            let wide: Vec<&str> = prose.filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{code}: {wide:?}");
        }
        for file in FILES {
            let headings: Vec<&str> = file.lines().filter(|l| l.starts_with("## ")).collect();
            assert!(headings.is_sorted(), "{headings:?}");
        }
    }
}
