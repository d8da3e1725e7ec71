//! The writing side of the store. Changes that arrive while another one is made are committed
//! together with it: a commit costs more than most changes. None is acknowledged before it is
//! committed, and one that fails takes back nothing but itself.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;

use super::StoreError;

/// The most changes of one commit, so that the first ones need not wait for long.
const MOST_CHANGES: usize = 64;

/// The one connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    batch: Mutex<Batch>,
    /// Changes that wait for the connection.
    arriving: AtomicUsize,
}

#[derive(Debug)]
struct Batch {
    connection: Connection,
    /// There while a transaction is open.
    open: Option<Open>,
}

/// Changes that are made and not yet committed.
#[derive(Debug, Default)]
struct Open {
    changes: usize,
    verdict: Arc<Verdict>,
}

/// What became of the changes of a batch, once it is settled.
type Verdict = OnceLock<Result<(), Lost>>;

/// Why a batch was not committed.
#[derive(Clone, Debug)]
enum Lost {
    Commit(Arc<rusqlite::Error>),
    /// The database undid all of it when one change failed.
    TakenAlong,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        let batch = Batch {
            connection,
            open: None,
        };
        Self {
            batch: Mutex::new(batch),
            arriving: AtomicUsize::new(0),
        }
    }

    /// Makes a change and returns once it is committed. What fails, or panics, leaves nothing.
    pub(super) fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut batch = self.enter();
        let verdict = batch.begin().map_err(StoreError::from)?;
        let made = batch.make(change);
        // Whoever comes last commits for all.
        if self.arriving.load(Ordering::SeqCst) == 0 || batch.is_full() {
            batch.settle();
        }
        drop(batch);
        let value = made.unwrap_or_else(|panic| resume_unwind(panic))?;
        match verdict.wait() {
            Ok(()) => Ok(value),
            Err(Lost::Commit(source)) => Err(StoreError::Commit(source.clone()).into()),
            Err(Lost::TakenAlong) => Err(StoreError::TakenAlong.into()),
        }
    }

    /// Does what needs the connection for itself, outside of any transaction.
    pub(super) fn alone<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        let mut batch = self.enter();
        batch.settle();
        work(&mut batch.connection)
    }

    fn enter(&self) -> MutexGuard<'_, Batch> {
        self.arriving.fetch_add(1, Ordering::SeqCst);
        // A panic in one change rolled it back; the connection stays usable.
        let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        self.arriving.fetch_sub(1, Ordering::SeqCst);
        batch
    }
}

impl Batch {
    /// Opens a transaction, unless one is open.
    fn begin(&mut self) -> Result<Arc<Verdict>, rusqlite::Error> {
        if self.open.is_none() {
            run(&self.connection, "BEGIN IMMEDIATE")?;
        }
        Ok(self.open.get_or_insert_default().verdict.clone())
    }

    /// Makes one change, or none of it.
    fn make<T, E: From<StoreError>>(
        &mut self,
        change: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> std::thread::Result<Result<T, E>> {
        // The first one is all there is to undo: it needs no savepoint.
        let is_first = self.open.as_ref().is_none_or(|open| open.changes == 0);
        if !is_first && let Err(error) = run(&self.connection, "SAVEPOINT change") {
            return Ok(Err(StoreError::from(error).into()));
        }
        let made = catch_unwind(AssertUnwindSafe(|| change(&self.connection)));
        if self.connection.is_autocommit() {
            // The database can undo a whole transaction for one statement (a full disk).
            self.end(Err(Lost::TakenAlong));
        } else if matches!(made, Ok(Ok(_))) {
            self.keep(is_first);
        } else {
            self.undo(is_first);
        }
        made
    }

    fn keep(&mut self, is_first: bool) {
        let kept = match is_first {
            true => Ok(()),
            false => run(&self.connection, "RELEASE change"),
        };
        match (kept, &mut self.open) {
            (Ok(()), Some(open)) => open.changes += 1,
            (Ok(()), None) => {}
            (Err(error), _) => self.roll_back(Lost::Commit(Arc::new(error))),
        }
    }

    fn undo(&mut self, is_first: bool) {
        let connection = &self.connection;
        let undo = || {
            run(connection, "ROLLBACK TO change")?;
            run(connection, "RELEASE change")
        };
        if is_first || undo().is_err() {
            self.roll_back(Lost::TakenAlong);
        }
    }

    fn is_full(&self) -> bool {
        let changes = self.open.as_ref().map(|open| open.changes);
        changes.is_some_and(|changes| changes >= MOST_CHANGES)
    }

    /// Commits what is open.
    fn settle(&mut self) {
        if self.open.is_none() {
            return;
        }
        match run(&self.connection, "COMMIT") {
            Ok(()) => self.end(Ok(())),
            Err(error) => self.roll_back(Lost::Commit(Arc::new(error))),
        }
    }

    fn roll_back(&mut self, why: Lost) {
        if !self.connection.is_autocommit()
            && let Err(error) = run(&self.connection, "ROLLBACK")
        {
            tracing::error!(%error, "the store keeps a transaction that it cannot end");
        }
        self.end(Err(why));
    }

    fn end(&mut self, result: Result<(), Lost>) {
        if let Some(open) = self.open.take() {
            // Settled only here, where the batch is taken away.
            let _ = open.verdict.set(result);
        }
    }
}

fn run(connection: &Connection, statement: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE names (name TEXT NOT NULL)")
            .unwrap();
        Writer::new(connection)
    }

