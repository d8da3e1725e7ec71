//! The stream of events, resumable after the last one that was taken in.

use std::path::Path;

use super::ClientError;
use super::connection::Connection;
use crate::event::{Event, EventCursor};
use crate::protocol::{Reply, Request};

/// Events in their order, without end until the supervisor goes.
#[derive(Debug)]
pub struct Events {
    connection: Connection,
    cursor: EventCursor,
    gap: bool,
}

impl Events {
    pub(super) async fn open(directory: &Path, after: EventCursor) -> Result<Self, ClientError> {
        let (mut connection, _) = Connection::open(directory).await?;
        let (journal, oldest) = match connection
            .call(&Request::Subscribe {
                after: after.clone(),
            })
            .await?
        {
            Reply::Subscribed { journal, oldest } => (journal, oldest),
            _ => return Err(ClientError::UnexpectedReply),
        };
        let seq = if journal == after.journal {
            after.seq
        } else {
            0
        };
        let gap = seq + 1 < oldest || (!after.journal.is_empty() && journal != after.journal);
        Ok(Self {
            connection,
            cursor: EventCursor { journal, seq },
            gap,
        })
    }

    /// The next event. Cancel safe.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        let event: Event = self.connection.receive().await?;
        self.gap |= event.seq != self.cursor.seq + 1 && self.cursor.seq != 0;
        self.cursor.seq = event.seq;
        Ok(event)
    }

    /// Where to go on: after the last event that [`Events::next`] returned.
    pub fn cursor(&self) -> &EventCursor {
        &self.cursor
    }

    /// Whether events were missed, because the journal was shortened or begun anew. The state of
    /// every task is then in [`super::Supervisor::list`].
    pub fn has_gap(&self) -> bool {
        self.gap
    }
}
