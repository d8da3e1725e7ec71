//! Files and paths that are not what they should be, on a real disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use insta::assert_snapshot;
use seaway_manifest::{Colour, FILE_NAME, load, load_text, locate, render};
use tempfile::TempDir;

use crate::shop::{SHOP, changed};

/// The shop's files around `manifest`.
fn repository(manifest: impl AsRef<[u8]>) -> TempDir {
    let root = TempDir::new().expect("a directory for the test");
    for directory in ["services/api", "services/catalog", "apps/admin", "docker"] {
        fs::create_dir_all(root.path().join(directory)).expect("a directory of the shop");
    }
    fs::write(
        root.path().join("docker/service.Dockerfile"),
        "FROM scratch",
    )
    .expect("a file");
    fs::write(root.path().join(FILE_NAME), manifest).expect("the manifest");
    root
}

/// What people read when `root` is loaded, with `ROOT` for the test's own directory.
fn report(root: &Path) -> String {
    let text = match load(root) {
        Ok(manifest) => render(&manifest.check(), Colour::Never),
        Err(diagnostics) => render(&diagnostics, Colour::Never),
    };
    let real = root.canonicalize().expect("the directory is there");
    text.replace(&real.display().to_string(), "ROOT")
        .replace(&root.display().to_string(), "ROOT")
}

#[test]
fn a_complete_repository_has_nothing_to_complain_about() {
    let root = repository(SHOP);
    assert_eq!(report(root.path()), "");
    let by_file = load(&root.path().join(FILE_NAME)).expect("the file itself can be named, too");
    assert_eq!(by_file.directory(), root.path());
}

