//! The way to an environment's hosts, by its transport's kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::Context;
use super::error::CliError;
use super::system::SystemRandom;
use super::workspace;
use crate::git::Repository;
use crate::model::clock::Clock;
use crate::model::desired::{Environment, Fleet, Host, TransportSettings};
use crate::model::id::{EnvironmentName, TransportName};
use crate::sandbox::{self, SandboxHandle, SandboxInstance, SandboxOptions};
use crate::transport::ssm::{SsmCredentials, SsmOptions, SsmTransport};

/// SSM, and the sandbox behind it where there is one.
pub(crate) struct Connection {
    pub(crate) ssm: SsmTransport,
    sandbox: Option<SandboxHandle>,
}

impl Connection {
    /// Reads AWS's configuration, or starts the sandbox or finds one that runs, with these hosts of
    /// the environment in it.
    pub(crate) async fn open(
        context: &Context,
        repository: &Repository,
        fleet: &Fleet,
        environment: &Environment,
        hosts: &[&Host],
    ) -> Result<Self, CliError> {
        let instances = instances(environment, hosts.iter().copied());
        let settings = fleet.transports.get(&environment.transport);
        Self::to(context, repository, settings, instances).await
    }

    async fn to(
        context: &Context,
        repository: &Repository,
        settings: Option<&TransportSettings>,
        instances: Vec<SandboxInstance>,
    ) -> Result<Self, CliError> {
        let clock = Arc::clone(&context.clock) as Arc<dyn Clock>;
        let random = Arc::new(SystemRandom);
        let (region, endpoint, credentials, sandbox) = match settings {
            Some(TransportSettings::Ssm(ssm)) => {
                (ssm.region.clone(), None, SsmCredentials::Standard, None)
            }
            // The manifest's rules leave no environment without a transport.
            Some(TransportSettings::Sandbox) | None => {
                let root = repository.work_dir().join(workspace::SANDBOX);
                let is_new = !root.exists();
                let mut options = SandboxOptions::new(
                    root,
                    std::env::vars_os().collect(),
                    Arc::clone(&clock),
                    random.clone(),
                );
                options.instances = instances;
                let handle = sandbox::connect_or_start(options).await?;
                if is_new {
                    context.ui.tell(&format!(
                        "sandbox: scripts really run on this machine, below {}/hosts\n",
                        workspace::SANDBOX
                    ));
                }
                let endpoint = handle.endpoint().to_owned();
                (
                    "sandbox".to_owned(),
                    Some(endpoint),
                    SsmCredentials::Sandbox,
                    Some(handle),
                )
            }
        };
        let ssm = SsmTransport::connect(SsmOptions {
            region,
            endpoint,
            credentials,
            clock,
            random,
        })
        .await;
        Ok(Self { ssm, sandbox })
    }

    /// Ends the sandbox where it is this process's own; its hosts and history stay.
    pub(crate) async fn close(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
    }
}

fn instances<'a>(
    environment: &Environment,
    hosts: impl Iterator<Item = &'a Host>,
) -> Vec<SandboxInstance> {
    hosts
        .map(|host| {
            SandboxInstance::host(
                environment.name.clone(),
                host.name.clone(),
                host.instance.clone(),
                host.platform,
            )
        })
        .collect()
}

/// Connections that stay open: one per transport, so that all that goes through it shares its pace
/// and its credentials.
#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<BTreeMap<TransportName, Kept>>,
}

struct Kept {
    settings: Option<TransportSettings>,
    connection: Arc<Connection>,
    /// What the sandbox was told of.
    instances: BTreeMap<EnvironmentName, Vec<SandboxInstance>>,
}

impl Connections {
    /// The one of an environment, with the hosts that it has now.
    pub(crate) async fn of(
        &self,
        context: &Context,
        repository: &Repository,
        fleet: &Fleet,
        environment: &Environment,
    ) -> Result<Arc<Connection>, CliError> {
        let name = &environment.transport;
        let settings = fleet.transports.get(name);
        let wanted = instances(environment, environment.hosts.values());
        let mut open = self.open.lock().await;
        if let Some(kept) = open.get_mut(name)
            && kept.settings.as_ref() == settings
        {
            if kept.instances.get(&environment.name) != Some(&wanted) {
                if let Some(sandbox) = &kept.connection.sandbox {
                    sandbox.register(&wanted).await?;
                }
                kept.instances.insert(environment.name.clone(), wanted);
            }
            return Ok(Arc::clone(&kept.connection));
        }
        let opened = Connection::to(context, repository, settings, wanted.clone()).await?;
        let connection = Arc::new(opened);
        open.insert(
            name.clone(),
            Kept {
                settings: settings.cloned(),
                connection: Arc::clone(&connection),
                instances: BTreeMap::from([(environment.name.clone(), wanted)]),
            },
        );
        Ok(connection)
    }

    /// Ends the sandbox where it is this process's own.
    pub(crate) async fn close(self) {
        for kept in self.open.into_inner().into_values() {
            if let Some(connection) = Arc::into_inner(kept.connection) {
                connection.close().await;
            }
        }
    }
}
