//! Uploads in progress: their bytes go to a file beside the blobs and are
//! hashed on the way.
//!
//! An upload is between requests most of its time, and a request may break off: what has arrived
//! stays, and the client goes on from there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use uuid::Uuid;

use super::answers::Refusal;
use super::blobs::{BlobError, BlobFiles};
use super::digest::{Algorithm, Digest, Hasher};
use super::endpoint::Registry;
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
    open: Mutex<HashMap<Uuid, Arc<AsyncMutex<Session>>>>,
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

/// An upload that nobody else works on; empty once it was taken out. From the end of this work on
/// it is idle.
#[derive(Debug)]
pub(super) struct Held(OwnedMutexGuard<Session>);

/// An upload whose bytes are all there and have their digest.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) size: u64,
    path: TemporaryPath,
}

#[derive(Debug)]
struct Session {
    upload: Option<Upload>,
    /// When it was last worked on.
    since: Instant,
}

/// Why a body was not appended as a whole.
enum AppendError {
    /// What arrived before is there; the client goes on from there.
    Refused(Refusal),
    /// Nobody knows what is in the file.
    Damaged(Refusal),
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
        self.drop_idle(MAX_IDLE);
        let mut open = self.lock();
        if open.len() >= MAX_OPEN {
            let message = format!("{MAX_OPEN} uploads are open already");
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Refusal::new(status, "TOOMANYREQUESTS", message));
        }
        let id = upload.id;
        let session = Session {
            upload: Some(upload),
            since: Instant::now(),
        };
        open.insert(id, Arc::new(AsyncMutex::new(session)));
        Ok(())
    }

    /// Drops the uploads that nobody has gone on with for so long. One at work, or waited for, is
    /// not idle: it is then not the map's alone.
    fn drop_idle(&self, limit: Duration) {
        self.lock().retain(|_, session| {
            let alone = Arc::get_mut(session).map(AsyncMutex::get_mut);
            alone.is_none_or(|session| session.since.elapsed() < limit)
        });
    }

    /// The upload with this id, once nobody else works on it.
    pub(super) async fn hold(
        &self,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<Held, Refusal> {
        let session = id
            .parse()
            .ok()
            .and_then(|id: Uuid| self.lock().get(&id).cloned());
        let held = Held(session.ok_or_else(unknown)?.lock_owned().await);
        if held.upload()?.repository == *repository {
            return Ok(held);
        }
        Err(unknown())
    }

    /// Appends the body, as far as it comes. After a failure of the disk the upload is dropped.
    pub(super) async fn append<B>(&self, held: &mut Held, body: B) -> Result<(), Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let upload = held.0.upload.as_mut().ok_or_else(unknown)?;
        match upload.append(body).await {
            Ok(()) => Ok(()),
            Err(AppendError::Refused(refusal)) => Err(refusal),
            Err(AppendError::Damaged(refusal)) => {
                drop(self.take(held)?);
                Err(refusal)
            }
        }
    }

    /// Takes a held upload out: nobody finds it any more.
    pub(super) fn take(&self, held: &mut Held) -> Result<Upload, Refusal> {
        let upload = held.0.upload.take().ok_or_else(unknown)?;
        self.lock().remove(&upload.id);
        Ok(upload)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<AsyncMutex<Session>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Drops the uploads that no client has gone on with for a while.
    pub fn drop_idle_uploads(&self) {
        self.uploads.drop_idle(MAX_IDLE);
    }
}

impl Held {
    pub(super) fn upload(&self) -> Result<&Upload, Refusal> {
        self.0.upload.as_ref().ok_or_else(unknown)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.since = Instant::now();
    }
}

impl Upload {
    /// Appends all of the body.
    pub(super) async fn append_all(&mut self, body: Incoming) -> Result<(), Refusal> {
        self.append(body).await.map_err(|error| match error {
            AppendError::Refused(refusal) | AppendError::Damaged(refusal) => refusal,
        })
    }

