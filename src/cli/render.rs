//! `fleet render`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::workspace::{self, Sources};
use crate::model::bundle::Bundle;
use crate::model::desired::Environment;
use crate::model::id::{HostName, ServiceName};

/// Show the scripts as hosts would get them
///
/// Reads the work tree, unless --revision is given.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Which environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// Only this host; can be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Only this service; can be repeated
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Write them to DIR/<environment>/<host>/<service>/ instead of stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Render a commit instead of the work tree
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
}

pub(crate) fn run(context: &Context, args: &RenderArgs) -> Result<Exit, CliError> {
    let repository = workspace::open(context)?;
    let tree = match &args.revision {
        Some(name) => repository.tree_at(&repository.resolve(name)?)?,
        None => repository.tree_of_work_dir()?,
    };
    let sources = Sources::read(tree);
    let environment = sources.environment(context, &args.environment)?;
    let chosen = choose(environment, args)?;
    let mut written = 0;
    for (host, service) in chosen {
        let Some((host, assignment)) = environment.assignment(&host, &service) else {
            continue;
        };
        let bundle = sources
            .templates
            .bundle(&environment.name, host, &service, assignment)
            .map_err(|problem| CliError::other(Exit::Invalid, problem.message))?;
        let folder = format!("{}/{}/{service}", environment.name, host.name);
        match &args.out {
            Some(out) => written += write(&out.join(folder), &bundle)?,
            None => print(context, &folder, &bundle)?,
        }
    }
    if let Some(out) = &args.out {
        context
            .ui
            .tell(&format!("wrote {written} files below {}\n", out.display()));
    }
    Ok(Exit::Done)
}

fn choose(
    environment: &Environment,
    args: &RenderArgs,
) -> Result<Vec<(HostName, ServiceName)>, CliError> {
    for name in &args.host {
        if !environment.hosts.contains_key(name.as_str()) {
            return Err(workspace::no_such(
                "host",
                name,
                environment.hosts.keys().map(HostName::as_str),
            ));
        }
    }
    let wanted =
        |names: &[String], name: &str| names.is_empty() || names.iter().any(|other| other == name);
    let chosen: Vec<_> = environment
        .hosts
        .values()
        .filter(|host| wanted(&args.host, host.name.as_str()))
        .flat_map(|host| {
            environment
                .assignments(host)
                .map(|(service, _)| (host.name.clone(), service.clone()))
        })
        .filter(|(_, service)| wanted(&args.service, service.as_str()))
        .collect();
    if chosen.is_empty() {
        return Err(CliError::usage("no service on a host matches"));
    }
    Ok(chosen)
}

fn print(context: &Context, folder: &str, bundle: &Bundle) -> Result<(), CliError> {
    for (path, bytes) in &bundle.files {
        let text = String::from_utf8_lossy(bytes);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        context
            .ui
            .answer(&format!("==> {folder}/{path} <==\n{text}{end}\n"))?;
    }
    Ok(())
}

fn write(folder: &Path, bundle: &Bundle) -> Result<usize, CliError> {
    for (path, bytes) in &bundle.files {
        let file = folder.join(path);
        let parent = file.parent().unwrap_or(folder);
        // Windows PowerShell takes a script without the mark for text in the machine's code page, in
        // which bytes of a harmless letter may be a quote.
        let mark: &[u8] = match path.ends_with(".ps1") && !path.contains('/') {
            true => "\u{feff}".as_bytes(),
            false => b"",
        };
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&file, [mark, &**bytes].concat()))
            .map_err(|error| workspace::not_written(&file, error))?;
    }
    Ok(bundle.files.len())
}
