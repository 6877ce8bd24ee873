//! The soak: the first wave's hosts are watched before anything follows (design.md §8).

use std::sync::Arc;
use std::time::Duration;

use crate::model::event::EventKind;
use crate::model::ledger::{RolloutState, SoakFailure, SoakFailureKind};
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::time::Timestamp;

use super::super::error::DispatchError;
use super::super::state::{Place, RolloutEvent, shortened};
use super::fly::LONGEST_TROUBLE;
use super::observe::{Health, Subject, observe_hosts};
use super::{Dispatcher, Run};

/// The hosts of a soak are observed so often, and at its end.
const OBSERVE: Duration = Duration::from_secs(5 * 60);
/// People's words and newer revisions are looked for so often.
const LISTEN: Duration = Duration::from_secs(30);

/// That something could not be reached.
#[derive(Clone, Copy)]
struct Trouble {
    /// So long it is tried again.
    until: Timestamp,
    /// And was said to be.
    is_said: bool,
}

impl Dispatcher<'_> {
    /// Watches the first wave to the end of its soak, or until something in it fails.
    pub(super) async fn soak(&mut self) -> Result<Option<Run>, DispatchError> {
        let until = self.begin_soak().await?;
        if self.no_wait && self.left(until) > Duration::ZERO {
            return Ok(Some(Run::Held(format!("soaking until {until}"))));
        }
        let trouble = Trouble {
            until: until.max(self.controller.clock.now()) + LONGEST_TROUBLE,
            is_said: false,
        };
        let (mut looking, mut listening) = (trouble, trouble);
        let mut observe_in = OBSERVE;
        loop {
            let is_end = self.left(until) == Duration::ZERO;
            if is_end || observe_in == Duration::ZERO {
                let looked = self.look_after(is_end).await;
                observe_in = match self.bear(&mut looking, looked)? {
                    Some(()) if is_end => break,
                    Some(()) => OBSERVE,
                    None => LISTEN,
                };
            }
            let cut_short = self.is_soak_cut_short().await;
            if self.bear(&mut listening, cut_short)? == Some(true) {
                return Ok(None);
            }
            let left = Some(self.left(until)).filter(|left| *left > Duration::ZERO);
            let pause = observe_in.min(LISTEN).min(left.unwrap_or(LISTEN));
            self.controller.sleep(pause).await;
            if self.controller.is_stopping() {
                return Ok(Some(Run::Stopped));
            }
            observe_in = observe_in.saturating_sub(pause);
        }
        self.rollout.apply(RolloutEvent::Soaked);
        Ok(None)
    }

    /// What does not work for now is tried again, until five minutes behind the soak's end: nothing
    /// is in the air, and what was missed is seen at the next look.
    fn bear<T>(
        &self,
        trouble: &mut Trouble,
        result: Result<T, DispatchError>,
    ) -> Result<Option<T>, DispatchError> {
        let error = match result {
            Ok(value) => {
                trouble.is_said = false;
                return Ok(Some(value));
            }
            Err(error) => error,
        };
        if !error.is_transient() || self.controller.clock.now() >= trouble.until {
            return Err(error);
        }
        if !std::mem::replace(&mut trouble.is_said, true) {
            self.emit(EventKind::Waiting {
                gates: Vec::new(),
                reason: format!("{}; tried again until {}", error.what(), trouble.until),
            });
        }
        Ok(None)
    }

    /// Its end, recorded together with the first wave's outcomes.
    async fn begin_soak(&mut self) -> Result<Timestamp, DispatchError> {
        let recorded = self.rollout.record().soak_until;
        let until = recorded.unwrap_or_else(|| {
            let soak = self.rollout.plan().policy.rollout.soak;
            self.controller.clock.now() + soak.duration()
        });
        if recorded.is_none() {
            self.rollout.apply(RolloutEvent::SoakBegun { until });
        }
        self.stand(RolloutState::Soaking, format!("until {until}"));
        if self.record().await? {
            self.emit(EventKind::Soaking { until });
        }
        Ok(until)
    }

    fn left(&self, until: Timestamp) -> Duration {
        until.since(self.controller.clock.now())
    }

    /// Whether the rollout need not be watched any more: the line stopped, a person spoke, or
    /// something newer is desired.
    async fn is_soak_cut_short(&mut self) -> Result<bool, DispatchError> {
        match self.controller.ledger.fetch().await {
            Ok(()) => self.hear().await?,
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error.into()),
        }
        if self.rollout.line_stopped()
            || self.rollout.is_aborted()
            || self.rollout.record().state.is_over()
        {
            return Ok(true);
        }
        let Some(why) = self.superseded().await? else {
            return Ok(false);
        };
        self.stand(RolloutState::Superseded, why);
        Ok(true)
    }

    /// Looks at the hosts of the soak. A silent one fails it at its end only.
    async fn look_after(&mut self, at_the_end: bool) -> Result<(), DispatchError> {
        let watched = self.watched();
        let subjects: Vec<Subject> = watched.iter().map(|(_, it)| it.clone()).collect();
        let record = self.rollout.record();
        let health = observe_hosts(
            self.controller,
            (&self.fleet, &record.environment),
            &subjects,
        )
        .await?;
        for ((place, subject), health) in watched.iter().zip(health) {
            let (kind, message) = match health {
                Health::Healthy => continue,
                Health::Silent(_) if !at_the_end => continue,
                Health::Silent(message) => (SoakFailureKind::Silent, message),
                Health::Unhealthy(message, _) => (SoakFailureKind::Unhealthy, message),
            };
            self.soak_failed(*place, subject, kind, &message);
        }
        self.settle_blocks();
        Ok(())
    }

    /// What is watched, as the rollout's own revision renders it.
    fn watched(&self) -> Vec<(Place, Subject)> {
        let environment = &self.rollout.record().environment;
        self.rollout
            .soaking()
            .into_iter()
            .filter_map(|(place, step)| {
                let change = self.rollout.change(&step.host, &step.service)?;
                let (host, assignment) = self.assignment(&step.host, &step.service)?;
                let scripts = self.scripts.as_deref()?;
                let bundle = scripts.bundle(environment, host, &step.service, assignment);
                let subject = Subject {
                    host: step.host.clone(),
                    instance: step.instance.clone(),
                    platform: host.platform,
                    service: step.service.clone(),
                    version: change.to.clone()?,
                    timeout: assignment.timeout,
                    bundle: Arc::new(bundle.ok()?),
                };
                Some((place, subject))
            })
            .collect()
    }

    fn soak_failed(
        &mut self,
        place: Place,
        subject: &Subject,
        kind: SoakFailureKind,
        message: &str,
    ) {
        let message = shortened(message);
        let failure = SoakFailure {
            kind,
            message: message.clone(),
        };
        self.rollout
            .apply(RolloutEvent::SoakFailed { place, failure });
        let before = self
            .rollout
            .change(&subject.host, &subject.service)
            .and_then(|change| self.books.service(change));
        // What a silent one said last was good.
        if let Some(before) = before.filter(|_| kind == SoakFailureKind::Unhealthy) {
            let after = ServiceRecord {
                state: ServiceState::Drifted,
                drifted_from: before.left().cloned(),
                since: self.controller.clock.now(),
                message: message.clone(),
                ..before.clone()
            };
            let (host, service) = (&subject.host, &subject.service);
            self.books
                .set_service(host, &subject.instance, service, after);
        }
        self.emit(EventKind::SoakFailed {
            host: subject.host.clone(),
            service: subject.service.clone(),
            message,
        });
    }
}
