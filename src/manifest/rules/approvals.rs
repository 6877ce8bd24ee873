//! Approvals by people whom the fleet knows, and who are enough.

use std::collections::{BTreeMap, BTreeSet};

use super::misspelt::is_misspelt;
use crate::manifest::codes;
use crate::manifest::decode::{ApprovalKeys, EnvironmentFile, FleetFile, Spanned, did_you_mean};
use crate::manifest::problems::{Problems, shown};
use crate::model::id::PersonName;
use crate::model::policy::Approvals;
use crate::model::source::Tree;

/// What an environment asks for. Key by key over the defaults, so that nothing an environment
/// leaves out loosens what holds for all.
pub(in crate::manifest) fn merged(own: Option<&ApprovalKeys>, fleet: &FleetFile) -> Approvals {
    let defaults = fleet.defaults.approvals.as_ref();
    let standard = Approvals::default();
    let keys = || own.into_iter().chain(defaults);
    let everybody = || {
        fleet
            .people
            .iter()
            .flatten()
            .map(|(name, _)| name.to_string())
    };
    Approvals {
        required: keys()
            .find_map(|keys| keys.required)
            .unwrap_or(standard.required),
        from: match keys().find_map(|keys| keys.from.as_ref()) {
            Some(from) => {
                let names: BTreeSet<String> =
                    from.iter().map(|person| person.value.to_string()).collect();
                names.into_iter().collect()
            }
            None => everybody().collect(),
        },
        wait: keys().find_map(|keys| keys.wait).unwrap_or(standard.wait),
        valid: keys().find_map(|keys| keys.valid).unwrap_or(standard.valid),
        not_for: keys()
            .find_map(|keys| keys.not_for.clone())
            .unwrap_or(standard.not_for),
    }
}

pub(super) fn check_fleet(fleet: &FleetFile, _: &Tree, problems: &mut Problems) {
    if let Some(people) = &fleet.people {
        let mut owners: BTreeMap<&str, &PersonName> = BTreeMap::new();
        for (name, person) in people {
            let Some(key) = &person.key else { continue };
            if let Some(other) = owners.insert(&key.value, name) {
                problems.report(
                    codes::KEY_OF_TWO,
                    &key.span,
                    format!(
                        "{} and {} have the same key",
                        shown(other.as_str()),
                        shown(name.as_str())
                    ),
                    "one person could approve for two: give each a key of their own",
                );
            }
        }
    }
    if let Some(approvals) = &fleet.defaults.approvals {
        check_keys(approvals, fleet, problems);
    }
}

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    if let (Some(approvals), Some(fleet)) = (&environment.settings.approvals, fleet) {
        check_keys(approvals, fleet, problems);
    }
}

fn check_keys(own: &ApprovalKeys, fleet: &FleetFile, problems: &mut Problems) {
    let Some(people) = &fleet.people else { return };
    for person in own.from.iter().flatten() {
        check_person(person, people.keys(), problems);
    }
    if own.unread.has("from") || own.unread.has("required") {
        return;
    }
    let asked = merged(Some(own), fleet);
    if asked.required as usize > asked.from.len() {
        problems.report(
            codes::APPROVALS,
            &own.span,
            format!(
                "{} approvals are required and {} can give one",
                asked.required,
                match asked.from.len() {
                    0 => "nobody".to_owned(),
                    1 => "one person".to_owned(),
                    people => format!("{people} people"),
                }
            ),
            "add people with their keys to `people` of fleet.yaml, or require fewer",
        );
    }
}

fn check_person<'a>(
    person: &Spanned<PersonName>,
    people: impl Iterator<Item = &'a PersonName> + Clone,
    problems: &mut Problems,
) {
    let name = person.value.as_str();
    let names = || people.clone().map(PersonName::as_str);
    if names().any(|known| known == name) || is_misspelt(name, names()) {
        return;
    }
    let add = "add the person with a key to `people` of fleet.yaml";
    let help = did_you_mean(name, names(), add);
    let message = format!("there is no person {}", shown(name));
    problems.report(codes::UNKNOWN_PERSON, &person.span, message, help);
}
