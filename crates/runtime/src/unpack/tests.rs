//! Images good and bad, made byte by byte.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;

/// An archive in the making, with whatever names and types a test wants.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Writes the name as it is: the library would refuse what these tests are about.
    fn entry(mut self, kind: EntryType, name: &str, link: &str, mode: u32, data: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(data.len() as u64);
        header.set_mode(mode);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, "", 0o644, data)
    }

    fn program(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, "", 0o755, data)
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, 0o777, b"")
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, 0o644, b"")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

struct Store {
    directory: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn layer(&self, tar: &[u8], blob: &[u8]) -> Layer {
        let digest = Sha256Digest::of(blob);
        let path = self.directory.path().join(digest.hex());
        fs::write(&path, blob).unwrap();
        Layer {
            blob: path,
            digest,
            diff_id: Sha256Digest::of(tar),
        }
    }

    fn image(&self, layers: Vec<Layer>) -> Image {
        Image {
            manifest: Sha256Digest::of(b"manifest"),
            layers,
        }
    }

    fn plain(&self, tars: Vec<Tar>) -> Image {
        let layer = |tar: Tar| {
            let bytes = tar.bytes();
            self.layer(&bytes, &bytes)
        };
        self.image(tars.into_iter().map(layer).collect())
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("images")
    }

