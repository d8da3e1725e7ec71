//! The corpus in the repository: few inputs that together reach all that was ever reached.

use std::fs;
use std::path::Path;

use super::{Setting, Target};
use crate::prove::bench::{During as _, ProofError, claim, note};

/// Replaces the corpus of a target by the smallest choice from it and from what was found.
pub(super) fn keep(target: &Target, setting: &Setting) -> Result<(), ProofError> {
    let corpus = setting.corpus.join(target.name);
    let found = setting.found.join(target.name);
    let chosen = tempfile::tempdir().during("make a directory")?;
    let status = target
        .command(setting)
        // By places reached, not by how often: a fraction of the files.
        .args(["-merge=1", "-set_cover_merge=1", "-use_counters=0"])
        .arg(chosen.path())
        .args([&found, &corpus])
        .stderr(std::process::Stdio::null())
        .status()
        .during("choose from the corpus")?;
    claim!(status.success(), "{}: the choice failed", target.name);
    replace(&corpus, chosen.path())?;
    let count = corpus.read_dir().during("count the corpus")?.count();
    note(format!("{}: {count} inputs in the corpus", target.name));
    Ok(())
}

/// Makes the files of a directory those of another one.
fn replace(directory: &Path, by: &Path) -> Result<(), ProofError> {
    for file in directory.read_dir().during("list the corpus")? {
        let file = file.during("list the corpus")?;
        fs::remove_file(file.path()).during("remove an old input")?;
    }
    for file in by.read_dir().during("list the chosen inputs")? {
        let file = file.during("list the chosen inputs")?;
        let to = directory.join(file.file_name());
        fs::copy(file.path(), to).during("keep an input")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_chosen_inputs_stay() {
        let (corpus, chosen) = (tempfile::tempdir(), tempfile::tempdir());
        let (corpus, chosen) = (corpus.expect("one"), chosen.expect("another"));
        fs::write(corpus.path().join("old"), "1").expect("an input");
        fs::write(chosen.path().join("new"), "2").expect("an input");
        replace(corpus.path(), chosen.path()).expect("replaced");
        assert!(!corpus.path().join("old").exists());
        let new = fs::read_to_string(corpus.path().join("new"));
        assert_eq!(new.expect("an input"), "2");
    }
}
