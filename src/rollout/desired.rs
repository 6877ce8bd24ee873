//! What the controller must know of desired state: the trait behind which manifests and templates
//! stand.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::bundle::{Bundle, Digests};
use crate::model::desired::{Assignment, Fleet, Host};
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{EnvironmentName, Revision, ServiceName};

/// One desired commit: manifests read, templates compiled.
pub trait DesiredState: Send + Sync {
    /// The commit.
    fn revision(&self) -> &Revision;

    /// Its manifests; without the environments that are invalid.
    fn fleet(&self) -> &Fleet;

    /// The environments that have a file that is not valid.
    fn invalid(&self) -> &BTreeSet<EnvironmentName>;

    /// Whether an environment is one of them.
    fn is_invalid(&self, environment: &EnvironmentName) -> bool {
        self.invalid().contains(environment)
    }

    /// The digests of a service on a host.
    ///
    /// # Errors
    /// The scripts cannot be rendered.
    fn digests(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Digests, Box<Diagnostic>>;

    /// What the host gets.
    ///
    /// # Errors
    /// The scripts cannot be rendered.
    fn bundle(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Bundle, Box<Diagnostic>>;
}

/// Where desired commits come from.
#[async_trait]
pub trait DesiredSource: Send + Sync {
    /// The newest desired commit, fetched now.
    async fn newest(&self) -> Result<Arc<dyn DesiredState>, DesiredError>;

    /// The newest one as last fetched: for who has just fetched the ledger, which brings all
    /// branches.
    async fn fetched(&self) -> Result<Arc<dyn DesiredState>, DesiredError>;

    /// A recorded commit; none where it is gone.
    async fn at(&self, revision: &Revision) -> Result<Option<Arc<dyn DesiredState>>, DesiredError>;
}

/// Why there is no desired state.
#[derive(Debug, thiserror::Error)]
pub enum DesiredError {
    /// The remote could not be reached.
    #[error("could not fetch the desired state")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The repository cannot be read.
    #[error("could not read the desired state")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `fleet.yaml` itself is not valid: there is no fleet to speak of.
    #[error("fleet.yaml is not valid at {}", revision.short())]
    Invalid {
        /// At which commit.
        revision: Revision,
        /// What is wrong.
        diagnostics: Vec<Diagnostic>,
    },
}
