//! Keys that people bring from other tools, and what says the same here.

/// What to write instead of a key that other tools have.
pub(super) fn instead_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "count" | "replicas" | "instances" => {
            "a service runs once on each host that `select` matches; every host is written below `hosts`"
        }
        "for_each" | "loop" | "with_items" | "matrix" => {
            "nothing repeats here: write each host below `hosts`; `select` says which of them run a service"
        }
        "when" | "if" => {
            "which hosts run a service is said by its `select`; a script chooses with {{#if}} in its template"
        }
        "become" | "become_user" | "remote_user" | "sudo" => {
            "scripts run as root; a script that needs another user takes it with runuser"
        }
        "source" | "targetRevision" | "target_revision" | "image" | "tag" | "ref" | "chart" => {
            "what runs is the `version` of a service: services: { web: 1.0.0 }"
        }
        "syncPolicy" | "sync_policy" | "automated" | "selfHeal" | "prune" => {
            "`fleet apply` brings the hosts to what is committed; what becomes of changes on hosts is `drift`"
        }
        "vars" | "group_vars" | "host_vars" | "var" | "locals" | "values" | "params" => {
            "write `variables`: of a service, an environment or a host"
        }
        "tasks" | "roles" | "handlers" | "steps" | "provisioner" | "hooks" => {
            "what is done on a host stands in templates/<template>/<phase>.sh.hbs (.ps1.hbs on Windows)"
        }
        "depends_on" | "dependencies" | "syncWave" => {
            "`requires` of a service in fleet.yaml orders the services of a host; `after` orders environments"
        }
        "matchLabels" | "matchExpressions" | "nodeSelector" => {
            "write it as one text: select: role=web,tier!=db"
        }
        "tags" => "write `labels`; a `select` matches them",
        "ansible_host" | "ip" | "address" | "hostname" => {
            "a host is reached by its `instance`, the id that SSM knows it by; its name is its key"
        }
        "resource" | "module" | "provider" | "metadata" | "spec" | "children" => {
            "this is no file of another tool: see `fleet init` for a fleet to begin with"
        }
        _ => return None,
    })
}

/// The key that was meant, where it is always the same: it is then not missing as well.
pub(super) fn meant(key: &str) -> Option<&'static str> {
    matches!(
        key,
        "targetRevision" | "target_revision" | "image" | "tag" | "ref"
    )
    .then_some("version")
}

/// What to write instead of a text that another tool would replace.
pub(super) fn instead_of_expression(text: &str) -> Option<&'static str> {
    (text.contains("{{") || text.contains("${"))
        .then_some("nothing is replaced in a manifest: write the value itself")
}

#[cfg(test)]
mod tests {
    use super::{instead_of, instead_of_expression, meant};

    #[test]
    fn habits_lead_to_keys_that_exist() {
        for (key, leads_to) in [
            ("replicas", "`select`"),
            ("for_each", "`hosts`"),
            ("when", "`select`"),
            ("vars", "`variables`"),
            ("tags", "`labels`"),
            ("targetRevision", "`version`"),
            ("matchLabels", "select: "),
        ] {
            let help = instead_of(key).unwrap_or_default();
            assert!(help.contains(leads_to), "{key}: {help}");
        }
        assert_eq!(instead_of("timout"), None);
        assert_eq!(meant("targetRevision"), Some("version"));
        assert_eq!(meant("replicas"), None);
        for text in ["{{ version }}", "${var.version}"] {
            assert!(instead_of_expression(text).is_some(), "{text}");
        }
        assert_eq!(instead_of_expression("$1.0"), None);
    }
}
