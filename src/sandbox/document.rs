//! The two documents that the sandbox has, and what they make of parameters.

use std::collections::BTreeMap;

use crate::model::desired::Platform;
use crate::model::id::Digest;

/// What the agent makes of a timeout outside its limits.
const DEFAULT_EXECUTION_TIMEOUT: u64 = 3_600;
/// The agent's limits of a timeout, in seconds.
const EXECUTION_TIMEOUTS: std::ops::RangeInclusive<u64> = 5..=172_800;
/// `maxChars` of the parameter.
const LONGEST_DIRECTORY: usize = 4_096;

/// A command document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) name: &'static str,
    /// `aws:runShellScript`.
    pub(super) plugin: &'static str,
    /// Platforms that its declaration names: others are refused with the call.
    pub(super) accepts: &'static [Platform],
    /// Platforms that can run it here: on others it ends as InvalidPlatform.
    pub(super) runs_on: Platform,
}

const DOCUMENTS: [Document; 2] = [
    Document {
        name: "AWS-RunShellScript",
        plugin: "aws:runShellScript",
        accepts: &[Platform::Linux],
        runs_on: Platform::Linux,
    },
    Document {
        name: "AWS-RunPowerShellScript",
        plugin: "aws:runPowerShellScript",
        accepts: &[Platform::Linux, Platform::Windows],
        runs_on: Platform::Windows,
    },
];

/// Which declared parameter a call fills in, and with what.
pub(super) type Parameters = BTreeMap<String, Vec<String>>;

/// What the agent gets to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// The content of `_script.sh`.
    pub(super) text: String,
    pub(super) working_directory: String,
    /// In seconds.
    pub(super) execution_timeout: u64,
}

impl Document {
    /// By its name, or by the ARN of the public document, which is in nobody's account.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        let arn = name
            .strip_prefix("arn:aws:ssm:")
            .and_then(|rest| rest.split_once("::document/"));
        let short = match arn {
            Some((region, short)) if !region.is_empty() && !region.contains(':') => short,
            _ => name,
        };
        DOCUMENTS.iter().find(|document| document.name == short)
    }

    /// The declaration, after the public document's.
    fn content(&self) -> String {
        serde_json::json!({
            "schemaVersion": "1.2",
            "parameters": {
                "commands": { "type": "StringList", "minItems": 1 },
                "workingDirectory": { "type": "String", "default": "", "maxChars": LONGEST_DIRECTORY },
                "executionTimeout": {
                    "type": "String",
                    "default": "3600",
                    "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)",
                },
            },
            "runtimeConfig": { self.plugin: { "properties": [{
                "id": format!("0.{}", self.plugin),
                "runCommand": "{{ commands }}",
                "workingDirectory": "{{ workingDirectory }}",
                "timeoutSeconds": "{{ executionTimeout }}",
            }] } },
        })
        .to_string()
    }

    /// `DocumentHash` in hex; of the sandbox's declaration, which is not AWS's byte for byte.
    pub(super) fn hash(&self) -> String {
        Digest::of(self.content())
            .as_str()
            .trim_start_matches("sha256:")
            .to_owned()
    }

    /// Fills the parameters in. The error is the message of InvalidParameters.
    pub(super) fn fill_in(&self, parameters: &Parameters) -> Result<Script, String> {
        const DECLARED: [&str; 3] = ["commands", "workingDirectory", "executionTimeout"];
        if parameters
            .keys()
            .any(|name| !DECLARED.contains(&name.as_str()))
        {
            return Err(format!(
                "document {} does not support parameters.",
                self.name
            ));
        }
        for (name, value) in parameters
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        {
            if let Some(reference) = store_reference(value) {
                return Err(format!(
                    "Parameter {name}: {reference} does not exist in Parameter Store."
                ));
            }
        }
        let commands = parameters
            .get("commands")
            .filter(|lines| !lines.is_empty())
            .ok_or("Parameter commands is required and needs at least 1 item.")?;
        let single = |name: &str| match parameters.get(name).map(Vec::as_slice) {
            None => Ok(None),
            Some([value]) => Ok(Some(value.as_str())),
            Some(_) => Err(format!(
                "Parameter {name} is of type String and takes one value."
            )),
        };
        let working_directory = single("workingDirectory")?.unwrap_or_default().to_owned();
        if working_directory.chars().count() > LONGEST_DIRECTORY {
            return Err(format!(
                "Parameter workingDirectory is longer than {LONGEST_DIRECTORY} characters."
            ));
        }
        let timeout = single("executionTimeout")?.unwrap_or("3600");
        let seconds = allowed_timeout(timeout).ok_or_else(|| {
            format!(
                "Parameter executionTimeout has value {timeout} not matching its allowedPattern."
            )
        })?;
        Ok(Script {
            text: commands.join("\n") + "\n",
            working_directory,
            execution_timeout: if EXECUTION_TIMEOUTS.contains(&seconds) {
                seconds
            } else {
                DEFAULT_EXECUTION_TIMEOUT
            },
        })
    }
}

