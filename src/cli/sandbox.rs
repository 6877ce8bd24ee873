//! `fleet sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::interrupt::Signals;
use super::system::SystemRandom;
use super::workspace;
use crate::model::clock::Clock;
use crate::model::desired::Platform;
use crate::model::id::InstanceId;
use crate::sandbox::{self, Faults, SandboxInstance, SandboxOptions};

/// Run the sandbox alone
///
/// An SSM endpoint on loopback whose hosts really run what they are sent, each in its own folder
/// below .fleet/sandbox. For `aws --endpoint-url` and for tests. Prints one JSON line with the
/// endpoint when it is ready, and runs until SIGINT or SIGTERM.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Register an instance, `i-…` or `i-…=linux`; can be repeated
    #[arg(long, value_name = "ID[=PLATFORM]", value_parser = instance)]
    instance: Vec<SandboxInstance>,
    /// This instance has no connection; can be repeated
    #[arg(long, value_name = "ID")]
    offline: Vec<String>,
    /// What goes wrong on purpose, in YAML
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

fn instance(text: &str) -> Result<SandboxInstance, String> {
    let (id, platform) = text.split_once('=').unwrap_or((text, "linux"));
    let platform = match platform {
        "linux" => Platform::Linux,
        "windows" => Platform::Windows,
        other => return Err(format!("{other:?} is neither linux nor windows")),
    };
    let hex = id
        .strip_prefix("i-")
        .or_else(|| id.strip_prefix("mi-"))
        .unwrap_or_default();
    let is_id = matches!(hex.len(), 8 | 17)
        && hex
            .bytes()
            .all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    if !is_id {
        return Err(format!(
            "{id:?} is not an instance id: i- or mi- and 8 or 17 hex digits"
        ));
    }
    Ok(SandboxInstance::standalone(InstanceId::new(id), platform))
}

pub(crate) async fn run(context: &Context, args: SandboxArgs) -> Result<Exit, CliError> {
    let root = workspace::open(context)?
        .work_dir()
        .join(workspace::SANDBOX);
    let mut faults = args
        .faults
        .as_deref()
        .map(Faults::load)
        .transpose()?
        .unwrap_or_default();
    faults
        .offline
        .extend(args.offline.iter().map(|id| InstanceId::new(id.as_str())));
    let options = SandboxOptions {
        listen: args.listen,
        instances: args.instance,
        faults,
        ..SandboxOptions::new(
            root,
            std::env::vars_os().collect(),
            Arc::clone(&context.clock) as Arc<dyn Clock>,
            Arc::new(SystemRandom),
        )
    };
    let mut signals = Signals::listen();
    let ui = context.ui;
    let ready = |ready: &sandbox::Ready| {
        // Who closed stdout has the endpoint in the sandbox's folder.
        let _closed = ui.answer(&(crate::reporter::text::to_json(ready) + "\n"));
    };
    sandbox::serve(options, ready, async {
        signals.next().await;
    })
    .await?;
    Ok(Exit::Done)
}