    async fn append<B>(&mut self, mut body: B) -> Result<(), AppendError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let mut received = Ok(());
        while let Some(frame) = body.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(bytes)) => self.write(&bytes).await?,
                Ok(Err(_trailers)) => {}
                Err(error) => {
                    let message = format!("the body broke off: {error}");
                    let refusal = Refusal::bad("BLOB_UPLOAD_INVALID", message);
                    received = Err(AppendError::Refused(refusal));
                    break;
                }
            }
        }
        let flushed = self.file.flush().await;
        flushed.map_err(|source| AppendError::Damaged(self.failed(source)))?;
        received
    }

    /// Checks that the bytes have the digest, and brings them to the disk.
    pub(super) async fn complete(self, digest: &Digest) -> Result<Whole, Refusal> {
        let failed = |source| self.failed(source);
        self.file.sync_data().await.map_err(failed)?;
        // The digest is that of the bytes that came; these are the ones that are kept.
        let length = self.file.metadata().await.map_err(failed)?.len();
        if length != self.size {
            let message = format!("{length} bytes are on the disk, not {}", self.size);
            return Err(failed(std::io::Error::other(message)));
        }
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

    async fn write(&mut self, bytes: &[u8]) -> Result<(), AppendError> {
        if self.size.saturating_add(bytes.len() as u64) > MAX_BLOB {
            let message = format!("a blob has at most {MAX_BLOB} bytes");
            return Err(AppendError::Refused(Refusal::too_large(message)));
        }
        let written = self.file.write_all(bytes).await;
        written.map_err(|source| AppendError::Damaged(self.failed(source)))?;
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

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    fn uploads(dir: &tempfile::TempDir) -> (Uploads, RepositoryName) {
        let files = BlobFiles::prepare(dir.path().join("registry")).unwrap();
        (Uploads::new(files), "shop/api".parse().unwrap())
    }

    async fn parked(uploads: &Uploads, upload: Upload) -> String {
        let id = upload.id.to_string();
        uploads.park(upload).unwrap();
        id
    }

    #[tokio::test]
    async fn an_upload_that_the_disk_refused_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let (uploads, name) = uploads(&dir);
        let mut upload = uploads.start(&name, Algorithm::Sha256).await.unwrap();
        let path = upload.path.0.clone();
        upload.file = File::open(&path).await.unwrap();
        let id = parked(&uploads, upload).await;
        let mut held = uploads.hold(&name, &id).await.unwrap();
        let body = Full::new(Bytes::from_static(b"bytes"));
        let refused = uploads.append(&mut held, body).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
        drop(held);
        let gone = uploads.hold(&name, &id).await.unwrap_err();
        assert_eq!(gone.code, "BLOB_UPLOAD_UNKNOWN");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_lost_bytes_becomes_no_blob() {
        let dir = tempfile::tempdir().unwrap();
        let (uploads, name) = uploads(&dir);
        let mut upload = uploads.start(&name, Algorithm::Sha256).await.unwrap();
        let body = Full::new(Bytes::from_static(b"bytes"));
        assert!(upload.append(body).await.is_ok());
        upload.file.set_len(3).await.unwrap();
        let refused = upload.complete(&Digest::of(b"bytes")).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn an_upload_at_work_is_not_idle() {
        let dir = tempfile::tempdir().unwrap();
        let (uploads, name) = uploads(&dir);
        let upload = uploads.start(&name, Algorithm::Sha256).await.unwrap();
        let id = parked(&uploads, upload).await;
        let held = uploads.hold(&name, &id).await.unwrap();
        let since = held.0.since;
        uploads.drop_idle(Duration::ZERO);
        drop(held);
        let held = uploads.hold(&name, &id).await.unwrap();
        assert!(held.0.since > since, "its time counts from the end");
        drop(held);
        uploads.drop_idle(Duration::ZERO);
        assert!(uploads.hold(&name, &id).await.is_err());
    }
}
