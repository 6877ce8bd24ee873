//! The instances that the service knows, and what stands in each one's queue.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::time::Millis;
use crate::model::desired::Platform;
use crate::model::id::{CommandId, EnvironmentName, HostName, InstanceId};

/// Where standalone instances have their folders.
const STANDALONE: &str = "standalone";

/// One instance of the sandbox, and whose folder it works in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SandboxInstance {
    /// The id that SSM knows.
    pub instance_id: InstanceId,
    /// What runs there. Windows hosts are known and never online.
    #[serde(default)]
    pub platform: Platform,
    /// First part of its folder.
    pub environment: EnvironmentName,
    /// Second part of its folder, and its name.
    pub host: HostName,
}

impl SandboxInstance {
    /// A host of a fleet.
    pub fn host(
        environment: EnvironmentName,
        host: HostName,
        instance_id: InstanceId,
        platform: Platform,
    ) -> Self {
        Self {
            instance_id,
            platform,
            environment,
            host,
        }
    }

    /// An instance that belongs to no fleet.
    pub fn standalone(instance_id: InstanceId, platform: Platform) -> Self {
        let host = HostName::new(instance_id.as_str());
        Self {
            instance_id,
            platform,
            environment: STANDALONE.into(),
            host,
        }
    }
}

/// Why an instance does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// Switched off by a fault.
    Offline,
    /// Stopped by a fault: the service rejects commands for it.
    Stopped,
    /// Its scripts need a program that this version never runs.
    NeedsPowerShell,
}

impl Absence {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Offline => "its connection is lost",
            Self::Stopped => "it is stopped",
            Self::NeedsPowerShell => "its platform is windows, and that needs pwsh",
        }
    }
}

/// A command on its way to an instance.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) command: CommandId,
    /// Not delivered before then.
    pub(super) not_before: Millis,
    /// It comes twice.
    pub(super) twice: bool,
}

/// An instance and its agent.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) instance: SandboxInstance,
    pub(super) registered_at: Millis,
    /// With the service.
    pub(super) mailbox: VecDeque<Message>,
    /// With the agent, waiting for a worker.
    pub(super) buffer: VecDeque<Message>,
    /// Workers at work.
    pub(super) running: usize,
    /// The agent's buffer was full: it takes nothing before then.
    pub(super) intake_closed_until: Option<Millis>,
    /// When its mailbox is looked at again.
    pub(super) wake_at: Option<Millis>,
}

impl Host {
    pub(super) fn new(instance: SandboxInstance, registered_at: Millis) -> Self {
        Self {
            instance,
            registered_at,
            mailbox: VecDeque::new(),
            buffer: VecDeque::new(),
            running: 0,
            intake_closed_until: None,
            wake_at: None,
        }
    }
}
