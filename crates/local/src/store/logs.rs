//! Log groups, streams and events.
//!
//! Events are read in the order (time, sequence): the sequence keeps lines of
//! the same millisecond in the order they arrived.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rusqlite::{OptionalExtension, Row, params};

use super::{StoreError, Tx, View};
use crate::clock::EpochMillis;

/// What CloudWatch Logs adds to the size of each event, in bytes.
const EVENT_OVERHEAD: usize = 26;
const MILLIS_PER_DAY: i64 = 24 * 60 * 60 * 1000;

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    pub id: i64,
    pub name: String,
    pub created_at: EpochMillis,
    /// `None`: events are kept for ever.
    pub retention_days: Option<u32>,
    pub tags: BTreeMap<String, String>,
    pub stored_bytes: u64,
    /// As the API writes it.
    pub class: String,
    pub kms_key_id: Option<String>,
}

/// A log group that does not exist yet.
#[derive(Clone, Copy, Debug)]
pub struct NewLogGroup<'a> {
    pub name: &'a str,
    /// As the API writes it.
    pub class: &'a str,
    pub kms_key_id: Option<&'a str>,
}

impl<'a> NewLogGroup<'a> {
    /// A group that nobody said more about than its name.
    pub fn named(name: &'a str) -> Self {
        Self {
            name,
            class: "STANDARD",
            kms_key_id: None,
        }
    }
}

/// A log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    pub id: i64,
    pub name: String,
    pub created_at: EpochMillis,
    pub first_event_at: Option<EpochMillis>,
    pub last_event_at: Option<EpochMillis>,
    pub last_ingested_at: Option<EpochMillis>,
}

/// A line that is to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewLogEvent<'a> {
    pub at: EpochMillis,
    pub message: &'a str,
}

/// A stored line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    pub position: LogPosition,
    pub stream: String,
    pub ingested_at: EpochMillis,
    pub message: String,
}

/// Where an event stands in the order of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    pub at: EpochMillis,
    pub seq: i64,
}

/// Which streams of a group are read.
#[derive(Clone, Debug)]
pub enum StreamChoice {
    All,
    /// Ids of streams.
    Only(Vec<i64>),
}

/// Which events are read.
#[derive(Clone, Debug)]
pub struct EventSelection {
    /// The group's id.
    pub group: i64,
    pub streams: StreamChoice,
    /// Inclusive.
    pub from: EpochMillis,
    /// Exclusive.
    pub until: EpochMillis,
}

/// From which position on events are read, and which way. The position itself
/// is not included.
#[derive(Clone, Copy, Debug)]
pub enum ReadDirection {
    After(LogPosition),
    Before(LogPosition),
}

impl LogPosition {
    /// Before every event.
    pub const START: Self = Self {
        at: EpochMillis(i64::MIN),
        seq: 0,
    };
    /// After every event.
    pub const END: Self = Self {
        at: EpochMillis(i64::MAX),
        seq: i64::MAX,
    };
}

const GROUP_COLUMNS: &str = "id, name, created_at, retention_days, tags, \
    (SELECT coalesce(sum(stored_bytes), 0) FROM log_streams WHERE log_group = log_groups.id), \
    class, kms_key_id";
const STREAM_COLUMNS: &str =
    "id, name, created_at, first_event_at, last_event_at, last_ingested_at";

