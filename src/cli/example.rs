//! The example fleet, embedded: the files of the project's own root.

use include_dir::{Dir, include_dir};

const FLEET: &str = include_str!("../../fleet.yaml");
static ENVIRONMENTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/environments");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// Path from the repository's root, and bytes.
pub(crate) fn files() -> Vec<(String, &'static [u8])> {
    let mut files = vec![("fleet.yaml".to_owned(), FLEET.as_bytes())];
    collect("environments", &ENVIRONMENTS, &mut files);
    collect("templates", &TEMPLATES, &mut files);
    files
}

fn collect(root: &str, folder: &'static Dir<'static>, files: &mut Vec<(String, &'static [u8])>) {
    files.extend(
        folder
            .files()
            .map(|file| (format!("{root}/{}", file.path().display()), file.contents())),
    );
    for inner in folder.dirs() {
        collect(root, inner, files);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_embedded_files_are_those_of_the_root() {
        for (path, bytes) in files() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
            assert_eq!(
                std::fs::read(&file).expect("a file of the root"),
                bytes,
                "{path}"
            );
        }
    }
}
