//! All templates of a fleet repository, compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::bundle::{Bundle, Digests, Phase};
use crate::model::desired::{Assignment, Host};
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{Digest, EnvironmentName, ServiceName, TemplateName};
use crate::model::source::Tree;

use super::codes;
use super::compile;
use super::context::Subject;
use super::digest::{self, ContentHash, Manifest};
use super::layout;
use super::part::Part;
use super::program::Program;

/// The templates of a fleet repository.
#[derive(Debug, Default)]
pub struct Templates {
    pub(super) by_name: BTreeMap<TemplateName, Template>,
}

/// One template.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// By path in the bundle.
    pub(super) parts: BTreeMap<String, Part>,
    /// Hashes of its sources, partials included, by path.
    pub(super) sources: BTreeMap<String, ContentHash>,
    /// The first thing that is wrong with it: it is never rendered.
    pub(super) broken: Option<Diagnostic>,
}

impl Templates {
    /// Compiles everything below `templates/`. What is wrong with a template is in the diagnostics;
    /// such a template can be named but not rendered.
    pub fn compile(tree: &Tree) -> (Self, Vec<Diagnostic>) {
        compile::compile(tree)
    }

    /// The digests of a service on a host, without keeping what was rendered for them.
    ///
    /// # Errors
    /// The first problem of the template or of the values it names.
    pub fn digests(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Digests, Box<Diagnostic>> {
        let subject = Subject {
            environment,
            host,
            service,
            assignment,
        };
        let template = self.template(&subject)?;
        let mut key = Vec::new();
        let mut change = Manifest::new("digest");
        change.line(&digest::content(assignment.version.as_str()), "version");
        let mut scripts = Manifest::new("scripts");
        for (name, part) in &template.parts {
            let hash = part.hash(&subject, &mut key)?;
            match name.strip_suffix(".sh").filter(|name| !name.contains('/')) {
                Some(phase) => {
                    scripts.line(&hash, name);
                    if phase == Phase::Deploy.as_str() || phase == Phase::Remove.as_str() {
                        change.line(&hash, name);
                    }
                }
                None => change.line(&hash, name),
            }
        }
        let shared = digest::variables(&assignment.shared_variables);
        let own = if assignment.variables == assignment.shared_variables {
            Arc::clone(&shared)
        } else {
            digest::variables(&assignment.variables)
        };
        Ok(Digests {
            digest: change.finish(),
            scripts: scripts.finish(),
            template: template.definition(None),
            definition: template.definition(Some(&shared)),
            host_definition: template.definition(Some(&own)),
        })
    }

    /// What the host gets, with its digests.
    ///
    /// # Errors
    /// The first problem of the template or of the values it names.
    pub fn bundle(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Bundle, Box<Diagnostic>> {
        let subject = Subject {
            environment,
            host,
            service,
            assignment,
        };
        let template = self.template(&subject)?;
        let files = template
            .parts
            .iter()
            .map(|(name, part)| Ok((name.clone(), part.bytes(&subject)?)))
            .collect::<Result<_, Box<Diagnostic>>>()?;
        Ok(Bundle {
            files,
            digests: self.digests(environment, host, service, assignment)?,
        })
    }

    fn template(&self, subject: &Subject<'_>) -> Result<&Template, Box<Diagnostic>> {
        let name = &subject.assignment.template;
        let Some(template) = self.by_name.get(name) else {
            return Err(Box::new(no_deploy(name)));
        };
        match &template.broken {
            Some(problem) => Err(Box::new(problem.clone())),
            None => Ok(template),
        }
    }
}

impl Template {
    pub(super) fn has(&self, phase: Phase) -> bool {
        self.parts.contains_key(&format!("{}.sh", phase.as_str()))
    }

    pub(super) fn programs(&self) -> impl Iterator<Item = (&Part, &Program)> {
        self.parts
            .values()
            .filter_map(|part| Some((part, part.program()?)))
    }

    fn definition(&self, variables: Option<&str>) -> Digest {
        let mut definition = Manifest::new("definition");
        for (path, hash) in &self.sources {
            definition.line(hash, path);
        }
        if let Some(variables) = variables {
            definition.line(variables, "variables");
        }
        definition.finish()
    }
}

/// Every template has this phase.
pub(super) fn no_deploy(template: &TemplateName) -> Diagnostic {
    let file: Arc<str> = format!("{}{template}/deploy.sh.hbs", layout::FOLDER).into();
    Diagnostic::error(
        codes::NO_DEPLOY,
        &file,
        0..0,
        format!("the template `{template}` has no phase `deploy`"),
    )
    .help(format!("write {file}"))
}
