//! JSON Schemas of the files, printed from the tables that the decoder reads by.

use serde_json::{Map, Value, json};

use super::decode::{ENVIRONMENT, FLEET, Key, Schema, Shape};

/// The draft that editors and `yaml-language-server` understand.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The JSON Schema of `fleet.yaml`.
pub fn fleet() -> Value {
    document(&FLEET, "fleet.yaml")
}

/// The JSON Schema of a file below `environments/`.
pub fn environment() -> Value {
    document(&ENVIRONMENT, "environments/<environment>.yaml")
}

/// A schema as a file has it.
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

fn document(schema: &Schema, title: &str) -> Value {
    let mut object = object(schema);
    object.insert("$schema".to_owned(), json!(DRAFT));
    object.insert("title".to_owned(), json!(title));
    Value::Object(object)
}

fn object(schema: &Schema) -> Map<String, Value> {
    let property = |key: &Key| {
        let mut value = of(&key.shape);
        value.insert("description".to_owned(), json!(key.about));
        (key.name.to_owned(), Value::Object(value))
    };
    let required: Vec<&str> = schema
        .all()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    let mut object = map(json!({ "type": "object", "additionalProperties": false }));
    let properties: Map<String, Value> = schema.all().map(property).collect();
    object.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

fn of(shape: &Shape) -> Map<String, Value> {
    let nested = |shape: &Shape| Value::Object(of(shape));
    map(match shape {
        // A plain scalar is its source text, whatever YAML takes it for.
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        // No number that stands where a pattern does is 0.
        Shape::Pattern(pattern) => {
            json!({ "type": ["string", "integer"], "pattern": pattern, "minimum": 1 })
        }
        Shape::Quoted(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Words(words) => json!({ "enum": words() }),
        Shape::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Duration(shortest, longest) => json!({
            "type": "string",
            "pattern": "^[0-9]+[smhd]$",
            "$comment": format!("from {shortest} to {longest}"),
        }),
        Shape::List(item) => json!({ "type": "array", "items": nested(item) }),
        Shape::OneOrMore(item) => json!({
            "anyOf": [nested(item), { "type": "array", "items": nested(item) }],
        }),
        Shape::Map(name, value) => json!({
            "type": "object",
            "propertyNames": { "pattern": name },
            "additionalProperties": nested(value),
        }),
        Shape::Object(schema) => Value::Object(object(schema)),
        Shape::Any(shapes) => {
            let shapes: Vec<Value> = shapes.iter().map(nested).collect();
            json!({ "anyOf": shapes })
        }
    })
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
