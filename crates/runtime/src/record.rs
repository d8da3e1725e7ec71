//! What is known of each task, on disk: `tasks/<task>/task.json`.
//!
//! Written whole and renamed into place, so that a killed supervisor leaves the old or the new
//! record. Names of variables are recorded, values never.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{ContainerState, ContainerStatus, TaskStatus};
use crate::files::create_private_subdir;
use crate::memory::ControlGroup;
use crate::process::ProcessIdentity;
use crate::task::{ContainerName, TaskId, TaskSpec};

const RECORD_NAME: &str = "task.json";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TaskRecord {
    pub(crate) id: TaskId,
    /// Process numbers mean nothing after the machine has started again.
    pub(crate) boot_id: String,
    pub(crate) log_dir: PathBuf,
    pub(crate) created: Timestamp,
    pub(crate) containers: Vec<ContainerRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ContainerRecord {
    pub(crate) name: ContainerName,
    pub(crate) port: Option<u16>,
    pub(crate) variables: Vec<String>,
    pub(crate) home: PathBuf,
    pub(crate) identity: Option<ProcessIdentity>,
    pub(crate) control_group: Option<ControlGroup>,
    pub(crate) state: ContainerState,
}

impl TaskRecord {
    pub(crate) fn status(&self) -> TaskStatus {
        let container = |record: &ContainerRecord| ContainerStatus {
            name: record.name.clone(),
            state: record.state.clone(),
            port: record.port,
        };
        TaskStatus {
            id: self.id.clone(),
            containers: self.containers.iter().map(container).collect(),
        }
    }

    pub(crate) fn is_final(&self) -> bool {
        self.containers
            .iter()
            .all(|container| container.state.is_final())
    }
}

/// The records of one supervisor.
#[derive(Debug)]
pub(crate) struct Records {
    directory: PathBuf,
    boot_id: String,
}

impl Records {
    /// `directory` must exist.
    pub(crate) fn open(directory: &Path, boot_id: String) -> io::Result<Self> {
        let directory = directory.join("tasks");
        create_private_subdir(&directory)?;
        Ok(Self { directory, boot_id })
    }

    pub(crate) fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// Makes the record and the home directories of a task that is about to start.
    pub(crate) fn create(&self, spec: &TaskSpec) -> io::Result<TaskRecord> {
        let directory = self.directory_of(&spec.id);
        create_private_subdir(&directory)?;
        let mut containers = Vec::new();
        for container in &spec.containers {
            let home = directory.join(container.name.as_str());
            create_private_subdir(&home)?;
            containers.push(ContainerRecord {
                name: container.name.clone(),
                port: container.port,
                variables: container.env.names().map(str::to_owned).collect(),
                home,
                identity: None,
                control_group: None,
                state: ContainerState::Starting,
            });
        }
        let record = TaskRecord {
            id: spec.id.clone(),
            boot_id: self.boot_id.clone(),
            log_dir: spec.log_dir.clone(),
            created: Timestamp::now(),
            containers,
        };
        self.save(&record)?;
        Ok(record)
    }

    /// Never makes the directory: if it vanished, it must not come back.
    pub(crate) fn save(&self, record: &TaskRecord) -> io::Result<()> {
        let directory = self.directory_of(&record.id);
        let draft = directory.join("task.json.draft");
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        fs::rename(&draft, directory.join(RECORD_NAME))
    }

    /// Every record, the oldest first. A directory without one belongs to a start that never
    /// happened, and is removed. One that cannot be read stays as it is.
    pub(crate) fn load(&self) -> io::Result<Vec<TaskRecord>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let directory = entry?.path();
            match fs::read(directory.join(RECORD_NAME)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::remove_dir_all(&directory)?;
                }
                text => match serde_json::from_slice::<TaskRecord>(&text?) {
                    Ok(record) => records.push(record),
                    Err(error) => {
                        tracing::error!(directory = %directory.display(), %error, "no record");
                    }
                },
            }
        }
        records.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(records)
    }

    pub(crate) fn remove(&self, task: &TaskId) -> io::Result<()> {
        match fs::remove_dir_all(self.directory_of(task)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Whose home directory a path is, if any.
    pub(crate) fn owns(&self, home: &Path) -> bool {
        home.starts_with(&self.directory)
    }

    fn directory_of(&self, task: &TaskId) -> PathBuf {
        self.directory.join(task.as_str())
    }
}
