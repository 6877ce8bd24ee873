//! A host pins a version of a service that it runs.

use super::misspelt::service_is_misspelt;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile, Wanted, did_you_mean};
use crate::manifest::problems::{Problems, shown};
use crate::model::id::{ServiceName, check_name};

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    for (host_name, host) in &environment.hosts {
        for (service_name, pin) in &host.pins {
            let may_run = match environment.services.get(service_name) {
                Some(service) if service.wanted == Some(Wanted::Absent) => false,
                Some(service) => {
                    let select = service.select.as_ref();
                    host.unread.has("labels")
                        || select.is_none_or(|it| it.value.matches(host_name, &host.labels))
                }
                None => {
                    let is_name = check_name(service_name.as_str()).is_ok();
                    !is_name || service_is_misspelt(service_name, environment, fleet)
                }
            };
            if may_run {
                continue;
            }
            problems.report_lazily(codes::PIN_WITHOUT_SERVICE, &pin.span, || {
                let message = format!(
                    "host {} does not run service {}",
                    shown(host_name.as_str()),
                    shown(service_name.as_str())
                );
                (message, help(environment, service_name))
            });
        }
    }
}

fn help(environment: &EnvironmentFile, service: &ServiceName) -> String {
    match environment.services.get(service) {
        Some(entry) if entry.wanted == Some(Wanted::Absent) => {
            return "it is to be `absent`, where no version counts: delete the pin, or the `absent`"
                .to_owned();
        }
        Some(_) => return "its selector does not match the host; change one of them".to_owned(),
        None => {}
    }
    let known = environment.services.keys().map(ServiceName::as_str);
    let add =
        "add it to `services` of the environment, with a selector if it is for some hosts only";
    did_you_mean(service.as_str(), known, add)
}
