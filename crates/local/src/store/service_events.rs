//! What ECS says about a service: a ring of the newest hundred messages.

use rusqlite::params;

use super::{StoreError, Tx, View};
use crate::clock::EpochMillis;

/// How many events ECS keeps for a service.
const KEPT: u32 = 100;

/// One message of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// A UUID, as in the API.
    pub id: String,
    pub at: EpochMillis,
    pub message: String,
}

impl View<'_> {
    /// The events of the service, newest first.
    pub fn service_events(&self, service: &str) -> Result<Vec<ServiceEvent>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, at, message FROM service_events WHERE service = ?1 ORDER BY seq DESC",
        )?;
        let rows = statement.query_map([service], |row| {
            Ok(ServiceEvent {
                id: row.get(0)?,
                at: row.get(1)?,
                message: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Adds an event and lets go of what no longer fits.
    pub fn append_service_event(
        &self,
        service: &str,
        event: &ServiceEvent,
    ) -> Result<(), StoreError> {
        let ServiceEvent { id, at, message } = event;
        self.connection
            .prepare_cached(
                "INSERT INTO service_events (service, id, at, message) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![service, id, at, message])?;
        self.connection
            .prepare_cached(
                "DELETE FROM service_events WHERE service = ?1 AND seq <= \
                 (SELECT seq FROM service_events WHERE service = ?1 \
                  ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![service, KEPT])?;
        Ok(())
    }

    /// Forgets the events of a deleted service.
    pub fn remove_service_events(&self, service: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM service_events WHERE service = ?1")?
            .execute([service])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StoreKey;
    use crate::store::Store;

    fn event(number: i64) -> ServiceEvent {
        ServiceEvent {
            id: format!("id {number}"),
            at: EpochMillis(number),
            message: format!("event {number}"),
        }
    }

    #[test]
    fn the_newest_hundred_events_are_kept_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        store
            .write::<_, StoreError>(|tx| {
                tx.append_service_event("web", &event(1))?;
                (1..=130).try_for_each(|number| tx.append_service_event("api", &event(number)))
            })
            .unwrap();
        let events = store
            .read::<_, StoreError>(|view| view.service_events("api"))
            .unwrap();
        assert_eq!(events.len(), 100);
        assert_eq!(events[0], event(130));
        assert_eq!(events[99].message, "event 31");
        let other = store
            .read::<_, StoreError>(|view| view.service_events("web"))
            .unwrap();
        assert_eq!(other.len(), 1);
    }
}
