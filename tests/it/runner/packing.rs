//! One command for 50 hosts: what it carries, how large it is, and that each host finds its own.

use std::fs;

use fleet::host::payload::{self, PayloadError};
use fleet::host::report::{self, ReportProblem};
use fleet::model::desired::Platform;
use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;
use fleet::model::task::{HostTask, Work};

use super::host::{Host, Step, instance, step_id, task};

/// 40 to 60 lines as people write them, of 1 to 2 KB.
fn body(phase: &str) -> String {
    let mut text = String::new();
    for n in 0..14 {
        text += &format!(
            "# {phase}, part {n}: what the next lines are there for, in a sentence.\n\
             if [[ -d $install_path/part-{n} ]]; then\n    echo \"{phase} {n}: $service_name on port $port\"\n\
             elif ((port > {n})); then\n    mkdir -p \"$FLEET_ROOT/$install_path/{phase}-{n}\"\nfi\n"
        );
    }
    let mut end = 1_100 + phase.len() * 90;
    while !text.is_char_boundary(end) || !text[..end].ends_with("fi\n") {
        end += 1;
    }
    text[..end].to_owned()
}

/// One of 50 hosts whose variables all differ, with six scripts and two files.
fn host_task(number: usize) -> HostTask {
    let head = format!(
        "#!/usr/bin/env bash\n# managed by fleet\nset -euo pipefail\nhost='web-{number}.sydney.acme.example'\n\
         address='10.{}.{}.{}'\nport='{}'\nservice_name='metricus'\ninstall_path='opt/metricus'\n\
         tenant='customer-{:08x}'\nversion='1.1.0'\n",
        number % 7,
        number * 37 % 251,
        number * 91 % 253,
        8_000 + number * 13,
        number * 2_654_435_761 % 0xffff_ffff,
    );
    let mut step = Step::new("x", Action::Install, "1.1.0");
    for phase in [
        "observe",
        "preflight",
        "deploy",
        "verify",
        "rollback",
        "remove",
    ] {
        step = step.script(phase, &format!("{head}{}", body(phase)));
    }
    step = step.script("observe", &format!("{head}{}\nif [[ -f $FLEET_ROOT/version ]]; then echo version=1.1.0; else echo version=none; fi\n", body("observe")));
    step = step.script(
        "deploy",
        &format!(
            "{head}{}\necho \"$host\" >\"$FLEET_ROOT/version\"\n",
            body("deploy")
        ),
    );
    step = step
        .file(
            "files/metricus.service",
            format!(
                "[Service]\nExecStart=/opt/metricus --port {}\n",
                8_000 + number * 13
            )
            .as_bytes(),
        )
        .file(
            "files/logo.bin",
            &(0..=255).cycle().take(700).collect::<Vec<u8>>(),
        );
    let mut task = step.task();
    let name = format!("web-{number}");
    task.host = name.as_str().into();
    task.instance = instance(number);
    if let Work::Step(inner) = &mut task.work {
        inner.step = step_id(&name);
        let digest = fleet::model::id::Digest::of(&name);
        std::sync::Arc::make_mut(&mut inner.bundle).digests.digest = digest;
    }
    task
}

