//! What tags there are.

use std::ops::Range;

use super::path::Path;
use crate::model::desired::Platform;

/// What a file is, as far as its tags are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `<phase>.sh.hbs` or `<phase>.ps1.hbs`: values only in bindings.
    Script(Platform),
    /// `files/<name>.hbs`: values anywhere, no partials.
    Data,
    /// `partials/<name>.sh` or `.ps1`: comments only.
    Partial,
}

impl Dialect {
    /// Whose scripts it is about, where that makes a difference.
    pub(super) const fn platform(self) -> Platform {
        match self {
            Self::Script(platform) => platform,
            Self::Data | Self::Partial => Platform::Linux,
        }
    }
}

/// A piece of a source.
#[derive(Clone, Debug)]
pub(super) enum Token {
    /// Bytes that are copied; the backslash of `\{{` is in none of them.
    Text(Range<usize>),
    /// A tag.
    Tag(Tag),
}

/// A tag.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    /// From `{{` to behind `}}`.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a tag is. Where a part is missing, its problem has been reported and the tag only keeps
/// its place, so that nothing else is reported because of it.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `{{! … }}`
    Comment,
    /// `{{#if …}}`
    Open(Box<str>, Option<Condition>),
    /// `{{else}}`, `{{else if …}}`
    Else(Option<Option<Condition>>),
    /// `{{/if}}`
    Close(Box<str>),
    /// `{{> name}}`
    Partial(Box<str>, Range<usize>),
    /// `{{path}}`, `{{list path}}`, `{{json path}}`
    Value(Form, Reference),
    /// `{{secret path}}`, `{{secret "name"}}`
    Secret(Operand),
    /// Reported.
    Broken,
}

/// How a value is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{{path}}`
    Plain,
    /// `{{list path}}`
    List,
    /// `{{json path}}`
    Json,
}

/// A path at its place.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// What is meant.
    pub(super) path: Path,
    /// Where it stands.
    pub(super) span: Range<usize>,
}

/// What `if` and `unless` ask.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// `unless`
    pub(super) negated: bool,
    /// The question itself.
    pub(super) test: Test,
}

/// The question of a condition.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// The value is `true` and not `false`.
    Holds(Reference),
    /// `(eq a b)`
    Equal(Operand, Operand),
}

/// One side of `eq`.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// A value.
    Value(Reference),
    /// Fixed text in quotes.
    Text(Box<str>),
}
