//! Where reading goes on, per log group.
//!
//! Streams of one group are written side by side, and a line may arrive a little after one with a
//! later time. A cursor therefore steps back by [`OVERLAP`] and knows which lines of that span were
//! handed out already.

use std::collections::BTreeSet;

use seaway_ports::{LogCursor, PortError};
use serde::{Deserialize, Serialize};

use super::{ByGroup, Event};
use crate::error::invalid;

/// How late a line may arrive and still be read, in milliseconds.
pub(super) const OVERLAP: i64 = 5_000;

/// Where each group's reading goes on.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Positions(ByGroup);

/// Where one group's reading goes on.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupPosition {
    /// Time of the newest line handed out, Unix milliseconds.
    newest: i64,
    /// Ids of the lines handed out within the overlap, by time.
    seen: BTreeSet<(i64, String)>,
}

impl Positions {
    pub(super) fn from_cursor(cursor: Option<&LogCursor>) -> Result<Self, PortError> {
        match cursor {
            None => Ok(Self::default()),
            Some(cursor) => Self::deserialize(&cursor.0)
                .map_err(|error| invalid("go on reading the logs", error)),
        }
    }

    pub(super) fn into_cursor(self) -> LogCursor {
        // A map with text keys and plain values always has a JSON form.
        LogCursor(serde_json::to_value(self).unwrap_or_default())
    }

    /// From when a group is read; none: this is its first time.
    pub(super) fn since(&self, group: &str) -> Option<i64> {
        self.0.get(group).map(|position| position.newest - OVERLAP)
    }

    /// Leaves out what was handed out before and remembers the rest.
    pub(super) fn advance(&mut self, group: &str, events: Vec<Event>) -> Vec<Event> {
        if events.is_empty() {
            return events;
        }
        let position = self.0.entry(group.to_owned()).or_default();
        let fresh: Vec<Event> = events
            .into_iter()
            .filter(|event| position.seen.insert((event.at, event.id.clone())))
            .collect();
        let newest = fresh.iter().map(|event| event.at).max();
        position.newest = position.newest.max(newest.unwrap_or_default());
        let kept_since = position.newest - OVERLAP;
        position.seen.retain(|(at, _)| *at >= kept_since);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, id: &str) -> Event {
        Event {
            at,
            id: id.into(),
            stream: "task/api/0123".into(),
            message: id.into(),
        }
    }

    fn ids(events: Vec<Event>) -> Vec<String> {
        events.into_iter().map(|event| event.id).collect()
    }

    #[test]
    fn a_line_is_handed_out_once_and_a_late_one_is_not_lost() {
        let mut positions = Positions::default();
        let first = vec![event(10_000, "a"), event(12_000, "b")];
        assert_eq!(ids(positions.advance("g", first)), ["a", "b"]);
        assert_eq!(positions.since("g"), Some(7_000));
        let again = vec![
            event(10_000, "a"),
            event(11_000, "late"),
            event(12_000, "b"),
        ];
        assert_eq!(ids(positions.advance("g", again)), ["late"]);
        assert_eq!(positions.since("other"), None);
    }

    #[test]
    fn a_cursor_survives_being_written_down() {
        let mut positions = Positions::default();
        positions.advance("g", vec![event(10_000, "a")]);
        let cursor = positions.into_cursor();
        let mut again = Positions::from_cursor(Some(&cursor)).expect("its own cursor");
        assert_eq!(ids(again.advance("g", vec![event(10_000, "a")])), [""; 0]);
    }

    #[test]
    fn what_lies_behind_the_overlap_is_forgotten() {
        let mut positions = Positions::default();
        positions.advance("g", vec![event(1_000, "old")]);
        positions.advance("g", vec![event(60_000, "new")]);
        assert_eq!(positions.0["g"].seen.len(), 1);
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        let foreign = LogCursor(serde_json::json!({"g": 1}));
        assert!(Positions::from_cursor(Some(&foreign)).is_err());
    }
}
