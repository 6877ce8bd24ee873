//! `fleet redeploy`.

use clap::Args;

use super::Context;
use super::change::{self, Change, WhereArgs};
use super::error::{CliError, Exit};
use crate::manifest::edit;
use crate::model::id::ServiceName;

/// Commit that a service is to be deployed again in the version that it has
///
/// Gives the service another text at `redeploy` in environments/<ENV>.yaml, the time, and changes
/// nothing else, comments and layout included. Commits that: on a new branch `fleet/redeploy-…` for
/// a pull request, or with --direct on the desired branch, which must be checked out. It rolls out
/// as any change, in waves and behind the environment's gates.
#[derive(Debug, Args)]
pub(crate) struct RedeployArgs {
    /// Which environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// Which service
    service: String,
    #[command(flatten)]
    place: WhereArgs,
}

pub(crate) fn run(context: &Context, args: &RedeployArgs) -> Result<Exit, CliError> {
    let environment = &args.environment;
    let service = ServiceName::new(args.service.as_str());
    let now = context.now().to_string();
    let change = Change {
        environment,
        subject: format!("{service} again, redeploy {now}"),
        // A colon is nothing for the name of a branch.
        branch: format!(
            "fleet/redeploy-{environment}-{service}-{}",
            now.replace(['-', ':'], "")
        ),
        is_so: format!("{service} has redeploy {now}"),
        hashed: None,
    };
    change::commit(context, &args.place, &change, |before| {
        edit::set_redeploy(before, &service, &now)
    })
}
