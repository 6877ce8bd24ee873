//! Parser events → tree. Bounded in depth and in what aliases may repeat; uses no recursion, so
//! no input can exhaust the stack.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::{Content, Document, Entries, Node, NodeId, Style, is_null, syntax};
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span, shown};

/// Levels of block and, separately, of flow collections. A manifest needs six.
pub(super) const DEEPEST: usize = 32;

/// What all aliases of a file together may repeat, in bytes of scalars and 16 for each value:
/// about what the largest readable file holds without them.
const MOST_REPEATED: u64 = 16 * 1024 * 1024;

/// Reads a file's text. Reports everything that is wrong with its structure; none if it is no
/// document at all.
pub(in crate::manifest) fn parse<'t>(
    text: &'t str,
    problems: &mut Problems,
) -> Option<Document<'t>> {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| is_control(*c)) {
        if c == '\0' && text.chars().filter(|c| *c == '\0').count() > text.len() / 4 {
            let help = "it looks like UTF-16: save it as UTF-8";
            problems.report(codes::ENCODING, &(0..0), "the file is not UTF-8", help);
            return None;
        }
        problems.report(
            codes::CONTROL_CHARACTER,
            &(at..at + c.len_utf8()),
            format!(
                "the character U+{:04X} cannot stand in a manifest",
                c as u32
            ),
            "delete it; inside double quotes \\x or \\u writes a character by its number",
        );
        return None;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut builder = Builder::new(text, problems);
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, span)) => {
                if builder.take(event, &span).is_break() {
                    break;
                }
            }
            Err(error) => {
                syntax::report(text, &error, problems);
                return None;
            }
        }
    }
    builder.finish()
}

/// What YAML calls not printable; the parser lets some of it pass.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
}

struct Builder<'t, 'p> {
    text: &'t str,
    problems: &'p mut Problems,
    nodes: Vec<Node<'t>>,
    /// What each node weighs with everything in it, aliases unfolded.
    weights: Vec<u64>,
    open: Vec<Open>,
    /// By the parser's number; none while the node is not complete.
    anchors: HashMap<usize, Option<NodeId>>,
    root: Option<NodeId>,
    documents: usize,
    repeated: u64,
}

/// A collection whose end has not come.
struct Open {
    id: NodeId,
    anchor: usize,
    flow: bool,
    weight: u64,
    /// The key of the entry whose value comes next.
    key: Option<NodeId>,
}

impl<'t, 'p> Builder<'t, 'p> {
    fn new(text: &'t str, problems: &'p mut Problems) -> Self {
        Self {
            text,
            problems,
            nodes: Vec::new(),
            weights: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            documents: 0,
            repeated: 0,
        }
    }

    fn take(&mut self, event: Event<'t>, span: &granit_parser::Span) -> std::ops::ControlFlow<()> {
        use std::ops::ControlFlow::{Break, Continue};

        let is_tagged = event.tag().is_some();
        if let Some(tag) = event.tag() {
            let place = span.tag_span().and_then(|tag| tag.byte_range());
            self.problems.report(
                codes::TAG,
                &place.unwrap_or_else(|| range(span)),
                format!("manifests have no tags such as {}", shown(&tag.original())),
                "leave it out; quotes make a text",
            );
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problems.report(
                        codes::SEVERAL_DOCUMENTS,
                        &range(span),
                        "a second document begins here",
                        "one file is one document; nothing below this line was read",
                    );
                    return Break(());
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let span = self.scalar_span(range(span), style);
                let weight = 16 + text.len() as u64;
                // What the tag was to make of it is said with the tag.
                let content = if is_tagged {
                    Content::Broken
                } else {
                    Content::Scalar(text, style)
                };
                let id = self.add(span, content, weight);
                self.complete(id, anchor);
            }
            Event::SequenceStart(style, anchor, _) => {
                self.begin(Content::Sequence(Vec::new()), style, anchor, span);
            }
            Event::MappingStart(style, anchor, _) => {
                self.begin(Content::Mapping(Entries::default()), style, anchor, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                self.problems.report(
                    codes::ALIAS_TARGET,
                    &range(span),
                    format!("there is no anchor {} above", shown(&format!("&{name}"))),
                    "an alias repeats what an anchor before it marks; quote a text that begins with *",
                );
                self.add_broken(range(span));
            }
            _ => {}
        }
        Continue(())
    }

