//! The git seam on real repositories: what is desired, and what fleet writes there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use fleet::git::{
    Branches, Desired, DesiredCommit, DesiredCommitted, GitError, Repository, Target,
};
use fleet::model::desired::GitSettings;
use fleet::model::id::Revision;
use fleet::model::source::{Entry, Tree};
use fleet::model::time::Timestamp;

use crate::lab::Lab;

fn settings(remote: Option<&str>) -> GitSettings {
    GitSettings {
        remote: remote.map(str::to_owned),
        ..GitSettings::default()
    }
}

fn desired(folder: &Path, remote: Option<&str>) -> Result<Desired, GitError> {
    Repository::discover(folder)?.desired(&settings(remote))
}

/// Sets `fleet.yaml` to a text that is nowhere yet.
fn bump(folder: &Path, remote: Option<&str>, target: Target) -> Result<DesiredCommitted, GitError> {
    let repository = Repository::discover(folder)?;
    let base = repository.head()?;
    repository.commit_desired(
        &Branches::new(&settings(remote)),
        &DesiredCommit {
            base: &base,
            path: "fleet.yaml",
            bytes: b"name: acme # bumped\n",
            message: "Bump\n",
            at: Timestamp::from_unix(1_795_136_500),
            target,
        },
    )
}

fn hint(error: &GitError) -> String {
    error.hint().unwrap()
}

#[test]
fn a_folder_without_repository_is_named() {
    let lab = Lab::empty();
    let folder = lab.root().join("nothing");
    fs::create_dir(&folder).unwrap();
    let error = Repository::discover(&folder).unwrap_err();
    assert!(
        matches!(error, GitError::NotARepository { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("nothing is not in a git repository")
    );
    assert!(hint(&error).contains("fleet init"));
}

#[test]
fn a_repository_that_cannot_be_opened_is_not_called_missing() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    fs::write(folder.join(".git/config"), "[core\n").unwrap();
    let error = Repository::discover(&folder).unwrap_err();
    assert!(matches!(error, GitError::Library { .. }), "{error:?}");
}

#[test]
fn a_bare_repository_is_refused() {
    let lab = Lab::new();
    let error = Repository::discover(&lab.remote()).unwrap_err();
    assert!(matches!(error, GitError::Bare { .. }), "{error:?}");
    assert!(hint(&error).contains("clone"));
}

#[test]
fn a_repository_is_found_from_below_and_through_a_worktree() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let below = folder.join("templates/metricus");
    fs::create_dir_all(&below).unwrap();
    let repository = Repository::discover(&below).unwrap();
    assert_eq!(repository.work_dir(), folder.canonicalize().unwrap());

    lab.git(&folder, &["worktree", "add", "-q", "-b", "side", "../side"]);
    let side = lab.root().join("side");
    let worktree = Repository::discover(&side).unwrap();
    assert_eq!(
        worktree.private_dir().canonicalize().unwrap_or_default(),
        repository.private_dir().canonicalize().unwrap_or_default()
    );
    assert!(desired(&side, Some("origin")).is_ok());
}

#[test]
fn an_empty_repository_says_so() {
    let lab = Lab::empty();
    let folder = lab.init("one");
    let error = desired(&folder, None).unwrap_err();
    assert!(matches!(error, GitError::Empty), "{error:?}");
    assert!(hint(&error).contains("git commit"));
    let error = Repository::discover(&folder).unwrap().head().unwrap_err();
    assert!(matches!(error, GitError::Empty), "{error:?}");
}

#[test]
fn a_missing_remote_and_a_remote_that_is_away_are_two_things() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let error = desired(&folder, Some("upstream")).unwrap_err();
    assert!(matches!(&error, GitError::NoRemote { remote } if remote == "upstream"));
    assert!(hint(&error).contains("remote: none"));
    lab.set_away(true);
    let error = desired(&folder, Some("origin")).unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert_eq!(hint(&error), "try: git ls-remote origin");
}

