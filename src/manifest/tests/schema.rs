//! The printed schemas and the decoder judge the same files alike.

use jsonschema::Validator;
use serde_json::Value;

use super::{DEV, ENVIRONMENT, FLEET, FLEET_FILE, cases};
use crate::manifest::schema;

fn validators() -> (Validator, Validator) {
    let new = |schema: Value| jsonschema::validator_for(&schema).expect("a schema");
    (new(schema::fleet()), new(schema::environment()))
}

fn json(text: &str) -> Option<Value> {
    serde_yaml::from_str(text).ok()
}

#[test]
fn what_the_decoder_takes_the_schemas_take() {
    let (fleet, environment) = validators();
    let (full_fleet, full_environment) = super::gates::everything_as_text();
    let good = [
        (&fleet, FLEET.to_owned()),
        (&environment, ENVIRONMENT.to_owned()),
        (&fleet, full_fleet),
        (&environment, full_environment),
        (&fleet, include_str!("../../../fleet.yaml").to_owned()),
        (
            &environment,
            include_str!("../../../environments/production.yaml").to_owned(),
        ),
        (
            &environment,
            include_str!("../../../environments/development.yaml").to_owned(),
        ),
    ];
    for (validator, text) in good {
        let value = json(&text).expect("YAML");
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0], "{text}");
    }
}

/// Codes of what a schema can see: keys, words, numbers and sizes.
const SEEN: &[&str] = &["F101", "F102", "F105", "F106", "F112", "F113"];
/// What a key needs beside another one, and that a list of sizes is not empty, no shape says.
const UNSEEN: &[&str] = &[
    "a transport without kind, a region missing",
    "a window without zone",
    "an empty ramp",
];

#[test]
fn what_the_decoder_refuses_the_schemas_refuse() {
    let (fleet, environment) = validators();
    let mut judged = 0;
    let mut taken = Vec::new();
    for (what, file, text, expected) in cases() {
        let is_seen = expected
            .iter()
            .filter(|place| !place.contains(".yaml"))
            .any(|place| SEEN.contains(&&place[place.len() - 4..]));
        let validator = match *file {
            FLEET_FILE => &fleet,
            DEV => &environment,
            _ => continue,
        };
        let Some(value) = json(text) else { continue };
        if !is_seen || UNSEEN.contains(what) {
            continue;
        }
        judged += 1;
        if validator.is_valid(&value) {
            taken.push(*what);
        }
    }
    assert!(judged >= 12, "only {judged} cases");
    assert_eq!(taken, [""; 0]);
}

#[test]
fn every_key_says_what_it_is_for() {
    for schema in [schema::fleet(), schema::environment()] {
        let properties = schema["properties"].as_object().expect("properties");
        for (key, value) in properties {
            let about = value["description"].as_str().unwrap_or_default();
            assert!(about.len() > 5, "{key}");
        }
    }
}
