//! `fleet explain`.

use std::collections::BTreeMap;

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::preview::preview;
use super::ui::Format;
use super::workspace::{self, Books};
use crate::ledger::Ledger as _;
use crate::model::id::{EnvironmentName, HostName, ServiceName};
use crate::plan::Narrow;
use crate::reporter::explain::{
    self, EXPLAIN_FORMAT, Explanation, Options, PastStep, PlannedChange, ServiceExplanation,
};
use crate::reporter::status::EnvironmentStatus;

/// Explain one host: what it has, what it should have, why not, and what lifts that
///
/// Reads git only: what the host said last. Shows the last five steps of each service that the
/// environment's last twenty rollouts have.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Its environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// Its name
    #[arg(value_name = "HOST")]
    host: String,
}

/// Steps of a service that are shown.
const STEPS: usize = 5;
/// Rollouts in which they are looked for: each is a folder to read.
const ROLLOUTS: usize = 20;

pub(crate) async fn run(context: &Context, args: &ExplainArgs) -> Result<Exit, CliError> {
    let books = Books::open(context).await?;
    let environment = books.sources.environment(context, &args.environment)?;
    let name = &environment.name;
    let ledger = books.read(name).await?;
    // The whole plan: which wave a host is in depends on the others.
    let plan = preview(context, &books.sources, name, &ledger, &Narrow::default())?.plan;
    let status = EnvironmentStatus::new(environment, &plan, &ledger);
    let known = status.hosts.iter().map(|host| host.host.as_str());
    let unknown = || workspace::no_such("host", &args.host, known);
    let found = status
        .hosts
        .iter()
        .find(|host| host.host.as_str() == args.host)
        .ok_or_else(unknown)?;

    let host = environment.hosts.get(&found.host);
    let mut steps = steps(&books, name, &found.host).await?;
    let services = found.services.iter().map(|status| {
        let service = &status.service;
        let change = plan
            .changes
            .iter()
            .find(|change| change.host == found.host && change.service == *service);
        let record = ledger
            .hosts
            .get(&found.host)
            .and_then(|record| record.services.get(service));
        ServiceExplanation {
            pinned: host
                .and_then(|host| host.services.get(service))
                .is_some_and(|assignment| assignment.pinned),
            message: match (record, status.state) {
                (Some(record), Some(_)) => record.message.clone(),
                _ => String::new(),
            },
            change: change.map(|change| PlannedChange {
                action: change.action,
                reason: change.reason,
                wave: change.wave,
            }),
            lifts: explain::lifts(name, status, change, &plan.gates),
            steps: steps.remove(service).unwrap_or_default(),
            status: status.clone(),
        }
    });
    let explanation = Explanation {
        format: EXPLAIN_FORMAT,
        fleet: books.fleet.name.clone(),
        revision: books.revision(),
        ledger_revision: ledger.ledger_revision.clone(),
        environment: name.clone(),
        host: found.host.clone(),
        instance: found.instance.clone(),
        platform: host.map(|host| host.platform),
        labels: host.map(|host| host.labels.clone()).unwrap_or_default(),
        plan_id: plan.plan_id.clone(),
        rollout: ledger.open.as_ref().map(|open| open.record.clone()),
        gates: plan.gates.clone(),
        services: services.collect(),
    };
    let ui = context.ui;
    let options = Options {
        palette: ui.out,
        width: ui.width,
        now: context.now(),
    };
    ui.answer(&match ui.format {
        Format::Json => explain::json(&explanation) + "\n",
        Format::Text | Format::Github | Format::Markdown => {
            explain::text(&explanation, &books.desired, options)
        }
    })?;
    Ok(Exit::Done)
}

/// The last steps on a host, by service.
async fn steps(
    books: &Books,
    environment: &EnvironmentName,
    host: &HostName,
) -> Result<BTreeMap<ServiceName, Vec<PastStep>>, CliError> {
    let mut found: BTreeMap<ServiceName, Vec<PastStep>> = BTreeMap::new();
    let rollouts = books.ledger.rollouts(environment).await?;
    for record in rollouts.iter().take(ROLLOUTS) {
        let Some(rollout) = books.ledger.rollout(environment, &record.id).await? else {
            continue;
        };
        for (service, step) in explain::steps(&rollout, host) {
            let steps = found.entry(service.clone()).or_default();
            if steps.len() < STEPS {
                steps.push(step);
            }
        }
    }
    Ok(found)
}
