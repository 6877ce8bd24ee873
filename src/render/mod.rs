//! Templates → script bundles, digests and diagnostics.
//!
//! Owns the template language (a strict subset of Handlebars), the rule that rendering never makes
//! code, the quoting of values and the digests. Pure: it sees a [`Tree`](crate::model::source::Tree)
//! and model types, never a disk, a clock or the environment; equal input gives equal bytes.
//!
//! The way of a template: [`layout`] says what each file of the tree is, [`scan`] finds its tags,
//! [`head`] refuses values outside the head of a script, [`parse`] builds a [`program`], and
//! [`Templates`] runs the programs with the values of a host ([`context`]).
//!
//! The language has its own scanner and not the one of the `handlebars` crate, because every
//! problem needs its bytes in the file, white-space control and escapes must be seen before they
//! are applied, and 20,000 renderings have to fit into a fraction of a second.

mod binding;
mod check;
mod codes;
mod compile;
mod context;
mod digest;
mod head;
mod later;
mod layout;
mod parse;
mod part;
mod path;
mod program;
mod quote;
mod read;
mod scan;
mod secret;
mod source;
mod suggest;
mod tag;
mod templates;
mod typography;

pub use codes::CODES;
pub use digest::RENDERER;
pub use templates::Templates;

#[cfg(test)]
mod tests;
