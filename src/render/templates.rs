//! All templates of a fleet repository, compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::bundle::{Bundle, Digests, Phase};
use crate::model::desired::{Assignment, Host, Platform};
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
        let redeploy = assignment.redeploy.as_deref().map(digest::content);
        if let Some(hash) = &redeploy {
            change.line(hash, "redeploy");
        }
        let mut scripts = Manifest::new("scripts");
        let [deploy, remove] =
            [Phase::Deploy, Phase::Remove].map(|phase| phase.script(host.platform));
        for (name, part) in template.parts_for(host.platform) {
            let hash = part.hash(&subject, &mut key)?;
            let is_script = is_script(name);
            if is_script {
                scripts.line(&hash, name);
            }
            if !is_script || *name == deploy || *name == remove {
                change.line(&hash, name);
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
            template: template.definition(None, None),
            definition: template.definition(Some(&shared), redeploy.as_deref()),
            host_definition: template.definition(Some(&own), redeploy.as_deref()),
            redeploy: assignment.redeploy.as_ref().map(Digest::of),
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
            .parts_for(host.platform)
            .map(|(name, part)| Ok((name.clone(), part.bytes(&subject)?)))
            .collect::<Result<_, Box<Diagnostic>>>()?;
        Ok(Bundle {
            files,
            digests: self.digests(environment, host, service, assignment)?,
        })
    }

    fn template(&self, subject: &Subject<'_>) -> Result<&Template, Box<Diagnostic>> {
        let name = &subject.assignment.template;
        let platform = subject.host.platform;
        let Some(template) = self.by_name.get(name) else {
            return Err(Box::new(no_deploy(name, platform)));
        };
        match &template.broken {
            Some(problem) => Err(Box::new(problem.clone())),
            None if template.has(Phase::Deploy, platform) => Ok(template),
            None => Err(Box::new(no_deploy(name, platform))),
        }
    }
}

impl Template {
    pub(super) fn has(&self, phase: Phase, platform: Platform) -> bool {
        self.parts.contains_key(&phase.script(platform))
    }

    /// The platforms that it has scripts for; Linux where it has none at all.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        let has_any = |platform| Phase::ALL.iter().any(|phase| self.has(*phase, platform));
        let found: Vec<_> = Platform::ALL.into_iter().filter(|p| has_any(*p)).collect();
        if found.is_empty() {
            return vec![Platform::Linux];
        }
        found
    }

    /// What travels to hosts of a platform: its scripts, and all files.
    pub(super) fn parts_for(&self, platform: Platform) -> impl Iterator<Item = (&String, &Part)> {
        let is_of = move |name: &str| {
            let ending = name.rsplit_once('.').map(|(_, ending)| ending);
            !is_script(name) || ending == Some(platform.extension())
        };
        self.parts.iter().filter(move |(name, _)| is_of(name))
    }

    pub(super) fn programs(&self, platform: Platform) -> impl Iterator<Item = (&Part, &Program)> {
        self.parts_for(platform)
            .filter_map(|(_, part)| Some((part, part.program()?)))
    }

    fn definition(&self, variables: Option<&str>, redeploy: Option<&str>) -> Digest {
        let mut definition = Manifest::new("definition");
        for (path, hash) in &self.sources {
            definition.line(hash, path);
        }
        if let Some(variables) = variables {
            definition.line(variables, "variables");
        }
        if let Some(redeploy) = redeploy {
            definition.line(redeploy, "redeploy");
        }
        definition.finish()
    }
}

/// Whether a path in a bundle is a script: everything else is in `files/`.
fn is_script(name: &str) -> bool {
    !name.contains('/')
}

/// Every template has this phase, for each platform that it is for.
pub(super) fn no_deploy(template: &TemplateName, platform: Platform) -> Diagnostic {
    let script = Phase::Deploy.script(platform);
    let file: Arc<str> = format!("{}{template}/{script}.hbs", layout::FOLDER).into();
    let message = format!("the template `{template}` has no phase `deploy`");
    let message = match platform {
        Platform::Linux => message,
        Platform::Windows => message + " for Windows",
    };
    Diagnostic::error(codes::NO_DEPLOY, &file, 0..0, message).help(format!("write {file}"))
}
