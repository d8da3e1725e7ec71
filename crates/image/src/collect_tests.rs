//! What enters a bundle, where it lands, and each refusal.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use super::*;

/// A project's directory with some files in it.
struct Project {
    place: tempfile::TempDir,
}

impl Project {
    fn new(files: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("project")).unwrap();
        let project = Self { place };
        for file in files {
            project.write(file);
        }
        project
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("project").canonicalize().unwrap()
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    fn write(&self, relative: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, relative).unwrap();
    }

    fn link(&self, link: &str, target: &str) {
        let path = self.path(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn collect(&self, entries: &[&str]) -> Result<Collected, BundleError> {
        self.collect_within(entries, Limits::default())
    }

    fn collect_within(&self, entries: &[&str], limits: Limits) -> Result<Collected, BundleError> {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        collect(&self.root(), &entries, limits)
    }

    /// The places of files and links.
    fn places(&self, entries: &[&str]) -> Vec<String> {
        let collected = self.collect(entries).unwrap();
        let is_leaf = |item: &Item| *item != Item::Directory;
        let leaves = collected.items.iter().filter(|(_, item)| is_leaf(item));
        leaves
            .map(|(place, _)| place.display().to_string())
            .collect()
    }

    fn refusal(&self, entries: &[&str]) -> String {
        let error = self.collect(entries).unwrap_err();
        error.to_string()
    }
}

#[test]
fn a_file_lands_under_its_name_and_a_directory_with_its_content() {
    let project = Project::new(&[
        "target/release/api",
        "web/dist/index.html",
        "web/dist/js/a.js",
    ]);
    let places = project.places(&["target/release/api", "web/dist/"]);
    assert_eq!(places, ["api", "dist/index.html", "dist/js/a.js"]);
    let collected = project.collect(&["web/dist"]).unwrap();
    assert_eq!(collected.files, 2);
    assert_eq!(collected.items[Path::new("dist/js")], Item::Directory);
    assert_eq!(collected.items[Path::new("")], Item::Directory);
}

#[test]
fn the_root_itself_lands_as_it_is() {
    let project = Project::new(&["index.js", "lib/a.js"]);
    assert_eq!(project.places(&["."]), ["index.js", "lib/a.js"]);
}

#[test]
fn matches_land_below_the_fixed_part_of_their_pattern() {
    let project = Project::new(&["d/a.so", "d/b.txt", "d/sub/c.so", "d/sub/deep/e.txt"]);
    assert_eq!(project.places(&["d/*.so"]), ["a.so"]);
    assert_eq!(project.places(&["d/**/*.so"]), ["a.so", "sub/c.so"]);
    let all = ["a.so", "b.txt", "sub/c.so", "sub/deep/e.txt"];
    assert_eq!(project.places(&["d/*"]), all);
    assert_eq!(project.places(&["d/**"]), all);
    assert_eq!(
        project.places(&["*/sub"]),
        ["d/sub/c.so", "d/sub/deep/e.txt"]
    );
}

#[test]
fn a_name_that_looks_like_a_pattern_is_taken_literally() {
    let project = Project::new(&["pages/[id].js", "pages/i.js"]);
    assert_eq!(project.places(&["pages/[id].js"]), ["[id].js"]);
}

#[test]
fn the_same_file_may_be_named_twice() {
    let project = Project::new(&["d/a"]);
    assert_eq!(project.places(&["d/a", "d/a", "d/*"]), ["a"]);
}

#[test]
fn repositories_state_and_secrets_never_enter_at_any_depth() {
    let project = Project::new(&[
        "d/a",
        "d/.git/config",
        "d/.seaway/keys",
        "d/.env",
        "d/sub/.env.production",
        "d/sub/.git",
        "d/sub/.gitignore",
        "d/sub/b",
    ]);
    assert_eq!(
        project.places(&["d"]),
        ["d/a", "d/sub/.gitignore", "d/sub/b"]
    );
    assert_eq!(project.places(&["d/**"]), ["a", "sub/.gitignore", "sub/b"]);
    for entry in ["d/.env", "d/.git/config", "d/sub/.env.production"] {
        let refused = project.refusal(&[entry]);
        assert_eq!(refused, format!("{entry} never enters a bundle"));
    }
    project.link("settings", "d/.env");
    let refused = project.refusal(&["settings"]);
    assert_eq!(refused, "d/.env never enters a bundle");
}

#[test]
fn paths_that_do_not_start_in_the_root_are_refused() {
    let project = Project::new(&["a"]);
    let entry = "the bundle entry";
    assert_eq!(
        project.refusal(&["/etc/passwd"]),
        format!("{entry} \"/etc/passwd\" is an absolute path")
    );
    assert_eq!(
        project.refusal(&["../a"]),
        format!("{entry} \"../a\" goes up with `..`")
    );
    assert_eq!(
        project.refusal(&["d/../*"]),
        format!("{entry} \"d/../*\" goes up with `..`")
    );
    assert!(matches!(
        project.collect(&["d/[a"]),
        Err(BundleError::Pattern { .. })
    ));
    assert!(matches!(project.collect(&[""]), Err(BundleError::Empty)));
    assert!(matches!(project.collect(&[]), Err(BundleError::Empty)));
}

#[test]
fn an_entry_that_matches_nothing_is_named_with_the_next_step() {
    let project = Project::new(&["a"]);
    fs::create_dir(project.path("empty")).unwrap();
    for entry in ["b", "*.so", "missing/*", "empty", "a/b"] {
        let error = project.collect(&["a", entry]);
        match error {
            Err(error @ BundleError::NothingMatched { .. }) => assert!(error.hint().is_some()),
            // A file is no directory: the system's own words.
            Err(BundleError::Read { .. }) if entry == "a/b" => {}
            other => panic!("{entry}: {other:?}"),
        }
    }
}

#[test]
fn links_within_what_is_bundled_stay_links() {
    let project = Project::new(&["d/lib/a.js"]);
    project.link("d/bin/a", "../lib/a.js");
    project.link("d/nowhere", "not-there");
    let collected = project.collect(&["d"]).unwrap();
    let target = |place: &str| match &collected.items[Path::new(place)] {
        Item::Link { target, .. } => target.display().to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(target("d/bin/a"), "../lib/a.js");
    assert_eq!(target("d/nowhere"), "not-there");
}

#[test]
fn a_named_link_is_followed_within_the_root() {
    let project = Project::new(&["releases/7/app"]);
    project.link("current", "releases/7");
    assert_eq!(project.places(&["current"]), ["current/app"]);
    assert_eq!(project.places(&["current/*"]), ["app"]);
}

#[test]
fn links_that_leave_are_refused() {
    let project = Project::new(&["d/a", "other/b"]);
    fs::write(project.place.path().join("outside"), "x").unwrap();
    let cases = [
        (
            "d/up",
            "../../outside",
            "d/up leads out of the project to ../../outside",
        ),
        (
            "d/abs",
            "/etc/passwd",
            "d/abs leads out of the project to /etc/passwd",
        ),
        (
            "d/side",
            "../other/b",
            "d/side leads to ../other/b, outside of what is bundled with it",
        ),
        (
            "d/gone",
            "../../../nowhere",
            "d/gone leads out of the project to ../../../nowhere",
        ),
    ];
    for (link, target, text) in cases {
        project.link(link, target);
        assert_eq!(project.refusal(&["d"]), text);
        assert_eq!(project.refusal(&["d/*"]), text);
        fs::remove_file(project.path(link)).unwrap();
    }
    project.link("door", "../outside");
    assert!(
        project
            .refusal(&["door"])
            .starts_with("door leads out of the project to /")
    );
}

#[test]
fn a_link_that_leaves_through_another_is_refused() {
    let project = Project::new(&["d/sub/a", "other/b"]);
    // By its text `d/x` stays in `d`; through `d/sub/far` it does not.
    project.link("d/sub/far", "../../other");
    project.link("d/x", "sub/far/b");
    let error = project.collect(&["d"]).unwrap_err();
    assert!(matches!(error, BundleError::LeavesEntry { .. }), "{error}");
}

#[test]
fn what_is_no_file_is_refused() {
    let project = Project::new(&["d/a"]);
    let fifo = project.path("d/pipe");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(project.refusal(&["d"]), "d/pipe is a fifo, not a file");
    assert_eq!(project.refusal(&["d/pipe"]), "d/pipe is a fifo, not a file");
    fs::remove_file(fifo).unwrap();
    let _socket = UnixListener::bind(project.path("d/socket")).unwrap();
    assert_eq!(project.refusal(&["d"]), "d/socket is a socket, not a file");
    assert_eq!(
        special(fs::metadata("/dev/null").unwrap().file_type()),
        Some("device")
    );
}

#[test]
fn setuid_and_setgid_files_are_refused() {
    let project = Project::new(&["d/a"]);
    for mode in [0o4755, 0o2755] {
        fs::set_permissions(project.path("d/a"), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            project.refusal(&["d"]),
            "d/a has its setuid or setgid bit set"
        );
    }
}

#[test]
fn names_with_a_meaning_in_layers_are_refused() {
    let project = Project::new(&["d/.wh.a"]);
    assert_eq!(
        project.refusal(&["d"]),
        "d/.wh.a has a name that cannot be in an image"
    );
    let project = Project::new(&["d/a"]);
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff");
    fs::write(project.path("d").join(name), "x").unwrap();
    assert!(matches!(
        project.collect(&["d"]),
        Err(BundleError::Name { .. })
    ));
}

#[test]
fn two_files_at_one_place_are_refused() {
    let project = Project::new(&["one/run", "two/run"]);
    let refused = project.refusal(&["one/run", "two/run"]);
    assert_eq!(
        refused,
        "one/run and two/run would both be run in the image"
    );
    let project = Project::new(&["x/a", "y/a/b"]);
    let refused = project.collect(&["x/a", "y/a"]).unwrap_err();
    assert!(
        matches!(refused, BundleError::Collision { .. }),
        "{refused}"
    );
}

#[test]
fn more_than_a_bundle_may_hold_is_refused() {
    let project = Project::new(&["d/a", "d/b", "d/c"]);
    let limits = Limits::default();
    let refused = |limits| project.collect_within(&["d"], limits).unwrap_err();
    let few = refused(Limits {
        entries: 3,
        ..limits
    });
    assert!(matches!(few, BundleError::TooMany { limit: 3 }), "{few}");
    let small = refused(Limits { bytes: 8, ..limits });
    assert!(
        matches!(small, BundleError::TooLarge { limit: 8 }),
        "{small}"
    );
    let short = refused(Limits { path: 2, ..limits });
    assert!(
        matches!(short, BundleError::LongPath { limit: 2, .. }),
        "{short}"
    );
    assert!(
        project
            .collect_within(&["d"], Limits { bytes: 9, ..limits })
            .is_ok()
    );
}