    fn insert(connection: &Connection, name: &str) -> Result<(), StoreError> {
        let mut insert = connection.prepare("INSERT INTO names VALUES (?1)")?;
        insert.execute([name])?;
        Ok(())
    }

    fn names(writer: &Writer) -> Vec<String> {
        writer.alone(|connection| {
            let mut names = connection.prepare("SELECT name FROM names").unwrap();
            let names = names.query_map([], |row| row.get(0)).unwrap();
            names.collect::<Result<_, _>>().unwrap()
        })
    }

    /// Makes one change after `first` has begun and before it ends, in the same batch.
    fn joined<T: Send>(
        writer: &Writer,
        first: impl FnOnce(&Connection) -> Result<(), StoreError> + Send,
        second: impl FnOnce(&Connection) -> T + Send,
    ) -> (
        Result<(), StoreError>,
        thread::Result<Result<T, StoreError>>,
    ) {
        let begun = AtomicBool::new(false);
        thread::scope(|scope| {
            let one = scope.spawn(|| {
                writer.write(|connection| {
                    begun.store(true, Ordering::SeqCst);
                    until(|| writer.arriving.load(Ordering::SeqCst) > 0);
                    first(connection)
                })
            });
            let two = scope.spawn(|| {
                until(|| begun.load(Ordering::SeqCst));
                writer.write(|connection| Ok(second(connection)))
            });
            let two = two.join();
            (one.join().unwrap(), two)
        })
    }

    fn until(happened: impl Fn() -> bool) {
        while !happened() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn changes_that_arrive_together_are_committed_together() {
        let writer = writer();
        let first = |connection: &Connection| insert(connection, "first");
        let second = |connection: &Connection| {
            insert(connection, "second").unwrap();
            let count = "SELECT count(*) FROM names";
            let seen: u32 = connection.query_row(count, [], |row| row.get(0)).unwrap();
            seen
        };
        let (one, two) = joined(&writer, first, second);
        one.unwrap();
        assert_eq!(two.unwrap().unwrap(), 2);
        assert_eq!(names(&writer), ["first", "second"]);
    }

    #[test]
    fn a_change_that_fails_or_panics_takes_back_nothing_but_itself() {
        let writer = writer();
        let fails = |connection: &Connection| {
            insert(connection, "half")?;
            Err(StoreError::Encrypt { secret: "x".into() })
        };
        let (one, two) = joined(&writer, fails, |connection| insert(connection, "kept"));
        assert!(matches!(one, Err(StoreError::Encrypt { .. })), "{one:?}");
        two.unwrap().unwrap().unwrap();

        let first = |connection: &Connection| insert(connection, "kept, too");
        let (one, two) = joined(&writer, first, |connection| {
            insert(connection, "half").unwrap();
            panic!("in the middle")
        });
        let two: thread::Result<Result<(), StoreError>> = two;
        one.unwrap();
        assert!(two.is_err());
        assert_eq!(names(&writer), ["kept", "kept, too"]);
    }

    #[test]
    fn what_the_database_undid_is_not_acknowledged() {
        let writer = writer();
        let first = |connection: &Connection| insert(connection, "first");
        let (one, two) = joined(&writer, first, |connection| {
            // As SQLite does by itself when the disk is full.
            connection.execute_batch("ROLLBACK").unwrap();
        });
        assert!(matches!(one, Err(StoreError::TakenAlong)), "{one:?}");
        assert!(matches!(two.unwrap(), Err(StoreError::TakenAlong)));
        assert!(names(&writer).is_empty());
        writer
            .write(|connection| insert(connection, "again"))
            .unwrap();
        assert_eq!(names(&writer), ["again"]);
    }

    #[test]
    fn a_commit_that_fails_is_told_to_all_and_leaves_nothing() {
        let writer = writer();
        writer.alone(|connection| {
            let children = "PRAGMA foreign_keys = ON; CREATE TABLE parents (id INTEGER PRIMARY KEY); \
                 CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED)";
            connection.execute_batch(children).unwrap();
        });
        let first = |connection: &Connection| insert(connection, "first");
        let (one, two) = joined(&writer, first, |connection| {
            connection
                .execute("INSERT INTO children VALUES (7)", [])
                .unwrap()
        });
        assert!(matches!(one, Err(StoreError::Commit(_))), "{one:?}");
        assert!(matches!(two.unwrap(), Err(StoreError::Commit(_))));
        assert!(names(&writer).is_empty());
    }
}
