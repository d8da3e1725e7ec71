//! An image as one archive, in the format that every engine loads: a list of images, their
//! configurations and their layers (compressed or not) side by side, as `docker save` writes it.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;

use bytes::Bytes;
use futures::Stream;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

/// What goes to the engine at once, in bytes, and how many of these wait for it at most.
const PIECE: usize = 64 * 1024;
const WAITING: usize = 8;

/// An image whose parts are on this machine.
#[derive(Clone, Debug)]
pub struct ImageArchive {
    /// The name that the engine is to know it by: `registry/repository:tag`.
    pub name: String,
    /// The image's configuration, byte by byte.
    pub config: Vec<u8>,
    /// From the lowest to the topmost, as the configuration lists them.
    pub layers: Vec<ArchiveLayer>,
}

/// A layer: an archive, plain or with gzip.
#[derive(Clone, Debug)]
pub struct ArchiveLayer {
    pub(super) size: u64,
    pub(super) content: LayerContent,
}

#[derive(Clone, Debug)]
pub(super) enum LayerContent {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl ArchiveLayer {
    /// A layer in a file of `size` bytes.
    pub fn file(path: PathBuf, size: u64) -> Self {
        Self {
            size,
            content: LayerContent::File(path),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    config: &'a str,
    repo_tags: [&'a str; 1],
    layers: Vec<String>,
}

impl ImageArchive {
    /// The archive in pieces, written while they are taken. An error ends it.
    pub(super) fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            let mut pieces = Pieces {
                sender,
                piece: Vec::with_capacity(PIECE),
            };
            let written = self.write(&mut pieces).and_then(|()| pieces.flush());
            if let Err(error) = written {
                // Nobody takes it when the engine has hung up.
                let _ = pieces.sender.blocking_send(Err(error));
            }
        });
        futures::stream::unfold(receiver, async |mut receiver| {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let config = format!("{}.json", hex::encode(Sha256::digest(&self.config)));
        let layers: Vec<String> = (0..self.layers.len()).map(|n| format!("{n}.tar")).collect();
        let list = serde_json::to_vec(&[Entry {
            config: &config,
            repo_tags: [&self.name],
            layers: layers.clone(),
        }])?;
        let mut archive = Builder::new(out);
        append(
            &mut archive,
            &config,
            self.config.len() as u64,
            &self.config[..],
        )?;
        for (name, layer) in layers.iter().zip(&self.layers) {
            match &layer.content {
                LayerContent::Bytes(bytes) => {
                    append(&mut archive, name, layer.size, Cursor::new(bytes))?;
                }
                LayerContent::File(path) => {
                    append(
                        &mut archive,
                        name,
                        layer.size,
                        File::open(path)?.take(layer.size),
                    )?;
                }
            }
        }
        append(&mut archive, "manifest.json", list.len() as u64, &list[..])?;
        archive.finish()
    }
}

fn append<W: Write>(
    archive: &mut Builder<W>,
    name: &str,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    archive.append_data(&mut header, name, content)
}

/// Collects what is written into pieces for an asynchronous reader.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..length]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let sent = self.sender.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn an_archive_lists_its_configuration_and_layers() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("layer");
        let layer = vec![7; 3 * PIECE + 1];
        std::fs::write(&path, &layer).unwrap();
        let archive = ImageArchive {
            name: "shop/api:v1".into(),
            config: b"{}".to_vec(),
            layers: vec![ArchiveLayer::file(path, layer.len() as u64)],
        };
        let pieces: Vec<Bytes> = archive.pieces().try_collect().await.unwrap();
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
        let bytes = pieces.concat();
        let mut found = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            found.insert(name, content);
        }
        let list: serde_json::Value = serde_json::from_slice(&found["manifest.json"]).unwrap();
        assert_eq!(list[0]["RepoTags"][0], "shop/api:v1");
        assert_eq!(found[list[0]["Config"].as_str().unwrap()], b"{}");
        assert_eq!(found[list[0]["Layers"][0].as_str().unwrap()], layer);
    }

    #[tokio::test]
    async fn a_layer_that_is_gone_ends_the_archive_with_an_error() {
        let archive = ImageArchive {
            name: "shop/api:v1".into(),
            config: b"{}".to_vec(),
            layers: vec![ArchiveLayer::file("/nonexistent/layer".into(), 10)],
        };
        let pieces: io::Result<Vec<Bytes>> = archive.pieces().try_collect().await;
        assert_eq!(pieces.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
