//! How a step reaches a host. The trait has the verbs of the domain and speaks model types only;
//! a failed host is data, an error is about the transport itself.

mod batch;
pub mod memory;
pub mod ssm;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::id::{CommandId, InstanceId};
use crate::model::task::{Answer, Comment, HostTask, Presence, SentCommand};
use crate::model::time::Timestamp;

/// Carries tasks to hosts and brings their answers back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Which of these instances can be reached now, and what they are. Every id asked about is in
    /// the answer; one that the service does not know is offline with that reason.
    async fn inventory(
        &self,
        instances: &[InstanceId],
    ) -> Result<BTreeMap<InstanceId, Presence>, TransportError>;

    /// Cuts tasks into what one command can carry: at most 50 instances, each once, one platform,
    /// and a payload under the limit. Pure; fails where one host's task alone is too large.
    fn batches(&self, tasks: Vec<HostTask>) -> Result<Vec<Vec<HostTask>>, TransportError>;

    /// Sends one batch as one command. Throttling is waited out. Instances that the service
    /// rejects are dropped and named, the rest is sent.
    ///
    /// # Errors
    /// [`TransportError::Ambiguous`] where the command may have been accepted: the caller finds
    /// out with [`Transport::find`] before it sends again. Every other error: it was not.
    async fn send(
        &self,
        comment: &Comment,
        batch: &[HostTask],
        limits: SendLimits,
    ) -> Result<Sent, TransportError>;

    /// Answers of these commands that are there by now. An answer may be returned again.
    async fn poll(&self, commands: &[SentCommand]) -> Result<Vec<Answer>, TransportError>;

    /// Cancels a command on those of its instances to which, as far as the service knows, it was
    /// not delivered yet. What was delivered runs on. There is no guarantee either way: whether a
    /// host has begun, it alone can tell.
    async fn cancel(&self, command: &SentCommand) -> Result<(), TransportError>;

    /// Commands accepted since a time whose comment starts with `prefix`.
    async fn find(
        &self,
        since: Timestamp,
        prefix: &str,
    ) -> Result<Vec<SentCommand>, TransportError>;

    /// The end of what a step printed, at most 8,000 bytes: only for those that did not succeed.
    async fn output(
        &self,
        command: &CommandId,
        instance: &InstanceId,
    ) -> Result<String, TransportError>;

    /// How far the service's clock is ahead of the controller's, from its last answer; none
    /// before the first.
    fn clock_skew(&self) -> Option<ClockSkew>;
}

/// The service's clock minus the controller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkew {
    /// In seconds.
    pub seconds: i64,
}

/// How long a command may take.
#[derive(Clone, Copy, Debug)]
pub struct SendLimits {
    /// Until its delivery; 30 seconds at least.
    pub delivery: Duration,
    /// Of its execution on a host.
    pub execution: Duration,
}

/// What became of a send.
#[derive(Clone, Debug)]
pub struct Sent {
    /// None where every instance was rejected.
    pub command: Option<SentCommand>,
    /// Instances that the service would not take, with its reason: nothing ran there.
    pub rejected: Vec<(InstanceId, String)>,
}

/// What is wrong with the transport itself.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection, no name, no answer: nothing was accepted.
    #[error("could not reach {endpoint}")]
    Unreachable {
        /// Which endpoint.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No credentials, or expired ones.
    #[error("no usable AWS credentials")]
    Credentials {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The credentials may not do this.
    #[error("AWS refused {operation}: {message}")]
    AccessDenied {
        /// Which operation.
        operation: &'static str,
        /// What the service said.
        message: String,
    },
    /// Still throttled after the longest wait.
    #[error("AWS throttled {operation} for {seconds} s")]
    Throttled {
        /// Which operation.
        operation: &'static str,
        /// How long it was tried.
        seconds: u64,
    },
    /// The request may have been accepted.
    #[error("no clear answer to {operation}")]
    Ambiguous {
        /// Which operation.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service refused the request for what it says.
    #[error("AWS rejected {operation}: {code}: {message}")]
    Rejected {
        /// Which operation.
        operation: &'static str,
        /// The service's error code.
        code: String,
        /// What the service said.
        message: String,
    },
    /// One host's scripts do not fit into a command.
    #[error("the scripts for host {host} take {bytes} bytes in a command, and {limit} fit")]
    TooLarge {
        /// Which host.
        host: String,
        /// Packed size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Tasks that no command can carry.
    #[error("could not pack the scripts")]
    Payload {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This version carries nothing to such hosts.
    #[error("host {host} has a platform that this version cannot run")]
    Platform {
        /// Which host.
        host: String,
    },
}

impl TransportError {
    /// Whether the same call may succeed later without anybody's doing.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Throttled { .. } | Self::Ambiguous { .. }
        )
    }
}
