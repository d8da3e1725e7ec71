//! Where the platform keeps what: the state directory beside the manifest and
//! the directory of its keys outside the project.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::{self, FileIdentity};

/// Moves the state directory when set (issue 3, "Living together").
pub const STATE_DIR_VARIABLE: &str = "SEAWAY_STATE_DIR";

const README: &str = "\
State of Seaway's embedded platform for this checkout: images, logs, volumes
and the store. `seaway local stop` stops what runs; deleting this directory
deletes all of it, data volumes included.
";

/// The two directories of one embedded platform, and the names inside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    root: PathBuf,
    keys_root: PathBuf,
}

/// The state directory cannot be used.
#[derive(Debug, Error)]
pub enum LayoutError {
    #[error("neither XDG_DATA_HOME nor HOME says where the platform's keys can be kept")]
    NoHome,
    #[error("failed to prepare the state directory {path}")]
    Prepare {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl StateDir {
    /// State in `root`, keys below `keys_root`. Nothing is created yet.
    #[must_use]
    pub fn new(root: PathBuf, keys_root: PathBuf) -> Self {
        Self { root, keys_root }
    }

    /// The directories that belong to the manifest in `project`, as the
    /// environment variables say: `SEAWAY_STATE_DIR`, else `.seaway` beside the
    /// manifest; keys in `$XDG_DATA_HOME/seaway/platforms`, by default
    /// `~/.local/share/seaway/platforms`.
    pub fn from_environment(
        project: &Path,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, LayoutError> {
        let set = |name: &str| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let root = set(STATE_DIR_VARIABLE)
            .map_or_else(|| project.join(".seaway"), |moved| project.join(moved));
        let data = set("XDG_DATA_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".local/share")))
            .ok_or(LayoutError::NoHome)?;
        Ok(Self::new(root, data.join("seaway/platforms")))
    }

    /// Creates the directory where it is missing, ignored by git and readable
    /// by its owner alone.
    pub fn create(&self) -> Result<(), LayoutError> {
        self.try_create().map_err(|source| LayoutError::Prepare {
            path: self.root.clone(),
            source,
        })
    }

    fn try_create(&self) -> io::Result<()> {
        files::create_private_dir(&self.root)?;
        // An older Seaway left some of these open to others.
        let directories = [self.registry(), self.images(), self.task_logs()];
        let others = [self.volumes(), self.supervisor(), self.access_log()];
        for path in directories.iter().chain(&others) {
            files::make_private(path)?;
        }
        for (name, text) in [(".gitignore", "*\n"), ("README", README)] {
            let path = self.root.join(name);
            if files::read_if_present(&path)?.is_none() {
                files::replace(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Removes what only means something to the directory it was written in:
    /// called when the directory turns out to be a copy of another one.
    pub(crate) fn forget_processes(&self) -> io::Result<()> {
        [self.port(), self.process(), self.supervisor()]
            .iter()
            .try_for_each(|path| files::remove_if_present(path))
    }

    /// Which directory this is on the file system; `None` when it is gone.
    pub fn identity(&self) -> io::Result<Option<FileIdentity>> {
        FileIdentity::of(&self.root)
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory below which every platform of this user has its keys.
    #[must_use]
    pub fn keys_root(&self) -> &Path {
        &self.keys_root
    }

    /// The random name of this platform, and of its directory below the keys.
    #[must_use]
    pub fn platform_id(&self) -> PathBuf {
        self.root.join("platform.id")
    }

    /// The port chosen at first start.
    #[must_use]
    pub fn port(&self) -> PathBuf {
        self.root.join("port")
    }

    /// The profile of waiting times, where one was chosen.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.root.join("profile")
    }

    /// How tasks run, where it was chosen.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.root.join("runtime")
    }

    /// Who runs: process id, start time, boot id and version of the platform.
    #[must_use]
    pub fn process(&self) -> PathBuf {
        self.root.join("platform.json")
    }

    /// Locked by the running platform as long as it lives.
    #[must_use]
    pub fn platform_lock(&self) -> PathBuf {
        self.root.join("platform.lock")
    }

    /// Locked by a command while it starts or stops the platform.
    #[must_use]
    pub fn launch_lock(&self) -> PathBuf {
        self.root.join("launch.lock")
    }

    /// Output of the background process.
    #[must_use]
    pub fn platform_log(&self) -> PathBuf {
        self.root.join("platform.log")
    }

    /// The SQLite store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.root.join("store.db")
    }

    /// Blobs and unfinished uploads of the image registry.
    #[must_use]
    pub fn registry(&self) -> PathBuf {
        self.root.join("registry")
    }

    /// Unpacked images.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Output of tasks as the supervisor writes it.
    #[must_use]
    pub fn task_logs(&self) -> PathBuf {
        self.root.join("tasks")
    }

    /// Data volumes of services.
    #[must_use]
    pub fn volumes(&self) -> PathBuf {
        self.root.join("volumes")
    }

    /// The supervisor's own directory.
    #[must_use]
    pub fn supervisor(&self) -> PathBuf {
        self.root.join("supervisor")
    }

    /// The router's access log.
    #[must_use]
    pub fn access_log(&self) -> PathBuf {
        self.root.join("access.log")
    }

    /// The certificate of the platform's authority, for clients of HTTPS listeners to trust.
    #[must_use]
    pub fn authority_certificate(&self) -> PathBuf {
        self.root.join("authority.pem")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn variables(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        }
    }

    #[test]
    fn state_lives_beside_the_manifest_and_keys_in_the_data_home() {
        let state =
            StateDir::from_environment(Path::new("/shop"), variables(&[("HOME", "/home/ada")]))
                .unwrap();
        assert_eq!(state.root(), Path::new("/shop/.seaway"));
        assert_eq!(
            state.keys_root(),
            Path::new("/home/ada/.local/share/seaway/platforms")
        );
    }

    #[test]
    fn variables_move_both_directories() {
        let environment = variables(&[
            ("HOME", "/home/ada"),
            ("XDG_DATA_HOME", "/data"),
            (STATE_DIR_VARIABLE, "elsewhere"),
        ]);
        let state = StateDir::from_environment(Path::new("/shop"), environment).unwrap();
        assert_eq!(state.root(), Path::new("/shop/elsewhere"));
        assert_eq!(state.keys_root(), Path::new("/data/seaway/platforms"));
    }

    #[test]
    fn without_a_home_there_is_no_place_for_keys() {
        let result = StateDir::from_environment(Path::new("/shop"), variables(&[]));
        assert!(matches!(result, Err(LayoutError::NoHome)));
    }

    #[test]
    fn the_directory_brings_its_own_ignore_file() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        state.create().unwrap();
        state.create().unwrap();
        assert_eq!(
            fs::read_to_string(state.root().join(".gitignore")).unwrap(),
            "*\n"
        );
    }
}
