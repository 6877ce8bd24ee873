//! A fleet of Linux and Windows hosts: everything but running it on Windows.

use super::story::{Story, assert_story};
use crate::support::executable;

const FLEET: &str = "\
api_version: fleet/v1
name: acme
git: { remote: none }
transports: { lab: { kind: sandbox } }
services:
  metricus: { variables: { install_path: 'C:\\Program Files\\Metricus', ports: [8080, 8443] } }
";

const PRODUCTION: &str = "\
services: { metricus: 1.1.0 }
hosts:
  hosting-1: { platform: windows, labels: { role: hosting }, variables: { motto: \"it's ‘fine’ $(here)\" } }
  hosting-2: { platform: windows, labels: { role: hosting } }
  relay-1: { labels: { role: relay }, variables: { install_path: /opt/metricus } }
variables: { motto: plain }
rollout: { on_failure: rollback }
";

const OBSERVE_PS1: &str = "\
$path = {{variables.install_path}}

$file = Join-Path $path 'VERSION'
if (Test-Path -LiteralPath $file) {
    \"version=$([IO.File]::ReadAllText($file).Trim())\"
} else {
    'version=none'
}
";

const DEPLOY_PS1: &str = "\
#Requires -Version 5.1
# Installs the version and writes what it listens on.
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0

$path = {{variables.install_path}}
$version = {{version}}
$ports = {{list variables.ports}}
$motto = {{variables.motto}}

{{> write}}
$null = [IO.Directory]::CreateDirectory($path)
foreach ($port in $ports) {
    Write-Output \"listens on $port\"
}
{{#if (eq environment.name \"production\")}}
Write-Text (Join-Path $path 'motto.txt') $motto
{{/if}}
Write-Text (Join-Path $path 'VERSION') $version
";

const ROLLBACK_PS1: &str = "\
$path = {{variables.install_path}}

{{> write}}
Write-Text (Join-Path $path 'VERSION') $env:FLEET_PREVIOUS_VERSION
";

const WRITE_PS1: &str = "\
{{! Without a byte order mark, in Windows PowerShell too. }}
function Write-Text([string]$file, [string]$text) {
    [IO.File]::WriteAllText($file, $text, (New-Object Text.UTF8Encoding $false))
}
";

const OBSERVE_SH: &str = "\
path={{variables.install_path}}
echo \"version=$(cat \"$FLEET_ROOT$path/VERSION\" 2>/dev/null || echo none)\"
";

const DEPLOY_SH: &str = "\
path={{variables.install_path}}
mkdir -p \"$FLEET_ROOT$path\"
echo \"$FLEET_VERSION\" >\"$FLEET_ROOT$path/VERSION\"
";

const ROLLBACK_SH: &str = "\
path={{variables.install_path}}
echo \"$FLEET_PREVIOUS_VERSION\" >\"$FLEET_ROOT$path/VERSION\"
";

fn mixed() -> Story {
    Story::with(&[
        ("fleet.yaml", FLEET),
        ("environments/production.yaml", PRODUCTION),
        ("templates/metricus/observe.ps1.hbs", OBSERVE_PS1),
        ("templates/metricus/deploy.ps1.hbs", DEPLOY_PS1),
        ("templates/metricus/rollback.ps1.hbs", ROLLBACK_PS1),
        ("templates/metricus/observe.sh.hbs", OBSERVE_SH),
        ("templates/metricus/deploy.sh.hbs", DEPLOY_SH),
        ("templates/metricus/rollback.sh.hbs", ROLLBACK_SH),
        (
            "templates/metricus/files/settings.json.hbs",
            "{\"motto\": {{json variables.motto}}}\n",
        ),
        ("templates/partials/write.ps1", WRITE_PS1),
    ])
}

#[test]
fn a_mixed_fleet_is_checked_and_previewed() {
    let mut story = mixed();
    story.run("fleet validate");
    story.run("fleet render production --host hosting-1");
    story.run("fleet plan");
    story.remark("Nothing of it is sent as long as one part cannot be: no gate is ignored.");
    story.run("fleet apply --yes");
    story.run("fleet observe --rebuild production");
    story.run("fleet status");
    story.remark("Without the Windows hosts it is.");
    story.run("sed -i '/windows/d' environments/production.yaml");
    story.commit("Linux first");
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn scripts_lie_there_as_windows_powershell_reads_them() {
    let mut story = mixed();
    story.run("fleet render production --host hosting-1 --host relay-1 --out out && find out -type f | sort");
    story.remark("Without a byte order mark, 5.1 would take ‘Ò’ for the end of a literal.");
    story.run("head -c3 out/production/hosting-1/metricus/deploy.ps1 | od -An -tx1");
    story.run("head -c3 out/production/relay-1/metricus/deploy.sh | od -An -tx1");
    assert_story!(story);
}

#[test]
fn a_host_without_scripts_for_its_platform() {
    let mut story = mixed();
    story.run("git rm -q 'templates/metricus/*.ps1.hbs'");
    story.run("fleet validate");
    story.run("fleet plan --worktree");
    assert_story!(story);
}

#[test]
fn scripts_that_powershell_would_not_take() {
    let mut story = mixed();
    story.write(
        "templates/metricus/verify.ps1.hbs",
        "$version = {{version}}\n\nif ($version -ne '1.1.0') {\n    throw 'another version'\n",
    );
    story.remark("A machine without PowerShell, whatever this one has.");
    let none = story.folder().join("../none/pwsh");
    executable(&none, "#!/bin/sh\nexit 1\n");
    story.run("PATH=~/none:$PATH fleet validate");
    story.run("PATH=~/none:$PATH fleet validate --format json");
    story.run("PATH=~/none:$PATH fleet validate --strict");
    story.run("fleet validate --explain W331");
    assert_story!(story);
}
