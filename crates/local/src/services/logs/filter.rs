//! `FilterLogEvents`: events of several streams, in order, that fit a pattern; and
//! `TestMetricFilter`, which tries a pattern on messages.

use seaway_aws_wire::logs::{
    FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent, MetricFilterMatchRecord,
    SearchedLogStream, TestMetricFilterRequest, TestMetricFilterResponse,
};

use super::events::MAX_EVENTS;
use super::pattern::Pattern;
use super::streams::find_stream;
use super::tokens::{encode_position, parse_position};
use super::{Logs, LogsError, find_either};
use crate::clock::EpochMillis;
use crate::store::{
    EventSelection, LogEvent, LogGroup, LogPosition, ReadDirection, StreamChoice, View,
};

/// Bytes of one answer.
const MAX_BYTES: usize = 1 << 20;
/// Events read at a time, and at most for one answer: a rare pattern in a long
/// log is found page by page.
const BATCH: usize = 2_000;
const MAX_SCAN: usize = 100_000;

/// One page of what fits.
struct Page {
    events: Vec<LogEvent>,
    /// Where the next page starts; none at the end.
    next: Option<LogPosition>,
}

impl Logs {
    pub(super) fn filter(
        &self,
        request: &FilterLogEventsRequest,
    ) -> Result<FilterLogEventsResponse, LogsError> {
        let pattern = Pattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
        let start = request
            .next_token
            .as_deref()
            .map(parse_position)
            .transpose()?;
        let limit = request
            .limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(MAX_EVENTS)
            .clamp(1, MAX_EVENTS);
        let page = self.store.read(|view| {
            let (name, identifier) = (&request.log_group_name, &request.log_group_identifier);
            let group = find_either(view, name.as_deref(), identifier.as_deref())?;
            let selection = EventSelection {
                group: group.id,
                streams: choose(view, &group, request)?,
                from: EpochMillis(request.start_time.unwrap_or(i64::MIN)),
                // Inclusive here, unlike in GetLogEvents.
                until: EpochMillis(
                    request
                        .end_time
                        .map_or(i64::MAX, |end| end.saturating_add(1)),
                ),
            };
            scan(
                view,
                &selection,
                &pattern,
                start.unwrap_or(LogPosition::START),
                limit,
            )
        })?;
        Ok(FilterLogEventsResponse {
            events: Some(page.events.into_iter().map(output).collect()),
            next_token: page.next.map(encode_position),
            // Empty since 2019, as the API reference says.
            searched_log_streams: Some(Vec::<SearchedLogStream>::new()),
        })
    }
}

/// The messages that fit a pattern, with the parts that it names.
pub(super) fn test(
    request: TestMetricFilterRequest,
) -> Result<TestMetricFilterResponse, LogsError> {
    let pattern = Pattern::parse(&request.filter_pattern)?;
    let matches = (1..)
        .zip(request.log_event_messages)
        .filter(|(_, message)| pattern.matches(message))
        .map(|(number, message)| MetricFilterMatchRecord {
            event_number: Some(number),
            extracted_values: Some(pattern.extract(&message)),
            event_message: Some(message),
        });
    Ok(TestMetricFilterResponse {
        matches: Some(matches.collect()),
    })
}

fn choose(
    view: &View<'_>,
    group: &LogGroup,
    request: &FilterLogEventsRequest,
) -> Result<StreamChoice, LogsError> {
    match (&request.log_stream_names, &request.log_stream_name_prefix) {
        (Some(_), Some(_)) => Err(LogsError::Parameter(
            "logStreamNames and logStreamNamePrefix are mutually exclusive.".to_owned(),
        )),
        (Some(names), None) => {
            let ids = names
                .iter()
                .map(|name| Ok(find_stream(view, group, name)?.id));
            Ok(StreamChoice::Only(ids.collect::<Result<_, LogsError>>()?))
        }
        (None, Some(prefix)) => {
            let streams = view.log_streams(group.id)?;
            let fitting = streams
                .iter()
                .filter(|stream| stream.name.starts_with(prefix));
            Ok(StreamChoice::Only(
                fitting.map(|stream| stream.id).collect(),
            ))
        }
        (None, None) => Ok(StreamChoice::All),
    }
}

fn scan(
    view: &View<'_>,
    selection: &EventSelection,
    pattern: &Pattern,
    start: LogPosition,
    limit: usize,
) -> Result<Page, LogsError> {
    let (mut found, mut position) = (Vec::new(), start);
    let (mut bytes, mut scanned) = (0, 0);
    while scanned < MAX_SCAN {
        let batch = view.log_events(selection, ReadDirection::After(position), BATCH)?;
        let at_end = batch.len() < BATCH;
        scanned += batch.len();
        for event in batch {
            let here = event.position;
            if pattern.matches(&event.message) {
                bytes += event.message.len();
                if found.len() == limit || (bytes > MAX_BYTES && !found.is_empty()) {
                    // This one is the first of the next page.
                    return Ok(Page {
                        events: found,
                        next: Some(position),
                    });
                }
                found.push(event);
            }
            position = here;
        }
        if at_end {
            return Ok(Page {
                events: found,
                next: None,
            });
        }
    }
    Ok(Page {
        events: found,
        next: Some(position),
    })
}

fn output(event: LogEvent) -> FilteredLogEvent {
    let LogPosition { at, seq } = event.position;
    FilteredLogEvent {
        // As long as AWS's, and in the order of events.
        event_id: Some(format!("{:020}{:036}", at.0, seq)),
        ingestion_time: Some(event.ingested_at.0),
        log_stream_name: Some(event.stream),
        message: Some(event.message),
        timestamp: Some(at.0),
    }
}