    fn add(&mut self, span: Span, content: Content<'t>, weight: u64) -> NodeId {
        // Files are at most 16 MiB, and a node takes at least one byte.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { span, content });
        self.weights.push(weight);
        id
    }

    /// Stands for a value that could not be read and was reported.
    fn add_broken(&mut self, span: Span) {
        let id = self.add(span, Content::Broken, 16);
        self.complete(id, 0);
    }

    fn begin(
        &mut self,
        content: Content<'t>,
        style: StructureStyle,
        anchor: usize,
        span: &granit_parser::Span,
    ) {
        let id = self.add(range(span), content, 16);
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open {
            id,
            anchor,
            flow: style == StructureStyle::Flow,
            weight: 16,
            key: None,
        });
    }

    fn end(&mut self, span: &granit_parser::Span) {
        let Some(open) = self.open.pop() else { return };
        self.weights[open.id.0 as usize] = open.weight;
        let end = if open.flow {
            Some(range(span).end)
        } else {
            self.last_child_end(open.id)
        };
        let node = &mut self.nodes[open.id.0 as usize];
        if let Some(end) = end {
            node.span.end = end.max(node.span.start);
        }
        if let Content::Mapping(entries) = &mut node.content {
            let Entries { pairs, has_gaps } = std::mem::take(entries);
            let pairs = self.without_duplicates(pairs);
            // `{{ name }}` of another tool is one mistake, whatever was to stand there.
            self.nodes[open.id.0 as usize].content = if has_gaps && pairs.is_empty() {
                Content::Broken
            } else {
                Content::Mapping(Entries { pairs, has_gaps })
            };
        }
        self.complete(open.id, open.anchor);
    }

    /// The parser gives a block collection's end where the next token begins, behind comments.
    fn last_child_end(&self, id: NodeId) -> Option<usize> {
        let last = match &self.nodes[id.0 as usize].content {
            Content::Sequence(items) => items.last(),
            Content::Mapping(entries) => entries.pairs.last().map(|(_, value)| value),
            _ => None,
        };
        last.map(|last| self.nodes[last.0 as usize].span.end)
    }

    fn alias(&mut self, anchor: usize, span: &granit_parser::Span) -> std::ops::ControlFlow<()> {
        let span = range(span);
        let Some(target) = self.anchors.get(&anchor).copied().flatten() else {
            self.problems.report(
                codes::ALIAS_TARGET,
                &span,
                "the alias contains itself",
                "write the value out",
            );
            self.add_broken(span);
            return std::ops::ControlFlow::Continue(());
        };
        let weight = self.weights[target.0 as usize];
        self.repeated = self.repeated.saturating_add(weight);
        if self.repeated > MOST_REPEATED {
            self.problems.report(
                codes::ALIAS_EXPANSION,
                &span,
                "up to here aliases repeat more than 16 MiB",
                "put what hosts share into the environment's or a service's variables",
            );
            return std::ops::ControlFlow::Break(());
        }
        let id = self.add(span, Content::Alias(target), weight);
        self.complete(id, 0);
        std::ops::ControlFlow::Continue(())
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, id: NodeId, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(id));
        }
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(id);
            return;
        };
        open.weight = open.weight.saturating_add(self.weights[id.0 as usize]);
        let parent = open.id.0 as usize;
        if let Content::Sequence(items) = &mut self.nodes[parent].content {
            items.push(id);
            return;
        }
        let Some(key) = open.key.take() else {
            open.key = Some(id);
            return;
        };
        if !self.is_key(key) {
            if let Content::Mapping(entries) = &mut self.nodes[parent].content {
                entries.has_gaps = true;
            }
            return;
        }
        // Nothing at all is seen at its key.
        if self.nodes[id.0 as usize].span.is_empty() {
            self.nodes[id.0 as usize].span = self.nodes[key.0 as usize].span.clone();
        }
        if let Content::Mapping(entries) = &mut self.nodes[parent].content {
            entries.pairs.push((key, id));
        }
    }

    /// Whether a node can be a key; reports it otherwise.
    fn is_key(&mut self, key: NodeId) -> bool {
        let node = &self.nodes[key.0 as usize];
        let (code, message, help) = match &node.content {
            Content::Scalar(text, Style::Plain) if &**text == "<<" => (
                codes::MERGE_KEY,
                "`<<` merges nothing here",
                "repeat the keys, or share them through `defaults` and variables",
            ),
            Content::Scalar(_, Style::Plain) if node.span.is_empty() => (
                codes::KEY_FORM,
                "a value without a key",
                "write the key before the colon",
            ),
            Content::Scalar(..) => return true,
            Content::Broken => return false,
            Content::Alias(_) => (
                codes::KEY_FORM,
                "an alias cannot be a key",
                "write the key itself",
            ),
            Content::Sequence(_) | Content::Mapping(_) => {
                let is_template = self.text[..node.span.start].ends_with('{')
                    && self.text[node.span.start..].starts_with('{');
                let message = if is_template {
                    "{{ }} is replaced by nothing here"
                } else {
                    "a list or mapping cannot be a key"
                };
                (
                    codes::KEY_FORM,
                    message,
                    "write the value itself; a text that begins with { or [ is quoted",
                )
            }
        };
        let span = node.span.clone();
        self.problems.report(code, &span, message, help);
        false
    }

    fn without_duplicates(&mut self, entries: Vec<(NodeId, NodeId)>) -> Vec<(NodeId, NodeId)> {
        let nodes = &self.nodes;
        let text = |id: NodeId| match &nodes[id.0 as usize].content {
            Content::Scalar(text, _) => &**text,
            _ => "",
        };
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|&a, &b| text(entries[a].0).cmp(text(entries[b].0)).then(a.cmp(&b)));
        let mut repeated = vec![false; entries.len()];
        let mut first: Option<usize> = None;
        for entry in order {
            let key = entries[entry].0;
            let Some(earlier) = first.filter(|&first| text(entries[first].0) == text(key)) else {
                first = Some(entry);
                continue;
            };
            repeated[entry] = true;
            let span = |id: NodeId| nodes[id.0 as usize].span.clone();
            let problem = self
                .problems
                .error(
                    codes::DUPLICATE_KEY,
                    &span(key),
                    format!("{} stands twice", shown(text(key))),
                )
                .related(span(entries[earlier].0), "first here")
                .help("delete one of them");
            self.problems.add(problem);
        }
        let mut repeated = repeated.into_iter();
        entries
            .into_iter()
            .filter(|_| !repeated.next().unwrap_or(false))
            .collect()
    }

    /// Block scalars end for the parser behind their last empty line.
    fn scalar_span(&self, span: Span, style: Style) -> Span {
        match self.text.get(span.clone()) {
            Some(source) if style == Style::Block => {
                let end = span.start + source.trim_end().len();
                span.start..end
            }
            _ => span,
        }
    }

    fn finish(self) -> Option<Document<'t>> {
        let empty = match self.root {
            None => true,
            Some(root) => match &self.nodes[root.0 as usize] {
                Node {
                    content: Content::Scalar(text, Style::Plain),
                    span,
                } => span.is_empty() && is_null(text),
                _ => false,
            },
        };
        if empty {
            if self.problems.errors() == 0 {
                self.problems.report(
                    codes::EMPTY_FILE,
                    &(0..0),
                    "the file is empty",
                    "write its keys, or delete it",
                );
            }
            return None;
        }
        Some(Document {
            nodes: self.nodes,
            root: self.root?,
        })
    }
}

fn range(span: &granit_parser::Span) -> Span {
    // A parser made from a string always knows bytes.
    span.byte_range().unwrap_or(0..0)
}
