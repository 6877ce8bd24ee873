use super::story::{Story, assert_story};

const FLEET: &str = "\
api_version: fleet/v1
name: acme
git: { remote: none }
transports: { lab: { kind: sandbox } }
services: { hello: {} }
";

const PRODUCTION: &str = "\
# Whoever is on call: see the wiki.
services:
  hello:   1.0.0     # pinned by Bob
hosts: { web-1: {} }
";

fn repository() -> Story {
    Story::with(&[
        ("fleet.yaml", FLEET),
        ("environments/production.yaml", PRODUCTION),
        ("templates/hello/deploy.sh.hbs", "true\n"),
    ])
}

#[test]
fn on_a_branch_or_directly() {
    let mut story = repository();
    story.run("fleet bump production hello 1.1.0");
    story.run("git diff main fleet/bump-production-hello-1.1.0");
    story.run("fleet bump production hello 1.1.0");
    story.run("fleet bump production hello 1.2.0 --direct");
    story.run("git log --format=%s --all | sort; git status --short");
    story.run("fleet bump production hello 1.2.0 --direct");
    assert_story!(story);
}

#[test]
fn refusals_leave_everything_as_it_was() {
    let mut story = repository();
    story.run("fleet bump prod hello 1.1.0");
    story.run("fleet bump production helo 1.1.0");
    story.run("fleet bump production hello 'a: b'");
    story.run("echo >>environments/production.yaml; fleet bump production hello 1.1.0 --direct");
    story.run("git checkout -q -- . && git checkout -q --detach && fleet bump production hello 1.1.0 --direct");
    story.run("git checkout -q -b topic && fleet bump production hello 1.1.0 --direct");
    story.configure("");
    story.run("git checkout -q main && fleet bump production hello 1.1.0 --direct");
    story.run("git log --format=%s --all | sort; git status --short");
    assert_story!(story);
}

#[test]
fn on_one_host_and_at_the_remote() {
    let mut story = repository();
    story.run("fleet bump production hello 1.1.0 --host web-1");
    story.run("git diff main fleet/bump-production-web-1-hello-1.1.0");
    story.run("fleet bump production hello 1.1.0 --host web-2");
    story.run("fleet bump production hello 1.1.0 --push");
    story.write(
        "fleet.yaml",
        &FLEET.replace("remote: none", "remote: origin"),
    );
    story.commit("With a remote");
    story.quietly("git", &["init", "-q", "--bare", "../origin.git"]);
    story.quietly("git", &["remote", "add", "origin", "../origin.git"]);
    story.quietly("git", &["push", "-q", "origin", "main"]);
    story.run("fleet bump production hello 1.1.0 --push");
    story.run("git ls-remote origin | cut -f2");
    story.remark("Somebody else had the same idea.");
    story.run("git push -q origin main:fleet/bump-production-hello-1.2.0");
    story.run("fleet bump production hello 1.2.0 --push");
    story.run("fleet bump production hello 1.2.0 --push --direct");
    assert_story!(story);
}

#[test]
fn through_an_alias() {
    let mut story = repository();
    story.write(
        "environments/production.yaml",
        "variables: { hello: &now 1.0.0 }\nservices: { hello: *now }\nhosts: { web-1: {} }\n",
    );
    story.commit("One place for the version");
    story.run("fleet bump production hello 1.1.0");
    story.write(
        "environments/production.yaml",
        "services: { hello: &now 1.0.0 }\nvariables: { hello: *now }\nhosts: { web-1: {} }\n",
    );
    story.commit("The other way round");
    story.run("fleet bump production hello 1.1.0");
    assert_story!(story);
}

/// Hashes of a build, as `sha256sum` prints them.
const HASHES: [&str; 2] = [
    "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
];

#[test]
fn with_the_hash_of_the_artifact() {
    let artifact = "hello: { artifact: 's3://acme-build/hello-{{version}}.zip' }";
    let mut story = repository();
    let [old, new] = HASHES;
    story.remark("The service has no artifact.");
    story.run(&format!("fleet bump production hello 1.1.0 --sha256 {old}"));
    story.write("fleet.yaml", &FLEET.replace("hello: {}", artifact));
    story.commit("Take hello from the bucket");
    story.run("fleet bump production hello 1.1.0 --sha256 abc");
    story.remark("The short form becomes the long one.");
    story.run(&format!(
        "fleet bump production hello 1.1.0 --sha256 {old} --direct; git show --format=%s"
    ));
    story.remark("A hash is never left beside another version.");
    story.run("fleet bump production hello 1.2.0 --direct");
    story.run("fleet bump production hello 1.2.0 --host web-1 --direct");
    story.run("fleet bump production hello 1.1.0 --direct");
    story.run(&format!(
        "fleet bump production hello 1.2.0 --sha256 sha256:{} --direct; git show --format=%s",
        new.to_uppercase()
    ));
    story.remark("One host goes back to what it had.");
    story.run(&format!(
        "fleet bump production hello 1.1.0 --host web-1 --sha256 {old} --direct; git show --format=%s"
    ));
    story.run("fleet bump production hello 1.2.0 --host web-1 --direct");
    story.run("fleet validate");
    story.run("git status --short");
    assert_story!(story);
}
