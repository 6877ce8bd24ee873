//! The production transport: AWS Systems Manager Run Command through aws-sdk-ssm.
//!
//! It owns how SSM is called (ssm.md has the facts), and nothing of what a step means. The only
//! module that names the SDK.

mod call;
mod client;
mod error;
mod inventory;
mod pace;
mod poll;
mod send;
mod skew;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{ClockSkew, SendLimits, Sent, Transport, TransportError};
use crate::model::clock::{Clock, Random};
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::{Answer, Comment, HostTask, Presence, SentCommand};
use crate::model::time::Timestamp;

/// Where SSM is and who asks.
#[derive(Clone)]
pub struct SsmOptions {
    /// The region; for the sandbox any.
    pub region: String,
    /// Another endpoint than the region's; the standard configuration may name one too.
    pub endpoint: Option<String>,
    /// Who asks.
    pub credentials: SsmCredentials,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SsmCredentials {
    /// The standard AWS configuration: environment, profiles, SSO, roles.
    Standard,
    /// The sandbox takes anybody.
    Sandbox,
}

/// SSM in one region.
pub struct SsmTransport {
    client: aws_sdk_ssm::Client,
    endpoint: String,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    pace: pace::Pace,
    skew: skew::Skew,
    /// What is known of commands of ours that are not over.
    watched: Mutex<HashMap<CommandId, poll::Watched>>,
}

impl std::fmt::Debug for SsmTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SsmTransport")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for SsmTransport {
    async fn inventory(
        &self,
        instances: &[InstanceId],
    ) -> Result<BTreeMap<InstanceId, Presence>, TransportError> {
        inventory::look(self, instances).await
    }

    fn batches(&self, tasks: Vec<HostTask>) -> Result<Vec<Vec<HostTask>>, TransportError> {
        send::batches(tasks)
    }

    async fn send(
        &self,
        comment: &Comment,
        batch: &[HostTask],
        limits: SendLimits,
    ) -> Result<Sent, TransportError> {
        send::send(self, comment, batch, limits).await
    }

    async fn poll(&self, commands: &[SentCommand]) -> Result<Vec<Answer>, TransportError> {
        poll::poll(self, commands).await
    }

    async fn find(
        &self,
        since: Timestamp,
        prefix: &str,
    ) -> Result<Vec<SentCommand>, TransportError> {
        poll::find(self, since, prefix).await
    }

    async fn output(
        &self,
        command: &CommandId,
        instance: &InstanceId,
    ) -> Result<String, TransportError> {
        poll::output(self, command, instance).await
    }

    fn clock_skew(&self) -> Option<ClockSkew> {
        self.skew.get()
    }
}
