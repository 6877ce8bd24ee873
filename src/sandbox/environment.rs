//! What scripts see of the caller's environment, and what the agent and the sandbox add.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use crate::model::id::{CommandId, InstanceId};

/// The caller's environment, as far as scripts may see it.
pub(super) struct HostEnvironment {
    inherited: Vec<(OsString, OsString)>,
    region: OsString,
    platform_name: String,
    platform_version: String,
}

impl HostEnvironment {
    pub(super) fn new(caller: &[(OsString, OsString)]) -> Self {
        const WITHHELD: [&str; 4] = ["AWS_", "SSH_", "GIT_", "FLEET_"];
        let withheld = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            WITHHELD
                .iter()
                .any(|prefix| name.starts_with(prefix.as_bytes()))
        };
        let named = |wanted: &str| {
            caller
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let field = |key: &str| {
            let line = release
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        Self {
            inherited: caller
                .iter()
                .filter(|(name, _)| !withheld(name))
                .cloned()
                .collect(),
            region: named("AWS_REGION")
                .or_else(|| named("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| "us-east-1".into()),
            platform_name: field("NAME").unwrap_or_else(|| "Linux".to_owned()),
            platform_version: field("VERSION_ID").unwrap_or_else(|| "0".to_owned()),
        }
    }

    pub(super) fn platform_name(&self) -> &str {
        &self.platform_name
    }

    pub(super) fn platform_version(&self) -> &str {
        &self.platform_version
    }

    /// What a script of a command on an instance sees, whose file system is below `host`.
    pub(super) fn of<'a>(
        &'a self,
        instance: &'a InstanceId,
        command: &'a CommandId,
        host: &Path,
    ) -> impl Iterator<Item = (OsString, OsString)> + use<'a> {
        let own = [
            ("AWS_SSM_INSTANCE_ID", instance.as_str().into()),
            ("AWS_SSM_REGION_NAME", self.region.clone()),
            ("AWS_SSM_PLATFORM_NAME", self.platform_name.clone().into()),
            (
                "AWS_SSM_PLATFORM_VERSION",
                self.platform_version.clone().into(),
            ),
            ("SSM_COMMAND_ID", command.as_str().into()),
            ("HOME", host.join("root").into()),
            ("TMPDIR", host.join("tmp").into()),
            ("FLEET_ROOT", host.into()),
        ];
        let own = own.map(|(name, value)| (OsString::from(name), value));
        self.inherited.iter().cloned().chain(own)
    }
}
