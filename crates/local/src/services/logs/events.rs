//! Events of one stream: putting and getting them.

use seaway_aws_wire::logs::{
    self as wire, GetLogEventsRequest, GetLogEventsResponse, InputLogEvent, OutputLogEvent,
    PutLogEventsRequest, PutLogEventsResponse, RejectedLogEventsInfo,
};

use super::streams::find_stream;
use super::tokens::Token;
use super::{Logs, LogsError, find_either, find_group};
use crate::clock::EpochMillis;
use crate::services::call::internal;
use crate::services::{Answer, Call};
use crate::store::{
    EventSelection, LogEvent, LogGroup, LogPosition, NewLogEvent, ReadDirection, StoreError,
    StreamChoice, Tx,
};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Older events are refused.
const MAX_AGE: i64 = 14 * DAY_MILLIS;
/// Events that are more than this in the future are refused.
const MAX_AHEAD: i64 = 2 * 60 * 60 * 1000;
/// Bytes of one PutLogEvents, and of one answer.
const MAX_BATCH: usize = 1 << 20;
const EVENT_OVERHEAD: usize = 26;
/// Nobody asks for it any more; older clients read it from the answer and fail without it.
const SEQUENCE_TOKEN: &str = "49600000000000000000000000000000000000000000000000000000";
pub(super) const MAX_EVENTS: usize = 10_000;

impl Logs {
    /// Answers puts in one transaction. One that is refused takes nothing from the others; where
    /// the store fails, it fails for all.
    pub(super) fn put_all(&self, calls: Vec<Call>) -> Vec<Answer> {
        let count = calls.len();
        let stored = self.store.write(|tx| {
            let mut is_lost = false;
            let mut answer = |call: Call| {
                let now = call.now();
                call.answer::<wire::PutLogEvents, _>(|request| {
                    put(tx, &request, now).inspect_err(|error| {
                        is_lost |= matches!(error, LogsError::Store(_));
                    })
                })
            };
            let answers = calls.into_iter().map(&mut answer).collect();
            if is_lost {
                return Err(StoreError::TakenAlong);
            }
            Ok(answers)
        });
        let lost = |error: StoreError| (0..count).map(|_| Err(internal(&error))).collect();
        stored.unwrap_or_else(lost)
    }

    pub(super) fn get(
        &self,
        request: &GetLogEventsRequest,
    ) -> Result<GetLogEventsResponse, LogsError> {
        let token = request
            .next_token
            .as_deref()
            .map(Token::parse)
            .transpose()?;
        let limit = request
            .limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(MAX_EVENTS)
            .clamp(1, MAX_EVENTS);
        let direction = match token {
            Some(Token::Forward(position)) => ReadDirection::After(position),
            Some(Token::Backward(position)) => ReadDirection::Before(position),
            None if request.start_from_head == Some(true) => {
                ReadDirection::After(LogPosition::START)
            }
            None => ReadDirection::Before(LogPosition::END),
        };
        let events = self.store.read(|view| {
            let (name, identifier) = (&request.log_group_name, &request.log_group_identifier);
            let group = find_either(view, name.as_deref(), identifier.as_deref())?;
            let stream = find_stream(view, &group, &request.log_stream_name)?;
            let selection = EventSelection {
                group: group.id,
                streams: StreamChoice::Only(vec![stream.id]),
                from: EpochMillis(request.start_time.unwrap_or(i64::MIN)),
                until: EpochMillis(request.end_time.unwrap_or(i64::MAX)),
            };
            Ok::<_, LogsError>(fit(view.log_events(&selection, direction, limit)?))
        })?;
        Ok(answer(events, direction, start_of(request)))
    }
}

fn put(
    tx: &Tx<'_>,
    request: &PutLogEventsRequest,
    now: EpochMillis,
) -> Result<PutLogEventsResponse, LogsError> {
    check_batch(request)?;
    let group = find_group(tx, &request.log_group_name)?;
    let stream = find_stream(tx, &group, &request.log_stream_name)?;
    let accepted = Accepted::of(request, &group, now);
    let events = &request.log_events[accepted.start..accepted.end];
    check_span(events)?;
    let events = events.iter().map(|event| NewLogEvent {
        at: EpochMillis(event.timestamp),
        message: &event.message,
    });
    tx.append_log_events(group.id, stream.id, events, now)?;
    Ok(PutLogEventsResponse {
        rejected_log_events_info: accepted.rejected,
        next_sequence_token: Some(SEQUENCE_TOKEN.into()),
        ..PutLogEventsResponse::default()
    })
}

