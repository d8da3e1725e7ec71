//! What is to be run: a task and its containers, as the platform hands them to the supervisor.

mod settings;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub use settings::{
    Device, HostEntry, Input, NetworkSettings, Privileges, Settings, Terminal, Tmpfs, Ulimit,
};

/// The longest name of a task or container; ECS allows 255 characters for a container.
const NAME_LIMIT: usize = 255;

/// A task of one or more containers that live side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    pub id: TaskId,
    /// Started in this order; names are unique within the task.
    pub containers: Vec<ContainerSpec>,
    /// Where each container's output goes, see [`crate::logs`]. Created when missing.
    pub log_dir: PathBuf,
    pub log_limits: LogLimits,
}

impl TaskSpec {
    /// Whether a container engine is needed to run it.
    pub fn needs_engine(&self) -> bool {
        let in_engine = |container: &ContainerSpec| matches!(container.root, Root::Image(_));
        self.containers.iter().any(in_engine)
    }
}

/// One container of a task: a process and everything it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerSpec {
    pub name: ContainerName,
    /// Where its files come from.
    pub root: Root,
    /// The image's working directory, seen from `root`; empty or `/` is the root itself.
    pub workdir: String,
    /// Entry point and command. The first word is looked up as [`crate::launch`] describes.
    pub argv: Vec<String>,
    /// All the process gets, besides `PATH` (that of most images) and `HOME` (a directory of its
    /// own) unless declared here, `PORT`, and a variable for each volume. Nothing is inherited.
    pub env: Environment,
    /// Given to the process as `PORT`, whatever its environment declares.
    pub port: Option<u16>,
    pub memory: Option<MemoryLimit>,
    pub cpu: Option<CpuUnits>,
    pub volumes: Vec<Volume>,
}

/// Where the files of a container come from, which is also what runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Root {
    /// The unpacked image, see [`crate::unpack`]: a process of this machine, see
    /// [`crate::supervisor`].
    Directory(PathBuf),
    /// An image that a container engine has: a container, see [`crate::containers`].
    Image(Box<ImageRoot>),
}

impl Root {
    /// The directory of a process.
    pub fn directory(&self) -> Option<&PathBuf> {
        match self {
            Self::Directory(directory) => Some(directory),
            Self::Image(_) => None,
        }
    }
}

/// What a container of an engine has besides what processes have, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRoot {
    /// The image, as the engine knows it.
    pub image: String,
    /// Who it runs as, in the words of the image: `user`, `uid`, `user:group`; the image's own
    /// where there is none.
    pub user: Option<String>,
    pub files: RootFiles,
    pub init: InitProcess,
    /// Its ports that can be reached from this machine.
    pub publish: Vec<PublishedPort>,
    /// The most CPU time it gets, in ECS units; none: as much as there is.
    pub cpu_ceiling: Option<CpuUnits>,
    /// The end of the task's life is its end, too.
    pub role: Role,
    /// The containers that have to come this far before it starts.
    pub depends_on: Vec<Dependency>,
    pub health_check: Option<HealthCheck>,
    /// How long others wait for this container to come as far as they need it.
    pub start_timeout: Option<Duration>,
    /// Between the signal and the kill; else what the stop says.
    pub stop_timeout: Option<Duration>,
    /// The signal that asks it to stop; else what the stop says.
    pub stop_signal: Option<StopSignal>,
    /// Containers of the task whose volumes it has, too.
    pub volumes_from: Vec<VolumesFrom>,
    pub settings: Settings,
    pub network: NetworkSettings,
}

/// All volumes of another container of the task, at the same places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumesFrom {
    pub container: ContainerName,
    pub access: Access,
}

/// What a container may do with a volume. A process can do both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    #[default]
    Write,
    Read,
}

impl Access {
    /// Whether it is what there was before there was a choice.
    fn is_write(&self) -> bool {
        *self == Self::Write
    }
}

/// Whether the root file system may be written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootFiles {
    #[default]
    Writable,
    ReadOnly,
}

/// Who is the first process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitProcess {
    /// The command itself.
    #[default]
    Command,
    /// A small one of the engine, which passes signals on and collects orphans.
    Reaper,
}

/// Whether a task can do without a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Essential,
    Helper,
}

/// A port of a container and its place on this machine's loopback address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    pub container: u16,
    pub host: u16,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

/// Another container of the task, and how far it has to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub container: ContainerName,
    pub condition: Condition,
}

/// How far a container has to be before another one starts (ECS: `ContainerCondition`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    /// It was started.
    Start,
    /// It has ended, whatever its exit code.
    Complete,
    /// It has ended with exit code 0.
    Success,
    /// Its health check passes.
    Healthy,
}

/// A command inside the container that tells whether it works (ECS: `HealthCheck`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `CMD` and the words of a command, or `CMD-SHELL` and a line for its shell.
    pub command: Vec<String>,
    pub interval: Duration,
    pub timeout: Duration,
    pub retries: u32,
    /// Failures at the beginning that do not count; none: they count at once.
    pub start_period: Option<Duration>,
}

