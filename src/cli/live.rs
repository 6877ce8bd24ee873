//! `fleet plan --live`: whether hosts can be reached, asked and not kept.

use super::Context;
use super::error::CliError;
use super::transport::Connection;
use super::workspace::{self, Books};
use crate::model::desired::{Environment, Host, TransportSettings};
use crate::model::id::InstanceId;
use crate::model::task::Presence;
use crate::reporter::plan::{Reach, Unreachable};
use crate::transport::Transport as _;

/// Asks for some hosts of an environment. A sandbox is used as it is: looking makes no host.
///
/// # Errors
/// AWS could not be asked: it was the question, so there is no answer without it.
pub(crate) async fn reach(
    context: &Context,
    books: &Books,
    environment: &Environment,
    hosts: Vec<&Host>,
) -> Result<Reach, CliError> {
    let mut reach = Reach::default();
    let (known, missing) = match books.fleet.transports.get(&environment.transport) {
        Some(TransportSettings::Ssm(_)) => (hosts, Vec::new()),
        Some(TransportSettings::Sandbox) | None => {
            let sandbox = books.repository.work_dir().join(workspace::SANDBOX);
            if !sandbox.exists() {
                reach.message = Some(format!(
                    "the sandbox has no hosts yet: fleet apply {} makes them",
                    environment.name
                ));
                return Ok(reach);
            }
            let folder = sandbox.join("hosts").join(environment.name.as_str());
            hosts
                .into_iter()
                .partition(|host| folder.join(host.name.as_str()).is_dir())
        }
    };
    reach
        .unreachable
        .extend(missing.into_iter().map(|host| Unreachable {
            host: host.name.clone(),
            instance: host.instance.clone(),
            reason: "the sandbox does not have it yet".to_owned(),
        }));
    if !known.is_empty() {
        let connection = Connection::open(
            context,
            &books.repository,
            &books.fleet,
            environment,
            &known,
        )
        .await?;
        let instances: Vec<InstanceId> = known.iter().map(|host| host.instance.clone()).collect();
        let found = connection.ssm.inventory(&instances).await;
        connection.close().await;
        let found = found?;
        for host in known {
            match found.get(&host.instance) {
                Some(Presence::Online(_)) => reach.reachable += 1,
                Some(Presence::Offline(reason)) => reach.unreachable.push(Unreachable {
                    host: host.name.clone(),
                    instance: host.instance.clone(),
                    reason: reason.clone(),
                }),
                None => {}
            }
        }
    }
    reach.unreachable.sort_by(|a, b| a.host.cmp(&b.host));
    Ok(reach)
}