impl View<'_> {
    /// The group with this name.
    pub fn log_group(&self, name: &str) -> Result<Option<LogGroup>, StoreError> {
        let query = format!("SELECT {GROUP_COLUMNS} FROM log_groups WHERE name = ?1");
        let row = self
            .connection
            .prepare_cached(&query)?
            .query_row([name], group_row);
        row.optional()?.map(read_group).transpose()
    }

    /// Every group, by name.
    pub fn log_groups(&self) -> Result<Vec<LogGroup>, StoreError> {
        let query = format!("SELECT {GROUP_COLUMNS} FROM log_groups ORDER BY name");
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows: Vec<_> = statement
            .query_map([], group_row)?
            .collect::<Result<_, _>>()?;
        rows.into_iter().map(read_group).collect()
    }

    /// The stream of a group with this name.
    pub fn log_stream(&self, group: i64, name: &str) -> Result<Option<LogStream>, StoreError> {
        let query =
            format!("SELECT {STREAM_COLUMNS} FROM log_streams WHERE log_group = ?1 AND name = ?2");
        let mut statement = self.connection.prepare_cached(&query)?;
        Ok(statement
            .query_row(params![group, name], stream_row)
            .optional()?)
    }

    /// Every stream of a group, by name.
    pub fn log_streams(&self, group: i64) -> Result<Vec<LogStream>, StoreError> {
        let query =
            format!("SELECT {STREAM_COLUMNS} FROM log_streams WHERE log_group = ?1 ORDER BY name");
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map([group], stream_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// At most `limit` of the selected events that follow (or precede) a
    /// position, nearest first: ascending after it, descending before it.
    pub fn log_events(
        &self,
        selection: &EventSelection,
        direction: ReadDirection,
        limit: usize,
    ) -> Result<Vec<LogEvent>, StoreError> {
        let (comparison, order, position) = match direction {
            ReadDirection::After(position) => (">", "ASC", position),
            ReadDirection::Before(position) => ("<", "DESC", position),
        };
        let (scope, scope_id) = scope_of(selection);
        let query = format!(
            "SELECT e.at, e.seq, s.name, e.ingested_at, e.message FROM log_events e \
             JOIN log_streams s ON s.id = e.log_stream \
             WHERE {scope} AND e.at >= ?2 AND e.at < ?3 AND (e.at, e.seq) {comparison} (?4, ?5) \
             ORDER BY e.at {order}, e.seq {order} LIMIT ?6",
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let LogPosition { at, seq } = position;
        let rows = statement.query_map(
            params![scope_id, selection.from, selection.until, at, seq, limit],
            event_row,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Creates a group that does not exist yet; its id.
    pub fn create_log_group(
        &self,
        group: &NewLogGroup<'_>,
        at: EpochMillis,
    ) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO log_groups (name, created_at, class, kms_key_id) \
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![group.name, at, group.class, group.kms_key_id])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Creates a stream that does not exist yet; its id.
    pub fn create_log_stream(
        &self,
        group: i64,
        name: &str,
        at: EpochMillis,
    ) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO log_streams (log_group, name, created_at) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![group, name, at])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Removes a group with its streams and events.
    pub fn remove_log_group(&self, group: i64) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM log_groups WHERE id = ?1", [group])?;
        Ok(())
    }

    /// Removes a stream with its events.
    pub fn remove_log_stream(&self, stream: i64) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM log_streams WHERE id = ?1", [stream])?;
        Ok(())
    }

    /// Changes how long events of the group are kept.
    pub fn set_log_retention(&self, group: i64, days: Option<u32>) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE log_groups SET retention_days = ?2 WHERE id = ?1",
            params![group, days],
        )?;
        Ok(())
    }

    /// Replaces the tags of a group.
    pub fn set_log_group_tags(
        &self,
        group: &LogGroup,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let text =
            serde_json::to_string(tags).map_err(|source| unreadable_tags(&group.name, source))?;
        self.connection.execute(
            "UPDATE log_groups SET tags = ?2 WHERE id = ?1",
            params![group.id, text],
        )?;
        Ok(())
    }

    /// Appends events to a stream, in the given order.
    pub fn append_log_events<'a>(
        &self,
        group: i64,
        stream: i64,
        events: impl IntoIterator<Item = NewLogEvent<'a>>,
        ingested_at: EpochMillis,
    ) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO log_events (log_group, log_stream, at, ingested_at, message) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut span: Option<(EpochMillis, EpochMillis)> = None;
        let mut bytes = 0;
        for NewLogEvent { at, message } in events {
            insert.execute(params![group, stream, at, ingested_at, message])?;
            let (first, last) = span.unwrap_or((at, at));
            span = Some((first.min(at), last.max(at)));
            bytes += message.len() + EVENT_OVERHEAD;
        }
        let Some((first, last)) = span else {
            return Ok(());
        };
        self.connection
            .prepare_cached(
                "UPDATE log_streams SET \
                 first_event_at = min(coalesce(first_event_at, ?2), ?2), \
                 last_event_at = max(coalesce(last_event_at, ?3), ?3), \
                 last_ingested_at = ?4, stored_bytes = stored_bytes + ?5 WHERE id = ?1",
            )?
            .execute(params![
                stream,
                first,
                last,
                ingested_at,
                i64::try_from(bytes).unwrap_or(0)
            ])?;
        Ok(())
    }

    /// Removes the events that are older than their group keeps them.
    pub fn expire_log_events(&self, now: EpochMillis) -> Result<(), StoreError> {
        for group in self.log_groups()? {
            let Some(days) = group.retention_days else {
                continue;
            };
            let oldest = now.plus(-i64::from(days) * MILLIS_PER_DAY);
            let removed = self
                .connection
                .prepare_cached("DELETE FROM log_events WHERE log_group = ?1 AND at < ?2")?
                .execute(params![group.id, oldest])?;
            if removed > 0 {
                self.measure_streams(group.id)?;
            }
        }
        Ok(())
    }

    fn measure_streams(&self, group: i64) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE log_streams SET \
             stored_bytes = (SELECT coalesce(sum(length(CAST(message AS BLOB)) + ?2), 0) \
                             FROM log_events WHERE log_stream = log_streams.id), \
             first_event_at = (SELECT min(at) FROM log_events WHERE log_stream = log_streams.id) \
             WHERE log_group = ?1",
            params![group, i64::try_from(EVENT_OVERHEAD).unwrap_or(0)],
        )?;
        Ok(())
    }
}

