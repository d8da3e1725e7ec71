//! What has had its time: stopped tasks, finished service deployments, deleted services.

use super::Platform;
use super::leftovers::{remove_log, sweep_logs};
use super::records::{ArchivedDeployment, RevisionRecord, RunRecord, StoppedRecord};
use crate::clock::EpochMillis;
use crate::store::{Store, StoreError};

impl Platform {
    /// Removes what is older than the profile's retention.
    pub fn remove_expired(&self, now: EpochMillis) -> Result<(), StoreError> {
        let profile = self.profile.scheduler();
        let before = |retention: std::time::Duration| {
            let millis = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
            EpochMillis(now.0.saturating_sub(millis))
        };
        let store = &self.parts.store;
        let gone = remove_stopped_tasks(store, before(profile.stopped_task_retention))?;
        gone.iter().for_each(|id| remove_log(&self.task_logs, id));
        sweep_logs(&self.task_logs, |task| self.book().is_alive(task), store)?;
        remove_deployments(store, before(profile.service_deployment_retention))?;
        self.change(|book| {
            book.drop_deleted(before(profile.stopped_task_retention));
            Ok(())
        })
    }
}

/// Removes tasks that stopped before `then`, and returns their ids.
fn remove_stopped_tasks(store: &Store, then: EpochMillis) -> Result<Vec<String>, StoreError> {
    let (tasks, runs) = store.read::<_, StoreError>(|view| {
        let tasks = view.list::<StoppedRecord>("")?;
        Ok((tasks, view.list::<RunRecord>("")?))
    })?;
    let old = |record: &StoppedRecord| record.task.stopped_at.is_none_or(|at| at.0 < then.0);
    let gone: Vec<String> = tasks
        .into_iter()
        .filter(|(_, record)| old(record))
        .map(|(id, _)| id)
        .collect();
    store.write::<_, StoreError>(|tx| {
        for id in &gone {
            tx.remove::<StoppedRecord>(id)?;
        }
        for (key, _) in runs.iter().filter(|(_, run)| run.at < then) {
            tx.remove::<RunRecord>(key)?;
        }
        Ok(())
    })?;
    Ok(gone)
}

/// Removes service deployments that last changed before `then`, and revisions as old that their
/// service does not have at hand.
fn remove_deployments(store: &Store, then: EpochMillis) -> Result<(), StoreError> {
    let (deployments, revisions) = store.read::<_, StoreError>(|view| {
        let deployments = view.list::<ArchivedDeployment>("")?;
        Ok((deployments, view.list::<RevisionRecord>("")?))
    })?;
    let old = |one: &ArchivedDeployment| one.deployment.updated_at.0 < then.0;
    store.write(|tx| {
        for (key, _) in deployments.iter().filter(|(_, one)| old(one)) {
            tx.remove::<ArchivedDeployment>(key)?;
        }
        for (key, _) in revisions.iter().filter(|(_, one)| one.created_at < then) {
            tx.remove::<RevisionRecord>(key)?;
        }
        Ok(())
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use seaway_scheduler::{
        Command, Millis, NewTask, Profile, Revision, StandaloneTask, TaskReport,
    };

    use super::*;
    use crate::keys::StoreKey;
    use crate::platform::records::{Place, TaskAbout};

    /// A task that stopped at that time.
    pub(crate) fn stopped_at(at: i64) -> StoppedRecord {
        let revision = Revision {
            task_definition: "job:1".into(),
            containers: vec![],
            target_groups: vec![],
        };
        let profile = Profile::quick();
        let seed = at.unsigned_abs();
        let new = NewTask {
            seed,
            revision,
            profile,
        };
        let (mut task, _) = StandaloneTask::launch(Millis(0), new);
        let commands = task.step(Millis(at), TaskReport::Stopped);
        let task = commands.into_iter().find_map(|command| match command {
            Command::Retire(task) => Some(*task),
            _ => None,
        });
        StoppedRecord {
            about: TaskAbout::default(),
            task: task.unwrap(),
            place: Place::default(),
        }
    }

    #[test]
    fn a_stopped_task_leaves_when_it_has_had_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let (old, new) = (stopped_at(1_000), stopped_at(2_000));
        let (old_id, new_id) = (old.task.id.clone(), new.task.id.clone());
        let run = |at: i64| RunRecord {
            at: EpochMillis(at),
            tasks: vec![],
            asked: None,
        };
        store
            .write::<_, StoreError>(|tx| {
                tx.put(old_id.as_str(), &old)?;
                tx.put(new_id.as_str(), &new)?;
                tx.put("shop/old", &run(1_000))?;
                tx.put("shop/new", &run(2_000))
            })
            .unwrap();
        let gone = remove_stopped_tasks(&store, EpochMillis(1_500)).unwrap();
        assert_eq!(gone, [old_id.as_str()]);
        let left = store
            .read::<_, StoreError>(|view| {
                let tasks = view.list::<StoppedRecord>("")?;
                Ok((tasks.len(), view.list::<RunRecord>("")?.len()))
            })
            .unwrap();
        assert_eq!(left, (1, 1));
    }
}
