//! Alarms, and what became of them.

use std::collections::BTreeMap;

use rusqlite::params;
use seaway_aws_wire::cloudwatch::{PutMetricAlarmRequest, StateValue};
use serde::{Deserialize, Serialize};

use super::{Document, StoreError, Tx, View};
use crate::clock::EpochMillis;

/// How long CloudWatch keeps the history of alarms.
const HISTORY_KEPT: i64 = 30 * 24 * 60 * 60 * 1000;
/// How much history is kept of an alarm, whatever its age.
const MOST_ITEMS: u32 = 1000;

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRecord {
    /// As it was put, without tags.
    pub definition: PutMetricAlarmRequest,
    pub tags: BTreeMap<String, String>,
    pub configured_at: EpochMillis,
    pub state: AlarmState,
}

/// The state of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmState {
    pub value: StateValue,
    pub reason: String,
    /// JSON.
    pub reason_data: Option<String>,
    pub updated_at: EpochMillis,
    /// When the value became what it is.
    pub transitioned_at: EpochMillis,
}

/// One thing that happened to an alarm. Stays when the alarm is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmHistoryRecord {
    /// Grows with each record.
    pub seq: i64,
    pub alarm: String,
    pub at: EpochMillis,
    /// As on the wire: `StateUpdate`, `ConfigurationUpdate`.
    pub kind: String,
    pub summary: String,
    /// JSON.
    pub data: String,
}

/// Which history is read.
#[derive(Clone, Copy, Debug)]
pub struct HistorySelection<'a> {
    pub alarm: Option<&'a str>,
    pub kind: Option<&'a str>,
    /// Inclusive.
    pub from: EpochMillis,
    /// Inclusive.
    pub until: EpochMillis,
}

impl Document for AlarmRecord {
    const KIND: &'static str = "metric-alarm";
}

impl View<'_> {
    /// The alarm with this name.
    pub fn alarm(&self, name: &str) -> Result<Option<AlarmRecord>, StoreError> {
        self.get(name)
    }

    /// The alarms whose name starts with `prefix`, by name.
    pub fn alarms(&self, prefix: &str) -> Result<Vec<AlarmRecord>, StoreError> {
        let found = self.list::<AlarmRecord>(prefix)?;
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    /// What happened, oldest first.
    pub fn alarm_history(
        &self,
        selection: HistorySelection<'_>,
    ) -> Result<Vec<AlarmHistoryRecord>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, alarm, at, kind, summary, data FROM alarm_history \
             WHERE (?1 IS NULL OR alarm = ?1) AND (?2 IS NULL OR kind = ?2) \
               AND at BETWEEN ?3 AND ?4 ORDER BY seq",
        )?;
        let HistorySelection {
            alarm,
            kind,
            from,
            until,
        } = selection;
        let rows = statement.query_map(params![alarm, kind, from, until], |row| {
            Ok(AlarmHistoryRecord {
                seq: row.get(0)?,
                alarm: row.get(1)?,
                at: row.get(2)?,
                kind: row.get(3)?,
                summary: row.get(4)?,
                data: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Writes an alarm, replacing what was.
    pub fn put_alarm(&self, record: &AlarmRecord) -> Result<(), StoreError> {
        self.put(&record.definition.alarm_name, record)
    }

    /// Removes an alarm; a missing one is fine.
    pub fn remove_alarm(&self, name: &str) -> Result<(), StoreError> {
        self.remove::<AlarmRecord>(name)
    }

    /// Adds to the history of an alarm, which gives the record its number, and lets go of what no
    /// longer fits.
    pub fn append_alarm_history(&self, record: &AlarmHistoryRecord) -> Result<(), StoreError> {
        let AlarmHistoryRecord {
            seq: _,
            alarm,
            at,
            kind,
            summary,
            data,
        } = record;
        self.connection
            .prepare_cached(
                "INSERT INTO alarm_history (alarm, at, kind, summary, data) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![alarm, at, kind, summary, data])?;
        self.connection
            .prepare_cached(
                "DELETE FROM alarm_history WHERE alarm = ?1 AND seq <= \
                 (SELECT seq FROM alarm_history WHERE alarm = ?1 \
                  ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![alarm, MOST_ITEMS])?;
        Ok(())
    }

    /// Lets go of history that is too old.
    pub fn expire_alarm_history(&self, now: EpochMillis) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM alarm_history WHERE at < ?1",
            [now.plus(-HISTORY_KEPT)],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::Store;

    fn record(alarm: &str, at: i64) -> AlarmHistoryRecord {
        AlarmHistoryRecord {
            seq: 0,
            alarm: alarm.into(),
            at: EpochMillis(at),
            kind: "StateUpdate".into(),
            summary: "Alarm updated from OK to ALARM".into(),
            data: "{}".into(),
        }
    }

    const ALL: HistorySelection<'static> = HistorySelection {
        alarm: None,
        kind: None,
        from: EpochMillis(i64::MIN),
        until: EpochMillis(i64::MAX),
    };

    #[test]
    fn history_is_bounded_per_alarm_and_by_age() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let kept = store
            .write::<_, StoreError>(|tx| {
                tx.append_alarm_history(&record("quiet", 0))?;
                for at in 0..i64::from(MOST_ITEMS) + 5 {
                    tx.append_alarm_history(&record("noisy", at))?;
                }
                let kept = tx.alarm_history(ALL)?;
                tx.expire_alarm_history(EpochMillis(HISTORY_KEPT + 10))?;
                Ok((kept, tx.alarm_history(ALL)?))
            })
            .unwrap();
        assert_eq!(kept.0.len(), 1 + MOST_ITEMS as usize);
        assert_eq!(kept.0[1].at, EpochMillis(5));
        assert_eq!(kept.1.first().map(|one| one.at), Some(EpochMillis(10)));
    }

    #[test]
    fn history_is_found_by_alarm_kind_and_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let count = |selection| {
            let found = store.read::<_, StoreError>(|view| view.alarm_history(selection));
            found.unwrap().len()
        };
        store
            .write::<_, StoreError>(|tx| {
                tx.append_alarm_history(&record("a", 1))?;
                tx.append_alarm_history(&record("b", 2))
            })
            .unwrap();
        for (selection, expected) in [
            (ALL, 2),
            (
                HistorySelection {
                    alarm: Some("a"),
                    ..ALL
                },
                1,
            ),
            (
                HistorySelection {
                    kind: Some("Action"),
                    ..ALL
                },
                0,
            ),
            (
                HistorySelection {
                    from: EpochMillis(2),
                    ..ALL
                },
                1,
            ),
            (
                HistorySelection {
                    until: EpochMillis(1),
                    ..ALL
                },
                1,
            ),
        ] {
            assert_eq!(count(selection), expected, "{selection:?}");
        }
    }
}