/// The part of the condition that says whose events, with its one parameter:
/// one stream by the stream's index, several by the group's, whose order is the
/// order of the answer (`+` keeps the planner from the stream's index).
fn scope_of(selection: &EventSelection) -> (String, i64) {
    match &selection.streams {
        StreamChoice::All => ("e.log_group = ?1".into(), selection.group),
        StreamChoice::Only(ids) if ids.len() == 1 => ("e.log_stream = ?1".into(), ids[0]),
        StreamChoice::Only(ids) => {
            let mut scope = String::from("e.log_group = ?1 AND +e.log_stream IN (NULL");
            for id in ids {
                // Writing to a String cannot fail.
                let _ = write!(scope, ",{id}");
            }
            scope.push(')');
            (scope, selection.group)
        }
    }
}

type GroupRow = (LogGroup, String);

fn group_row(row: &Row<'_>) -> rusqlite::Result<GroupRow> {
    let group = LogGroup {
        id: row.get(0)?,
        name: row.get(1)?,
        created_at: row.get(2)?,
        retention_days: row.get(3)?,
        tags: BTreeMap::new(),
        stored_bytes: row.get::<_, i64>(5)?.unsigned_abs(),
        class: row.get(6)?,
        kms_key_id: row.get(7)?,
    };
    Ok((group, row.get(4)?))
}

fn read_group((group, tags): GroupRow) -> Result<LogGroup, StoreError> {
    let tags =
        serde_json::from_str(&tags).map_err(|source| unreadable_tags(&group.name, source))?;
    Ok(LogGroup { tags, ..group })
}

fn unreadable_tags(group: &str, source: serde_json::Error) -> StoreError {
    StoreError::Document {
        kind: "tags of log group",
        key: group.to_owned(),
        source,
    }
}

