//! Desired commits made by hand, for controllers that read no git.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fleet::model::bundle::{Bundle, Digests};
use fleet::model::desired::{
    Assignment, Environment, Fleet, GitSettings, Host, NOTHING, Platform, TransportSettings,
};
use fleet::model::diagnostic::Diagnostic;
use fleet::model::id::{
    Digest, EnvironmentName, FleetName, HostName, InstanceId, Revision, ServiceName,
};
use fleet::model::policy::RolloutPolicy;
use fleet::model::time::Seconds;
use fleet::rollout::{DesiredError, DesiredSource, DesiredState};
use semver::VersionReq;

pub(crate) const ENVIRONMENT: &str = "production";

/// In place of a version: the service shall go.
pub(crate) const ABSENT: &str = "absent";

/// What one commit says.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// By host: service and version.
    pub(crate) hosts: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) policy: RolloutPolicy,
    pub(crate) hold: Option<String>,
    /// `hold` by host.
    pub(crate) held_hosts: BTreeMap<String, String>,
    /// What the templates say; another text is another digest of the same version.
    pub(crate) template: String,
    pub(crate) timeout: Seconds,
    /// Pairs: the first needs the second on its host.
    pub(crate) requires: Vec<(String, String)>,
}

impl Wish {
    pub(crate) fn new(hosts: usize, services: &[(&str, &str)]) -> Self {
        let services: BTreeMap<String, String> = services
            .iter()
            .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
            .collect();
        Self {
            hosts: (1..=hosts)
                .map(|n| (format!("web-{n:02}"), services.clone()))
                .collect(),
            policy: RolloutPolicy::default(),
            hold: None,
            held_hosts: BTreeMap::new(),
            template: "t".to_owned(),
            timeout: Seconds(60),
            requires: Vec::new(),
        }
    }

    /// So many customers on each machine, in the place of one host.
    pub(crate) fn shared(mut self, customers: usize) -> Self {
        let hosts = std::mem::take(&mut self.hosts).into_iter();
        self.hosts = hosts
            .flat_map(|(host, services)| {
                (1..=customers).map(move |n| (format!("{host}.{n}"), services.clone()))
            })
            .collect();
        self
    }

    pub(crate) fn with(mut self, policy: RolloutPolicy) -> Self {
        self.policy = policy;
        self
    }

    pub(crate) fn version(mut self, service: &str, version: &str) -> Self {
        for services in self.hosts.values_mut() {
            services.insert(service.to_owned(), version.to_owned());
        }
        self
    }
}

pub(crate) fn fleet_name() -> FleetName {
    "acme".into()
}

pub(crate) fn environment() -> EnvironmentName {
    ENVIRONMENT.into()
}

/// Hosts whose names differ behind a dot alone share an instance.
pub(crate) fn instance(host: &str) -> InstanceId {
    let machine = host.split('.').next().unwrap_or(host);
    InstanceId::invent(&fleet_name(), &environment(), &machine.into())
}

/// A wish as a commit.
#[derive(Clone)]
struct Commit {
    revision: Revision,
    fleet: Fleet,
    template: String,
    invalid: BTreeSet<EnvironmentName>,
}

