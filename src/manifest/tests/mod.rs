//! Whole manifests in, model or diagnostics out.

mod model;

use super::{Loaded, load};
use crate::model::source::Tree;

/// A fleet with two transports and two services.
const FLEET: &str = "\
api_version: fleet/v1
name: acme
transports:
  lab: { kind: sandbox }
  sydney: { kind: ssm, region: ap-southeast-2 }
services:
  web: { timeout: 10m, variables: { port: 80, path: /srv } }
  cron: { template: job }
defaults: { transport: lab }
";

/// An environment of it.
const ENVIRONMENT: &str = "\
services: { web: 1.1.0, cron: 1.0.0 }
hosts:
  one: {}
";

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default()
        .with("fleet.yaml", FLEET)
        .with("templates/web/deploy.sh.hbs", "")
        .with("templates/job/deploy.sh.hbs", "");
    for (path, text) in files {
        tree = tree.with(path, text);
    }
    tree
}

/// `file:line:column code` of each diagnostic.
fn places(tree: &Tree, loaded: &Loaded) -> Vec<String> {
    loaded
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let bytes = tree.file(&diagnostic.file);
            let text = bytes.map(|bytes| String::from_utf8_lossy(bytes));
            let text = text.unwrap_or_default();
            let (line, column) =
                crate::model::diagnostic::line_column(&text, diagnostic.span.start);
            format!("{}:{line}:{column} {}", diagnostic.file, diagnostic.code)
        })
        .collect()
}