fn stream_row(row: &Row<'_>) -> rusqlite::Result<LogStream> {
    Ok(LogStream {
        id: row.get(0)?,
        name: row.get(1)?,
        created_at: row.get(2)?,
        first_event_at: row.get(3)?,
        last_event_at: row.get(4)?,
        last_ingested_at: row.get(5)?,
    })
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<LogEvent> {
    Ok(LogEvent {
        position: LogPosition {
            at: row.get(0)?,
            seq: row.get(1)?,
        },
        stream: row.get(2)?,
        ingested_at: row.get(3)?,
        message: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::Store;

    struct Fixture {
        store: Store,
        group: i64,
        first: i64,
        second: i64,
        _dir: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let (group, first, second) = store
            .write::<_, StoreError>(|tx| {
                let group =
                    tx.create_log_group(&NewLogGroup::named("/shop/api"), EpochMillis(1))?;
                let first = tx.create_log_stream(group, "one", EpochMillis(1))?;
                let second = tx.create_log_stream(group, "two", EpochMillis(1))?;
                Ok((group, first, second))
            })
            .unwrap();
        Fixture {
            store,
            group,
            first,
            second,
            _dir: dir,
        }
    }

    impl Fixture {
        fn append(&self, stream: i64, events: &[(i64, &str)]) {
            let events = events.iter().map(|(at, message)| NewLogEvent {
                at: EpochMillis(*at),
                message,
            });
            self.store
                .write::<_, StoreError>(|tx| {
                    tx.append_log_events(self.group, stream, events, EpochMillis(99))
                })
                .unwrap();
        }

        fn read(
            &self,
            streams: StreamChoice,
            direction: ReadDirection,
            limit: usize,
        ) -> Vec<String> {
            let selection = EventSelection {
                group: self.group,
                streams,
                from: EpochMillis(0),
                until: EpochMillis(1_000),
            };
            let read = |view: &View<'_>| view.log_events(&selection, direction, limit);
            let events = self.store.read::<_, StoreError>(read).unwrap();
            events.into_iter().map(|event| event.message).collect()
        }
    }

    #[test]
    fn events_of_several_streams_come_in_the_order_of_time_and_arrival() {
        let logs = fixture();
        logs.append(logs.first, &[(10, "a"), (20, "c"), (20, "d")]);
        logs.append(logs.second, &[(15, "b"), (20, "e")]);
        let after = ReadDirection::After(LogPosition::START);
        let before = ReadDirection::Before(LogPosition::END);
        assert_eq!(
            logs.read(StreamChoice::All, after, 10),
            ["a", "b", "c", "d", "e"]
        );
        assert_eq!(logs.read(StreamChoice::All, before, 2), ["e", "d"]);
        assert_eq!(
            logs.read(StreamChoice::Only(vec![logs.second]), after, 10),
            ["b", "e"]
        );
        let both = StreamChoice::Only(vec![logs.first, logs.second]);
        assert_eq!(logs.read(both, after, 3), ["a", "b", "c"]);
        assert!(logs.read(StreamChoice::Only(vec![]), after, 3).is_empty());
    }

    #[test]
    fn reading_goes_on_behind_a_position() {
        let logs = fixture();
        logs.append(logs.first, &[(20, "a"), (20, "b"), (20, "c")]);
        let second = LogPosition {
            at: EpochMillis(20),
            seq: 2,
        };
        assert_eq!(
            logs.read(StreamChoice::All, ReadDirection::After(second), 10),
            ["c"]
        );
        assert_eq!(
            logs.read(StreamChoice::All, ReadDirection::Before(second), 10),
            ["a"]
        );
    }

    #[test]
    fn streams_know_their_span_and_groups_their_size() {
        let logs = fixture();
        logs.append(logs.first, &[(30, "late"), (10, "early")]);
        let stream = logs
            .store
            .read::<_, StoreError>(|view| view.log_stream(logs.group, "one"))
            .unwrap()
            .unwrap();
        assert_eq!(stream.first_event_at, Some(EpochMillis(10)));
        assert_eq!(stream.last_event_at, Some(EpochMillis(30)));
        let group = logs
            .store
            .read::<_, StoreError>(|view| view.log_group("/shop/api"))
            .unwrap()
            .unwrap();
        assert_eq!(group.stored_bytes, 4 + 5 + 2 * 26);
    }

    #[test]
    fn expired_events_go_and_the_others_stay() {
        let logs = fixture();
        logs.append(logs.first, &[(0, "old"), (500, "new")]);
        logs.store
            .write::<_, StoreError>(|tx| {
                tx.set_log_retention(logs.group, Some(1))?;
                tx.expire_log_events(EpochMillis(MILLIS_PER_DAY + 100))
            })
            .unwrap();
        let after = ReadDirection::After(LogPosition::START);
        assert_eq!(logs.read(StreamChoice::All, after, 10), ["new"]);
    }

    #[test]
    fn a_removed_group_takes_its_events_along() {
        let logs = fixture();
        logs.append(logs.first, &[(1, "a")]);
        logs.store
            .write::<_, StoreError>(|tx| tx.remove_log_group(logs.group))
            .unwrap();
        assert!(
            logs.read(
                StreamChoice::All,
                ReadDirection::After(LogPosition::START),
                1
            )
            .is_empty()
        );
    }

    #[test]
    fn thousands_of_lines_a_second_are_taken() {
        let logs = fixture();
        let lines: Vec<(i64, &str)> = (0..100).map(|at| (at, "GET /api/items 200 3 ms")).collect();
        let start = std::time::Instant::now();
        for _ in 0..100 {
            logs.append(logs.first, &lines);
        }
        // 10,000 lines in 100 transactions: about 0.2 s; the bound catches an fsync per write.
        assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
    }
}
