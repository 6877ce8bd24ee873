//! The way to an environment's hosts, by its transport's kind.

use std::sync::Arc;

use super::Context;
use super::error::CliError;
use super::system::SystemRandom;
use super::workspace;
use crate::git::Repository;
use crate::model::clock::Clock;
use crate::model::desired::{Environment, Fleet, Host, TransportSettings};
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
        let clock = Arc::clone(&context.clock) as Arc<dyn Clock>;
        let random = Arc::new(SystemRandom);
        let (region, endpoint, credentials, sandbox) =
            match fleet.transports.get(&environment.transport) {
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
                    options.instances = hosts
                        .iter()
                        .map(|host| {
                            SandboxInstance::host(
                                environment.name.clone(),
                                host.name.clone(),
                                host.instance.clone(),
                                host.platform,
                            )
                        })
                        .collect();
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