impl Commit {
    fn new(revision: Revision, wish: &Wish) -> Self {
        let mut gone: BTreeMap<HostName, BTreeMap<ServiceName, Assignment>> = BTreeMap::new();
        let hosts = wish.hosts.iter().map(|(name, services)| {
            let services = services.iter().map(|(service, version)| {
                let version = match version.as_str() {
                    ABSENT => NOTHING,
                    version => version,
                };
                let needed = wish.requires.iter().filter(|(of, _)| of == service);
                let needed = needed.map(|(_, needed)| (needed.as_str().into(), VersionReq::STAR));
                let assignment = Assignment {
                    requires: Arc::new(needed.collect()),
                    ..Assignment::new(version.into(), service.as_str().into(), wish.timeout)
                };
                (ServiceName::new(service.as_str()), assignment)
            });
            let name_of = HostName::new(name.as_str());
            let (services, absent) =
                services.partition(|(_, it): &(_, Assignment)| it.to().is_some());
            gone.insert(name_of, absent);
            let host = Host {
                name: name.as_str().into(),
                instance: instance(name),
                platform: Platform::Linux,
                labels: BTreeMap::new(),
                hold: wish.held_hosts.get(name).cloned(),
                services,
            };
            (HostName::new(name.as_str()), host)
        });
        let hosts = hosts.collect();
        let environment = Environment {
            absent: gone,
            hold: wish.hold.clone(),
            rollout: wish.policy.clone(),
            ..Environment::new(ENVIRONMENT.into(), "lab".into(), hosts)
        };
        Self {
            revision,
            template: wish.template.clone(),
            invalid: BTreeSet::new(),
            fleet: Fleet {
                name: fleet_name(),
                git: GitSettings::default(),
                transports: BTreeMap::from([("lab".into(), TransportSettings::Sandbox)]),
                hold: None,
                people: BTreeMap::new(),
                notifications: Vec::new(),
                environments: BTreeMap::from([(ENVIRONMENT.into(), environment)]),
            },
        }
    }
}

impl DesiredState for Commit {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn invalid(&self) -> &BTreeSet<EnvironmentName> {
        &self.invalid
    }

    fn digests(
        &self,
        _: &EnvironmentName,
        _: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Digests, Box<Diagnostic>> {
        let template = &self.template;
        let definition = Digest::of(format!("definition {service} {template}"));
        Ok(Digests {
            digest: Digest::of(format!("{service} {} {template}", assignment.version)),
            scripts: Digest::of(format!("scripts {service} {template}")),
            template: Digest::of(format!("template {service} {template}")),
            host_definition: definition.clone(),
            redeploy: assignment.redeploy.as_ref().map(Digest::of),
            definition,
        })
    }

    fn bundle(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Bundle, Box<Diagnostic>> {
        let phases = ["observe", "deploy", "verify", "rollback"];
        Ok(Bundle {
            files: phases
                .iter()
                .map(|phase| (format!("{phase}.sh"), Arc::from(&b"true\n"[..])))
                .collect(),
            digests: self.digests(environment, host, service, assignment)?,
        })
    }
}

/// The branch of desired commits.
#[derive(Default)]
pub(crate) struct Desired {
    commits: Mutex<Vec<Arc<Commit>>>,
}

impl Desired {
    /// Commits a wish; it is the newest from now on.
    pub(crate) fn push(&self, wish: &Wish) -> Revision {
        let mut commits = self.commits.lock().unwrap();
        let revision = Revision::new(format!("d{:039x}", commits.len() + 1));
        commits.push(Arc::new(Commit::new(revision.clone(), wish)));
        revision
    }

    /// Renders the templates of every commit otherwise from now on, as a newer fleet might.
    pub(crate) fn render_otherwise(&self, template: &str) {
        for commit in self.commits.lock().unwrap().iter_mut() {
            *commit = Arc::new(Commit {
                template: template.to_owned(),
                ..Commit::clone(commit)
            });
        }
    }

    /// Loses every commit but the newest.
    pub(crate) fn lose_history(&self) {
        let mut commits = self.commits.lock().unwrap();
        let newest = commits.pop();
        commits.clear();
        commits.extend(newest);
    }
}

#[async_trait]
impl DesiredSource for Desired {
    async fn newest(&self) -> Result<Arc<dyn DesiredState>, DesiredError> {
        let commits = self.commits.lock().unwrap();
        Ok(commits.last().expect("a commit").clone())
    }

    async fn fetched(&self) -> Result<Arc<dyn DesiredState>, DesiredError> {
        self.newest().await
    }

    async fn at(&self, revision: &Revision) -> Result<Option<Arc<dyn DesiredState>>, DesiredError> {
        let commits = self.commits.lock().unwrap();
        let found = commits.iter().find(|commit| commit.revision == *revision);
        Ok(found.map(|commit| Arc::clone(commit) as Arc<dyn DesiredState>))
    }
}
