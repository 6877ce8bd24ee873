//! Plans of environments as they stand now, for commands that only look.

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::workspace::{self, Sources};
use crate::gate;
use crate::model::desired::Environment;
use crate::model::id::{EnvironmentName, HostName, ServiceName};
use crate::model::ledger::EnvironmentLedger;
use crate::model::plan::EnvironmentPlan;
use crate::model::policy::Policy;
use crate::model::selector::Selector;
use crate::plan::{self, DigestTable, Narrow, PlanInput};
use crate::rollout::state::Rollout;

/// `--host`, `--selector` and `--service`.
#[derive(Debug, Args)]
pub(crate) struct NarrowArgs {
    /// Only this host; can be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Only hosts whose labels match, such as role=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Only this service; can be repeated
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
}

impl NarrowArgs {
    /// What is looked at.
    pub(crate) fn narrow(&self) -> Result<Narrow, CliError> {
        let selector = match &self.selector {
            Some(text) => text.parse::<Selector>().map_err(|error| {
                let error = anyhow::Error::new(error);
                CliError::new(
                    Exit::Usage,
                    error.context(format!("--selector {text:?} is none")),
                )
            })?,
            None => Selector::default(),
        };
        Ok(Narrow {
            hosts: self
                .host
                .iter()
                .map(|name| HostName::new(name.as_str()))
                .collect(),
            selector,
            services: self
                .service
                .iter()
                .map(|name| ServiceName::new(name.as_str()))
                .collect(),
        })
    }

    /// A host or service that no environment of the command has is a typing error, and so is a
    /// combination that matches nothing.
    pub(crate) fn check<'a>(
        &self,
        environments: impl Iterator<Item = &'a Environment> + Clone,
    ) -> Result<(), CliError> {
        let narrow = self.narrow()?;
        if narrow.is_everything() {
            return Ok(());
        }
        let hosts = || {
            environments
                .clone()
                .flat_map(|environment| environment.hosts.values())
        };
        for name in &self.host {
            if !hosts().any(|host| host.name.as_str() == name) {
                return Err(workspace::no_such(
                    "host",
                    name,
                    hosts().map(|host| host.name.as_str()),
                ));
            }
        }
        for name in &self.service {
            let absent = || {
                environments
                    .clone()
                    .flat_map(|it| it.absent.values().flat_map(|services| services.keys()))
            };
            let named = || {
                hosts()
                    .flat_map(|host| host.services.keys())
                    .chain(absent())
            };
            let mut services = named();
            if !services.any(|service| service.as_str() == name) {
                let known: std::collections::BTreeSet<_> = named().collect();
                return Err(workspace::no_such(
                    "service",
                    name,
                    known.into_iter().map(ServiceName::as_str),
                ));
            }
        }
        if environments
            .clone()
            .all(|environment| narrow.matches_nothing(environment))
        {
            return Err(CliError::usage(
                "no host matches --host, --selector and --service together",
            ));
        }
        Ok(())
    }
}

/// One environment with what the ledger has of it and the plan for it.
pub(crate) struct Preview {
    /// What would be done.
    pub(crate) plan: EnvironmentPlan,
    /// Under which rules.
    pub(crate) policy: Policy,
}

/// Plans one valid environment.
pub(crate) fn preview(
    context: &Context,
    sources: &Sources,
    name: &EnvironmentName,
    ledger: &EnvironmentLedger,
    narrow: &Narrow,
) -> Result<Preview, CliError> {
    let fleet = sources.fleet(context)?;
    let environment = sources.environment(context, name.as_str())?;
    let digests = DigestTable::build(environment, |host, service, assignment| {
        sources
            .templates
            .digests(&environment.name, host, service, assignment)
    })
    .map_err(|problem| CliError::other(Exit::Invalid, problem.message))?;
    let gates = gate::gates(fleet.hold.as_deref(), environment);
    let (mut plan, policy) = plan::plan(&PlanInput {
        fleet: &fleet.name,
        fleet_hold: fleet.hold.as_deref(),
        environment,
        ledger,
        digests: &digests,
        gates: &gates,
        now: context.now(),
        narrow,
        returning: None,
    });
    // What an open rollout waits at, the rest of the plan waits at too.
    let open = ledger.open.clone().map(Rollout::load);
    plan.gates.extend(open.and_then(|open| open.gate()));
    Ok(Preview { plan, policy })
}