#[test]
fn a_branch_that_the_remote_does_not_have_is_named() {
    for lab in [Lab::empty(), Lab::new()] {
        let folder = lab.clone("one");
        let settings = GitSettings {
            branch: "live".to_owned(),
            ..GitSettings::default()
        };
        let repository = Repository::discover(&folder).unwrap();
        let error = repository.desired(&settings).unwrap_err();
        assert_eq!(error.to_string(), "remote origin has no branch live");
        assert!(hint(&error).contains("git push origin live"));
    }
}

#[test]
fn what_the_remote_has_is_desired_even_after_a_rewrite() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let first = desired(&folder, Some("origin")).unwrap();
    assert_eq!(
        (first.subject.as_str(), first.author.as_str(), &first.hint),
        ("Change fleet.yaml", "A Person", &None)
    );
    let seed = lab.root().join("seed");
    lab.git(&seed, &["commit", "-q", "--amend", "-m", "Another story"]);
    lab.git(&seed, &["push", "-q", "--force", "origin", "main"]);
    let second = desired(&folder, Some("origin")).unwrap();
    assert_eq!(second.subject, "Another story");
    assert_ne!(second.revision, first.revision);
    assert_eq!(
        second.hint, None,
        "the local branch is not ahead, it is elsewhere"
    );
}

#[test]
fn a_local_branch_that_is_ahead_gives_a_hint() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let remote = desired(&folder, Some("origin")).unwrap();
    lab.commit_file(&folder, "fleet.yaml", "name: acme # 1\n");
    let ahead = desired(&folder, Some("origin")).unwrap();
    assert_eq!(ahead.revision, remote.revision);
    assert_eq!(
        ahead.hint.as_deref(),
        Some(
            "local branch main is 1 commit ahead of origin; desired is what origin has: \
             git push origin main"
        )
    );
    lab.commit_file(&folder, "fleet.yaml", "name: acme # 2\n");
    let ahead = desired(&folder, Some("origin")).unwrap().hint.unwrap();
    assert!(ahead.contains("is 2 commits ahead"), "{ahead}");
}

#[test]
fn without_remote_the_local_branch_is_desired_or_head() {
    let lab = Lab::empty();
    let folder = lab.init("one");
    let first = lab.commit_file(&folder, "fleet.yaml", "name: acme\n");
    lab.git(&folder, &["switch", "-q", "-c", "side"]);
    let second = lab.commit_file(&folder, "fleet.yaml", "name: acme # 1\n");
    assert_eq!(desired(&folder, None).unwrap().revision.as_str(), first);
    lab.git(&folder, &["branch", "-q", "-D", "main"]);
    assert_eq!(desired(&folder, None).unwrap().revision.as_str(), second);
}

#[test]
fn a_shallow_clone_is_deepened() {
    let lab = Lab::new();
    let seed = lab.root().join("seed");
    let mut commits = vec![lab.git(&seed, &["rev-parse", "HEAD"])];
    for number in 0..3 {
        commits.push(lab.commit_file(&seed, "fleet.yaml", &format!("name: acme # {number}\n")));
    }
    lab.git(&seed, &["push", "-q", "origin", "main"]);
    let folder = lab.clone_with("one", &["--depth", "1"]);
    let shallow = ["rev-parse", "--is-shallow-repository"];
    assert_eq!(lab.git(&folder, &shallow), "true");
    let repository = Repository::discover(&folder).unwrap();
    let desired = repository.desired(&settings(Some("origin"))).unwrap();
    assert_eq!(desired.revision.as_str(), commits[3]);
    assert_eq!(lab.git(&folder, &shallow), "false");
    assert_eq!(repository.resolve("HEAD~3").unwrap().as_str(), commits[0]);
}

