//! What AWS names its things.

use super::package::is_bucket;
use super::parsed::{Form, parsed};
use crate::manifest::codes;
use crate::manifest::problems::Problems;
use crate::manifest::tree::Value;
use crate::model::desired::Storage;

const ROLE: Form = Form {
    code: codes::AWS_NAME,
    what: "the ARN of a role",
    help: "write it as IAM shows it: arn:aws:iam::123456789012:role/fleet",
};

const EXTERNAL_ID: Form = Form {
    code: codes::AWS_NAME,
    what: "an external id",
    help: "it has 2 to 1224 letters, digits and any of + = , . @ : / -",
};

const DOCUMENT: Form = Form {
    code: codes::AWS_NAME,
    what: "the name of an SSM document",
    help: "it has 3 to 128 letters, digits and any of _ - . : /",
};

const STORAGE: Form = Form {
    code: codes::STORAGE,
    what: "a place in S3",
    help: "write s3://bucket or s3://bucket/prefix",
};

/// Reads `role_arn`.
pub(in crate::manifest::decode) fn role_arn(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let read = parsed(value, &ROLE, problems, |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, iam, region, account, role] = parts[..] else {
            return None;
        };
        let name = role.strip_prefix("role/")?;
        let is_role = arn == "arn"
            && (partition == "aws" || partition.starts_with("aws-"))
            && iam == "iam"
            && region.is_empty()
            && account.len() == 12
            && account.bytes().all(|c| c.is_ascii_digit())
            && !name.is_empty()
            && name
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&c));
        is_role.then(|| text.to_owned())
    })?;
    Some(read.value)
}

/// Reads `external_id`, by the pattern of STS.
pub(in crate::manifest::decode) fn external_id(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let read = parsed(value, &EXTERNAL_ID, problems, |text| {
        let legal = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&c);
        ((2..=1_224).contains(&text.len()) && text.bytes().all(legal)).then(|| text.to_owned())
    })?;
    Some(read.value)
}

/// Reads one of `documents`, by the pattern of SendCommand.
pub(in crate::manifest::decode) fn document(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let read = parsed(value, &DOCUMENT, problems, |text| {
        let legal = |c: u8| c.is_ascii_alphanumeric() || b"_-.:/".contains(&c);
        ((3..=128).contains(&text.len()) && text.bytes().all(legal)).then(|| text.to_owned())
    })?;
    Some(read.value)
}

/// Reads `storage`.
pub(in crate::manifest::decode) fn storage(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Storage> {
    let read = parsed(value, &STORAGE, problems, |text| {
        let rest = text.strip_prefix("s3://")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let is_prefix = prefix
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"!_.*'()/-".contains(&c))
            && !prefix.contains("//")
            && !prefix.starts_with('/');
        (is_bucket(bucket) && is_prefix).then(|| Storage {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    })?;
    Some(read.value)
}
