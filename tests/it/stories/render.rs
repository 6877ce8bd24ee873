use super::story::{Story, assert_story};

const FLEET: &str = "\
api_version: fleet/v1
name: acme
git: { remote: none }
transports: { lab: { kind: sandbox } }
services: { hello: { variables: { greeting: hello } } }
";

const PRODUCTION: &str = "\
services: { hello: 1.0.0 }
hosts:
  web-1: { variables: { greeting: \"it's $(id) {{x}}\" } }
  web-2: {}
";

const DEPLOY: &str = "\
greeting={{variables.greeting}}
echo \"$greeting\" >\"$FLEET_ROOT/greeting\"
";

#[test]
fn scripts_as_a_host_would_get_them() {
    let mut story = Story::with(&[
        ("fleet.yaml", FLEET),
        ("environments/production.yaml", PRODUCTION),
        ("templates/hello/deploy.sh.hbs", DEPLOY),
        (
            "templates/hello/files/conf.hbs",
            "greeting = {{json variables.greeting}}\n",
        ),
    ]);
    story.run("fleet render production");
    story.run("fleet render production --host web-1 --out out && find out -type f | sort");
    story.run("fleet render production --host web-3");
    story.run("fleet render production --service helo");
    story.remark("A value in the middle of a script never becomes code.");
    story.write(
        "templates/hello/deploy.sh.hbs",
        "echo {{variables.greeting}}\n",
    );
    story.run("fleet render production");
    story.run("fleet render production --revision HEAD --host web-2");
    assert_story!(story);
}

#[test]
fn what_only_a_host_can_read_is_shown_and_not_sent() {
    let mut story = Story::with(&[
        (
            "fleet.yaml",
            &FLEET.replace(
                "hello: {",
                "hello: { artifact: 'https://acme.example/hello-{{version}}.zip',",
            ),
        ),
        ("environments/production.yaml", PRODUCTION),
        (
            "templates/hello/deploy.sh.hbs",
            "password={{secret \"/hello/password\"}}\nurl={{artifact.url}}\necho \"${#password} $url\"\n",
        ),
        (
            "templates/hello/remove.sh.hbs",
            "rm -f \"$FLEET_ROOT/greeting\"\n",
        ),
    ]);
    story.run("fleet validate");
    story.run("fleet render production --host web-1");
    story.run("fleet plan production");
    story.run("fleet apply production --yes");
    assert_story!(story);
}
