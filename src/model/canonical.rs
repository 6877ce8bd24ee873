//! Canonical JSON (RFC 8785) for ids.
//!
//! Plans hold strings, integers, booleans and null only, and ASCII keys: for these the scheme is
//! sorted keys without white space, which is what `serde_json` writes for a sorted map.

use serde::Serialize;

/// The canonical JSON of a value without floating-point numbers.
pub fn canonical_json(value: &impl Serialize) -> String {
    // A value of the model always serialises: its keys are strings and its numbers finite.
    serde_json::to_value(value)
        .map(|sorted| sorted.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        #[derive(Serialize)]
        struct Outer {
            b: u8,
            a: Inner,
        }
        #[derive(Serialize)]
        struct Inner {
            z: &'static str,
            y: Option<u8>,
        }
        let value = Outer {
            b: 1,
            a: Inner {
                z: "é\n\u{1}",
                y: None,
            },
        };
        assert_eq!(
            canonical_json(&value),
            "{\"a\":{\"y\":null,\"z\":\"é\\n\\u0001\"},\"b\":1}"
        );
    }
}
