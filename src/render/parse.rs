//! Tokens → program: nesting of blocks, and the lines that block tags leave behind.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;
use crate::model::id::check_name;

use super::codes;
use super::path::Path;
use super::program::{Branch, Need, Node, Program, Question, Side, Use};
use super::suggest::nearest;
use super::tag::{Condition, Dialect, Form, Kind, Operand, Reference, Tag, Test, Token};

/// Deeper nesting is refused: nobody reads it, and every level is a call when it is rendered.
const DEEPEST: usize = 16;

/// Texts of partials by file name, each with a line end at its end.
pub(super) type Partials = BTreeMap<Box<str>, String>;

/// Builds the program of a file.
pub(super) fn parse(
    file: &Arc<str>,
    source: &str,
    dialect: Dialect,
    tokens: &[Token],
    partials: &Partials,
    diagnostics: &mut Vec<Diagnostic>,
) -> Program {
    let mut parser = Parser {
        file,
        source,
        partials,
        diagnostics,
        program: Program {
            nodes: Vec::new(),
            slots: Vec::new(),
            uses: Vec::new(),
            dialect,
        },
        open: Vec::new(),
        here: Vec::new(),
        skip_to: 0,
        is_too_deep: false,
    };
    for token in tokens {
        match token {
            _ if parser.is_too_deep => return parser.program,
            Token::Text(range) => parser.text(range.clone()),
            Token::Tag(tag) => parser.tag(tag),
        }
    }
    parser.finish()
}

struct Parser<'a> {
    file: &'a Arc<str>,
    source: &'a str,
    partials: &'a Partials,
    diagnostics: &'a mut Vec<Diagnostic>,
    program: Program,
    open: Vec<Block>,
    here: Vec<Node>,
    /// Text before this place went with the line of a tag.
    skip_to: usize,
    /// Given up: input is untrusted, and drops and renderings recurse.
    is_too_deep: bool,
}

/// A block that is not closed yet.
struct Block {
    name: Box<str>,
    span: Range<usize>,
    /// The nodes before it.
    outer: Vec<Node>,
    /// What it can choose, as far as it has been read.
    branches: Vec<Branch>,
    /// The question of the branch that is being read; none for `{{else}}`.
    question: Option<Question>,
    /// `{{else}}` was read.
    has_else: bool,
}

impl Block {
    fn end_branch(&mut self, nodes: Vec<Node>) {
        self.branches.push(Branch {
            question: self.question.take(),
            nodes,
        });
    }
}

