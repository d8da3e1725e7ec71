//! The access log: one line per request, in the order and form of Application Load Balancer logs.
//!
//! Requests only append to a buffer in memory. A thread of its own writes the buffer to the file a
//! second after its first line came, or earlier when it has grown; an idle router does nothing.

mod file;
mod line;

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use file::RotatingFile;
use line::Clock;
pub(crate) use line::Line;

use crate::error::StartError;
use crate::options::AccessLogOptions;

/// How long lines wait in memory.
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// How many bytes are written early.
const FLUSH_AT: usize = 256 * 1024;

/// How many bytes are held while the disk is slow; further lines are dropped and counted.
const MOST_HELD: usize = 16 * 1024 * 1024;

thread_local! {
    static DRAFT: RefCell<Draft> = RefCell::default();
}

/// Where a thread writes its lines, one after the other.
#[derive(Debug, Default)]
struct Draft {
    text: Vec<u8>,
    clock: Clock,
}

/// The log; dropping it writes out what is left.
#[derive(Debug)]
pub(crate) struct AccessLog {
    shared: Arc<Shared>,
    writer: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    /// Wakes the writer.
    filled: Condvar,
    /// Wakes those who wait for a flush.
    written: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    dropped: u64,
    /// Bytes appended and bytes written since the start.
    appended: u64,
    written: u64,
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wanted {
    #[default]
    InTime,
    Now,
    End,
}

impl AccessLog {
    pub(crate) fn open(options: AccessLogOptions) -> Result<Self, StartError> {
        let path = options.path.clone();
        let failed = |source| StartError::AccessLog { path, source };
        let file = match RotatingFile::open(options) {
            Ok(file) => file,
            Err(source) => return Err(failed(source)),
        };
        let shared = Arc::new(Shared::default());
        let writer = thread::Builder::new()
            .name("access-log".to_owned())
            .stack_size(128 * 1024)
            .spawn({
                let shared = shared.clone();
                move || write_until_end(&shared, file)
            })
            .map_err(failed)?;
        Ok(Self {
            shared,
            writer: Some(writer),
        })
    }

    /// Takes a line; never waits for the disk.
    pub(crate) fn append(&self, line: &Line<'_>) {
        // Written before the lock is taken: requests of other threads wait only for the copy.
        DRAFT.with_borrow_mut(|draft| {
            draft.text.clear();
            line.write(&mut draft.text, &mut draft.clock);
            self.append_text(&draft.text);
        });
    }

    fn append_text(&self, text: &[u8]) {
        let mut buffer = self.shared.lock();
        let before = buffer.bytes.len();
        if before > MOST_HELD {
            buffer.dropped += 1;
            return;
        }
        buffer.bytes.extend_from_slice(text);
        buffer.appended += text.len() as u64;
        let after = before + text.len();
        drop(buffer);
        if before == 0 || (before < FLUSH_AT && after >= FLUSH_AT) {
            self.shared.filled.notify_one();
        }
    }

    /// Writes out what was appended so far.
    pub(crate) async fn flush(&self) {
        let goal = {
            let mut buffer = self.shared.lock();
            buffer.wanted = Wanted::Now;
            buffer.appended
        };
        self.shared.filled.notify_one();
        loop {
            let written = self.shared.written.notified();
            tokio::pin!(written);
            written.as_mut().enable();
            if self.shared.lock().written >= goal {
                return;
            }
            written.await;
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.shared.lock().wanted = Wanted::End;
        self.shared.filled.notify_one();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the access log's writer panicked");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is time to write, and takes the lines.
    fn collect(&self, mut lines: Vec<u8>) -> (Vec<u8>, u64, Wanted) {
        lines.clear();
        let mut buffer = self.lock();
        while buffer.bytes.is_empty() && buffer.wanted == Wanted::InTime {
            buffer = self
                .filled
                .wait(buffer)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let deadline = Instant::now() + FLUSH_AFTER;
        while buffer.wanted == Wanted::InTime && buffer.bytes.len() < FLUSH_AT {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            let waited = self.filled.wait_timeout(buffer, left);
            buffer = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut lines, &mut buffer.bytes);
        let wanted = buffer.wanted;
        if wanted == Wanted::Now {
            buffer.wanted = Wanted::InTime;
        }
        (lines, std::mem::take(&mut buffer.dropped), wanted)
    }
}

fn write_until_end(shared: &Shared, mut file: RotatingFile) {
    let mut lines = Vec::new();
    loop {
        let (taken, dropped, wanted) = shared.collect(lines);
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "access log lines were dropped: the disk is too slow"
            );
        }
        if let Err(error) = file.append(&taken) {
            tracing::error!(%error, path = %file.path().display(), "access log lines were lost");
        }
        shared.lock().written += taken.len() as u64;
        shared.written.notify_waiters();
        if wanted == Wanted::End {
            return;
        }
        lines = taken;
    }
}
