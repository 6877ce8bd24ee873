//! What a host gets: the task behind a step, rendered from the rollout's own revision.

use std::sync::Arc;

use crate::model::bundle::Digests;
use crate::model::desired::{Assignment, Environment, Host, NOTHING, Platform};
use crate::model::id::{EnvironmentName, HostName, ServiceName, Version};
use crate::model::plan::Action;
use crate::model::task::{HostTask, StepTask, Undo, Work};
use crate::model::time::{Seconds, Timestamp};

use super::Dispatcher;
use super::air::Flight;

impl Dispatcher<'_> {
    fn environment(&self) -> Option<&Environment> {
        let scripts = self.scripts.as_deref()?;
        scripts
            .fleet()
            .environments
            .get(&self.rollout.record().environment)
    }

    pub(super) fn assignment(
        &self,
        host: &HostName,
        service: &ServiceName,
    ) -> Option<(&Host, &Assignment)> {
        self.environment()?.assignment(host, service)
    }

    /// The time limit of a service's phases at the rollout's revision.
    pub(super) fn timeout(&self, host: &HostName, service: &ServiceName) -> Option<Seconds> {
        Some(self.assignment(host, service)?.1.timeout)
    }

    pub(super) fn digests(&self, host: &HostName, service: &ServiceName) -> Option<Digests> {
        let (wanted_host, wanted) = self.assignment(host, service)?;
        self.scripts
            .as_deref()?
            .digests(&self.environment()?.name, wanted_host, service, wanted)
            .ok()
    }

    /// A step as its host gets it. `not_after` is set when it is sent.
    ///
    /// # Errors
    /// Why it cannot be made, in words.
    pub(super) fn step_task(&self, flight: &Flight, sequence: u64) -> Result<HostTask, String> {
        let record = self.rollout.record();
        let change = self
            .rollout
            .change(&flight.host, &flight.service)
            .ok_or("the plan does not name it")?;
        let (host, assignment) = self
            .assignment(&flight.host, &flight.service)
            .ok_or("its revision does not name it")?;
        let scripts = self.scripts.as_deref().ok_or("its revision is gone")?;
        let bundle = scripts
            .bundle(&record.environment, host, &flight.service, assignment)
            .map_err(|problem| problem.message)?;
        let undo = (flight.action == Action::Rollback).then(|| Undo {
            version: self
                .books
                .service(change)
                .map_or(&change.from, |record| &record.previous_version)
                .clone()
                .unwrap_or_else(|| Version::new(NOTHING)),
            digest: change.previous_digest.clone(),
        });
        Ok(HostTask {
            platform: host.platform,
            ..self.task(
                flight,
                Work::Step(Box::new(StepTask {
                    service: flight.service.clone(),
                    action: flight.action,
                    rollout: record.id.clone(),
                    revision: record.revision.clone(),
                    step: flight.step.clone(),
                    sequence,
                    not_after: Timestamp::from_unix(0),
                    timeout: assignment.timeout,
                    version: change
                        .to
                        .clone()
                        .unwrap_or_else(|| assignment.version.clone()),
                    undo,
                    bundle: Arc::new(bundle),
                })),
            )
        })
    }

    /// The question about a step.
    pub(super) fn ask_task(&self, flight: &Flight) -> HostTask {
        let platform = self
            .assignment(&flight.host, &flight.service)
            .map_or(Platform::Linux, |(host, _)| host.platform);
        HostTask {
            platform,
            ..self.task(
                flight,
                Work::Ask {
                    service: flight.service.clone(),
                    steps: vec![flight.step.clone()],
                },
            )
        }
    }

    fn task(&self, flight: &Flight, work: Work) -> HostTask {
        let environment: EnvironmentName = self.rollout.record().environment.clone();
        HostTask {
            fleet: self.fleet.clone(),
            environment,
            host: flight.host.clone(),
            instance: flight.instance.clone(),
            platform: Platform::Linux,
            work,
        }
    }
}
