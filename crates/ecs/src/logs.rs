//! What tasks write: log groups read side by side and merged by time.

mod cursor;

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::types as sdk;
use seaway_core::time::Timestamp;
use seaway_ports::{LogCursor, LogLine, LogPage, LogQuery, Logs, PortError, PortErrorKind};

use crate::connect::{Ecs, Session};
use crate::error::During as _;
use crate::names::last_part;
use crate::parallel;
use cursor::{GroupPosition, OVERLAP, Positions};

#[async_trait]
impl Logs for Ecs {
    async fn read(
        &self,
        query: &LogQuery,
        cursor: Option<&LogCursor>,
    ) -> Result<LogPage, PortError> {
        let session = &self.session;
        let mut positions = Positions::from_cursor(cursor)?;
        // Later pages hold what is new, all of it.
        let limit = query.limit.filter(|_| cursor.is_none());
        let groups = session.groups(query).await?;
        let mut calls = vec![];
        for group in &groups {
            let since = positions.since(group);
            let since = since.or_else(|| milliseconds(query.since));
            calls.push(session.events(group, query, since, limit));
        }
        let read = parallel::all(calls).await;
        let prefix = session.identity.log_group_prefix();
        let mut lines: Vec<(i64, LogLine)> = vec![];
        for (group, events) in groups.iter().zip(read) {
            let fresh = positions.advance(group, events?);
            let source = source(group, &prefix);
            lines.extend(fresh.into_iter().filter_map(|event| event.line(source)));
        }
        // Stable: lines of one task and one millisecond stay in their order.
        lines.sort_by_key(|(at, _)| *at);
        let surplus = limit.map_or(0, |limit| lines.len().saturating_sub(limit));
        Ok(LogPage {
            lines: lines
                .into_iter()
                .skip(surplus)
                .map(|(_, line)| line)
                .collect(),
            next: positions.into_cursor(),
        })
    }

    async fn tail(&self, of: &str, stream: &str, lines: usize) -> Result<Vec<String>, PortError> {
        let group = self.session.identity.log_group(of);
        self.session.last_lines(&group, stream, lines).await
    }
}

/// A line as CloudWatch Logs keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Unix time in milliseconds.
    at: i64,
    id: String,
    stream: String,
    message: String,
}

impl Event {
    fn line(self, source: &str) -> Option<(i64, LogLine)> {
        let line = LogLine {
            at: Timestamp::from_millisecond(self.at).ok()?,
            source: source.to_owned(),
            task: last_part(&self.stream).to_owned(),
            message: self.message,
        };
        Some((self.at, line))
    }
}

impl Session {
    /// All log groups of the environment.
    pub(crate) async fn log_groups(&self) -> Result<Vec<sdk::LogGroup>, PortError> {
        self.logs
            .describe_log_groups()
            .log_group_name_prefix(self.identity.log_group_prefix())
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .during(format!("list the log groups of {}", self.identity))
    }

    /// The environment's log groups that the query asks for, in the order of their names.
    async fn groups(&self, query: &LogQuery) -> Result<Vec<String>, PortError> {
        let prefix = self.identity.log_group_prefix();
        let groups = self.log_groups().await?;
        let wanted = |group: &String| {
            let source = source(group, &prefix);
            query.of.is_empty() || query.of.iter().any(|name| name == source)
        };
        let mut names: Vec<String> = groups
            .into_iter()
            .filter_map(|group| group.log_group_name)
            .filter(wanted)
            .collect();
        names.sort();
        Ok(names)
    }

