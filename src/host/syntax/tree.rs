//! Scripts of Windows hosts where there is no PowerShell: read by a grammar of its language.
//!
//! The grammar rejects some scripts that PowerShell takes, so this warns and never refuses. It takes
//! `&&` and `||`, which Windows PowerShell 5.1 does not, so those are looked for.

use tree_sitter::{Node, Parser, TreeCursor};

use super::SyntaxProblem;

/// After one error the rest is guesswork.
const MOST: usize = 3;

/// Reads every script.
pub(super) fn check(scripts: &[(&str, &[u8])]) -> Vec<SyntaxProblem> {
    scripts
        .iter()
        .flat_map(|(path, script)| {
            let text = String::from_utf8_lossy(script);
            read(path, &text)
        })
        .collect()
}

fn read(path: &str, text: &str) -> Vec<SyntaxProblem> {
    let mut parser = Parser::new();
    // The grammar does not know scripts without a statement, such as one of comments only.
    let is_empty = text.lines().all(|line| {
        let line = line.trim_start();
        line.is_empty() || line.starts_with('#')
    });
    if is_empty
        || parser
            .set_language(&tree_sitter_powershell::LANGUAGE.into())
            .is_err()
    {
        return Vec::new();
    }
    let Some(tree) = parser.parse(text, None) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let mut cursor = tree.walk();
    while problems.len() < MOST {
        let node = cursor.node();
        let problem = complaint(path, node, text);
        let is_leaf = problem.is_some();
        problems.extend(problem);
        // What is inside of an error says nothing more.
        if !step(&mut cursor, is_leaf) {
            break;
        }
    }
    problems
}

/// What is wrong with a node itself.
fn complaint(path: &str, node: Node<'_>, text: &str) -> Option<SyntaxProblem> {
    let line = Some(node.start_position().row + 1);
    if node.kind() == "pipeline_chain_tail" {
        return Some(SyntaxProblem::newer(path, line, &text[node.byte_range()]));
    }
    let message = if node.is_missing() {
        format!("`{}` is missing", node.kind())
    } else if node.is_error() {
        let shown = text[node.byte_range()].trim().lines().next().unwrap_or("");
        let shown: String = shown.chars().take(40).collect();
        format!("cannot make sense of `{shown}`")
    } else {
        return None;
    };
    Some(SyntaxProblem {
        file: path.to_owned(),
        line,
        message,
        is_newer: false,
    })
}

/// Goes to the next node in the order of the text, iteratively: the tree may be deep.
fn step(cursor: &mut TreeCursor<'_>, is_leaf: bool) -> bool {
    if !is_leaf && cursor.goto_first_child() {
        return true;
    }
    while !cursor.goto_next_sibling() {
        if !cursor.goto_parent() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::read;

    fn complaints(text: &str) -> Vec<(usize, String)> {
        read("deploy.ps1", text)
            .into_iter()
            .map(|problem| (problem.line.expect("a line"), problem.message))
            .collect()
    }

    #[test]
    fn errors_name_their_line() {
        for (text, line, message) in [
            ("$a = 1\nif ($a) {\n    'x'\n", 3, "`}` is missing"),
            ("'ok'\n$x = $y ?? 3\n", 2, "cannot make sense of `$y ??`"),
            (
                "'ok'\n$x = $y ? 1 : 2\n",
                2,
                "cannot make sense of `$y ? 1 :`",
            ),
            (
                "foo\nfoo && bar\n",
                2,
                "Windows PowerShell 5.1 has no operator `&&`",
            ),
            ("$x = @\"\nabc\n", 1, "cannot make sense of `$x = @\"`"),
        ] {
            let found = complaints(text);
            let first = found
                .first()
                .map(|(line, message)| (*line, message.as_str()));
            assert_eq!(first, Some((line, message)), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_in_order_is_in_order() {
        for text in [
            "",
            "# only a comment\n",
            "\n  # two\n\n# comments\n",
            "$x = 'it''s ‘‘fine’’ $(here)'\n$all = @('a','b')\n$none = @()\n",
            "function Get-X([string]$a) {\n    try { Get-Item -LiteralPath $a } catch [IO.IOException] { throw }\n}\n",
        ] {
            assert_eq!(complaints(text), [], "{text}");
        }
    }

    #[test]
    fn hostile_scripts_are_read_in_time() {
        for piece in ["$((", "{", "\"$(", "@'\n", "(", "if (", "`", "[a]"] {
            let text = piece.repeat(60_000 / piece.len());
            assert!(complaints(&text).len() <= super::MOST);
        }
        let nested = format!("{}1{}\n", "(".repeat(50_000), ")".repeat(50_000));
        assert!(complaints(&nested).len() <= super::MOST);
    }
}
