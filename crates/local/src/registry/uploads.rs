//! Uploads in progress: their bytes go to a file beside the blobs and are
//! hashed on the way.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::answers::Refusal;
use super::blobs::{BlobError, BlobFiles};
use super::digest::{Digest, Hasher};
use crate::clock::EpochMillis;
use crate::store::{Store, StoreError};

/// More than any bundle or base image; keeps a mistake from filling the disk.
const MAX_BLOB: u64 = 4 << 30;
/// Uploads that may be open at a time.
const MAX_OPEN: usize = 64;
/// An upload that nobody goes on with is dropped.
const MAX_IDLE: Duration = Duration::from_secs(15 * 60);

/// The uploads of one registry.
#[derive(Debug)]
pub(super) struct Uploads {
    files: BlobFiles,
    store: Arc<Store>,
    open: Mutex<HashMap<Uuid, Parked>>,
}

/// One upload while somebody works on it. Its file goes when it is dropped.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: Uuid,
    /// Bytes so far.
    pub(super) size: u64,
    file: File,
    path: TemporaryPath,
    hasher: Hasher,
}

#[derive(Debug)]
struct Parked {
    upload: Upload,
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
    pub(super) fn new(files: BlobFiles, store: Arc<Store>) -> Self {
        Self {
            files,
            store,
            open: Mutex::default(),
        }
    }

    /// A new, empty upload.
    pub(super) async fn start(&self) -> Result<Upload, Refusal> {
        let id = Uuid::new_v4();
        let path = TemporaryPath(self.files.upload(&id.to_string()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path.0)
            .await
            .map_err(|source| Refusal::internal(&BlobError::at(&path.0, source)))?;
        Ok(Upload {
            id,
            size: 0,
            file,
            path,
            hasher: Hasher::new(),
        })
    }

    /// Takes a parked upload up again; nobody else has it meanwhile.
    pub(super) fn take(&self, id: &str) -> Result<Upload, Refusal> {
        let unknown = || Refusal::not_found("BLOB_UPLOAD_UNKNOWN", "there is no such upload");
        let id = id.parse::<Uuid>().map_err(|_| unknown())?;
        self.lock()
            .remove(&id)
            .map(|parked| parked.upload)
            .ok_or_else(unknown)
    }

    /// Keeps an upload for the client's next request.
    pub(super) fn park(&self, upload: Upload) -> Result<(), Refusal> {
        let mut open = self.lock();
        open.retain(|_, parked| parked.since.elapsed() < MAX_IDLE);
        if open.len() >= MAX_OPEN {
            let message = format!("{MAX_OPEN} uploads are open already");
            return Err(Refusal::new(
                http::StatusCode::TOO_MANY_REQUESTS,
                "TOOMANYREQUESTS",
                message,
            ));
        }
        open.insert(
            upload.id,
            Parked {
                upload,
                since: Instant::now(),
            },
        );
        Ok(())
    }

    /// Makes the upload the blob `digest`, if that is what its bytes are.
    pub(super) async fn finish(&self, upload: Upload, digest: &Digest) -> Result<(), Refusal> {
        let Upload {
            size,
            mut file,
            path,
            hasher,
            ..
        } = upload;
        let found = hasher.finish();
        if found != *digest {
            let message = format!("the bytes have the digest {found}, not {digest}");
            return Err(Refusal::bad("DIGEST_INVALID", message));
        }
        let place = self.files.path(digest);
        let failed = |source| Refusal::internal(&BlobError::at(&place, source));
        file.flush().await.map_err(failed)?;
        file.sync_data().await.map_err(failed)?;
        drop(file);
        fs::rename(&path.0, &place).await.map_err(failed)?;
        self.record(digest, size).await
    }

    /// Makes `bytes` a blob and returns its digest.
    pub(super) async fn store_whole(&self, bytes: &[u8]) -> Result<Digest, Refusal> {
        let mut upload = self.start().await?;
        upload.write(bytes).await?;
        let digest = Digest::of(bytes);
        self.finish(upload, &digest).await?;
        Ok(digest)
    }

    async fn record(&self, digest: &Digest, size: u64) -> Result<(), Refusal> {
        let (store, digest) = (Arc::clone(&self.store), digest.clone());
        let write = move || {
            store
                .write::<_, StoreError>(|tx| tx.put_blob(digest.as_str(), size, EpochMillis::now()))
        };
        tokio::task::spawn_blocking(write)
            .await
            .map_err(|error| Refusal::internal(&error))?
            .map_err(|error| Refusal::internal(&error))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Parked>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Appends the whole body.
    pub(super) async fn append(&mut self, mut body: Incoming) -> Result<(), Refusal> {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Refusal::bad(
                    "BLOB_UPLOAD_INVALID",
                    format!("the body broke off: {error}"),
                )
            })?;
            if let Ok(bytes) = frame.into_data() {
                self.write_bytes(bytes).await?;
            }
        }
        Ok(())
    }

    async fn write_bytes(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        self.write(&bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.size += bytes.len() as u64;
        if self.size > MAX_BLOB {
            return Err(Refusal::too_large(format!(
                "a blob has at most {MAX_BLOB} bytes"
            )));
        }
        self.hasher.update(bytes);
        self.file
            .write_all(bytes)
            .await
            .map_err(|source| Refusal::internal(&BlobError::at(&self.path.0, source)))
    }
}