#[test]
fn a_shallow_clone_whose_branch_was_known_is_deepened_as_well() {
    let lab = Lab::new();
    let seed = lab.root().join("seed");
    lab.commit_file(&seed, "fleet.yaml", "name: acme # 1\n");
    lab.git(&seed, &["push", "-q", "origin", "main"]);
    let folder = lab.clone("one");
    desired(&folder, Some("origin")).unwrap();
    lab.git(&folder, &["fetch", "-q", "--depth", "1", "origin", "main"]);
    let shallow = ["rev-parse", "--is-shallow-repository"];
    assert_eq!(lab.git(&folder, &shallow), "true");
    desired(&folder, Some("origin")).unwrap();
    assert_eq!(lab.git(&folder, &shallow), "false");
}

#[test]
fn links_stay_links() {
    let lab = Lab::empty();
    let folder = lab.init("one");
    fs::write(lab.root().join("secret"), "secret\n").unwrap();
    fs::create_dir_all(folder.join("environments")).unwrap();
    fs::create_dir_all(folder.join("templates")).unwrap();
    symlink("../../secret", folder.join("environments/production.yaml")).unwrap();
    symlink("/etc", folder.join("templates/metricus")).unwrap();
    lab.commit_file(&folder, "fleet.yaml", "name: acme\n");
    lab.git(&folder, &["add", "."]);
    lab.git(&folder, &["commit", "-q", "-m", "Links"]);
    let repository = Repository::discover(&folder).unwrap();
    let committed = repository.tree_at(&repository.head().unwrap()).unwrap();
    let lying = repository.tree_of_work_dir().unwrap();
    assert_eq!(committed.entries, lying.entries);
    assert_eq!(
        (committed.commit, lying.commit),
        (repository.head().ok(), None)
    );
    let mut expected = Tree::default().with("fleet.yaml", "name: acme\n");
    for (path, target) in [
        ("environments/production.yaml", "../../secret"),
        ("templates/metricus", "/etc"),
    ] {
        let link = Entry::Link(target.to_owned());
        expected.entries.insert(path.into(), link);
    }
    assert_eq!(committed.entries, expected.entries);
}

#[test]
fn what_git_ignores_is_not_read_from_the_work_tree_unless_it_tracks_it() {
    let lab = Lab::empty();
    let folder = lab.init("one");
    lab.commit_file(&folder, ".gitignore", "*.local\nbuild/\n");
    lab.commit_file(&folder, "fleet.yaml", "name: acme\n");
    lab.commit_file(&folder, "templates/metricus/deploy.sh", "true\n");
    lab.commit_file(&folder, "templates/metricus/tracked.local", "tracked\n");
    lab.commit_file(&folder, "templates/build/deploy.sh", "true\n");
    for untracked in [
        "environments/mine.local",
        "templates/build/cache",
        "templates/metricus/build/cache",
    ] {
        let path = folder.join(untracked);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine\n").unwrap();
    }
    fs::write(folder.join("environments/new.yaml"), "hosts: {}\n").unwrap();
    fs::write(folder.join("README.md"), "none of its business\n").unwrap();
    let repository = Repository::discover(&folder).unwrap();
    let tree = repository.tree_of_work_dir().unwrap();
    let paths: Vec<&str> = tree.entries.keys().map(|path| &**path).collect();
    assert_eq!(
        paths,
        [
            "environments/new.yaml",
            "fleet.yaml",
            "templates/build/deploy.sh",
            "templates/metricus/deploy.sh",
            "templates/metricus/tracked.local",
        ]
    );
    let committed = repository.tree_at(&repository.head().unwrap()).unwrap();
    assert_eq!(committed.entries.len(), 4);
}

