//! Uploads in progress: their bytes go to a file beside the blobs and are
//! hashed on the way.
//!
//! An upload is between requests most of its time, and a request may break off: what has arrived
//! stays, and the client goes on from there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use uuid::Uuid;

use super::answers::Refusal;
use super::blobs::{BlobError, BlobFiles};
use super::digest::{Algorithm, Digest, Hasher};
use super::reference::RepositoryName;

/// More than any bundle or base image; keeps a mistake from filling the disk.
const MAX_BLOB: u64 = 10 << 30;
/// Uploads that may be open at a time; each has a file open.
const MAX_OPEN: usize = 256;
/// An upload that nobody goes on with is dropped.
const MAX_IDLE: Duration = Duration::from_secs(15 * 60);

/// The uploads of one registry.
#[derive(Debug)]
pub(super) struct Uploads {
    files: BlobFiles,
    open: Mutex<HashMap<Uuid, Session>>,
}

/// One upload. Its file goes when it is dropped.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: Uuid,
    /// Bytes so far.
    pub(super) size: u64,
    repository: RepositoryName,
    file: File,
    path: TemporaryPath,
    hasher: Hasher,
}

/// An upload that nobody else works on; empty once it was taken out.
pub(super) type Held = OwnedMutexGuard<Option<Upload>>;

/// An upload whose bytes are all there and have their digest.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) size: u64,
    path: TemporaryPath,
}

#[derive(Debug)]
struct Session {
    upload: Arc<AsyncMutex<Option<Upload>>>,
    since: Instant,
}

/// Removes the file when dropped; of a file that was renamed nothing is left.
#[derive(Debug)]
struct TemporaryPath(PathBuf);

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

impl Uploads {
    pub(super) fn new(files: BlobFiles) -> Self {
        Self {
            files,
            open: Mutex::default(),
        }
    }

    /// A new, empty upload into the repository, hashed by `algorithm` on the way.
    pub(super) async fn start(
        &self,
        repository: &RepositoryName,
        algorithm: Algorithm,
    ) -> Result<Upload, Refusal> {
        let id = Uuid::new_v4();
        let path = TemporaryPath(self.files.upload(&id.to_string()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path.0)
            .await
            .map_err(|source| Refusal::internal(&BlobError::at(&path.0, source)))?;
        Ok(Upload {
            id,
            size: 0,
            repository: repository.clone(),
            file,
            path,
            hasher: Hasher::new(algorithm),
        })
    }

    /// Keeps an upload for the client's next request.
    pub(super) fn park(&self, upload: Upload) -> Result<(), Refusal> {
        let mut open = self.lock();
        open.retain(|_, session| session.since.elapsed() < MAX_IDLE);
        if open.len() >= MAX_OPEN {
            let message = format!("{MAX_OPEN} uploads are open already");
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Refusal::new(status, "TOOMANYREQUESTS", message));
        }
        let session = Session {
            since: Instant::now(),
            upload: Arc::new(AsyncMutex::new(None)),
        };
        let id = upload.id;
        if let Ok(mut place) = session.upload.try_lock() {
            *place = Some(upload);
        }
        open.insert(id, session);
        Ok(())
    }

    /// The upload with this id, once nobody else works on it.
    pub(super) async fn hold(
        &self,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<Held, Refusal> {
        let session = id.parse().ok().and_then(|id: Uuid| {
            let mut open = self.lock();
            let session = open.get_mut(&id)?;
            session.since = Instant::now();
            Some(Arc::clone(&session.upload))
        });
        let held = session.ok_or_else(unknown)?.lock_owned().await;
        if held.as_ref().is_some_and(|up| up.repository == *repository) {
            return Ok(held);
        }
        Err(unknown())
    }

    /// Takes a held upload out: nobody finds it any more.
    pub(super) fn take(&self, held: &mut Held) -> Result<Upload, Refusal> {
        let upload = held.take().ok_or_else(unknown)?;
        self.lock().remove(&upload.id);
        Ok(upload)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Appends the body, as far as it comes.
    pub(super) async fn append(&mut self, mut body: Incoming) -> Result<(), Refusal> {
        let mut received = Ok(());
        while let Some(frame) = body.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(bytes)) => self.write(&bytes).await?,
                Ok(Err(_trailers)) => {}
                Err(error) => {
                    let message = format!("the body broke off: {error}");
                    received = Err(Refusal::bad("BLOB_UPLOAD_INVALID", message));
                    break;
                }
            }
        }
        let flushed = self.file.flush().await;
        flushed.map_err(|source| self.failed(source))?;
        received
    }

    /// Checks that the bytes have the digest, and brings them to the disk.
    pub(super) async fn complete(self, digest: &Digest) -> Result<Whole, Refusal> {
        self.file
            .sync_data()
            .await
            .map_err(|source| self.failed(source))?;
        let Self {
            size, path, hasher, ..
        } = self;
        let found = if hasher.algorithm() == digest.algorithm() {
            hasher.finish()
        } else {
            read_again(path.0.clone(), digest.algorithm()).await?
        };
        if found == *digest {
            return Ok(Whole { size, path });
        }
        let message = format!("the bytes have the digest {found}, not {digest}");
        Err(Refusal::bad("DIGEST_INVALID", message))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.size.saturating_add(bytes.len() as u64) > MAX_BLOB {
            let message = format!("a blob has at most {MAX_BLOB} bytes");
            return Err(Refusal::too_large(message));
        }
        let written = self.file.write_all(bytes).await;
        written.map_err(|source| self.failed(source))?;
        self.size += bytes.len() as u64;
        self.hasher.update(bytes);
        Ok(())
    }

    fn failed(&self, source: std::io::Error) -> Refusal {
        Refusal::internal(&BlobError::at(&self.path.0, source))
    }
}

impl Whole {
    /// Where the bytes are until somebody moves them.
    pub(super) fn path(&self) -> &Path {
        &self.path.0
    }
}

/// The client names the bytes by another hash than the one that was computed on the way.
async fn read_again(path: PathBuf, algorithm: Algorithm) -> Result<Digest, Refusal> {
    let read = move || {
        let failed = |source| BlobError::at(&path, source);
        let mut file = std::fs::File::open(&path).map_err(failed)?;
        Digest::of_reader(algorithm, &mut file).map_err(failed)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Refusal::internal(&error))?
        .map_err(|error| Refusal::internal(&error))
}

fn unknown() -> Refusal {
    Refusal::not_found("BLOB_UPLOAD_UNKNOWN", "there is no such upload")
}
