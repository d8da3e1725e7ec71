//! Log streams: creating, deleting, describing.

use seaway_aws_wire::logs::{
    CreateLogStreamRequest, CreateLogStreamResponse, DeleteLogStreamRequest,
    DeleteLogStreamResponse, DescribeLogStreamsRequest, DescribeLogStreamsResponse,
    LogStream as WireStream, OrderBy,
};

use super::tokens::page_of;
use super::{Logs, LogsError, arn_of, find_either, find_group};
use crate::clock::EpochMillis;
use crate::services::sorted_page::{Order, time_key};
use crate::store::{LogGroup, LogStream, View};

impl Logs {
    pub(super) fn create_stream(
        &self,
        request: &CreateLogStreamRequest,
        now: EpochMillis,
    ) -> Result<CreateLogStreamResponse, LogsError> {
        self.store.write(|tx| {
            let group = find_group(tx, &request.log_group_name)?;
            if tx.log_stream(group.id, &request.log_stream_name)?.is_some() {
                return Err(LogsError::StreamExists);
            }
            tx.create_log_stream(group.id, &request.log_stream_name, now)?;
            Ok(CreateLogStreamResponse {})
        })
    }

    pub(super) fn delete_stream(
        &self,
        request: &DeleteLogStreamRequest,
    ) -> Result<DeleteLogStreamResponse, LogsError> {
        self.store.write(|tx| {
            let group = find_group(tx, &request.log_group_name)?;
            let stream = find_stream(tx, &group, &request.log_stream_name)?;
            tx.remove_log_stream(stream.id)?;
            Ok(DeleteLogStreamResponse {})
        })
    }

    pub(super) fn describe_streams(
        &self,
        request: &DescribeLogStreamsRequest,
    ) -> Result<DescribeLogStreamsResponse, LogsError> {
        let by_time = request.order_by == Some(OrderBy::LastEventTime);
        let prefix = request.log_stream_name_prefix.as_deref();
        if by_time && prefix.is_some() {
            return Err(LogsError::Parameter(
                "Cannot order by LastEventTime with a logStreamNamePrefix.".to_owned(),
            ));
        }
        let (group, mut streams) = self.store.read(|view| {
            let (name, identifier) = (&request.log_group_name, &request.log_group_identifier);
            let group = find_either(view, name.as_deref(), identifier.as_deref())?;
            let streams = view.log_streams(group.id)?;
            Ok::<_, LogsError>((group, streams))
        })?;
        streams.retain(|stream| prefix.is_none_or(|prefix| stream.name.starts_with(prefix)));
        let order = match request.descending {
            Some(true) => Order::Descending,
            _ => Order::Ascending,
        };
        let page = page_of(request.next_token.as_deref(), request.limit);
        let (streams, next_token) = page.sorted(streams, order, |stream| match by_time {
            true => time_key(
                Some(stream.last_event_at.unwrap_or(stream.created_at)),
                &stream.name,
            ),
            false => stream.name.clone(),
        })?;
        let streams = streams
            .into_iter()
            .map(|stream| describe(&group, stream))
            .collect();
        Ok(DescribeLogStreamsResponse {
            log_streams: Some(streams),
            next_token,
        })
    }
}

/// The stream of `group` with this name.
pub(super) fn find_stream(
    view: &View<'_>,
    group: &LogGroup,
    name: &str,
) -> Result<LogStream, LogsError> {
    view.log_stream(group.id, name)?.ok_or(LogsError::NoStream)
}

fn describe(group: &LogGroup, stream: LogStream) -> WireStream {
    WireStream {
        arn: Some(format!("{}:log-stream:{}", arn_of(group), stream.name)),
        creation_time: Some(stream.created_at.0),
        first_event_timestamp: stream.first_event_at.map(|at| at.0),
        last_event_timestamp: stream.last_event_at.map(|at| at.0),
        last_ingestion_time: stream.last_ingested_at.map(|at| at.0),
        log_stream_name: Some(stream.name),
        // AWS reports 0 for every stream since 2019.
        stored_bytes: Some(0),
        ..WireStream::default()
    }
}