#[test]
fn a_missing_manifest_says_what_to_do() {
    let root = TempDir::new().expect("a directory for the test");
    assert_snapshot!(report(root.path()), @r#"
    error: there is no manifest here
    --> ROOT/seaway.toml
     = help: name the directory that holds `seaway.toml`, or write one: `seaway schema` prints what it may hold

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_missing_path_is_refused() {
    let root = repository(changed("services/catalog", "services/catalogue"));
    assert_snapshot!(report(root.path()), @r#"
    error: `services/catalogue` does not exist
      --> ROOT/seaway.toml:24:9
       |
    24 | path  = "services/catalogue"
       |         ^^^^^^^^^^^^^^^^^^^^ no such directory
       |
       = note: paths are relative to the directory of the manifest

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn what_goes_by_the_record_needs_no_sources() {
    let root = TempDir::new().expect("a directory for the test");
    fs::write(root.path().join(FILE_NAME), SHOP).expect("the manifest");
    assert!(load(root.path()).is_err(), "none of the paths is there");
    let manifest = load_text(root.path()).expect("the text alone is good");
    assert!(manifest.resolve("local").is_ok());
    assert_eq!(manifest.directory(), root.path());
}

#[test]
fn a_manifest_full_of_mistakes_is_located_all_the_same() {
    let root = repository("]");
    assert_eq!(locate(root.path()).ok().as_deref(), Some(root.path()));
    let file = root.path().join(FILE_NAME);
    assert_eq!(locate(&file).ok().as_deref(), Some(root.path()));
    assert!(locate(&root.path().join("nowhere")).is_err());
}

#[test]
fn a_missing_dockerfile_is_refused() {
    let root = repository(changed(
        "docker/service.Dockerfile",
        "docker/api.Dockerfile",
    ));
    assert_snapshot!(report(root.path()), @r#"
    error: `docker/api.Dockerfile` does not exist
     --> ROOT/seaway.toml:7:26
      |
    7 | image   = { dockerfile = "docker/api.Dockerfile" }
      |                          ^^^^^^^^^^^^^^^^^^^^^^^ no such file
      |
      = note: paths are relative to the directory of the manifest

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_file_in_place_of_a_directory_is_refused() {
    let root = repository(changed("services/catalog", "docker/service.Dockerfile/x"));
    fs::write(root.path().join("file"), "").expect("a file");
    let text = changed("services/catalog", "file");
    fs::write(root.path().join(FILE_NAME), text).expect("the manifest");
    assert_snapshot!(report(root.path()), @r#"
    error: `file` is of the wrong kind
      --> ROOT/seaway.toml:24:9
       |
    24 | path  = "file"
       |         ^^^^^^ this is a file, not a directory
       |
       = note: paths are relative to the directory of the manifest

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_bundle_that_nothing_builds_must_be_there() {
    let root = repository(changed(", build = \"cargo build --bin catalog\"", ""));
    assert_snapshot!(report(root.path()), @r#"
    error: `target/catalog` does not exist
      --> ROOT/seaway.toml:25:21
       |
    25 | image = { bundle = ["target/catalog"] }
       |                     ^^^^^^^^^^^^^^^^ nothing to pack
       |
       = help: name the command that makes it: build = "..."

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_link_that_leaves_the_repository_is_refused() {
    let root = repository(changed("services/catalog", "services/outside"));
    symlink("/", root.path().join("services/outside")).expect("a link");
    assert_snapshot!(report(root.path()), @r#"
    error: `services/outside` leaves the repository
      --> ROOT/seaway.toml:24:9
       |
    24 | path  = "services/outside"
       |         ^^^^^^^^^^^^^^^^^^ a link leads to `/`
       |
       = note: everything that is shipped lies inside the directory of the manifest

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_link_that_leaves_the_repository_is_found_before_what_is_behind_it_is_built() {
    let root = repository(changed("target/catalog", "linked/not-built-yet/catalog"));
    symlink("/", root.path().join("linked")).expect("a link");
    assert_snapshot!(report(root.path()), @r#"
    error: `linked/not-built-yet/catalog` leaves the repository
      --> ROOT/seaway.toml:25:21
       |
    25 | image = { bundle = ["linked/not-built-yet/catalog"], build = "cargo build --bin catalog" }
       |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a link leads to `/`
       |
       = note: everything that is shipped lies inside the directory of the manifest

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_link_inside_the_repository_is_followed() {
    let root = repository(changed("services/catalog", "services/linked"));
    symlink("catalog", root.path().join("services/linked")).expect("a link");
    assert_eq!(report(root.path()), "");
}

#[test]
fn invalid_utf8_is_refused_with_its_place() {
    let mut bytes = changed("\"info\"", "\"gr\u{fc}n\"").into_bytes();
    let at = bytes
        .windows(2)
        .position(|pair| pair == "\u{fc}".as_bytes())
        .expect("the umlaut");
    bytes.splice(at..at + 2, [0xfc]);
    let root = repository(bytes);
    assert_snapshot!(report(root.path()), @r#"
    error: the manifest is not valid UTF-8
      --> ROOT/seaway.toml:20:28
       |
    20 | env     = { LOG_LEVEL = "gr�n" }
       |                            ^ byte 545 is 0xfc
       |
       = help: save the file as UTF-8

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_file_of_ten_megabytes_is_refused_unread() {
    let root = repository("");
    let file = fs::File::create(root.path().join(FILE_NAME)).expect("the manifest");
    file.set_len(10 * 1024 * 1024).expect("a sparse file");
    assert_snapshot!(report(root.path()), @r#"
    error: the manifest has 10485760 bytes
    --> ROOT/seaway.toml
     = note: a manifest has at most 1048576 bytes
     = help: is this the right file?

    1 error in ROOT/seaway.toml
    "#);
}

#[test]
fn a_directory_in_place_of_the_manifest_is_refused() {
    let root = TempDir::new().expect("a directory for the test");
    fs::create_dir(root.path().join(FILE_NAME)).expect("a directory");
    assert_snapshot!(report(root.path()), @r#"
    error: the manifest is not a regular file
    --> ROOT/seaway.toml

    1 error in ROOT/seaway.toml
    "#);
}