impl Parser<'_> {
    fn text(&mut self, range: Range<usize>) {
        let start = range.start.max(self.skip_to);
        if start < range.end {
            self.push_text(start..range.end);
        }
    }

    fn push_text(&mut self, range: Range<usize>) {
        let text = &self.source[range];
        if let Some(Node::Text(before)) = self.here.last_mut() {
            before.push_str(text);
        } else {
            self.here.push(Node::Text(text.into()));
        }
    }

    fn error(&mut self, code: &'static str, span: &Range<usize>, message: String, help: &str) {
        self.diagnostics
            .push(Diagnostic::error(code, self.file, span.clone(), message).help(help));
    }

    fn tag(&mut self, tag: &Tag) {
        let standalone = self.standalone(&tag.span);
        match &tag.kind {
            Kind::Value(form, reference) => {
                let need = match form {
                    Form::Plain => Need::Text,
                    Form::List => Need::List,
                    Form::Json => Need::Any,
                };
                let slot = self.slot(reference, need);
                self.here.push(Node::Value(slot, *form));
                return;
            }
            Kind::Secret(name) => {
                let side = match name {
                    Operand::Value(reference) => Side::Slot(self.slot(reference, Need::Secret)),
                    Operand::Text(text) => Side::Text(text.clone()),
                };
                self.here.push(Node::Secret(side));
                return;
            }
            Kind::Partial(name, span) => {
                self.partial(tag, name, span, standalone.as_ref());
            }
            Kind::Open(name, condition) => {
                self.leave_no_line(standalone.as_ref());
                self.open(tag, name, condition.as_ref());
            }
            Kind::Else(condition) => {
                self.leave_no_line(standalone.as_ref());
                self.else_(tag, condition.as_ref());
            }
            Kind::Close(name) => {
                self.leave_no_line(standalone.as_ref());
                self.close(tag, name);
            }
            Kind::Comment => self.leave_no_line(standalone.as_ref()),
            Kind::Broken => {}
        }
        if let Some(line) = standalone {
            self.skip_to = line.end;
        }
    }

    /// The whole line (or lines) of a tag that stands alone there.
    fn standalone(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let (before, after) = (
            &self.source.as_bytes()[..span.start],
            &self.source.as_bytes()[span.end..],
        );
        let indent = before.iter().rev().take_while(|byte| blank(byte)).count();
        let trail = after.iter().take_while(|byte| blank(byte)).count();
        let start = span.start - indent;
        let end = match &after[trail..] {
            [] => span.end + trail,
            [b'\n', ..] => span.end + trail + 1,
            [b'\r', b'\n', ..] => span.end + trail + 2,
            _ => return None,
        };
        (start == 0 || before[start - 1] == b'\n').then_some(start..end)
    }

    /// Takes back the white space before a tag that stands alone.
    fn leave_no_line(&mut self, line: Option<&Range<usize>>) {
        if line.is_none() {
            return;
        }
        if let Some(Node::Text(text)) = self.here.last_mut() {
            text.truncate(text.trim_end_matches([' ', '\t']).len());
        }
    }

    fn slot(&mut self, reference: &Reference, need: Need) -> usize {
        let slot = self.position(&reference.path);
        self.program.uses.push(Use {
            slot,
            span: reference.span.clone(),
            need,
        });
        slot
    }

    fn position(&mut self, path: &Path) -> usize {
        let slots = &mut self.program.slots;
        slots
            .iter()
            .position(|known| known == path)
            .unwrap_or_else(|| {
                slots.push(path.clone());
                slots.len() - 1
            })
    }

    fn question(&mut self, condition: &Condition) -> Question {
        let sides = match &condition.test {
            Test::Holds(reference) => (
                Side::Slot(self.slot(reference, Need::Boolean)),
                Side::Text("true".into()),
            ),
            Test::Equal(a, b) => (self.side(a), self.side(b)),
        };
        Question {
            negated: condition.negated,
            sides,
        }
    }

    fn side(&mut self, operand: &Operand) -> Side {
        match operand {
            Operand::Value(reference) => Side::Slot(self.slot(reference, Need::Text)),
            Operand::Text(text) => Side::Text(text.clone()),
        }
    }

    fn open(&mut self, tag: &Tag, name: &str, condition: Option<&Condition>) {
        if self.open.len() == DEEPEST {
            self.error(
                codes::SYNTAX,
                &tag.span,
                format!("this block is inside {DEEPEST} others"),
                "set a variable of the script in each case and test that",
            );
            self.is_too_deep = true;
            return;
        }
        let question = condition.map(|condition| self.question(condition));
        self.open.push(Block {
            name: name.into(),
            span: tag.span.clone(),
            outer: std::mem::take(&mut self.here),
            branches: Vec::new(),
            question,
            has_else: false,
        });
    }

    fn else_(&mut self, tag: &Tag, condition: Option<&Option<Condition>>) {
        let question = condition
            .and_then(Option::as_ref)
            .map(|condition| self.question(condition));
        let here = std::mem::take(&mut self.here);
        let Some(block) = self.open.last_mut() else {
            self.here = here;
            return self.error(
                codes::SYNTAX,
                &tag.span,
                "{{else}} outside a block".to_owned(),
                "open one with {{#if path}}",
            );
        };
        block.end_branch(here);
        block.question = question;
        let late = block.has_else;
        let opened = block.span.clone();
        block.has_else |= condition.is_none();
        if late {
            let message = "nothing comes after {{else}} but the end of its block";
            self.diagnostics.push(
                Diagnostic::error(codes::SYNTAX, self.file, tag.span.clone(), message)
                    .related(opened, "the block opens here"),
            );
        }
    }

    fn close(&mut self, tag: &Tag, name: &str) {
        let Some(block) = self.open.pop() else {
            return self.error(
                codes::SYNTAX,
                &tag.span,
                format!("{{{{/{name}}}}} closes no block"),
                "take it away, or open the block with {{#if path}}",
            );
        };
        if *block.name != *name {
            let message = format!("{{{{/{name}}}}} where {{{{/{}}}}} is due", block.name);
            self.diagnostics.push(
                Diagnostic::error(codes::SYNTAX, self.file, tag.span.clone(), message)
                    .help("blocks are closed in the order in which they were opened, the last one first")
                    .related(block.span.clone(), "this block is open"),
            );
        }
        self.end(block);
    }

    fn end(&mut self, mut block: Block) {
        let outer = std::mem::take(&mut block.outer);
        block.end_branch(std::mem::replace(&mut self.here, outer));
        self.here.push(Node::Choice(block.branches));
    }

    fn partial(
        &mut self,
        tag: &Tag,
        name: &str,
        span: &Range<usize>,
        standalone: Option<&Range<usize>>,
    ) {
        if standalone.is_none_or(|line| line.start != tag.span.start) {
            self.error(
                codes::PARTIAL_PLACE,
                &tag.span,
                format!("{{{{> {name}}}}} is not alone at the start of its line"),
                "a partial is copied as it is; what decides whether to use it stands around its calls",
            );
        }
        let ending = format!(".{}", self.program.dialect.platform().extension());
        match self.partials.get(&*format!("{name}{ending}")) {
            Some(text) => self.here.push(Node::Text(text.clone())),
            None => {
                let message = format!("there is no partial `{name}`");
                let known = self.partials.keys();
                let known = known.filter_map(|file| file.strip_suffix(&*ending));
                let help = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if check_name(name).is_err() => {
                        "a partial is named as its file in templates/partials is, without the ending"
                            .to_owned()
                    }
                    None => format!("write its functions into templates/partials/{name}{ending}"),
                };
                self.error(codes::UNKNOWN_PARTIAL, span, message, &help);
            }
        }
    }

    fn finish(mut self) -> Program {
        while let Some(block) = self.open.pop() {
            self.error(
                codes::SYNTAX,
                &block.span,
                format!("{{{{#{}}}}} is never closed", block.name),
                &format!("close it with {{{{/{}}}}}", block.name),
            );
            self.end(block);
        }
        self.program.nodes = self.here;
        self.program
    }
}
