//! `fleet rollout logs`.

use clap::Args;

use crate::cli::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::workspace::{Books, SANDBOX};
use crate::model::desired::TransportSettings;
use crate::model::id::EnvironmentName;
use crate::model::ledger::StepRecord;
use crate::model::report::Outcome;

/// Show what the scripts of a rollout printed
///
/// The last 7,500 bytes of each step that did not succeed, where this machine drove it. For other
/// steps it says which file on which host has all of it.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// A rollout, or an environment for its newest one
    #[arg(value_name = "ENV|ID")]
    target: String,
    /// Only steps on this host; can be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Only steps of this service; can be repeated
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
}

pub(super) async fn run(context: &Context, args: &LogsArgs) -> Result<Exit, CliError> {
    let books = Books::open(context).await?;
    let found = super::find(&books, &args.target).await?;
    let logs = books.repository.logs();
    let record = &found.record;
    let steps = found
        .waves
        .iter()
        .flat_map(|wave| &wave.steps)
        .filter(|step| {
            super::wanted(&args.host, step.host.as_str())
                && super::wanted(&args.service, step.service.as_str())
        });
    let mut shown = false;
    for step in steps {
        shown = true;
        let title = format!("==> {} {}", step.host, step.service);
        // A service that failed and went back has two steps and one log: that of the failure.
        let text = match logs
            .read(&record.id, &step.host, &step.service)
            .filter(|_| failed(step))
        {
            Some(log) => {
                let end = if log.ends_with('\n') { "" } else { "\n" };
                format!("{title}: kept on this machine <==\n{log}{end}\n")
            }
            None => format!(
                "{title}: on {} in {} <==\n\n",
                step.instance,
                on_host(&books, &record.environment, step)
            ),
        };
        context.ui.answer(&text)?;
    }
    if shown {
        Ok(Exit::Done)
    } else {
        Err(CliError::usage("no step of the rollout matches"))
    }
}

fn failed(step: &StepRecord) -> bool {
    !matches!(step.outcome, None | Some(Outcome::Succeeded))
}

/// Where the runner keeps a step's log (protocol §1); a sandbox host's is in its folder here.
fn on_host(books: &Books, environment: &EnvironmentName, step: &StepRecord) -> String {
    let log = format!(
        "/var/lib/fleet/{}/{environment}/{}/{}/steps/{}/log",
        books.fleet.name,
        step.host,
        step.service,
        step.step.short()
    );
    let transport = books
        .fleet
        .environments
        .get(environment)
        .and_then(|environment| books.fleet.transports.get(&environment.transport));
    match transport {
        Some(TransportSettings::Sandbox) => {
            let root = books.repository.work_dir().join(SANDBOX);
            format!("{}/hosts/{environment}/{}{log}", root.display(), step.host)
        }
        _ => log,
    }
}