/// The numbers that the allowedPattern above lets through.
fn allowed_timeout(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    text.parse()
        .ok()
        .filter(|seconds| plain && (1..=172_800).contains(seconds))
}

/// `{{ssm:name}}`: the service reads it from Parameter Store, and the sandbox has none. Any other
/// `{{ x }}` in a value stays as it is.
fn store_reference(value: &str) -> Option<&str> {
    value.match_indices("{{").find_map(|(start, _)| {
        let rest = &value[start..];
        let inner = rest[2..].trim_start();
        let is_reference = inner.starts_with("ssm:") || inner.starts_with("ssm-secure:");
        rest.find("}}")
            .filter(|_| is_reference)
            .map(|end| &rest[..end + 2])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_in(parameters: &[(&str, &[&str])]) -> Result<Script, String> {
        let parameters = parameters
            .iter()
            .map(|(name, values)| {
                (
                    (*name).to_owned(),
                    values.iter().map(|value| (*value).to_owned()).collect(),
                )
            })
            .collect();
        DOCUMENTS[0].fill_in(&parameters)
    }

    #[test]
    fn documents_go_by_name_or_arn() {
        assert!(Document::find("AWS-RunShellScript").is_some());
        assert!(Document::find("arn:aws:ssm:eu-west-1::document/AWS-RunShellScript").is_some());
        for unknown in [
            "AWS-RunRemoteScript",
            "arn:aws:ssm:eu-west-1:123456789012:document/AWS-RunShellScript",
            "arn:aws:ssm:eu-west-1:123456789012::document/AWS-RunShellScript",
            "arn:aws:ssm:::document/AWS-RunShellScript",
            "arn:aws:s3:eu-west-1::document/AWS-RunShellScript",
        ] {
            assert!(Document::find(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn lines_are_joined_as_the_agent_joins_them() {
        let script = fill_in(&[("commands", &["echo a\r", "echo {{ commands }}"])]).unwrap();
        assert_eq!(script.text, "echo a\r\necho {{ commands }}\n");
    }

    #[test]
    fn an_execution_timeout_is_allowed_by_the_document_and_limited_by_the_agent() {
        let timeout = |value| {
            fill_in(&[("commands", &["x"]), ("executionTimeout", &[value])])
                .map(|script| script.execution_timeout)
        };
        assert_eq!(timeout("5"), Ok(5));
        assert_eq!(timeout("172800"), Ok(172_800));
        assert_eq!(timeout("4"), Ok(3_600));
        for bad in ["0", "172801", "05", "-1", "1.5", "", "+5"] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_to_the_parameter_store_leads_nowhere() {
        assert!(fill_in(&[("commands", &["echo {{ ssm:name }}"])]).is_err());
        assert!(fill_in(&[("commands", &["echo {{ssm-secure:/a/b}}"])]).is_err());
        assert!(fill_in(&[("commands", &["docker ps --format '{{.Names}}'"])]).is_ok());
    }
}