#[test]
fn a_file_too_large_is_not_read() {
    let lab = Lab::empty();
    let folder = lab.init("one");
    let text = "#".repeat(usize::try_from(Tree::LARGEST_FILE).unwrap() + 1);
    lab.commit_file(&folder, "fleet.yaml", &text);
    let repository = Repository::discover(&folder).unwrap();
    let large = Entry::TooLarge(Tree::LARGEST_FILE + 1);
    for tree in [
        repository.tree_at(&repository.head().unwrap()).unwrap(),
        repository.tree_of_work_dir().unwrap(),
    ] {
        assert_eq!(tree.entries.get("fleet.yaml"), Some(&large));
    }
}

#[test]
fn a_name_that_is_no_commit_is_refused() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let repository = Repository::discover(&folder).unwrap();
    for name in ["-x", "--all", "nowhere", "", "HEAD:fleet.yaml"] {
        let error = repository.resolve(name).unwrap_err();
        assert_eq!(error.to_string(), format!("{name:?} names no commit"));
    }
    lab.git(&folder, &["tag", "-a", "-m", "one", "v1"]);
    let head = repository.head().unwrap();
    for name in ["HEAD", "main", "v1", "origin/main", &head.as_str()[..12]] {
        assert_eq!(repository.resolve(name).unwrap(), head);
    }
}

#[test]
fn a_bump_goes_to_a_branch_and_touches_nothing_else() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let before = lab.git(&folder, &["status", "--porcelain=v2", "--branch"]);
    let target = Target::Branch("bump/metricus".to_owned());
    let made = bump(&folder, Some("origin"), target.clone()).unwrap();
    assert_eq!(made.branch, "bump/metricus");
    assert_eq!(
        lab.git(&folder, &["rev-parse", "bump/metricus"]),
        made.revision.as_str()
    );
    assert_eq!(
        lab.git(&folder, &["show", "bump/metricus:fleet.yaml"]),
        "name: acme # bumped"
    );
    assert_eq!(
        lab.git(&folder, &["diff", "--name-only", "main", "bump/metricus"]),
        "fleet.yaml"
    );
    assert_eq!(
        lab.git(&folder, &["status", "--porcelain=v2", "--branch"]),
        before
    );

    let error = bump(&folder, Some("origin"), target).unwrap_err();
    assert_eq!(error.to_string(), "branch bump/metricus exists already");
    let bad = Target::Branch("bump..metricus".to_owned());
    let error = bump(&folder, Some("origin"), bad).unwrap_err();
    assert!(matches!(error, GitError::BadBranch { .. }), "{error:?}");
}

#[test]
fn a_direct_bump_leaves_a_clean_work_tree() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    fs::write(folder.join("notes"), "mine\n").unwrap();
    let made = bump(&folder, Some("origin"), Target::Direct).unwrap();
    assert_eq!(made.branch, "main");
    assert_eq!(
        lab.git(&folder, &["rev-parse", "HEAD"]),
        made.revision.as_str()
    );
    assert_eq!(
        lab.git(&folder, &["symbolic-ref", "HEAD"]),
        "refs/heads/main"
    );
    assert_eq!(lab.git(&folder, &["status", "--porcelain"]), "?? notes");
    lab.git(&folder, &["fsck", "--strict"]);
}

#[test]
fn a_direct_bump_keeps_what_is_staged_elsewhere() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    lab.commit_file(&folder, "environments/lab.yaml", "hosts: {}\n");
    fs::write(folder.join("environments/lab.yaml"), "hosts: { a: {} }\n").unwrap();
    lab.git(&folder, &["add", "environments/lab.yaml"]);
    let made = bump(&folder, Some("origin"), Target::Direct).unwrap();
    assert_eq!(
        lab.git(&folder, &["status", "--porcelain"]),
        "M  environments/lab.yaml"
    );
    let changed = lab.git(
        &folder,
        &["show", "--format=", "--name-only", made.revision.as_str()],
    );
    assert_eq!(changed, "fleet.yaml");
}

