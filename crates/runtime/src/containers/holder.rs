//! The container that holds a task's network: an image of one program that waits for its end.
//!
//! The program is a few instructions, so that nothing has to be downloaded: it makes the system
//! call that waits for a signal, again and again. As the first process of its container it hears
//! of none but SIGKILL.

use sha2::{Digest, Sha256};

use super::archive::{ArchiveLayer, ImageArchive, LayerContent};
use super::error::EngineError;

/// The image, by name. A change of the program gets another number.
pub(super) const IMAGE: &str = "seaway.internal/holder:1";
/// What stands for a container's name in that of the holder. No container is called like this:
/// their names have no dot.
pub(super) const NAME: &str = ".holder";

const PROGRAM: &str = "holder";

/// `pause()` and back: `mov eax, 34; syscall; jmp -9`.
const X86_64: [u8; 9] = [0xb8, 0x22, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7];
/// `ppoll(NULL, 0, NULL, NULL)` and back: four times `mov xN, #0`, `mov x8, #73; svc #0; b -24`.
const AARCH64: [u32; 7] = [
    0xd280_0000,
    0xd280_0001,
    0xd280_0002,
    0xd280_0003,
    0xd280_0928,
    0xd400_0001,
    0x17ff_fffa,
];

/// Where the program lies in memory.
const BASE: u64 = 0x40_0000;
/// Bytes of the two headers in front of it.
const HEADERS: u16 = 64 + 56;

/// The image, to be loaded into an engine that does not have it.
pub(super) fn archive() -> Result<ImageArchive, EngineError> {
    let (machine, architecture, code) = match std::env::consts::ARCH {
        "x86_64" => (62, "amd64", X86_64.to_vec()),
        "aarch64" => {
            let words = AARCH64.iter().flat_map(|word| word.to_le_bytes());
            (183, "arm64", words.collect())
        }
        other => return Err(EngineError::Processor(other)),
    };
    let layer = layer(&program(machine, &code));
    let diff_id = format!("sha256:{}", hex::encode(Sha256::digest(&layer)));
    let config = serde_json::json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": [format!("/{PROGRAM}")] },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    Ok(ImageArchive {
        name: IMAGE.to_owned(),
        config: config.to_string().into_bytes(),
        layers: vec![ArchiveLayer {
            size: layer.len() as u64,
            content: LayerContent::Bytes(layer),
        }],
    })
}

/// An executable of the 64-bit ELF format with one segment, which is the whole file.
fn program(machine: u16, code: &[u8]) -> Vec<u8> {
    let size = u64::from(HEADERS) + code.len() as u64;
    let mut file = Vec::new();
    file.extend([0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    file.extend([0; 8]);
    for half in [2, machine] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    // Entry; where the segments are listed; no sections.
    for word in [BASE + u64::from(HEADERS), 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    // One segment to load, readable and executable.
    for word in [1u32, 5] {
        file.extend(word.to_le_bytes());
    }
    for word in [0, BASE, BASE, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}

/// A layer with nothing but the program: one entry of the ustar format, and its end.
fn layer(program: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o555);
    header.set_size(program.len() as u64);
    header.as_old_mut().name[..PROGRAM.len()].copy_from_slice(PROGRAM.as_bytes());
    header.set_cksum();
    let mut layer = header.as_bytes().to_vec();
    layer.extend(program);
    layer.resize(layer.len().next_multiple_of(512) + 1024, 0);
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_an_executable_of_the_described_size() {
        let file = program(62, &X86_64);
        assert_eq!(&file[..4], b"\x7fELF");
        assert_eq!(file.len(), usize::from(HEADERS) + X86_64.len());
        assert_eq!(&file[usize::from(HEADERS)..], X86_64);
    }

    #[test]
    fn the_layer_holds_the_program_alone() {
        let layer = layer(b"program");
        let mut archive = tar::Archive::new(&layer[..]);
        let names: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().into_owned())
            .collect();
        assert_eq!(names, [std::path::PathBuf::from(PROGRAM)]);
    }
}
