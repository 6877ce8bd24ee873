//! Packs what up to 50 hosts have to do into the lines of one AWS-RunShellScript command.
//!
//! The lines unpack the runner and all tasks (gzip and base64, because SSM rewrites `{{ }}` in what it
//! carries), pick the instance's own and run it. Pure: same tasks, same bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};

use super::share::Pool;
use crate::model::desired::Platform;
use crate::model::id::{HostName, InstanceId, ServiceName, StepId, Version};
use crate::model::plan::Action;
use crate::model::task::{HostTask, ObserveTask, StepTask, Work};

/// Largest packed payload: the service takes 64 KB for the whole call.
pub const LIMIT: usize = 48 * 1024;

/// Steps that one asking may name: as many answers fit into what SSM gives back.
pub const ASKED: usize = 4;

/// Why tasks cannot be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// One command does one thing on an instance.
    #[error("instance {0} has two tasks in one command")]
    Twice(InstanceId),
    /// This version runs on Linux only.
    #[error("host {0} has a platform that this version cannot run")]
    Platform(HostName),
    /// A file of the bundle that would not land in the step's folder, or over a file of the runner.
    #[error("the bundle for host {host} has a file at {path:?}")]
    Path {
        /// Which host.
        host: HostName,
        /// Which path.
        path: String,
    },
    /// The runner keeps versions in files of `key=value` lines.
    #[error("version {0:?} has a control character or more than 128 bytes")]
    Version(Version),
    /// A step that the runner would not know how to take.
    #[error("the step on host {host} cannot be sent: {why}")]
    Step {
        /// Which host.
        host: HostName,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More steps than one asking may name.
    #[error("host {0} is asked about more than {ASKED} steps")]
    TooMany(HostName),
    /// Compression failed; it writes to memory only.
    #[error("could not compress the payload")]
    Compress,
}

/// The `commands` of AWS-RunShellScript: the agent joins them by newlines and runs `sh -c <file>`.
/// [`size`] says whether they fit.
pub fn pack(tasks: &[HostTask]) -> Result<Vec<String>, PayloadError> {
    let mut seen = BTreeSet::new();
    let mut pool = Pool::default();
    let mut arms = String::new();
    let mut steps = Vec::new();
    for task in tasks {
        if !seen.insert(&task.instance) {
            return Err(PayloadError::Twice(task.instance.clone()));
        }
        if task.platform != Platform::Linux {
            return Err(PayloadError::Platform(task.host.clone()));
        }
        arms.push_str(&arm(task, &mut pool)?);
        if let Work::Step(_) | Work::Observe(_) = &task.work
            && let Some(step) = task.work.step()
        {
            steps.push((&task.instance, step));
        }
    }
    let mut inner = String::with_capacity(64 * 1024);
    inner.push_str(&RUNNER);
    inner.push_str("bases=(\n");
    for base in pool.bases() {
        let _infallible = writeln!(inner, "{}", quote(base));
    }
    let _infallible = write!(
        inner,
        ")\ncase $instance in\n{arms}*) work= ;;\nesac\nmain\n"
    );
    Ok(bootstrap(&steps, &compress(inner.as_bytes())?))
}

/// What the lines take in the call, as JSON.
pub fn size(lines: &[String]) -> usize {
    let escapes = |line: &String| line.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    lines
        .iter()
        .map(|line| line.len() + escapes(line) + 3)
        .sum()
}

/// The variables that a step's scripts see of the step itself: `step.env` begins with them.
pub fn environment(
    host: &HostName,
    service: &ServiceName,
    version: &Version,
    previous: Option<&Version>,
) -> String {
    let mut text = format!("FLEET_HOST={host}\nFLEET_SERVICE={service}\nFLEET_VERSION={version}\n");
    if let Some(previous) = previous {
        let _infallible = writeln!(text, "FLEET_PREVIOUS_VERSION={previous}");
    }
    text
}

/// The runner without comments and indentation: its shell has no here-document and no string that
/// would miss them.
static RUNNER: LazyLock<String> = LazyLock::new(|| {
    let parts = [
        include_str!("runner/json.sh"),
        include_str!("runner/report.sh"),
        include_str!("runner/state.sh"),
        include_str!("runner/step.sh"),
        include_str!("runner/process.sh"),
        include_str!("runner/phases.sh"),
        include_str!("runner/close.sh"),
        include_str!("runner/ask.sh"),
        include_str!("runner/observe.sh"),
        include_str!("runner/main.sh"),
    ];
    let prelude = quote(&strip(include_str!("runner/scripts.sh")));
    let code: String = parts.into_iter().map(strip).collect();
    format!("{code}readonly prelude={prelude}\n")
});