#[test]
fn a_direct_bump_overwrites_nothing_that_is_not_committed() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let head = lab.git(&folder, &["rev-parse", "HEAD"]);
    let file = folder.join("fleet.yaml");
    fs::write(&file, "name: mine\n").unwrap();
    let dirty = |staged: bool| {
        let error = bump(&folder, Some("origin"), Target::Direct).unwrap_err();
        assert_eq!(
            error.to_string(),
            "fleet.yaml has changes that are not committed",
            "{staged}"
        );
        assert_eq!(lab.git(&folder, &["rev-parse", "HEAD"]), head);
    };
    dirty(false);
    lab.git(&folder, &["add", "fleet.yaml"]);
    dirty(true);
    // Staged, and the file itself put back.
    fs::write(&file, "name: acme\n").unwrap();
    dirty(true);
    assert_eq!(fs::read_to_string(&file).unwrap(), "name: acme\n");
    // On a branch the work tree does not matter.
    bump(&folder, Some("origin"), Target::Branch("bump".to_owned())).unwrap();
}

/// What git writes with other ends of lines is no change, and a bump leaves it that way.
#[test]
fn a_direct_bump_keeps_the_ends_of_lines_that_git_is_asked_for() {
    let lab = Lab::new();
    let folder = lab.clone_with("one", &["-c", "core.autocrlf=true"]);
    let file = folder.join("fleet.yaml");
    assert_eq!(fs::read_to_string(&file).unwrap(), "name: acme\r\n");
    let made = bump(&folder, Some("origin"), Target::Direct).unwrap();
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "name: acme # bumped\r\n"
    );
    assert_eq!(lab.git(&folder, &["status", "--porcelain"]), "");
    assert_eq!(
        lab.git(
            &folder,
            &["cat-file", "-s", &format!("{}:fleet.yaml", made.revision)]
        ),
        "20"
    );
    fs::write(&file, "name: mine\r\n").unwrap();
    let error = bump(&folder, Some("origin"), Target::Direct).unwrap_err();
    assert!(matches!(error, GitError::Dirty { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "name: mine\r\n");
}

/// The branch moved meanwhile: what lay there lies there again, byte for byte.
#[test]
fn a_direct_bump_that_is_too_late_leaves_the_file_as_it_was() {
    let lab = Lab::new();
    let folder = lab.clone_with("one", &["-c", "core.autocrlf=true"]);
    let file = folder.join("fleet.yaml");
    fs::write(folder.join(".git/index.lock"), "").unwrap();
    let error = bump(&folder, Some("origin"), Target::Direct).unwrap_err();
    assert!(hint(&error).contains("remove .git/index.lock"), "{error:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "name: acme\r\n");
    fs::remove_file(folder.join(".git/index.lock")).unwrap();
    assert_eq!(lab.git(&folder, &["status", "--porcelain"]), "");
}

#[test]
fn a_direct_bump_needs_the_desired_branch_checked_out() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    lab.git(&folder, &["switch", "-q", "-c", "side"]);
    let error = bump(&folder, Some("origin"), Target::Direct).unwrap_err();
    assert_eq!(
        error.to_string(),
        "branch side is checked out, and the desired branch is main"
    );
    lab.git(&folder, &["switch", "-q", "--detach", "main"]);
    let head = Revision::new(lab.git(&folder, &["rev-parse", "HEAD"]));
    let error = bump(&folder, Some("origin"), Target::Direct).unwrap_err();
    assert_eq!(error.to_string(), format!("HEAD is detached at {head}"));
    assert!(hint(&error).contains("--direct"));
}

#[test]
fn an_executable_file_stays_executable() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    lab.git(&folder, &["update-index", "--chmod=+x", "fleet.yaml"]);
    lab.git(&folder, &["commit", "-q", "-m", "Executable"]);
    bump(&folder, Some("origin"), Target::Branch("bump".to_owned())).unwrap();
    let entry = lab.git(&folder, &["ls-tree", "bump", "fleet.yaml"]);
    assert!(entry.starts_with("100755 "), "{entry}");
}
