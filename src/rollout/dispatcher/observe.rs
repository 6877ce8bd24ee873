//! How services are doing outside of steps: their observe phase, and what its answer means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::bundle::{Bundle, Phase};
use crate::model::desired::Platform;
use crate::model::id::{
    EnvironmentName, FleetName, HostName, InstanceId, ServiceName, StepId, Version,
};
use crate::model::report::{Report, ReportOutcome};
use crate::model::task::{ObserveTask, Presence, Work};
use crate::model::time::Seconds;

use super::super::controller::Controller;
use super::super::error::DispatchError;
use super::ask::{Question, ask_hosts};

/// One service on one host that is looked at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// On which host.
    pub host: HostName,
    /// Its instance.
    pub instance: InstanceId,
    /// What runs the runner.
    pub platform: Platform,
    /// Which service.
    pub service: ServiceName,
    /// What should run there.
    pub version: Version,
    /// Longest time of the phase.
    pub timeout: Seconds,
    /// The scripts of the revision that is recorded for the host.
    pub bundle: Arc<Bundle>,
}

impl Subject {
    /// Whether its template has an observe phase for Linux, where alone something runs yet.
    fn can_be_observed(&self) -> bool {
        let observe = format!("{}.sh", Phase::Observe.as_str());
        self.bundle.files.contains_key(&observe)
    }
}

/// How it is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Health {
    /// The version runs, and does not say that it is unwell.
    Healthy,
    /// It does not, for this reason.
    Unhealthy(String, Box<Report>),
    /// Nobody knows, for this reason.
    Silent(String),
}

/// What a look at a service came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// The host's own word.
    Told(Box<Report>),
    /// Nobody knows, for this reason.
    Silent(String),
    /// Its template has no observe phase: there is nothing to ask.
    Blind,
}

/// Looks at services, each on its host; the answers stand in the order of the subjects. One whose
/// template has no observe phase counts as healthy.
///
/// # Errors
/// The transport does not work at all.
pub async fn observe_hosts(
    controller: &Controller<'_>,
    fleet: (&FleetName, &EnvironmentName),
    subjects: &[Subject],
) -> Result<Vec<Health>, DispatchError> {
    let looks = look_at_hosts(controller, fleet, subjects).await?;
    let looks = looks.into_iter().zip(subjects);
    Ok(looks
        .map(|(look, subject)| match look {
            Look::Told(report) => judge(*report, &subject.version),
            Look::Silent(why) => Health::Silent(why),
            Look::Blind => Health::Healthy,
        })
        .collect())
}

/// The same without a judgement.
///
/// # Errors
/// The transport does not work at all.
pub async fn look_at_hosts(
    controller: &Controller<'_>,
    (fleet, environment): (&FleetName, &EnvironmentName),
    subjects: &[Subject],
) -> Result<Vec<Look>, DispatchError> {
    let mut looks: Vec<Look> = subjects
        .iter()
        .map(|subject| {
            if subject.can_be_observed() {
                Look::Silent("did not answer".to_owned())
            } else {
                Look::Blind
            }
        })
        .collect();
    let instances: BTreeSet<&InstanceId> = subjects.iter().map(|it| &it.instance).collect();
    let instances: Vec<InstanceId> = instances.into_iter().cloned().collect();
    let presence = controller.transport.inventory(&instances).await?;
    let mut questions = Vec::new();
    let mut whose = Vec::new();
    for (at, subject) in subjects.iter().enumerate() {
        if !subject.can_be_observed() {
            continue;
        }
        match presence.get(&subject.instance) {
            Some(Presence::Online(_)) => {}
            Some(Presence::Offline(why)) => {
                looks[at] = Look::Silent(format!("is offline: {why}"));
                continue;
            }
            None => {
                looks[at] = Look::Silent(format!("is {}", Presence::UNKNOWN));
                continue;
            }
        }
        questions.push(question(controller, (fleet, environment), subject));
        whose.push(at);
    }
    let mut asked = ask_hosts(controller, fleet, environment, &questions).await?;
    let reports: BTreeMap<usize, Report> = std::mem::take(&mut asked.steps);
    for (question, report) in reports {
        looks[whose[question]] = Look::Told(Box::new(report));
    }
    Ok(looks)
}

fn question(
    controller: &Controller<'_>,
    (fleet, environment): (&FleetName, &EnvironmentName),
    subject: &Subject,
) -> Question {
    let random = controller.random.next();
    Question {
        host: subject.host.clone(),
        instance: subject.instance.clone(),
        platform: subject.platform,
        work: Work::Observe(Box::new(ObserveTask {
            service: subject.service.clone(),
            step: StepId::observation(fleet, environment, &subject.host, &subject.service, random),
            timeout: subject.timeout,
            version: subject.version.clone(),
            bundle: subject.bundle.clone(),
        })),
    }
}

/// A report that names the phase is the script's own word; a refusal without one is the host's,
/// and says nothing of the service.
pub(crate) fn judge(report: Report, wanted: &Version) -> Health {
    let is_own = report.phase.as_deref() == Some(Phase::Observe.as_str());
    match report.outcome {
        ReportOutcome::Succeeded => match &report.version {
            Some(version) if version != wanted => {
                let found = match version.as_str() {
                    "none" => "is not installed".to_owned(),
                    version => format!("runs {version}"),
                };
                Health::Unhealthy(found, Box::new(report))
            }
            _ if report.facts.get("healthy").is_some_and(|it| it == "false") => {
                Health::Unhealthy("is not healthy".to_owned(), Box::new(report))
            }
            _ => Health::Healthy,
        },
        ReportOutcome::Refused if is_own => {
            Health::Unhealthy(report.message.clone(), Box::new(report))
        }
        ReportOutcome::Busy => Health::Silent("is busy with another run".to_owned()),
        _ => Health::Silent(format!("could not look: {}", report.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: &str, rest: &str) -> Report {
        let step = "0".repeat(64);
        let text =
            format!(r#"{{"fleet":1,"step":"{step}","outcome":"{outcome}","message":"m"{rest}}}"#);
        serde_json::from_str(&text).expect("a report")
    }

    #[test]
    fn only_what_the_script_itself_says_makes_a_service_unhealthy() {
        let says = |outcome: &str, rest: &str| match judge(report(outcome, rest), &"1.0".into()) {
            Health::Healthy => "healthy".to_owned(),
            Health::Unhealthy(why, _) => format!("unhealthy: {why}"),
            Health::Silent(why) => format!("silent: {why}"),
        };
        let phase = r#","phase":"observe""#;
        let table = [
            ("succeeded", r#","version":"1.0""#, "healthy"),
            ("succeeded", r#","version":"0.9""#, "unhealthy: runs 0.9"),
            (
                "succeeded",
                r#","version":"none""#,
                "unhealthy: is not installed",
            ),
            (
                "succeeded",
                r#","version":"1.0","facts":{"healthy":"false"}"#,
                "unhealthy: is not healthy",
            ),
            ("refused", phase, "unhealthy: m"),
            ("refused", "", "silent: could not look: m"),
            ("busy", "", "silent: is busy with another run"),
        ];
        for (outcome, rest, expect) in table {
            assert_eq!(says(outcome, rest), expect, "{outcome} {rest}");
        }
    }
}
