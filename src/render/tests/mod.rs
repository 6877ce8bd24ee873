//! Fixtures of this module's tests: one template `app` on one host.

mod bash;
mod digests;
mod hostile;
mod language;
mod later;
mod oracle;
mod powershell;
mod refusals;
mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Templates;
use crate::model::bundle::Bundle;
use crate::model::desired::{Assignment, Environment, Host, Platform, Value, Variables};
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{EnvironmentName, ServiceName};
use crate::model::source::Tree;
use crate::model::time::Seconds;

fn host(name: &str) -> Host {
    Host {
        name: name.into(),
        instance: "i-0123456789abcdef0".into(),
        platform: Platform::Linux,
        labels: BTreeMap::from([
            ("role".to_owned(), "web".to_owned()),
            ("app.kubernetes.io/part".to_owned(), "shop".to_owned()),
        ]),
        hold: None,
        services: BTreeMap::new(),
    }
}

fn text(text: &str) -> Value {
    Value::Scalar(text.to_owned())
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| (*item).to_owned()).collect())
}

fn variables(variables: &[(&str, Value)]) -> Arc<Variables> {
    let owned = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    Arc::new(variables.iter().map(owned).collect())
}

fn assignment(of: &[(&str, Value)]) -> Assignment {
    let variables = variables(of);
    Assignment {
        shared_variables: Arc::clone(&variables),
        variables,
        ..Assignment::new("1.2.3".into(), "app".into(), Seconds(60))
    }
}

/// An environment `lab` whose hosts run the service `app`.
fn environment(hosts: &[(&str, Assignment)]) -> Environment {
    let hosts = hosts.iter().map(|(name, assignment)| {
        let services = BTreeMap::from([(ServiceName::new("app"), assignment.clone())]);
        let host = Host {
            services,
            ..host(name)
        };
        (host.name.clone(), host)
    });
    Environment::new("lab".into(), "sandbox".into(), hosts.collect())
}

fn tree(deploy: &str) -> Tree {
    Tree::default()
        .with("templates/app/deploy.sh.hbs", deploy)
        .with(
            "templates/partials/shared.sh",
            "shared() { echo shared; }\n",
        )
}

fn compiled(tree: &Tree) -> Templates {
    let (templates, diagnostics) = Templates::compile(tree);
    assert_eq!(diagnostics, []);
    templates
}

fn bundle(templates: &Templates, assignment: &Assignment) -> Result<Bundle, Box<Diagnostic>> {
    bundle_for(templates, Platform::Linux, assignment)
}

fn bundle_for(
    templates: &Templates,
    platform: Platform,
    assignment: &Assignment,
) -> Result<Bundle, Box<Diagnostic>> {
    let (environment, service) = (EnvironmentName::new("lab"), ServiceName::new("app"));
    let host = Host {
        platform,
        ..host("web-1")
    };
    templates.bundle(&environment, &host, &service, assignment)
}

/// The file of a bundle as text.
fn rendered(tree: &Tree, of: &[(&str, Value)], file: &str) -> String {
    let bundle = bundle(&compiled(tree), &assignment(of)).expect("it renders");
    String::from_utf8(bundle.files[file].to_vec()).expect("it is text")
}

/// The rendered deploy script.
fn deploy(source: &str, of: &[(&str, Value)]) -> String {
    rendered(&tree(source), of, "deploy.sh")
}
