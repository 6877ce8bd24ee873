//! The one production transport: AWS Systems Manager Run Command through aws-sdk-ssm.
//!
//! It owns how fast the service is called, what its errors prove, and how commands and their
//! answers are counted (ssm.md has the facts). It decides nothing about steps: whether something
//! is sent again is the caller's business, and a status of the service is never success.

mod batches;
mod cancel;
mod client;
mod error;
mod find;
mod inventory;
mod pace;
mod poll;
mod results;
mod send;
mod skew;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::{ClockSkew, SendLimits, Sent, Transport, TransportError};
use crate::model::clock::{Clock, Random};
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::{Answer, Comment, HostTask, Presence, SentCommand};
use crate::model::time::Timestamp;

use client::Caller;
pub use pace::Pacing;
use poll::Progress;

/// What runs the `commands` on Linux.
const DOCUMENT: &str = "AWS-RunShellScript";

/// The largest page of every list operation used here (botocore `ssm/2014-11-06`).
const PAGE: i32 = 50;

/// How to reach the service.
#[derive(Clone)]
pub struct SsmOptions {
    /// Always given: a wrong default region was a real fault.
    pub region: String,
    /// Another endpoint than the region's, such as the sandbox's. None: the region's, or what
    /// `AWS_ENDPOINT_URL_SSM` and profiles say.
    pub endpoint: Option<String>,
    /// Who asks.
    pub credentials: SsmCredentials,
    /// The controller's time.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub random: Arc<dyn Random>,
}

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SsmCredentials {
    /// As every AWS tool finds them: environment, profiles, SSO, roles.
    Standard,
    /// Made up: the sandbox does not check them.
    Sandbox,
}

impl std::fmt::Debug for SsmOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SsmOptions")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// See the module.
pub struct SsmTransport {
    caller: Caller,
    progress: Progress,
}

impl SsmTransport {
    /// Reads the configuration. No call is made yet: what is wrong shows at the first one.
    pub async fn connect(options: SsmOptions) -> Self {
        Self::connect_paced(options, Pacing::default()).await
    }

    /// The same with another pace than AWS needs.
    pub async fn connect_paced(options: SsmOptions, pacing: Pacing) -> Self {
        Self {
            caller: Caller::connect(options, pacing).await,
            progress: Progress::default(),
        }
    }
}

#[async_trait]
impl Transport for SsmTransport {
    async fn inventory(
        &self,
        instances: &[InstanceId],
    ) -> Result<BTreeMap<InstanceId, Presence>, TransportError> {
        inventory::inventory(&self.caller, instances).await
    }

    fn batches(&self, tasks: Vec<HostTask>) -> Result<Vec<Vec<HostTask>>, TransportError> {
        batches::batches(tasks)
    }

    async fn send(
        &self,
        comment: &Comment,
        batch: &[HostTask],
        limits: SendLimits,
    ) -> Result<Sent, TransportError> {
        send::send(&self.caller, comment, batch, limits).await
    }

    async fn poll(&self, commands: &[SentCommand]) -> Result<Vec<Answer>, TransportError> {
        self.progress.poll(&self.caller, commands).await
    }

    async fn cancel(&self, command: &SentCommand) -> Result<(), TransportError> {
        cancel::cancel(&self.caller, command).await
    }

    async fn find(
        &self,
        since: Timestamp,
        prefix: &str,
    ) -> Result<Vec<SentCommand>, TransportError> {
        find::find(&self.caller, since, prefix).await
    }

    async fn output(
        &self,
        command: &CommandId,
        instance: &InstanceId,
    ) -> Result<String, TransportError> {
        results::output(&self.caller, command, instance).await
    }

    fn clock_skew(&self) -> Option<ClockSkew> {
        self.caller.skew.get()
    }
}
