//! `fleet schema`.

use clap::{Args, ValueEnum};

use super::Context;
use super::error::{CliError, Exit};
use crate::manifest::schema;

/// Print the JSON Schema of a manifest
///
/// For editors and other checkers. It comes from the tables by which fleet reads the files; what
/// must fit together, `fleet validate` says. `fleet init` writes both below schemas/, and the first
/// line of each manifest names its own for yaml-language-server. A later fleet may know more keys:
/// `fleet schema fleet >schemas/fleet.json`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Of which file
    #[arg(value_enum)]
    file: File,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum File {
    /// fleet.yaml
    Fleet,
    /// A file below environments/
    Environment,
}

pub(crate) fn run(context: &Context, args: &SchemaArgs) -> Result<Exit, CliError> {
    let schema = match args.file {
        File::Fleet => schema::fleet(),
        File::Environment => schema::environment(),
    };
    context.ui.answer(&schema::text(&schema))?;
    Ok(Exit::Done)
}
