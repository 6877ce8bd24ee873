//! `fleet bump`.

use clap::Args;

use super::Context;
use super::change::{self, Change, WhereArgs};
use super::error::{CliError, Exit};
use crate::manifest::edit::{self, Release};
use crate::model::id::{HostName, ServiceName};

/// Commit another version of a service
///
/// Changes one version in environments/<ENV>.yaml and nothing else, comments and layout included,
/// and commits that: on a new branch `fleet/bump-…` for a pull request, or with --direct on the
/// desired branch, which must be checked out. With --host the version of that host alone changes:
/// its pin is set, or added where there is none.
///
/// Where the manifest has a sha256 for the artifact it must be given anew for another version: the
/// old one is not that of the new artifact.
#[derive(Debug, Args)]
pub(crate) struct BumpArgs {
    /// Which environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// Which service
    service: String,
    /// The version that its hosts should run
    #[arg(value_name = "VERSION")]
    to: String,
    /// Pin the service on this host alone, whatever the environment says
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// What the new version's artifact hashes to: written over the old one, or beside the version
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    #[command(flatten)]
    place: WhereArgs,
}

pub(crate) fn run(context: &Context, args: &BumpArgs) -> Result<Exit, CliError> {
    let (environment, to) = (&args.environment, &args.to);
    let service = ServiceName::new(args.service.as_str());
    let what = match &args.host {
        Some(host) => format!("{service} on {host}"),
        None => service.to_string(),
    };
    let host = args.host.iter().map(|host| format!("{host}-"));
    let change = Change {
        environment,
        subject: format!("{what} {to}"),
        branch: format!(
            "fleet/bump-{environment}-{}{service}-{to}",
            host.collect::<String>()
        ),
        is_so: format!("{what} is {to}"),
        hashed: args.sha256.as_ref().map(|_| &service),
    };
    let release = Release {
        version: to,
        sha256: args.sha256.as_deref(),
    };
    change::commit(context, &args.place, &change, |before| match &args.host {
        Some(host) => edit::set_pin(before, &HostName::new(host.as_str()), &service, release),
        None => edit::set_version(before, &service, release),
    })
}