/// A directory of the host that a container may write to and that outlives it.
///
/// A process without a mount namespace cannot see it at `container_path`, and Seaway does not
/// pretend: the process finds the directory in `SEAWAY_VOLUME_<NAME>` (upper case, every other
/// character than letters and digits replaced by `_`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    pub name: String,
    /// Created when missing.
    pub host_path: PathBuf,
    pub container_path: String,
    /// Not told where it says nothing new: an older supervisor does not know it.
    #[serde(default, skip_serializing_if = "Access::is_write")]
    pub access: Access,
}

impl Volume {
    /// The variable that tells a process where the volume is.
    pub fn variable(&self) -> String {
        let name: String = self
            .name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        format!("SEAWAY_VOLUME_{name}")
    }
}

/// The most memory a container may use, in bytes. Beyond it the container is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemoryLimit(pub u64);

impl MemoryLimit {
    /// The limit in the unit of a task definition.
    pub fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1024 * 1024))
    }
}

/// CPU shares in ECS units: 1024 are one virtual CPU. Relative weight only, never a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuUnits(pub u32);

/// How much output is kept per container. The oldest segment goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLimits {
    /// A segment that grew beyond this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// How many segments are kept, the current one included; at least one.
    pub segments: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            segment_bytes: 8 * 1024 * 1024,
            segments: 8,
        }
    }
}

/// Environment variables. Values may be secret: `Debug` shows names only, and values are never
/// written to disk by this crate.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    pub fn new(variables: Vec<(String, String)>) -> Self {
        Self(variables)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// A task's name, unique for the life of the state directory: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

/// A container's name, unique within its task: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerName(String);

/// The name of a task or container is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name: use 1 to {NAME_LIMIT} letters, digits, `-` and `_`")]
pub struct NameError(String);

fn checked(name: String) -> Result<String, NameError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > NAME_LIMIT || !name.chars().all(plain) {
        return Err(NameError(name));
    }
    Ok(name)
}

macro_rules! name_type {
    ($type:ident) => {
        impl $type {
            /// Checks the name, which also becomes a file name.
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                checked(name.into()).map(Self)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(TaskId);
name_type!(ContainerName);

/// The signal that asks a task to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StopSignal(Signal);

/// The text names no signal that Seaway can send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a signal: use a name like SIGTERM or a number")]
pub struct SignalError(String);

impl StopSignal {
    pub(crate) fn signal(self) -> Signal {
        self.0
    }
}

/// SIGTERM, as ECS does for an image without a stop signal.
impl Default for StopSignal {
    fn default() -> Self {
        Self(Signal::SIGTERM)
    }
}

/// Reads what an image configuration may say: `SIGTERM`, `TERM` or `15`.
impl FromStr for StopSignal {
    type Err = SignalError;

    fn from_str(text: &str) -> Result<Self, SignalError> {
        let upper = text.to_ascii_uppercase();
        let signal = match upper.parse::<i32>() {
            Ok(number) => Signal::try_from(number).ok(),
            Err(_) if upper.starts_with("SIG") => Signal::from_str(&upper).ok(),
            Err(_) => Signal::from_str(&format!("SIG{upper}")).ok(),
        };
        signal.map(Self).ok_or_else(|| SignalError(text.to_owned()))
    }
}

impl TryFrom<String> for StopSignal {
    type Error = SignalError;

    fn try_from(text: String) -> Result<Self, SignalError> {
        text.parse()
    }
}

impl From<StopSignal> for String {
    fn from(signal: StopSignal) -> String {
        signal.0.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_signal_is_read_by_name_short_name_and_number() {
        for text in ["SIGQUIT", "QUIT", "quit", "3"] {
            assert_eq!(text.parse(), Ok(StopSignal(Signal::SIGQUIT)), "{text}");
        }
        assert_eq!(
            "SIGNOPE".parse::<StopSignal>(),
            Err(SignalError("SIGNOPE".into()))
        );
        assert_eq!("0".parse::<StopSignal>(), Err(SignalError("0".into())));
    }

    #[test]
    fn a_name_never_leaves_its_directory() {
        for bad in ["", ".", "..", "a/b", "a b", "a\0b", &"x".repeat(256)] {
            assert!(TaskId::new(bad).is_err(), "{bad:?}");
        }
        assert!(ContainerName::new("api_v2-blue").is_ok());
        assert!(serde_json::from_str::<TaskId>("\"../x\"").is_err());
    }

    #[test]
    fn the_environment_hides_its_values() {
        let env = Environment::new(vec![("KEY".into(), "hunter2".into())]);
        let shown = format!("{env:?}");
        assert!(
            shown.contains("KEY") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn a_volume_names_its_variable() {
        let volume = Volume {
            name: "my-data.v2".into(),
            host_path: "/tmp/x".into(),
            container_path: "/data".into(),
            access: Access::Write,
        };
        assert_eq!(volume.variable(), "SEAWAY_VOLUME_MY_DATA_V2");
    }
}
