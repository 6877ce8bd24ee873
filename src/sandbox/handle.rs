//! One owner of a folder, many users: whoever comes first starts the sandbox, the others use its
//! endpoint, and one of them takes it over when the owner ends.

use std::fs;
use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::task::JoinHandle;

use super::client;
use super::error::SandboxError;
use super::folder::Folder;
use super::host::SandboxInstance;
use super::options::SandboxOptions;
use super::server::Sandbox;

/// How often a user looks whether the owner has gone.
const WATCH: Duration = Duration::from_millis(100);
/// How long an owner may take between its lock and its endpoint, or to let go of both.
const PATIENCE: Duration = Duration::from_secs(15);

/// A sandbox that is there as long as this is.
#[derive(Debug)]
pub struct SandboxHandle {
    endpoint: String,
    started: bool,
    keeper: Keeper,
}

#[derive(Debug)]
enum Keeper {
    Owner(Sandbox),
    /// Takes the folder over, with the same address, when its owner has gone.
    Heir(JoinHandle<()>),
}

impl SandboxHandle {
    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether this process started it: time to say that scripts really run here.
    pub fn is_started_here(&self) -> bool {
        self.started
    }

    /// Tells whoever owns the folder of more instances.
    ///
    /// # Errors
    /// The owner does not answer, or refuses one.
    pub async fn register(&self, instances: &[SandboxInstance]) -> Result<(), SandboxError> {
        register(&self.endpoint, instances).await
    }

    /// Stops it where it is this process's own. Its scripts go on.
    pub async fn shutdown(mut self) {
        let keeper = std::mem::replace(&mut self.keeper, Keeper::Heir(tokio::spawn(async {})));
        if let Keeper::Owner(sandbox) = keeper {
            sandbox.shutdown().await;
        } else if let Keeper::Heir(heir) = keeper {
            heir.abort();
        }
    }
}

impl Drop for SandboxHandle {
    fn drop(&mut self) {
        if let Keeper::Heir(heir) = &self.keeper {
            heir.abort();
        }
    }
}

/// Uses the sandbox that owns the folder, after registering the instances there, or starts one.
///
/// # Errors
/// As [`Sandbox::start`]; or the owner does not answer, or refuses an instance.
pub async fn connect_or_start(options: SandboxOptions) -> Result<SandboxHandle, SandboxError> {
    let folder = Folder::prepare(&options.root)?;
    let mut waited = Duration::ZERO;
    loop {
        if let Some(lock) = folder.lock()? {
            let sandbox = Sandbox::start_locked(options, folder, lock).await?;
            return Ok(SandboxHandle {
                endpoint: sandbox.endpoint(),
                started: true,
                keeper: Keeper::Owner(sandbox),
            });
        }
        match use_owner(&folder, &options).await {
            Ok(endpoint) => {
                let heir = tokio::spawn(inherit(folder, options, endpoint.clone()));
                return Ok(SandboxHandle {
                    endpoint,
                    started: false,
                    keeper: Keeper::Heir(heir),
                });
            }
            // It is about to come, or about to go.
            Err(SandboxError::Unreachable { .. } | SandboxError::Folder { .. })
                if waited < PATIENCE =>
            {
                waited += WATCH;
                tokio::time::sleep(WATCH).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn use_owner(folder: &Folder, options: &SandboxOptions) -> Result<String, SandboxError> {
    let path = folder.endpoint();
    let endpoint = fs::read_to_string(&path).map_err(SandboxError::folder("read", path))?;
    let endpoint = endpoint.trim().to_owned();
    register(&endpoint, &options.instances).await?;
    Ok(endpoint)
}

async fn register(endpoint: &str, instances: &[SandboxInstance]) -> Result<(), SandboxError> {
    let body = json!({ "Instances": instances });
    client::call(endpoint, "Register", &body).await.map(drop)
}

async fn inherit(folder: Folder, mut options: SandboxOptions, endpoint: String) {
    if let Ok(address) = endpoint.trim_start_matches("http://").parse() {
        options.listen = address;
    }
    loop {
        tokio::time::sleep(WATCH).await;
        let Ok(Some(lock)) = folder.lock() else {
            continue;
        };
        match Sandbox::start_locked(options.clone(), folder.clone(), lock).await {
            Ok(_sandbox) => std::future::pending().await,
            Err(error) => tracing::warn!(%error, "could not take the sandbox over"),
        }
    }
}

/// `fleet.sandbox/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// `fleet.sandbox/1`.
    pub format: &'static str,
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
}

/// Runs a sandbox alone, until `stop` resolves. `ready` is called once it answers.
///
/// # Errors
/// As [`Sandbox::start`].
pub async fn serve(
    options: SandboxOptions,
    ready: impl FnOnce(&Ready),
    stop: impl Future<Output = ()>,
) -> Result<(), SandboxError> {
    let sandbox = Sandbox::start(options).await?;
    ready(&Ready {
        format: "fleet.sandbox/1",
        endpoint: sandbox.endpoint(),
    });
    stop.await;
    sandbox.shutdown().await;
    Ok(())
}
