use super::fleets::running;
use super::story::{Story, assert_story};

/// The example, whose hosts are told apart by a label.
fn example() -> Story {
    let mut story = Story::new();
    story.enter(".");
    story.quietly("fleet", &["init", "acme"]);
    story.enter("acme");
    story
}

#[test]
fn text_and_json_and_exit_codes() {
    let mut story = example();
    story.run("fleet plan");
    story.run("COLUMNS=80 fleet plan production");
    story.run("fleet plan production --host web-1 --service motd --format json");
    story.run("fleet plan development --detailed-exitcode >/dev/null");
    story.run("fleet plan development --out plan.json >/dev/null && cut -c1-44 plan.json");
    story.remark("Asking changed nothing.");
    story.run("git log --all --format=%s; git status --short");
    assert_story!(story);
}

#[test]
fn a_comment_for_a_pull_request() {
    let mut story = example();
    story.write("production.sed", "$ahold: '<b>see</b> #12 | ask @alice'\n");
    story.run("sed -i -f production.sed environments/production.yaml && rm production.sed");
    story.commit("Hold `production` for <script>");
    story.run("fleet plan --format markdown");
    story.run("fleet status --format markdown");
    assert_story!(story);
}

#[test]
fn what_changes_in_scripts_and_files() {
    let mut story = running("pause");
    story.run("fleet plan --diff");
    story.run("sed -i 's/app: 1.0.0/app: 1.1.0/' environments/production.yaml");
    story.commit("app 1.1.0");
    story.run("fleet plan --diff");
    story.run(r#"sed -i 's/^if /echo "here is $host"\n&/' templates/app/deploy.sh.hbs"#);
    story.write(
        "templates/app/files/app.conf.hbs",
        "host = {{json host.name}}\n",
    );
    story.run("git rm -q templates/app/rollback.sh.hbs");
    story.commit("Say where");
    story.run("COLUMNS=80 fleet plan --diff");
    story.run("fleet plan --diff --format markdown");
    story.run("fleet plan --diff --host a --format json | sed 's/.*\"diffs\"/\"diffs\"/'");
    story.run("fleet plan --diff --host a --out plan.json >/dev/null && fleet apply --plan plan.json --host a --yes 2>/dev/null");
    story.remark("One host has it; what is left differs from it by the old commit alone.");
    story.run("fleet plan --diff --worktree | grep ' on '");
    assert_story!(story);
}

#[test]
fn what_changes_where_the_recorded_commit_is_gone() {
    let mut story = running("pause");
    story.run("sed -i 's/app: 1.0.0/app: 1.1.0/' environments/production.yaml");
    story.run("sed -i 's/d: {}/d: {}, e: {}/' environments/production.yaml");
    story.run("git checkout -q --orphan other && git commit -q -a -m 'Another history' && git branch -qM main");
    story.run("git reflog expire --expire=now --all && git gc -q --prune=now");
    story.run("fleet plan --diff | sed -n '/ on /,$p'");
    assert_story!(story);
}

#[test]
fn what_changes_after_a_rollback() {
    let mut story = running("pause");
    let broken = |story: &mut Story, host: &str| {
        story.run(&format!(
            "sed -i 's/app: 1.0.0/app: 1.1.0-fails-on-{host}/' environments/production.yaml"
        ));
        story.run("echo 'echo what was wrong' >>templates/app/deploy.sh.hbs");
        story.commit("A version that fails");
        story.quietly("bash", &["-c", "fleet apply --yes || test $? = 4"]);
    };
    let mended = |story: &mut Story| {
        story.run("sed -i 's/wrong/right/' templates/app/deploy.sh.hbs");
        story.run("sed -i 's/app: .*/app: 1.1.1 }/' environments/production.yaml");
        story.commit("app 1.1.1");
    };
    broken(&mut story, "a");
    mended(&mut story);
    story.quietly("fleet", &["abort", "production"]);
    story.remark("Host a went back by itself: it runs what the others run.");
    story.run("fleet plan --diff");
    let mut other = running("rollback");
    broken(&mut other, "b");
    mended(&mut other);
    story.remark("Where b failed, a went back by a step of its own.");
    let said = other.shell("fleet plan --diff").output().expect("a shell");
    story.tell("fleet plan --diff", &said);
    assert_story!(story);
}

#[test]
fn whether_hosts_of_the_sandbox_are_there() {
    let mut story = running("pause");
    story.run("sed -i 's/d: {}/d: {}, e: {}/' environments/production.yaml");
    story.commit("One more");
    story.run("fleet plan --live");
    story.run("ls .fleet/sandbox/hosts/production");
    story.run("fleet plan --live --host e --format json | sed 's/.*\"live\"/\"live\"/'");
    story.run("rm -r .fleet && fleet plan --live --host a --host e; ls .fleet");
    assert_story!(story);
}

#[test]
fn other_sources_than_the_desired_commit() {
    let mut story = example();
    story.run("sed -i 's/motd: 1.0.0/motd: 1.1.0/' environments/development.yaml");
    story.run("fleet plan development --service motd");
    story.run("fleet plan development --service motd --worktree");
    story.run("cp environments/development.yaml environments/staging.yaml && fleet plan production --service motd >/dev/null; rm environments/staging.yaml");
    story.commit("motd 1.1.0");
    story.run("fleet plan development --service motd");
    story.run("fleet plan development --service motd --revision HEAD~1");
    assert_story!(story);
}

#[test]
fn what_matches_nothing_is_wrong_usage() {
    let mut story = example();
    story.run("fleet plan prod");
    story.run("fleet plan productoin");
    story.run("fleet plan --host web-9");
    story.run("fleet plan --service nothing");
    story.run("fleet plan -l 'role in (web'");
    story.run("fleet plan -l ''");
    story.run("fleet plan development -l role=db");
    story.run("fleet plan --what");
    assert_story!(story);
}

#[test]
fn an_invalid_environment_does_not_stop_the_others() {
    let mut story = example();
    story.run("sed -i 's/role=web/role=wbe/' environments/production.yaml");
    story.commit("A typing error");
    story.run("fleet plan --service motd");
    story.run("fleet plan development --service motd >/dev/null");
    story.run("fleet status");
    story.run("echo 'what: now' >>fleet.yaml");
    story.commit("Another one");
    story.run("fleet plan");
    assert_story!(story);
}

#[test]
fn a_hold_closes_the_gate_and_a_host_is_held_alone() {
    let mut story = example();
    story.run("echo 'hold: stock-taking until Monday' >>environments/production.yaml");
    story.run("sed -i 's/web-1: { /web-1: { hold: customer demo until Friday, /' environments/production.yaml");
    story.commit("Hold");
    story.run("fleet plan production");
    assert_story!(story);
}

#[test]
fn what_cannot_be_acted_on_yet_closes_its_gate() {
    let mut story = example();
    story.quietly("fleet", &["apply", "production", "--yes"]);
    story.run("git log --format=%s fleet/observed | wc -l");
    story.write("window.yaml", "window:\n  timezone: Australia/Sydney\n  allow: [{ days: [tue, wed], from: 10:00, to: 14:00 }]\nrollout: { strategy: batch, batch: 50% }\nobserve_every: 1h\n");
    story.run("sed -i '/^rollout:/,$d' environments/production.yaml && cat window.yaml >>environments/production.yaml && rm window.yaml");
    story.run("fleet validate");
    story.commit("A window and an interval");
    story.run("fleet bump production web 1.1.0 --direct");
    story.run("fleet plan production");
    story.run("fleet apply production --yes");
    story.run("fleet plan production --format json | cut -c-420");
    story.remark("Nothing was begun, and nothing was written.");
    story.run("git log --format=%s fleet/observed | wc -l");
    assert_story!(story);
}

#[test]
fn of_an_empty_repository() {
    let mut story = Story::new();
    story.run("git init -q -b main && fleet plan");
    story.write("README", "Nothing of fleet's.\n");
    story.commit("First version");
    story.run("fleet plan");
    assert_story!(story);
}
