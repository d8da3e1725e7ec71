//! Finding and reading the file. With [`crate::tree`] the only module that touches the disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::Manifest;
use crate::source::Source;
use crate::tree::Checkout;

/// The manifest's name at the root of a repository.
pub const FILE_NAME: &str = "seaway.toml";

/// Larger files are refused before they are read: a manifest of 1,000 services has about 300 KiB.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// Reads the manifest at `path`, a file or the directory that holds `seaway.toml`.
///
/// Fails with everything that is wrong with the text and the paths in it, and then also with what
/// is wrong in the environments. A manifest that is returned can still have an environment that
/// does not resolve: see [`Manifest::check`].
pub fn load(path: &Path) -> Result<Manifest, Diagnostics> {
    let (source, root) = source_of(path)?;
    let manifest = Manifest::parse(source, &Checkout::new(root.clone()))?;
    Ok(manifest.in_directory(root))
}

/// The same without a look at the paths in the manifest: for commands that build nothing and go by
/// the record, to which the working tree is of no concern.
pub fn load_text(path: &Path) -> Result<Manifest, Diagnostics> {
    let (source, root) = source_of(path)?;
    Ok(Manifest::parse_text(source)?.in_directory(root))
}

/// The directory of the manifest at `path`, which may be a file or that directory; what the
/// manifest says is not looked at.
pub fn locate(path: &Path) -> Result<PathBuf, Diagnostics> {
    let file = file_at(path);
    match std::fs::metadata(&file) {
        Ok(_) => Ok(directory_of(&file)),
        Err(error) => Err(alone(&file.display().to_string(), unreadable(&error))),
    }
}

fn source_of(path: &Path) -> Result<(Source, PathBuf), Diagnostics> {
    let file = file_at(path);
    let name = file.display().to_string();
    let bytes = read(&file, &name)?;
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&name, &error))?;
    Ok((Source { name, text }, directory_of(&file)))
}

fn file_at(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(FILE_NAME)
    } else {
        path.to_owned()
    }
}

fn read(file: &Path, name: &str) -> Result<Vec<u8>, Diagnostics> {
    let unreadable = |error: &io::Error| alone(name, unreadable(error));
    let metadata = std::fs::metadata(file).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(alone(
            name,
            Diagnostic::error("the manifest is not a regular file"),
        ));
    }
    if metadata.len() > MAX_BYTES {
        return Err(alone(name, too_large(metadata.len())));
    }
    let mut bytes = Vec::new();
    // Invariant: a file that grows meanwhile is not read beyond the limit either.
    let read = File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    let length = read.map_err(|error| unreadable(&error))? as u64;
    if length > MAX_BYTES {
        Err(alone(name, too_large(length)))
    } else {
        Ok(bytes)
    }
}

fn unreadable(error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::error("there is no manifest here").help(format!(
            "name the directory that holds `{FILE_NAME}`, or write one: `seaway schema` prints \
             what it may hold"
        )),
        _ => Diagnostic::error(format!("the manifest cannot be read: {error}")),
    }
}

fn too_large(bytes: u64) -> Diagnostic {
    Diagnostic::error(format!("the manifest has {bytes} bytes"))
        .note(format!("a manifest has at most {MAX_BYTES} bytes"))
        .help("is this the right file?")
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Diagnostics {
    let offset = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(offset).copied().unwrap_or_default();
    // What comes before the offset is the same in both texts, so places stay right.
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let shown = offset..offset + char::REPLACEMENT_CHARACTER.len_utf8();
    let problem = Diagnostic::error("the manifest is not valid UTF-8")
        .at(&shown, format!("byte {offset} is 0x{byte:02x}"))
        .help("save the file as UTF-8");
    Diagnostics::new(
        Arc::new(Source {
            name: name.to_owned(),
            text,
        }),
        vec![problem],
    )
}

/// Diagnostics about a file whose text nobody has.
fn alone(name: &str, problem: Diagnostic) -> Diagnostics {
    Diagnostics::new(
        Arc::new(Source {
            name: name.to_owned(),
            text: String::new(),
        }),
        vec![problem],
    )
}

fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
