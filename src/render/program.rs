//! A compiled file: text, values and choices.

use crate::model::desired::Platform;

use super::context::{Found, Subject};
use super::path::Path;
use super::quote;
use super::tag::{Dialect, Form};
use std::ops::Range;

/// A file ready to be rendered for any host.
#[derive(Debug)]
pub(super) struct Program {
    /// What is written, in order.
    pub(super) nodes: Vec<Node>,
    /// The values it names, each once; nodes refer to them by position.
    pub(super) slots: Vec<Path>,
    /// Every place that names a value, in any branch.
    pub(super) uses: Vec<Use>,
    /// How values are written.
    pub(super) dialect: Dialect,
}

/// A part of a program.
#[derive(Debug)]
pub(super) enum Node {
    /// Copied.
    Text(String),
    /// The value of a slot.
    Value(usize, Form),
    /// What reads a secret on the host, by its name.
    Secret(Side),
    /// The first branch whose question is answered with yes.
    Choice(Vec<Branch>),
}

/// One branch of a block.
#[derive(Debug)]
pub(super) struct Branch {
    /// When it is taken; `{{else}}` asks nothing.
    pub(super) question: Option<Question>,
    /// What it writes.
    pub(super) nodes: Vec<Node>,
}

/// What a choice depends on.
#[derive(Debug)]
pub(super) struct Question {
    /// `unless`
    pub(super) negated: bool,
    /// What must be equal: `true` for a plain `if`.
    pub(super) sides: (Side, Side),
}

/// One side of a comparison, or the name of a secret.
#[derive(Debug)]
pub(super) enum Side {
    /// A value.
    Slot(usize),
    /// Fixed text.
    Text(Box<str>),
}

/// A place that names a value.
#[derive(Debug)]
pub(super) struct Use {
    /// Which value.
    pub(super) slot: usize,
    /// Where.
    pub(super) span: Range<usize>,
    /// What it must be.
    pub(super) need: Need,
}

/// What a place needs a value to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// One text.
    Text,
    /// Several.
    List,
    /// Either: `{{json x}}`.
    Any,
    /// `true` or `false`.
    Boolean,
    /// The name of a parameter in Parameter Store.
    Secret,
}

/// The values of a program's slots for one host.
pub(super) type Values<'a> = Vec<Found<'a>>;

impl Program {
    /// The values of the slots, once every use of them is known to be in order.
    pub(super) fn values<'a>(&self, subject: &Subject<'a>) -> Option<Values<'a>> {
        self.slots.iter().map(|path| subject.find(path)).collect()
    }

    /// Writes the file. Total: that values have the right shape has been checked before.
    pub(super) fn render(&self, values: &Values<'_>) -> String {
        let mut out = String::new();
        self.write(&self.nodes, values, &mut out);
        out
    }

    fn write(&self, nodes: &[Node], values: &Values<'_>, out: &mut String) {
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Value(slot, form) => match (values[*slot], self.dialect, form) {
                    (Found::Text(text), Dialect::Data, Form::Plain) => out.push_str(text),
                    (Found::Text(text), Dialect::Data, _) => quote::json_string(text, out),
                    (Found::List(items), Dialect::Data, _) => quote::json_array(items, out),
                    (Found::Text(text), Dialect::Script(Platform::Windows), _) => {
                        quote::powershell_string(text, out);
                    }
                    (Found::List(items), Dialect::Script(Platform::Windows), _) => {
                        quote::powershell_array(items, out);
                    }
                    (Found::Text(text), _, _) => quote::bash_word(text, out),
                    (Found::List(items), _, _) => quote::bash_array(items, out),
                },
                Node::Secret(side) => {
                    let name = side.text(values).unwrap_or_default();
                    match self.dialect.platform() {
                        Platform::Linux => {
                            out.push_str("$(fleet_secret ");
                            quote::bash_word(name, out);
                            out.push(')');
                        }
                        Platform::Windows => {
                            out.push_str("Get-FleetSecret ");
                            quote::powershell_string(name, out);
                        }
                    }
                }
                Node::Choice(branches) => {
                    let taken = branches.iter().find(|branch| {
                        branch
                            .question
                            .as_ref()
                            .is_none_or(|question| question.answer(values))
                    });
                    if let Some(branch) = taken {
                        self.write(&branch.nodes, values, out);
                    }
                }
            }
        }
    }
}

impl Question {
    fn answer(&self, values: &Values<'_>) -> bool {
        (self.sides.0.text(values) == self.sides.1.text(values)) != self.negated
    }
}

impl Side {
    /// Its text for a host.
    fn text<'a>(&'a self, values: &Values<'a>) -> Option<&'a str> {
        match self {
            &Self::Slot(slot) => match values[slot] {
                Found::Text(text) => Some(text),
                Found::List(_) => None,
            },
            Self::Text(text) => Some(text),
        }
    }
}

/// Whether any of these reads a secret.
pub(super) fn read_secrets(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Secret(_) => true,
        Node::Choice(branches) => branches.iter().any(|branch| read_secrets(&branch.nodes)),
        Node::Text(_) | Node::Value(..) => false,
    })
}
