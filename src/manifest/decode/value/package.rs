//! What a service's package is: where it lies, what it hashes to, what it needs beside it.

use super::parsed::{Form, parsed};
use crate::manifest::codes;
use crate::manifest::decode::Spanned;
use crate::manifest::problems::Problems;
use crate::manifest::tree::Value;

const ARTIFACT: Form = Form {
    code: codes::ARTIFACT,
    what: "the address of an artifact",
    help: "write s3://bucket/key or https://host/path; {{version}} in it is replaced",
};

/// Reads one address of `artifact`.
pub(in crate::manifest::decode) fn artifact(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<String>> {
    parsed(value, &ARTIFACT, problems, |text| {
        let rest = text
            .strip_prefix("s3://")
            .or_else(|| text.strip_prefix("https://"))?;
        let (place, path) = rest.split_once('/')?;
        let braces = text.replace("{{version}}", "");
        let is_address = !place.is_empty()
            && !path.is_empty()
            && !place.contains(['@', '{', '}'])
            && !braces.contains(['{', '}'])
            && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        (is_address && (text.starts_with("https://") || is_bucket(place))).then(|| text.to_owned())
    })
}

/// By the rules of S3 for new buckets.
pub(super) fn is_bucket(text: &str) -> bool {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'-');
    let edge = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|&c| legal(c))
        && edge(bytes.first())
        && edge(bytes.last())
        && !text.contains("..")
}

const SHA256: Form = Form {
    code: codes::HASH,
    what: "a sha256",
    help: "it is 64 hex digits, as `sha256sum` prints them",
};

/// Reads `sha256`, in lower case.
pub(in crate::manifest::decode) fn sha256(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<String>> {
    parsed(value, &SHA256, problems, sha256_of)
}

/// The 64 digits of a hash, in lower case; `sha256:` may stand in front of them.
pub(in crate::manifest) fn sha256_of(text: &str) -> Option<String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_hash = digits.len() == 64 && digits.bytes().all(|c| c.is_ascii_hexdigit());
    is_hash.then(|| digits.to_ascii_lowercase())
}

const REQUIREMENT: Form = Form {
    code: codes::REQUIREMENT,
    what: "a range of versions",
    help: "write it as cargo does, such as \">=2.0.0\", \"^1.4\" or \">=1.2, <3\"",
};

/// Reads one of `requires`.
pub(in crate::manifest::decode) fn requirement(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<semver::VersionReq>> {
    parsed(value, &REQUIREMENT, problems, |text| {
        (!text.trim().is_empty()).then(|| text.parse().ok())?
    })
}
