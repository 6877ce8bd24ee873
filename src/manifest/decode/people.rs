//! `people`: who may approve, and whose signatures count.

use std::collections::BTreeMap;

use super::Spanned;
use super::fields::{Fields, Schema, Shape, optional, required};
use super::shape;
use super::value::name::named;
use super::value::people::{email, public_key};
use crate::manifest::problems::Problems;
use crate::manifest::tree::Value;
use crate::model::id::PersonName;

pub(super) const PERSON: Schema = Schema {
    what: "a person",
    keys: &[&[
        required(
            "key",
            Shape::Pattern("^(ssh|ecdsa|sk)-[^ ]+ [A-Za-z0-9+/=]+"),
            "the SSH public key",
        ),
        optional(
            "emails",
            Shape::List(&Shape::Pattern("^.+@.+$")),
            "those of the person's commits",
        ),
    ]],
};

/// One of `people`.
#[derive(Debug)]
pub(in crate::manifest) struct PersonEntry {
    /// None if it is wrong.
    pub(in crate::manifest) key: Option<Spanned<String>>,
    pub(in crate::manifest) emails: Vec<String>,
}

pub(super) fn people(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<BTreeMap<PersonName, PersonEntry>> {
    let entries = named(value, "a mapping of people", problems)?;
    let people = entries
        .into_iter()
        .map(|(name, entry)| (name, person(entry.value, problems)))
        .collect();
    Some(people)
}

fn person(value: Value<'_, '_>, problems: &mut Problems) -> PersonEntry {
    let mut person = PersonEntry {
        key: None,
        emails: Vec::new(),
    };
    let Some(mut fields) = Fields::read(value, &PERSON, problems) else {
        return person;
    };
    person.key = fields
        .require("key", "key: ssh-ed25519 AAAAC3…", problems)
        .and_then(|value| public_key(value, problems));
    if let Some(list) = fields
        .take("emails")
        .and_then(|value| shape::sequence(value, "a list of addresses", problems))
    {
        let emails = list.items().filter_map(|item| email(item, problems));
        person.emails = emails.collect();
    }
    person
}
