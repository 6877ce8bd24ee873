//! The YAML span tree: what stands in a file, byte for byte, before anything is known about keys.
//!
//! One pass over the parser's events builds it ([`parse`]), aliases point at what they repeat, and
//! nothing is copied. The decoder reads it and `edit` writes through it, so that one text is seen,
//! judged and changed.

mod build;
mod scalar;
mod syntax;

use std::borrow::Cow;

use super::problems::Span;

pub(super) use build::parse;
pub(super) use scalar::{is_null, reads_as};

/// The one document of a file.
#[derive(Debug)]
pub(super) struct Document<'t> {
    nodes: Vec<Node<'t>>,
    root: NodeId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NodeId(u32);

#[derive(Debug)]
struct Node<'t> {
    span: Span,
    content: Content<'t>,
}

#[derive(Debug)]
enum Content<'t> {
    Scalar(Cow<'t, str>, Style),
    Sequence(Vec<NodeId>),
    Mapping(Entries),
    /// Always resolved to a node that is no alias itself.
    Alias(NodeId),
    /// Could not be read, and was reported.
    Broken,
}

/// The entries of a mapping, each key once.
#[derive(Debug, Default)]
struct Entries {
    pairs: Vec<(NodeId, NodeId)>,
    /// Something in it was no entry, and was reported: it may have brought any key.
    has_gaps: bool,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`.
    Block,
}

impl<'t> Document<'t> {
    /// The outermost value.
    pub(super) fn root(&self) -> Value<'_, 't> {
        self.value(self.root)
    }

    fn value(&self, written: NodeId) -> Value<'_, 't> {
        Value {
            document: self,
            written,
        }
    }

    fn node(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.0 as usize]
    }
}

/// A value at one place of the document; through an alias it has the place of the alias and the
/// content of what that repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'d, 't> {
    document: &'d Document<'t>,
    written: NodeId,
}

/// What a value is.
pub(super) enum Kind<'d, 't> {
    Scalar(Scalar<'d>),
    Sequence(Sequence<'d, 't>),
    Mapping(Mapping<'d, 't>),
    /// Something that was reported already.
    Broken,
}

/// A single text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar<'d> {
    /// After escapes and folding; of a plain scalar its source text.
    pub(super) text: &'d str,
    pub(super) style: Style,
}

impl Scalar<'_> {
    /// Nothing, `~` or `null`.
    pub(super) fn is_null(self) -> bool {
        self.style == Style::Plain && is_null(self.text)
    }
}

impl<'d, 't> Value<'d, 't> {
    /// Where it is written. Nothing at all has the place of its key.
    pub(super) fn span(self) -> &'d Span {
        &self.document.node(self.written).span
    }

    /// Where the content stands if an alias stands here.
    pub(super) fn aliased(self) -> Option<&'d Span> {
        match self.document.node(self.written).content {
            Content::Alias(target) => Some(&self.document.node(target).span),
            _ => None,
        }
    }

    /// What it is.
    pub(super) fn kind(self) -> Kind<'d, 't> {
        let document = self.document;
        let content = match &document.node(self.written).content {
            Content::Alias(target) => &document.node(*target).content,
            content => content,
        };
        match content {
            Content::Scalar(text, style) => Kind::Scalar(Scalar {
                text,
                style: *style,
            }),
            Content::Sequence(items) => Kind::Sequence(Sequence { document, items }),
            Content::Mapping(entries) => Kind::Mapping(Mapping { document, entries }),
            // An alias never points at another one.
            Content::Alias(_) | Content::Broken => Kind::Broken,
        }
    }
}

/// The items of a list.
#[derive(Clone, Copy)]
pub(super) struct Sequence<'d, 't> {
    document: &'d Document<'t>,
    items: &'d [NodeId],
}

impl<'d, 't> Sequence<'d, 't> {
    pub(super) fn items(self) -> impl ExactSizeIterator<Item = Value<'d, 't>> {
        self.items.iter().map(move |id| self.document.value(*id))
    }
}

/// The entries of a mapping, each key once.
#[derive(Clone, Copy)]
pub(super) struct Mapping<'d, 't> {
    document: &'d Document<'t>,
    entries: &'d Entries,
}

/// One entry of a mapping.
#[derive(Clone, Copy)]
pub(super) struct Entry<'d, 't> {
    pub(super) key: &'d str,
    pub(super) key_span: &'d Span,
    pub(super) value: Value<'d, 't>,
}

impl<'d, 't> Mapping<'d, 't> {
    pub(super) fn entries(self) -> impl ExactSizeIterator<Item = Entry<'d, 't>> {
        self.entries.pairs.iter().map(move |(key, value)| {
            let node = self.document.node(*key);
            let key = match &node.content {
                Content::Scalar(text, _) => &**text,
                // The builder keeps entries whose key is a scalar only.
                _ => "",
            };
            Entry {
                key,
                key_span: &node.span,
                value: self.document.value(*value),
            }
        })
    }

    /// Whether something in it was no entry, and was reported: nothing follows then from a key
    /// that is not there.
    pub(super) fn has_gaps(self) -> bool {
        self.entries.has_gaps
    }

    /// The entry of a key.
    pub(super) fn get(self, key: &str) -> Option<Entry<'d, 't>> {
        self.entries().find(|entry| entry.key == key)
    }
}