    /// All of a group's lines since a moment, oldest first; with a limit at least the newest.
    async fn events(
        &self,
        group: &str,
        query: &LogQuery,
        since: Option<i64>,
        limit: Option<usize>,
    ) -> Result<Vec<Event>, PortError> {
        let pattern = query.filter.as_deref().map(filter_pattern);
        let mut pages = self
            .logs
            .filter_log_events()
            .log_group_name(group)
            .set_log_stream_names(query.stream.clone().map(|stream| vec![stream]))
            .set_start_time(since)
            .set_filter_pattern(pattern)
            .into_paginator()
            .send();
        let mut events = VecDeque::new();
        while let Some(page) = pages.next().await {
            let page = match page.during(format!("read the log group {group}")) {
                // The group or the stream is not there yet: nothing was written.
                Err(error) if error.kind == PortErrorKind::NotFound => break,
                page => page?,
            };
            for event in page.events.unwrap_or_default() {
                events.push_back(observed(event));
                if let Some(limit) = limit {
                    forget_oldest(&mut events, limit);
                }
            }
        }
        Ok(events.into())
    }

    /// The end of a stream; nothing when group or stream is not there.
    async fn last_lines(
        &self,
        group: &str,
        stream: &str,
        lines: usize,
    ) -> Result<Vec<String>, PortError> {
        let answer = self
            .logs
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .limit(i32::try_from(lines).unwrap_or(i32::MAX))
            .start_from_head(false)
            .send()
            .await
            .during(format!("read the log stream {stream}"));
        let answer = match answer {
            Err(error) if error.kind == PortErrorKind::NotFound => return Ok(vec![]),
            answer => answer?,
        };
        let events = answer.events.unwrap_or_default();
        Ok(events.into_iter().filter_map(|e| e.message).collect())
    }
}

/// Keeps memory bounded while a long log is read for its end. Lines within the cursor's overlap
/// stay, whatever their number: the next page must know that they were there.
fn forget_oldest(events: &mut VecDeque<Event>, limit: usize) {
    let newest = events.back().map_or(0, |event| event.at);
    let is_old = |event: &Event| event.at < newest - OVERLAP;
    while events.len() > limit && events.front().is_some_and(is_old) {
        events.pop_front();
    }
}

fn observed(event: sdk::FilteredLogEvent) -> Event {
    let at = event.timestamp.unwrap_or_default();
    let stream = event.log_stream_name.unwrap_or_default();
    let message = event.message.unwrap_or_default();
    // AWS gives every event an id; a platform that does not is served by what identifies it best.
    let id = event
        .event_id
        .unwrap_or_else(|| format!("{at}/{stream}/{message}"));
    Event {
        at,
        id,
        stream,
        message,
    }
}

/// The service (`api`) or job (`job-migrate`) a log group belongs to.
fn source<'a>(group: &'a str, prefix: &str) -> &'a str {
    group.strip_prefix(prefix).unwrap_or(group)
}

fn milliseconds(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millisecond)
}

/// A term that is found as it is, in the filter syntax of CloudWatch Logs: in quotes.
fn filter_pattern(term: &str) -> String {
    format!("\"{}\"", term.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Positions by log group.
type ByGroup = BTreeMap<String, GroupPosition>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_taken_literally() {
        assert_eq!(filter_pattern("[error] \"x\""), "\"[error] \\\"x\\\"\"");
        assert_eq!(filter_pattern("a\\b"), "\"a\\\\b\"");
    }

    #[test]
    fn a_limit_forgets_old_lines_only() {
        let event = |at| Event {
            at,
            id: at.to_string(),
            stream: String::new(),
            message: String::new(),
        };
        let mut events: VecDeque<Event> = [1_000, 2_000, 58_000, 59_000, 60_000].map(event).into();
        forget_oldest(&mut events, 1);
        let left: Vec<i64> = events.iter().map(|event| event.at).collect();
        assert_eq!(left, [58_000, 59_000, 60_000]);
    }

    #[test]
    fn a_group_belongs_to_a_service_or_a_job() {
        let prefix = "/seaway/shop/local/";
        assert_eq!(source("/seaway/shop/local/api", prefix), "api");
        let job = source("/seaway/shop/local/job-migrate", prefix);
        assert_eq!(job, "job-migrate");
    }
}
