//! What is kept of commands: as they were accepted, where they stand, and what came of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::command::{Accepted, Command, Invocation, Stage};
use super::error::SandboxError;
use super::folder::{Folder, private_folder, read_json, write_json};
use super::host::Host;
use super::service::{Service, State};
use super::time::Millis;
use crate::model::id::{CommandId, InstanceId};

/// As long as the real service keeps its history.
const HISTORY_SECONDS: u64 = 30 * 24 * 3_600;
/// The invocations of a command that is complete.
const RESULTS: &str = "invocations.json";
impl Service {
    /// Keeps a new command; it counts as accepted only then.
    pub(super) fn keep_command(&self, accepted: &Accepted) -> Result<(), SandboxError> {
        let folder = self.folder.commands().join(accepted.id.as_str());
        private_folder(&folder).map_err(SandboxError::folder("create", &folder))?;
        write_json(&folder.join("command.json"), accepted)
    }

    /// Keeps where a command stands on an instance.
    pub(super) fn keep_invocation(
        &self,
        command: &CommandId,
        instance: &InstanceId,
        invocation: &Invocation,
    ) {
        let folder = self.invocation_folder(command, instance);
        let kept = private_folder(&folder)
            .map_err(SandboxError::folder("create", &folder))
            .and_then(|()| write_json(&folder.join("invocation.json"), invocation));
        if let Err(error) = kept {
            tracing::error!(%command, %instance, %error, "could not keep an invocation");
        }
    }

    /// Notes that nothing more happens to a command: its results go into one file, for a sandbox
    /// reads all of its history when it starts.
    pub(super) fn close(&self, state: &mut State, id: &CommandId) {
        let Some(command) = state
            .commands
            .get(id)
            .filter(|command| command.is_complete())
        else {
            return;
        };
        if !state.open.remove(id) {
            return;
        }
        let folder = self.folder.commands().join(id.as_str());
        if let Err(error) = write_json(&folder.join(RESULTS), &command.invocations) {
            tracing::error!(command = %id, %error, "could not keep results");
            return;
        }
        for instance in command.invocations.keys() {
            let folder = folder.join(instance.as_str());
            // What stays behind is read no more. A script that still runs keeps its folder.
            let _rest = fs::remove_file(folder.join("invocation.json"));
            let _kept = fs::remove_dir(folder);
        }
    }

    pub(super) fn invocation_folder(&self, command: &CommandId, instance: &InstanceId) -> PathBuf {
        self.folder
            .commands()
            .join(command.as_str())
            .join(instance.as_str())
    }
}

/// Reads what is kept, and lets go of what is too old.
pub(super) fn read(
    folder: &Folder,
    hosts: &BTreeMap<InstanceId, Host>,
    now: Millis,
) -> Result<Vec<Command>, SandboxError> {
    let place = folder.commands();
    private_folder(&place).map_err(SandboxError::folder("create", &place))?;
    let entries = fs::read_dir(&place).map_err(SandboxError::folder("read", &place))?;
    let mut commands = Vec::new();
    for entry in entries {
        let path = entry.map_err(SandboxError::folder("read", &place))?.path();
        // A folder without the file is a command whose sandbox died before it had accepted it.
        let Some(accepted) = read_json::<Accepted>(&path.join("command.json"))? else {
            continue;
        };
        if now >= accepted.requested_at.plus_seconds(HISTORY_SECONDS) {
            forget(folder, hosts, &accepted)?;
            continue;
        }
        commands.push(read_command(accepted, &path)?);
    }
    Ok(commands)
}

fn read_command(accepted: Accepted, path: &Path) -> Result<Command, SandboxError> {
    let mut command = Command::new(accepted);
    // Whatever was to become visible late has done so.
    command.accepted.visible_at = command.accepted.requested_at;
    if let Some(results) = read_json(&path.join(RESULTS))? {
        command.invocations = results;
        return Ok(command);
    }
    for (instance, invocation) in &mut command.invocations {
        let file = path.join(instance.as_str()).join("invocation.json");
        if let Some(kept) = read_json(&file)? {
            *invocation = kept;
        }
        if invocation.stage == Stage::Buffered {
            invocation.stage = Stage::Sent;
        }
    }
    Ok(command)
}

/// Removes a command, and what the agents of its hosts kept of it.
fn forget(
    folder: &Folder,
    hosts: &BTreeMap<InstanceId, Host>,
    accepted: &Accepted,
) -> Result<(), SandboxError> {
    let agents = accepted
        .instances
        .iter()
        .filter_map(|instance| hosts.get(instance))
        .map(|host| {
            folder
                .orchestration(&host.instance)
                .join(accepted.id.as_str())
        });
    let own = folder.commands().join(accepted.id.as_str());
    for path in agents.chain([own]) {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SandboxError::folder("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
