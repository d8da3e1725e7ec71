//! One connection to the supervisor: frames out, frames in.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::ClientError;
use crate::protocol::{FRAME_LIMIT, PROTOCOL, Reply, Request, SOCKET_NAME, Welcome, frame};
use crate::socket;

/// A supervisor that listens greets at once; one that does not within this time is stuck or stopped.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<UnixStream>,
    /// The beginning of a frame, kept when a reader gave up waiting for the rest.
    line: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(directory: &Path) -> Result<(Self, Welcome), ClientError> {
        let stream = connect(directory).map_err(|source| ClientError::NotRunning {
            directory: directory.to_owned(),
            source,
        })?;
        let peer = stream.peer_cred().ok().and_then(|peer| peer.pid());
        // 0 is a process that this namespace cannot see, and to `kill` the caller's own group.
        let process = peer.filter(|number| *number > 0);
        let mut connection = Self {
            stream: BufReader::new(stream),
            line: Vec::new(),
        };
        let hello = Request::Hello { protocol: PROTOCOL };
        let Ok(reply) = tokio::time::timeout(PATIENCE, connection.call(&hello)).await else {
            return Err(ClientError::Silent {
                process,
                waited: PATIENCE,
            });
        };
        match reply? {
            Reply::Welcome(welcome) => Ok((connection, welcome)),
            _ => Err(ClientError::UnexpectedReply),
        }
    }

    pub(super) async fn call(&mut self, request: &Request) -> Result<Reply, ClientError> {
        let line = frame(request).map_err(ClientError::BadReply)?;
        if line.len() > FRAME_LIMIT {
            return Err(ClientError::RequestTooLarge { bytes: line.len() });
        }
        self.stream
            .write_all(&line)
            .await
            .map_err(ClientError::Disconnected)?;
        match self.receive().await? {
            Reply::Refused(refusal) => Err(ClientError::Refused(refusal)),
            reply => Ok(reply),
        }
    }

    /// The next frame, whole; a connection that ended in the middle of one is broken. Cancel safe.
    pub(super) async fn receive<T: DeserializeOwned>(&mut self) -> Result<T, ClientError> {
        self.stream
            .read_until(b'\n', &mut self.line)
            .await
            .map_err(ClientError::Disconnected)?;
        let line = std::mem::take(&mut self.line);
        if line.last() != Some(&b'\n') {
            return Err(ClientError::Disconnected(
                io::ErrorKind::UnexpectedEof.into(),
            ));
        }
        serde_json::from_slice(&line).map_err(ClientError::BadReply)
    }

    /// Returns when the other side has gone.
    pub(super) async fn closed(&mut self) {
        let mut rest = [0; 1024];
        while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
    }
}

fn connect(directory: &Path) -> io::Result<UnixStream> {
    let stream = socket::connect(&directory.join(SOCKET_NAME))?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clock stands still until nothing else is left to wait for.
    #[tokio::test(start_paused = true)]
    async fn a_supervisor_that_never_greets_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let _listener = socket::bind(&temp.path().join(SOCKET_NAME)).unwrap();
        let error = Connection::open(temp.path()).await.unwrap_err();
        let own = std::process::id();
        let text = format!(
            "the supervisor (process {own}) did not answer within 5 s; `kill -9 {own}` ends it and \
             its tasks"
        );
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn a_supervisor_without_a_number_is_not_to_be_killed() {
        let error = ClientError::Silent {
            process: None,
            waited: PATIENCE,
        };
        let text = "the supervisor did not answer within 5 s";
        assert_eq!(error.to_string(), text);
    }
}
