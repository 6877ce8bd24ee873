//! One desired commit, read: manifests and compiled templates.

use std::collections::BTreeSet;

use crate::manifest;
use crate::model::bundle::{Bundle, Digests};
use crate::model::desired::{Assignment, Fleet, Host};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::id::{EnvironmentName, Revision, ServiceName};
use crate::model::source::Tree;
use crate::render::Templates;
use crate::rollout::{DesiredError, DesiredState};

/// Manifests and templates of one commit.
pub struct Snapshot {
    revision: Revision,
    fleet: Fleet,
    invalid: BTreeSet<EnvironmentName>,
    templates: Templates,
}

impl Snapshot {
    /// Reads the files of a commit. An environment with a problem of its own is left out and named;
    /// the others go on.
    ///
    /// # Errors
    /// [`DesiredError::Invalid`]: `fleet.yaml` itself is not valid.
    pub fn load(tree: &Tree, revision: &Revision) -> Result<Self, DesiredError> {
        let loaded = manifest::load(tree);
        let Some(mut fleet) = loaded.fleet else {
            return Err(DesiredError::Invalid {
                revision: revision.clone(),
                diagnostics: loaded.diagnostics,
            });
        };
        let (templates, _) = Templates::compile(tree);
        let mut invalid = loaded.invalid;
        let broken = |environment| {
            let problems = templates.check_environment(environment);
            problems.iter().any(|it| it.severity == Severity::Error)
        };
        invalid.extend(
            fleet
                .environments
                .values()
                .filter(|environment| broken(environment))
                .map(|environment| environment.name.clone()),
        );
        fleet.environments.retain(|name, _| !invalid.contains(name));
        Ok(Self {
            revision: revision.clone(),
            fleet,
            invalid,
            templates,
        })
    }
}

impl DesiredState for Snapshot {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn is_invalid(&self, environment: &EnvironmentName) -> bool {
        self.invalid.contains(environment)
    }

    fn digests(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Digests, Box<Diagnostic>> {
        self.templates
            .digests(environment, host, service, assignment)
    }

    fn bundle(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Bundle, Box<Diagnostic>> {
        self.templates
            .bundle(environment, host, service, assignment)
    }
}
