//! Files that nobody needs any more: what a killed platform left half done, images that the
//! registry let go of, logs of tasks that are not on record.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use seaway_runtime::containers::Engine;
use seaway_runtime::unpack::{Sha256Digest, Unpacker};

use super::book::Book;
use super::records::StoppedRecord;
use crate::store::{Store, StoreError};

/// Removes halves of images, and those that can no longer be pulled and that no task runs from.
/// Only before anything is launched. What cannot be removed stays, and the platform starts.
pub(super) fn sweep_images(unpacker: &Unpacker, store: &Store, book: &Book) {
    let running = images_of_tasks(book);
    let swept = unpacker.sweep(|image| running.contains(image) || is_known(store, image));
    match swept {
        Ok(0) => {}
        Ok(images) => tracing::info!(images, "unpacked images that nobody can use any more went"),
        Err(error) => tracing::warn!(%error, "unpacked images that nobody needs stay"),
    }
}

/// Removes images of this platform from the engine that can no longer be pulled. One that a
/// container uses stays.
pub(super) async fn sweep_engine(engine: &Engine, repository: &str, store: &Store) {
    let names = match engine.images_of(repository).await {
        Ok(names) => names,
        Err(error) => return tracing::warn!(%error, "the engine's images are not looked through"),
    };
    for name in names {
        let digest = name.rsplit(':').next().map(|tag| tag.replace('-', ":"));
        let digest = digest.and_then(|digest| digest.parse::<Sha256Digest>().ok());
        if digest.is_some_and(|digest| !is_known(store, &digest))
            && let Err(error) = engine.remove_image(&name).await
        {
            tracing::debug!(name, %error, "an image of the engine stays");
        }
    }
}

/// The images that live tasks run from.
fn images_of_tasks(book: &Book) -> BTreeSet<Sha256Digest> {
    let containers = book.live_tasks().flat_map(|(task, _)| &task.containers);
    containers
        .filter_map(|container| container.image_digest.as_ref()?.parse().ok())
        .collect()
}

/// Whether the registry has the image; in doubt it does.
fn is_known(store: &Store, image: &Sha256Digest) -> bool {
    let found = store.read::<_, StoreError>(|view| view.blob_size(&image.to_string()));
    !matches!(found, Ok(None))
}

/// Removes the logs of tasks that are neither alive nor on record: a platform was killed while it
/// forgot them.
pub(super) fn sweep_logs(
    task_logs: &Path,
    is_alive: impl Fn(&str) -> bool,
    store: &Store,
) -> Result<(), StoreError> {
    // In this order: a task is in the book before its log is there, and on record when it leaves.
    for task in names(task_logs) {
        if is_alive(&task) {
            continue;
        }
        let stopped = store.read::<_, StoreError>(|view| view.get::<StoppedRecord>(&task))?;
        if stopped.is_none() {
            remove_log(task_logs, &task);
        }
    }
    Ok(())
}

/// Removes the files of a task's log: its lines are in CloudWatch Logs.
pub(super) fn remove_log(task_logs: &Path, task: &str) {
    match std::fs::remove_dir_all(task_logs.join(task)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, task, "the files of its log stay");
        }
        _ => {}
    }
}

/// The names in a directory; none where it cannot be read.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use seaway_scheduler::{ContainerImage, Millis, NewTask, Profile, StandaloneTask, TaskReport};

    use super::*;
    use crate::clock::EpochMillis;
    use crate::keys::StoreKey;
    use crate::platform::records::{Place, StandaloneRecord, TaskAbout};

    struct Shelf {
        dir: tempfile::TempDir,
        store: Arc<Store>,
        book: Book,
    }

    impl Shelf {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
            let store = Arc::new(store);
            let book = Book::load(Arc::clone(&store), 1).unwrap();
            Self { dir, store, book }
        }

        /// A task that pulled the image.
        fn run(&mut self, image: &Sha256Digest) -> String {
            let new = NewTask {
                seed: 7,
                revision: super::super::book::tests::revision(1),
                profile: Profile::quick(),
            };
            let (mut scheduler, commands) = StandaloneTask::launch(Millis(0), new);
            let images = vec![ContainerImage {
                container: "main".into(),
                digest: image.to_string(),
            }];
            scheduler.step(Millis(1), TaskReport::PullStopped { images });
            let id = scheduler.id().to_string();
            let record = StandaloneRecord {
                about: TaskAbout::default(),
                scheduler,
                place: Place::default(),
            };
            self.book.add_standalone(record, commands);
            id
        }

        /// Something in the directory of an image that looks whole.
        fn unpacked(&self, text: &[u8]) -> Sha256Digest {
            let image = Sha256Digest::of(text);
            let images = self.dir.path().join("images");
            std::fs::create_dir_all(images.join(image.hex())).unwrap();
            std::fs::write(images.join(format!("{}.json", image.hex())), "{}").unwrap();
            image
        }
    }

    #[test]
    fn images_go_when_they_cannot_be_pulled_and_no_task_runs_from_them() {
        let mut shelf = Shelf::new();
        let [known, running, gone] = [b"a", b"b", b"c"].map(|text| shelf.unpacked(text));
        shelf
            .store
            .write::<_, StoreError>(|tx| tx.put_blob(&known.to_string(), 1, EpochMillis(0)))
            .unwrap();
        shelf.run(&running);
        let images = shelf.dir.path().join("images");
        sweep_images(&Unpacker::new(&images), &shelf.store, &shelf.book);
        let is_there = |image: &Sha256Digest| images.join(image.hex()).exists();
        assert!(is_there(&known) && is_there(&running) && !is_there(&gone));
    }

    #[test]
    fn logs_of_tasks_that_nobody_knows_go() {
        let mut shelf = Shelf::new();
        let alive = shelf.run(&Sha256Digest::of(b"a"));
        let logs = shelf.dir.path().join("tasks");
        for task in [alive.as_str(), "0123"] {
            std::fs::create_dir_all(logs.join(task)).unwrap();
        }
        let book = &shelf.book;
        sweep_logs(&logs, |task| book.is_alive(task), &shelf.store).unwrap();
        assert_eq!(names(&logs), [alive]);
    }
}