#[test]
fn fifty_different_hosts_fit_into_one_command() {
    let tasks: Vec<_> = (0..50).map(host_task).collect();
    for task in &tasks[..1] {
        let Work::Step(step) = &task.work else {
            panic!()
        };
        for (path, bytes) in step
            .bundle
            .files
            .iter()
            .filter(|(path, _)| path.ends_with(".sh"))
        {
            assert!(
                (1_300..2_600).contains(&bytes.len()),
                "{path}: {}",
                bytes.len()
            );
        }
    }
    let lines = payload::pack(&tasks).unwrap();
    let size = payload::size(&lines);
    println!("50 hosts, 6 scripts and 2 files each: {size} bytes packed");
    assert!(size < payload::LIMIT, "{size}");
    assert_eq!(lines[0], "#!/bin/bash");
    let text = lines.join("\n");
    assert!(text.is_ascii() && !text.contains("{{") && !text.contains("}}"));
    assert_eq!(
        lines,
        payload::pack(&tasks).unwrap(),
        "same input, same bytes"
    );

    for number in [0, 17, 49] {
        let host = Host::new();
        let ran = host.run_lines(&lines, instance(number).as_str());
        let report = ran.report();
        assert_eq!(report.outcome, ReportOutcome::Succeeded, "{report:?}");
        assert_eq!(report.step, step_id(&format!("web-{number}")));
        assert_eq!(
            host.read("version"),
            format!("web-{number}.sydney.acme.example\n")
        );
        let folder = host.path(&format!(
            "var/lib/fleet/acme/production/web-{number}/web/steps"
        ));
        let folder = folder.join(report.step.short());
        let Work::Step(step) = &tasks[number].work else {
            panic!()
        };
        for (path, bytes) in &step.bundle.files {
            assert_eq!(
                fs::read(folder.join(path)).unwrap(),
                bytes.as_ref(),
                "{path}"
            );
        }
    }
}

#[test]
fn one_host_costs_the_runner_and_little_more() {
    let size = payload::size(&payload::pack(&[host_task(1)]).unwrap());
    println!("1 host: {size} bytes packed");
    assert!(size < 16_000, "{size}");
}

#[test]
fn a_command_without_this_instance_says_so() {
    let host = Host::new();
    let lines = payload::pack(&[host_task(1)]).unwrap();
    let ran = host.run_lines(&lines, "i-00000000000000fff");
    assert_eq!(ran.code, Some(2));
    let problem = report::parse(&ran.stdout).unwrap_err();
    assert!(matches!(problem, ReportProblem::Host(_)));
    assert_eq!(
        problem.to_string(),
        "the host could not answer: nothing in this command is for i-00000000000000fff"
    );
    assert!(!host.path("var").exists());
}

#[test]
fn a_damaged_payload_is_refused_by_step() {
    let host = Host::new();
    let step = Step::new("a", Action::Install, "1.0.0");
    let lines: Vec<_> = payload::pack(&[step.task()])
        .unwrap()
        .into_iter()
        .map(|line| match line.strip_prefix("payload=H4s") {
            Some(rest) => format!("payload=H4s{}", &rest[..rest.len() / 2]),
            None => line,
        })
        .collect();
    let report = host.run_lines(&lines, super::host::INSTANCE).report();
    assert_eq!(report.outcome, ReportOutcome::Refused);
    assert_eq!(report.step, step.id());
    assert_eq!(report.message, "the payload could not be unpacked");
}

#[test]
fn what_cannot_be_packed_is_named() {
    let step = Step::new("a", Action::Install, "1.0.0");
    let twice = payload::pack(&[step.task(), step.task()]);
    assert!(matches!(twice, Err(PayloadError::Twice(_))), "{twice:?}");
    for path in [
        "../x",
        "files/../../x",
        "files/",
        "/etc/x",
        "step.env",
        "marker",
        "files/a\nb",
        "x/deploy.sh",
    ] {
        let bad = payload::pack(&[step.clone().file(path, b"").task()]);
        assert!(
            matches!(bad, Err(PayloadError::Path { .. })),
            "{path}: {bad:?}"
        );
    }
    let version = Step::new("a", Action::Install, "1\nstep=x").task();
    assert!(matches!(
        payload::pack(&[version]),
        Err(PayloadError::Version(_))
    ));
    let mut windows = step.task();
    windows.platform = Platform::Windows;
    assert!(matches!(
        payload::pack(&[windows]),
        Err(PayloadError::Platform(_))
    ));
    let bad = payload::pack(&[Step::new("a", Action::Rollback, "1.0.0").task()]);
    assert!(matches!(bad, Err(PayloadError::Step { .. })), "{bad:?}");
    let many = task(Work::Ask {
        service: "web".into(),
        steps: ["a", "b", "c", "d", "e"].map(step_id).to_vec(),
    });
    assert!(matches!(
        payload::pack(&[many]),
        Err(PayloadError::TooMany(_))
    ));
}
