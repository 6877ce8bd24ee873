use super::story::{Story, assert_story};

const FLEET: &str = "\
api_version: fleet/v1
name: acme
git: { remote: none }
transports: { lab: { kind: sandbox } }
services: { hello: { timeout: 1m } }
";

const PRODUCTION: &str = "\
services: { hello: 1.0.0 }
hosts: { web-1: {}, web-2: {} }
";

const DEPLOY: &str = "\
version={{version}}
echo \"$version\" >\"$FLEET_ROOT/version\"
";

fn repository() -> Story {
    Story::with(&[
        ("fleet.yaml", FLEET),
        ("environments/production.yaml", PRODUCTION),
        ("templates/hello/deploy.sh.hbs", DEPLOY),
    ])
}

#[test]
fn every_problem_in_one_run() {
    let mut story = repository();
    story.run("fleet validate");
    story.write("fleet.yaml", &FLEET.replace("timeout", "timout"));
    story.write(
        "environments/production.yaml",
        &PRODUCTION.replace("hello: 1.0.0", "hello: 1.10, motd: 1.0.0"),
    );
    story.run("fleet validate");
    story.run("fleet validate --format json");
    story.remark("The commit is still valid.");
    story.run("fleet validate --revision HEAD");
    story.run("fleet validate --revision nowhere");
    story.run("fleet validate --explain f108");
    story.run("fleet validate --explain F999");
    story.run("fleet validate --explain Z1o8");
    story.run("fleet validate --explain F108 --format json");
    assert_story!(story);
}

#[test]
fn schemas_for_editors() {
    let mut story = repository();
    story.run("fleet schema environment | grep -A5 '\"after_canary\"'");
    story.run("fleet schema fleet | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"title\"])'");
    story.run("fleet schema host");
    assert_story!(story);
}

#[test]
fn scripts_that_bash_does_not_understand() {
    let mut story = repository();
    story.write(
        "templates/hello/verify.sh.hbs",
        "if true; then\n  echo fine\n\nfi fi\n",
    );
    story.run("fleet validate");
    story.run("fleet validate --format json");
    story.run("fleet validate --explain F330");
    assert_story!(story);
}

#[test]
fn without_a_repository() {
    let mut story = Story::new();
    story.run("fleet validate");
    story.run("git init -q -b main && fleet validate");
    story.run("fleet validate --repo /nowhere");
    assert_story!(story);
}

#[test]
fn ten_problems_of_five_files_as_annotations() {
    let mut story = repository();
    story.write(
        "fleet.yaml",
        &FLEET.replace("timeout: 1m", "timeout: 1, varibles: {}"),
    );
    story.write(
        "environments/production.yaml",
        "services: { hello: 1.10 }\nhosts: { web-1: { lables: {} } }\nhold: |\n  two\n  lines\n",
    );
    story.write(
        "environments/staging.yaml",
        "services: { helo: 1.0.0 }\nhosts: { Web_1: {}, web-2: {} }\n",
    );
    story.write("environments/test.yml", "");
    story.write(
        "templates/hello/verify.sh.hbs",
        "echo {{version}}\n{{#if version}}\n",
    );
    story.run("fleet validate --format github");
    story.remark("The same as a document, and for people.");
    story.run("fleet validate --format json");
    story.run("fleet validate");
    story.remark("Only this command writes annotations.");
    story.run("fleet plan --format github");
    story.run("fleet init --format github ../other");
    assert_story!(story);
}

#[test]
fn what_a_terraform_user_would_write() {
    let mut story = repository();
    story.write(
        "environments/production.yaml",
        "\
services: { hello: { version: \"${var.version}\", count: 3, depends_on: [db] } }
hosts: { web-1: { for_each: a, tags: { role: web } } }
module: x
",
    );
    story.run("fleet validate");
    assert_story!(story);
}

#[test]
fn what_an_argo_cd_user_would_write() {
    let mut story = repository();
    story.write(
        "environments/production.yaml",
        "\
apiVersion: fleet/v1
services:
  hello:
    targetRevision: 1.0.0
    replicas: 2
    select: { matchLabels: { role: web } }
hosts: [web-1, web-2]
syncPolicy: { automated: { prune: true } }
",
    );
    story.run("fleet validate");
    assert_story!(story);
}

#[test]
fn what_an_ansible_user_would_write() {
    let mut story = repository();
    story.write(
        "environments/production.yaml",
        "\
services: { hello: { version: \"{{ hello_version }}\", when: web, become: yes } }
hosts:
  web-1: { ansible_host: 10.0.0.1, vars: { port: 80 } }
  web-2: { variables: { port: {{ port }} } }
group_vars: { port: 80 }
roles: [web]
",
    );
    story.run("fleet validate");
    assert_story!(story);
}
