//! The body of a request that the router answers itself.
//!
//! hyper closes a connection behind an answer that comes before the request's end, and what the
//! client is sending then may cost it the answer, too. So a body that comes soon and is not large is
//! read first, and who is sending more is told that nothing follows.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Buf;
use http::{HeaderValue, Request, Response, header};
use http_body::Body;

use super::body::ResponseBody;

/// How much is read, in bytes, and for how long.
const MOST: usize = 1024 * 1024;
const WITHIN: Duration = Duration::from_millis(200);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether a request has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reached,
    Ahead,
}

/// Answers a request whose body nobody wants.
pub(super) async fn answer_unread<B>(
    request: Request<B>,
    response: Response<ResponseBody>,
) -> Response<ResponseBody>
where
    B: Body + Unpin,
{
    if request.body().is_end_stream() {
        return response;
    }
    // Seldom needed: not a part of every request's future.
    match Box::pin(discard(request)).await {
        End::Reached => response,
        End::Ahead => closing(response),
    }
}

/// The last answer on its connection.
pub(super) fn closing(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    response.headers_mut().insert(header::CONNECTION, CLOSE);
    response
}

async fn discard<B: Body + Unpin>(request: Request<B>) -> End {
    if request.headers().contains_key(header::EXPECT) {
        // Reading would ask for the body.
        return End::Ahead;
    }
    let mut body = request.into_body();
    let reading = async {
        let mut left = MOST;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(frame) = frame else {
                return End::Ahead;
            };
            let length = frame.data_ref().map_or(0, Buf::remaining);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return End::Ahead,
            }
        }
        End::Reached
    };
    let read = tokio::time::timeout(WITHIN, reading).await;
    read.unwrap_or(End::Ahead)
}