/// The nearest events whose text fits into one answer; always at least one.
fn fit(events: Vec<LogEvent>) -> Vec<LogEvent> {
    let mut bytes = 0;
    let mut first = true;
    let fits = |event: &LogEvent| {
        bytes += event.message.len() + EVENT_OVERHEAD;
        std::mem::take(&mut first) || bytes <= MAX_BATCH
    };
    events.into_iter().take_while(fits).collect()
}

/// The last position before the request's window of time.
fn start_of(request: &GetLogEventsRequest) -> LogPosition {
    let before = |start: i64| LogPosition {
        at: EpochMillis(start.saturating_sub(1)),
        seq: i64::MAX,
    };
    request.start_time.map_or(LogPosition::START, before)
}

/// Events in ascending order, and the tokens of what lies before and after them.
/// At the end the same token comes back: that is how clients notice the end. The way forward
/// never leads to before `start`.
fn answer(
    mut events: Vec<LogEvent>,
    direction: ReadDirection,
    start: LogPosition,
) -> GetLogEventsResponse {
    let span = match direction {
        ReadDirection::After(_) => events.first().zip(events.last()),
        ReadDirection::Before(_) => events.last().zip(events.first()),
    };
    let (backward, forward) = match (span, direction) {
        (Some((first, last)), _) => (first.position, last.position),
        (None, ReadDirection::After(position)) => (next_to(position, 1), position),
        (None, ReadDirection::Before(position)) => (position, next_to(position, -1)),
    };
    if matches!(direction, ReadDirection::Before(_)) {
        events.reverse();
    }
    GetLogEventsResponse {
        events: Some(events.into_iter().map(output).collect()),
        next_backward_token: Some(Token::Backward(backward).encode()),
        next_forward_token: Some(Token::Forward(forward.max(start)).encode()),
    }
}

/// The position beside `position`, so that the opposite direction includes it.
/// Before the very end there may be an event at any time: everything after the
/// newest one is still to come, so the way forward starts at the beginning.
fn next_to(position: LogPosition, step: i64) -> LogPosition {
    if position == LogPosition::END {
        return LogPosition::START;
    }
    LogPosition {
        seq: position.seq.saturating_add(step),
        ..position
    }
}

fn output(event: LogEvent) -> OutputLogEvent {
    OutputLogEvent {
        ingestion_time: Some(event.ingested_at.0),
        message: Some(event.message),
        timestamp: Some(event.position.at.0),
    }
}

fn check_batch(request: &PutLogEventsRequest) -> Result<(), LogsError> {
    let events = &request.log_events;
    let size: usize = events
        .iter()
        .map(|event| event.message.len() + EVENT_OVERHEAD)
        .sum();
    let problem = if size > MAX_BATCH {
        format!("Upload too large: {size} bytes exceeds limit of {MAX_BATCH}")
    } else if !events.is_sorted_by_key(|event| event.timestamp) {
        "Log events in a single PutLogEvents request must be in chronological order.".to_owned()
    } else {
        return Ok(());
    };
    Err(LogsError::Parameter(problem))
}

/// The events that are taken are of one day (API reference, `PutLogEvents`).
fn check_span(events: &[InputLogEvent]) -> Result<(), LogsError> {
    let span = events.first().zip(events.last());
    let span = span.map(|(first, last)| last.timestamp.saturating_sub(first.timestamp));
    if span.is_some_and(|span| span > DAY_MILLIS) {
        return Err(LogsError::Parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 \
             hours."
                .to_owned(),
        ));
    }
    Ok(())
}

/// The events of a batch that are neither too old nor too new: as the batch is
/// in order, a range of it.
struct Accepted {
    start: usize,
    end: usize,
    rejected: Option<RejectedLogEventsInfo>,
}

impl Accepted {
    fn of(request: &PutLogEventsRequest, group: &LogGroup, now: EpochMillis) -> Self {
        let events = &request.log_events;
        let before = |at: EpochMillis| events.partition_point(|event| event.timestamp < at.0);
        let kept = group
            .retention_days
            .map(|days| now.plus(-i64::from(days) * DAY_MILLIS));
        let expired = kept.map_or(0, before);
        let too_old = before(now.plus(-MAX_AGE));
        let end = before(now.plus(MAX_AHEAD + 1));
        let index = |count: usize| i32::try_from(count).ok();
        let rejected = RejectedLogEventsInfo {
            expired_log_event_end_index: index(expired).filter(|count| *count > 0),
            too_old_log_event_end_index: index(too_old).filter(|count| *count > 0),
            too_new_log_event_start_index: index(end).filter(|_| end < events.len()),
        };
        let start = expired.max(too_old).min(end);
        let all = start == 0 && end == events.len();
        Self {
            start,
            end,
            rejected: (!all).then_some(rejected),
        }
    }
}
