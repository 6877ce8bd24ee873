use super::fleets::running;
use super::story::assert_story;

#[test]
fn the_same_version_is_deployed_again() {
    let mut story = running("pause");
    story.run("fleet redeploy production app --direct && cat environments/production.yaml");
    story.run("fleet plan --diff");
    story.run("fleet apply --yes");
    story.run("fleet plan");
    story.run("git show fleet/observed:production/hosts/a.yaml | grep -v '^ *\\(command\\|rollout\\|revision\\)'");
    story.remark("On a branch, for a pull request.");
    story.run("fleet redeploy production app 2>&1 | sed 's/-[0-9]*T[0-9]*Z/-[time]/'");
    story.run("git diff main $(git for-each-ref --format='%(refname)' 'refs/heads/fleet/redeploy-*') | grep '^[-+]'");
    story.run("fleet redeploy production cron");
    story.remark("What is to go is not deployed again.");
    story.run("sed -i 's/^services.*/services: { app: absent }/' environments/production.yaml");
    story.write("templates/app/remove.sh.hbs", "true\n");
    story.commit("No app any more");
    story.run("fleet redeploy production app --direct");
    assert_story!(story);
}
