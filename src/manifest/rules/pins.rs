//! A host pins a version of a service that it runs.

use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile, did_you_mean};
use crate::manifest::problems::{Problems, shown};
use crate::model::id::ServiceName;

pub(super) fn check(environment: &EnvironmentFile, _: Option<&FleetFile>, problems: &mut Problems) {
    if !environment.is_sound {
        return;
    }
    for (host_name, host) in &environment.hosts {
        for (service_name, pin) in &host.pins {
            let service = environment.services.get(service_name);
            let select = service.and_then(|service| service.select.as_ref());
            let runs = service.is_some()
                && select.is_none_or(|select| select.value.matches(host_name, &host.labels));
            if runs {
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
    if environment.services.contains_key(service) {
        return "its selector does not match the host; change one of them".to_owned();
    }
    let known = environment.services.keys().map(ServiceName::as_str);
    let add =
        "add it to `services` of the environment, with a selector if it is for some hosts only";
    did_you_mean(service.as_str(), known, add)
}
