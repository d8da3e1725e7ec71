//! Finding tasks that are `STOPPED` without reading them all: an hour of a service that crashes
//! leaves thousands.

use rusqlite::{Connection, params_from_iter};

use super::{StoreError, View};

impl View<'_> {
    /// The ids of a cluster's stopped tasks, in order: all, or those of one group, and of whoever
    /// started them.
    pub fn stopped_tasks(
        &self,
        cluster: &str,
        group: Option<&str>,
        started_by: Option<&str>,
    ) -> Result<Vec<String>, StoreError> {
        let mut query = "SELECT key FROM documents INDEXED BY stopped_tasks \
             WHERE kind = 'ecs-stopped-task' AND json_extract(body, '$.about.cluster') = ?"
            .to_owned();
        let mut values = vec![cluster];
        for (member, value) in [("group", group), ("started_by", started_by)] {
            if let Some(value) = value {
                query.push_str(&format!(" AND json_extract(body, '$.about.{member}') = ?"));
                values.push(value);
            }
        }
        query.push_str(" ORDER BY key");
        let mut statement = self.connection.prepare_cached(&query)?;
        let ids = statement.query_map(params_from_iter(values), |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}

/// Makes the index where it is missing. It is no part of the store's version: an older Seaway keeps
/// it up to date without knowing of it.
pub(super) fn make_index(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS stopped_tasks ON documents ( \
           json_extract(body, '$.about.cluster'), json_extract(body, '$.about.group'), \
           json_extract(body, '$.about.started_by') \
         ) WHERE kind = 'ecs-stopped-task'",
    )
}