    fn unpacker(&self) -> Unpacker {
        Unpacker::new(self.root())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Read-only directories keep the temporary one from going.
        for name in fs::read_dir(self.root()).into_iter().flatten().flatten() {
            if name.path().is_dir() {
                tree::remove(&name.path()).unwrap();
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Unpacks one archive that must be refused, and returns the reason.
fn refusal(tar: Tar) -> Refusal {
    let store = Store::new();
    let image = store.plain(vec![tar]);
    let error = store.unpacker().unpack(&image).unwrap_err();
    let nothing_left = fs::read_dir(store.root()).unwrap().all(|entry| {
        entry
            .unwrap()
            .path()
            .extension()
            .is_some_and(|kind| kind == "lock")
    });
    assert!(nothing_left, "a refused image leaves nothing behind");
    match error {
        UnpackError::Entry { refusal, .. }
        | UnpackError::Link { refusal, .. }
        | UnpackError::TooLarge { refusal, .. } => refusal,
        other => panic!("refused for another reason: {other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn an_image_becomes_a_read_only_directory() {
    let store = Store::new();
    let tar = Tar::new()
        .entry(EntryType::Directory, "app/", "", 0o777, b"")
        .program("app/api", b"#!/bin/sh\n")
        .file("./app/conf.toml", b"a = 1")
        .link("app/current", "api")
        .hard_link("app/again", "app/conf.toml")
        .file("deep/er/still", b"x")
        .bytes();
    let image = store.image(vec![store.layer(&tar, &gzip(&tar))]);
    let tree = store.unpacker().unpack(&image).unwrap();
    assert_eq!(tree, store.root().join(image.manifest.hex()));
    assert_eq!(fs::read(tree.join("app/current")).unwrap(), b"#!/bin/sh\n");
    assert_eq!(fs::read(tree.join("app/again")).unwrap(), b"a = 1");
    let modes = ["", "app", "app/api", "app/conf.toml", "deep/er"].map(|p| mode(&tree.join(p)));
    assert_eq!(modes, [0o555, 0o555, 0o555, 0o444, 0o555]);
}

#[test]
fn upper_layers_replace_and_remove() {
    let store = Store::new();
    let lower = Tar::new()
        .file("keep", b"lower")
        .file("gone", b"x")
        .file("dir/a", b"a")
        .file("swap/inner", b"x");
    let upper = Tar::new()
        .file("keep", b"upper")
        .file(".wh.gone", b"")
        .file("dir/.wh..wh..opq", b"")
        .file("dir/b", b"b")
        .file("swap", b"now a file");
    let tree = store
        .unpacker()
        .unpack(&store.plain(vec![lower, upper]))
        .unwrap();
    assert_eq!(fs::read(tree.join("keep")).unwrap(), b"upper");
    assert!(!tree.join("gone").exists() && !tree.join("dir/a").exists());
    assert_eq!(fs::read(tree.join("dir/b")).unwrap(), b"b");
    assert_eq!(fs::read(tree.join("swap")).unwrap(), b"now a file");
}

#[test]
fn a_missing_working_directory_is_made_but_never_through_a_link() {
    let store = Store::new();
    let image = store.plain(vec![Tar::new().file("real/x", b"").link("alias", "real")]);
    let with = |workdir: &str| store.unpacker().unpack_with_workdir(&image, workdir);
    assert!(
        !store
            .unpacker()
            .unpack(&image)
            .unwrap()
            .join("srv")
            .exists()
    );
    let tree = with("/srv/app").unwrap();
    assert_eq!(mode(&tree.join("srv/app")), 0o555);
    assert!(
        with("/alias").unwrap().join("alias").is_symlink(),
        "what is there stays"
    );
    for bad in ["/real/x/y", "/alias/y", "/../y"] {
        let error = with(bad).unwrap_err();
        assert!(
            matches!(error, UnpackError::Workdir { .. }),
            "{bad}: {error:?}"
        );
    }
}

#[test]
fn an_intact_tree_is_used_again_and_a_changed_one_is_not() {
    let store = Store::new();
    let image = store.plain(vec![Tar::new().file("data", b"true")]);
    let unpacker = store.unpacker();
    let tree = unpacker.unpack(&image).unwrap();
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&tree).unwrap());
    let first = inode();
    unpacker.unpack(&image).unwrap();
    assert_eq!(inode(), first, "used again");

    let data = tree.join("data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&data, b"fals").unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o444)).unwrap();
    unpacker.unpack(&image).unwrap();
    assert_eq!(
        fs::read(&data).unwrap(),
        b"true",
        "same size and mode, other bytes"
    );

    fs::set_permissions(&tree, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(&data).unwrap();
    unpacker.unpack(&image).unwrap();
    assert_eq!(fs::read(&data).unwrap(), b"true", "a missing file");

    fs::remove_file(store.root().join(format!("{}.json", image.manifest.hex()))).unwrap();
    unpacker.unpack(&image).unwrap();
    assert_eq!(fs::read(&data).unwrap(), b"true", "without a record");
    unpacker.remove(&image.manifest).unwrap();
    assert!(!tree.exists());
}

#[test]
fn what_a_killed_predecessor_left_is_not_in_the_way() {
    let store = Store::new();
    let image = store.plain(vec![Tar::new().file("a", b"1")]);
    let hex = image.manifest.hex();
    for half_done in [hex.clone(), format!("{hex}.draft")] {
        fs::create_dir_all(store.root().join(&half_done).join("old")).unwrap();
    }
    let tree = store.unpacker().unpack(&image).unwrap();
    assert!(!tree.join("old").exists() && tree.join("a").exists());
    assert!(!store.root().join(format!("{hex}.draft")).exists());
}

#[test]
fn a_sweep_removes_what_is_half_done_or_not_wanted() {
    let store = Store::new();
    let unpacker = store.unpacker();
    assert_eq!(unpacker.sweep(|_| false).unwrap(), 0, "before any image");
    let image = |text: &[u8]| Image {
        manifest: Sha256Digest::of(text),
        ..store.plain(vec![Tar::new().file("a", text)])
    };
    let [kept, old] = [b"kept", b"old."].map(|text| image(text));
    let [kept_tree, old_tree] = [&kept, &old].map(|image| unpacker.unpack(image).unwrap());
    let killed = Sha256Digest::of(b"killed").hex();
    for half_done in [killed.clone(), format!("{killed}.draft")] {
        fs::create_dir(store.root().join(half_done)).unwrap();
    }
    fs::write(store.root().join(format!("{killed}.json.draft")), "{").unwrap();
    fs::create_dir(store.root().join("mine")).unwrap();

    let swept = unpacker.sweep(|image| *image != old.manifest).unwrap();
    assert_eq!(swept, 1);
    assert!(kept_tree.exists() && !old_tree.exists());
    let names = tree::names(&store.root()).unwrap();
    let stays = |name: &str| {
        let is_lock = Path::new(name).extension().is_some_and(|end| end == "lock");
        is_lock || name == "mine" || name.starts_with(&kept.manifest.hex())
    };
    let left: Vec<_> = names.iter().filter_map(|name| name.to_str()).collect();
    assert!(left.iter().all(|name| stays(name)), "{left:?}");
    assert_eq!(unpacker.unpack(&old).unwrap(), old_tree, "it can come back");
}

#[test]
fn an_image_that_is_being_unpacked_is_not_swept() {
    let store = Store::new();
    let image = store.plain(vec![Tar::new().file("a", b"1")]);
    let unpacker = store.unpacker();
    let tree = unpacker.unpack(&image).unwrap();
    let _busy = lock(&unpacker.place(&image.manifest).lock).unwrap();
    assert_eq!(unpacker.sweep(|_| false).unwrap(), 0);
    assert!(tree.exists());
}

#[test]
fn images_are_readable_by_their_owner_alone() {
    let store = Store::new();
    let image = store.plain(vec![Tar::new().file("a", b"1")]);
    store.unpacker().unpack(&image).unwrap();
    let mode = fs::metadata(store.root()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn many_at_once_end_with_one_whole_tree() {
    let store = Store::new();
    let image = store.plain(vec![Tar::new().file("a", b"1").file("b/c", b"2")]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let tree = store.unpacker().unpack(&image).unwrap();
                assert_eq!(fs::read(tree.join("b/c")).unwrap(), b"2");
            });
        }
    });
}

#[test]
fn wrong_bytes_are_found_before_anything_is_used() {
    let store = Store::new();
    let tar = Tar::new().file("a", b"1").bytes();
    let other = Sha256Digest::of(b"other");
    let layer = store.layer(&tar, &gzip(&tar));
    let broken = |layer| {
        store
            .unpacker()
            .unpack(&store.image(vec![layer]))
            .unwrap_err()
    };
    assert!(matches!(
        broken(Layer {
            digest: other,
            ..layer.clone()
        }),
        UnpackError::WrongDigest { .. }
    ));
    assert!(matches!(
        broken(Layer {
            diff_id: other,
            ..layer.clone()
        }),
        UnpackError::WrongDiffId { .. }
    ));
    let zipped = gzip(&tar);
    let cut = store.layer(&tar, &zipped[..zipped.len() - 9]);
    assert!(matches!(broken(cut), UnpackError::Archive { .. }));
    let zstd = store.layer(&tar, &[0x28, 0xb5, 0x2f, 0xfd, 0, 0]);
    assert!(matches!(broken(zstd), UnpackError::Compression { .. }));
    let missing = Layer {
        blob: "/nonexistent/blob".into(),
        ..layer
    };
    assert!(matches!(broken(missing), UnpackError::Read { .. }));
    assert!(
        !store
            .root()
            .join(Sha256Digest::of(b"manifest").hex())
            .exists()
    );
}

#[test]
fn paths_that_leave_the_image_are_refused() {
    assert_eq!(
        refusal(Tar::new().file("/etc/passwd", b"")),
        Refusal::AbsolutePath
    );
    assert_eq!(
        refusal(Tar::new().file("a/../../b", b"")),
        Refusal::ParentPath
    );
    assert_eq!(refusal(Tar::new().file("..", b"")), Refusal::ParentPath);
    assert_eq!(
        refusal(Tar::new().file("./", b"").file("", b"")),
        Refusal::EmptyPath
    );
}

#[test]
fn links_that_leave_the_image_are_refused() {
    let absolute = Refusal::AbsoluteTarget {
        target: "/etc/passwd".into(),
    };
    assert_eq!(refusal(Tar::new().link("a", "/etc/passwd")), absolute);
    assert!(matches!(
        refusal(Tar::new().link("a/b", "../../x")),
        Refusal::TargetOutside { .. }
    ));
    // By its text `d/e/../..` stays within the image; through the link `d/e` it does not.
    let devious = Tar::new().link("d/e", ".").link("out", "d/e/../../etc");
    assert!(matches!(refusal(devious), Refusal::TargetOutside { .. }));
    let circle = Tar::new().link("a", "b").link("b", "a");
    assert!(matches!(refusal(circle), Refusal::LinkLoop { .. }));
    let hard = Tar::new().hard_link("a", "/etc/passwd");
    assert_eq!(refusal(hard), absolute);
    let hard = Tar::new().hard_link("a", "../../etc/passwd");
    assert!(matches!(refusal(hard), Refusal::TargetOutside { .. }));
    let through = Tar::new()
        .file("d/f", b"")
        .link("l", "d")
        .hard_link("a", "l/f");
    assert!(matches!(refusal(through), Refusal::NoHardLinkTarget { .. }));
    let hard = Tar::new().hard_link("a", "not/there");
    assert!(matches!(refusal(hard), Refusal::NoHardLinkTarget { .. }));
}

#[test]
fn writing_through_a_link_is_refused_even_within_the_image() {
    let tar = Tar::new()
        .file("real/x", b"")
        .link("alias", "real")
        .file("alias/y", b"");
    assert_eq!(
        refusal(tar),
        Refusal::LinkedParent {
            parent: "alias".into()
        }
    );
    let tar = Tar::new().file("f", b"").file("f/g", b"");
    assert_eq!(refusal(tar), Refusal::FileAsParent { parent: "f".into() });
    // A directory that turns into a link halfway.
    let tar = Tar::new()
        .file("d/x", b"")
        .link("d", "elsewhere")
        .file("d/y", b"");
    assert_eq!(refusal(tar), Refusal::LinkedParent { parent: "d".into() });
}

#[test]
fn special_files_and_privileges_are_refused() {
    for kind in [EntryType::Fifo, EntryType::Char, EntryType::Block] {
        let tar = Tar::new().entry(kind, "x", "", 0o644, b"");
        assert!(
            matches!(refusal(tar), Refusal::SpecialFile { .. }),
            "{kind:?}"
        );
    }
    for mode in [0o4755, 0o2755] {
        let tar = Tar::new().entry(EntryType::Regular, "su", "", mode, b"");
        assert_eq!(refusal(tar), Refusal::Privileged);
    }
    let sparse = Tar::new().entry(EntryType::GNUSparse, "x", "", 0o644, b"");
    assert!(matches!(refusal(sparse), Refusal::SpecialFile { .. }));
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_whole() {
    let store = Store::new();
    let tar = Tar::new().file("zeros", &vec![0; 4 << 20]).bytes();
    let image = store.image(vec![store.layer(&tar, &gzip(&tar))]);
    let limits = UnpackLimits {
        ratio: 50,
        ratio_floor: 1 << 20,
        ..UnpackLimits::default()
    };
    let error = store
        .unpacker()
        .with_limits(limits)
        .unpack(&image)
        .unwrap_err();
    assert!(
        matches!(
            error,
            UnpackError::TooLarge {
                refusal: Refusal::Ratio { limit: 50 },
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn size_and_number_are_limited_over_all_layers() {
    let store = Store::new();
    let layer = || Tar::new().file("a", &[1; 6000]);
    let image = store.plain(vec![layer(), Tar::new().file("b", &[2; 6000])]);
    let with = |limits| store.unpacker().with_limits(limits).unpack(&image);
    let bytes = UnpackLimits {
        total_bytes: 10_000,
        ..UnpackLimits::default()
    };
    assert!(matches!(
        with(bytes).unwrap_err(),
        UnpackError::TooLarge {
            refusal: Refusal::TooManyBytes { .. },
            ..
        }
    ));
    let entries = UnpackLimits {
        entries: 1,
        ..UnpackLimits::default()
    };
    assert!(matches!(
        with(entries).unwrap_err(),
        UnpackError::Entry {
            refusal: Refusal::TooManyEntries { limit: 1 },
            ..
        }
    ));
    let path = UnpackLimits {
        path_bytes: 0,
        ..UnpackLimits::default()
    };
    assert!(matches!(
        with(path).unwrap_err(),
        UnpackError::Entry {
            refusal: Refusal::LongPath { .. },
            ..
        }
    ));
    with(UnpackLimits {
        total_bytes: 40_000,
        entries: 2,
        ..UnpackLimits::default()
    })
    .unwrap();
}

#[test]
fn long_names_are_read_but_not_without_end() {
    let store = Store::new();
    let name = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    let mut long = name.clone().into_bytes();
    long.push(0);
    let tar = Tar::new()
        .entry(EntryType::GNULongName, "././@LongLink", "", 0o644, &long)
        .file("short", b"long");
    let tree = store.unpacker().unpack(&store.plain(vec![tar])).unwrap();
    assert_eq!(fs::read(tree.join(name)).unwrap(), b"long");

    let endless = Tar::new()
        .entry(
            EntryType::GNULongName,
            "././@LongLink",
            "",
            0o644,
            &vec![b'a'; 1 << 20],
        )
        .file("short", b"");
    assert!(matches!(refusal(endless), Refusal::LongHeader { .. }));
}

#[test]
fn extended_headers_rename_and_cannot_smuggle() {
    let pax = |key: &str, value: &str| {
        let mut length = key.len() + value.len() + 3;
        length += length.to_string().len();
        format!("{length} {key}={value}\n").into_bytes()
    };
    let with = |record: &[u8]| {
        Tar::new()
            .entry(EntryType::XHeader, "pax", "", 0o644, record)
            .file("plain", b"1")
    };
    let store = Store::new();
    let tree = store
        .unpacker()
        .unpack(&store.plain(vec![with(&pax("path", "näme"))]))
        .unwrap();
    assert_eq!(fs::read(tree.join("näme")).unwrap(), b"1");
    assert_eq!(refusal(with(&pax("path", "/etc/x"))), Refusal::AbsolutePath);
    assert!(matches!(
        refusal(with(&pax("size", "9999"))),
        Refusal::Unsupported { .. }
    ));
    assert!(matches!(
        refusal(with(&pax("GNU.sparse.major", "1"))),
        Refusal::Unsupported { .. }
    ));
}

#[test]
fn a_digest_is_read_strictly() {
    let text = Sha256Digest::of(b"").to_string();
    assert_eq!(text.parse::<Sha256Digest>().unwrap().to_string(), text);
    for bad in [
        "",
        "sha256:",
        "sha512:00",
        &text.to_uppercase(),
        &text[..70],
    ] {
        assert!(bad.parse::<Sha256Digest>().is_err(), "{bad}");
    }
}