fn strip(code: &str) -> String {
    code.lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// A word of bash that means exactly this text.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What one instance does, as an arm of `case`.
fn arm(task: &HostTask, pool: &mut Pool) -> Result<String, PayloadError> {
    let mut text = format!(
        "{})\nfleet={} environment={} host={}\n",
        quote(task.instance.as_str()),
        quote(task.fleet.as_str()),
        quote(task.environment.as_str()),
        quote(task.host.as_str()),
    );
    match &task.work {
        Work::Step(step) => {
            let _infallible = writeln!(text, "work=step service={}", quote(step.service.as_str()));
            let env = step_file(task, step)?;
            add_files(task, &env, step.bundle.files.iter(), pool, &mut text)?;
        }
        Work::Ask { service, steps } => {
            if steps.len() > ASKED {
                return Err(PayloadError::TooMany(task.host.clone()));
            }
            let asked: Vec<_> = steps.iter().map(StepId::as_str).collect();
            let (service, asked) = (quote(service.as_str()), quote(&asked.join(" ")));
            let _infallible = writeln!(text, "work=ask service={service} asked={asked}");
        }
        Work::Current => text.push_str("work=current\n"),
        Work::Observe(observe) => {
            let service = quote(observe.service.as_str());
            let _infallible = writeln!(text, "work=observe service={service}");
            let env = observe_file(task, observe)?;
            let files = observe
                .bundle
                .files
                .iter()
                .filter(|(path, _)| *path == "observe.sh" || path.starts_with("files/"));
            add_files(task, &env, files, pool, &mut text)?;
        }
    }
    text.push_str(";;\n");
    Ok(text)
}

fn add_files<'a>(
    task: &HostTask,
    env: &str,
    files: impl Iterator<Item = (&'a String, &'a Arc<[u8]>)>,
    pool: &mut Pool,
    text: &mut String,
) -> Result<(), PayloadError> {
    let mut add = |path: &str, bytes: &[u8]| {
        let part = pool.add(path, bytes);
        let _infallible = writeln!(
            text,
            "part {} {} {} {} {} {}",
            quote(path),
            part.kind.as_str(),
            part.base,
            part.prefix,
            part.suffix,
            quote(&part.middle)
        );
    };
    add("step.env", env.as_bytes());
    for (path, bytes) in files {
        if !is_bundle_path(path) {
            return Err(PayloadError::Path {
                host: task.host.clone(),
                path: path.clone(),
            });
        }
        add(path, bytes);
    }
    Ok(())
}

/// `<phase>.sh` or something below `files/`, and nothing that leads out of there.
fn is_bundle_path(path: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let script = path.strip_suffix(".sh").is_some_and(|stem| {
        !stem.is_empty() && stem.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')
    });
    let file = path
        .strip_prefix("files/")
        .is_some_and(|rest| rest.split('/').all(plain) && !rest.chars().any(char::is_control));
    script || file
}

/// `step.env`: everything that the runner must know of a step, also when a later run closes it. The
/// id stands in the command once already, so bash fills it in.
fn step_file(task: &HostTask, step: &StepTask) -> Result<String, PayloadError> {
    let undo = step.undo.as_ref();
    let why = match step.action {
        Action::Rollback if undo.is_none() => Some("a rollback must say what it goes back to"),
        _ => None,
    };
    if let Some(why) = why {
        return Err(PayloadError::Step {
            host: task.host.clone(),
            why,
        });
    }
    for version in std::iter::once(&step.version).chain(undo.map(|undo| &undo.version)) {
        check_version(version)?;
    }
    let variables = environment(
        &task.host,
        &step.service,
        &step.version,
        undo.map(|undo| &undo.version),
    );
    let undo_digest = undo
        .and_then(|undo| undo.digest.as_ref())
        .map_or("", |digest| digest.as_str());
    let digests = &step.bundle.digests;
    Ok(format!(
        "{variables}action={}\nrollout={}\nrevision={}\ndigest={}\ndefinition={}\nundo_digest={undo_digest}\n\
         sequence={}\nnot_after={}\ntimeout={}\n",
        step.action.as_str(),
        step.rollout,
        step.revision,
        digests.digest,
        digests.definition,
        step.sequence,
        step.not_after.unix(),
        step.timeout.0.max(1),
    ))
}

/// `step.env` of an observation: nothing of it is ever closed, so it says no more than its scripts see.
fn observe_file(task: &HostTask, observe: &ObserveTask) -> Result<String, PayloadError> {
    check_version(&observe.version)?;
    let variables = environment(&task.host, &observe.service, &observe.version, None);
    let timeout = observe.timeout.0.max(1);
    Ok(format!("{variables}action=observe\ntimeout={timeout}\n"))
}

fn check_version(version: &Version) -> Result<(), PayloadError> {
    let text = version.as_str();
    if text.len() > 128 || text.chars().any(char::is_control) {
        return Err(PayloadError::Version(version.clone()));
    }
    Ok(())
}

/// Same input, same bytes: no name and no time in the header.
fn compress(bytes: &[u8]) -> Result<Vec<u8>, PayloadError> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|_| PayloadError::Compress)
}

/// The plain lines around the payload. They name each step so that they can refuse it by its id
/// where the host cannot even unpack.
fn bootstrap(steps: &[(&InstanceId, &StepId)], packed: &[u8]) -> Vec<String> {
    let mut lines = vec![
        "#!/bin/bash".to_owned(),
        "# fleet: a runner and what it shall do, gzip and base64.".to_owned(),
        "locale=${LC_ALL-}".to_owned(),
        "LC_ALL=C".to_owned(),
        "instance=${AWS_SSM_INSTANCE_ID-}".to_owned(),
        "case $instance in".to_owned(),
    ];
    for (instance, step) in steps {
        lines.push(format!("{instance}) step={step} ;;"));
    }
    lines.extend(
        [
            "*) step= ;;",
            "esac",
            "cannot_unpack() {",
            r#"if [[ $step ]]; then printf '{"fleet":1,"step":"%s","outcome":"refused","message":"%s"}\n' "$step" "$1""#,
            r#"else printf '{"fleet":1,"problem":"%s"}\n' "$1"; fi"#,
            "exit 2",
            "}",
            r#"((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 402)) || cannot_unpack "bash 4.2 or newer is needed, and this is $BASH_VERSION""#,
            r#"for tool in base64 gzip; do command -v $tool >/dev/null || cannot_unpack "missing on this host: $tool"; done"#,
        ]
        .map(str::to_owned),
    );
    lines.push(format!("payload={}", STANDARD.encode(packed)));
    lines.extend(
        [
            r#"payload=$(printf %s "$payload" | base64 -d | gzip -dc) && [[ $payload ]] || cannot_unpack "the payload could not be unpacked""#,
            r#"eval "$payload""#,
        ]
        .map(str::to_owned),
    );
    lines
}
