//! From a service to an image: the port as the engine uses it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use oci_spec::image::{ImageConfiguration, ImageManifest};
use seaway_core::digest::Digest;
use seaway_core::environment::{Class, EcsTarget, Platform, RolloutPolicy, Rules};
use seaway_core::time::Seconds;

use super::*;

/// Nobody listens.
struct Deaf;

impl OutputSink for Deaf {
    fn line(&self, _: &str) {}
}

fn environment(platform: Platform) -> Environment {
    Environment {
        project: "shop".parse().unwrap(),
        name: "local".parse().unwrap(),
        platform,
        class: Class::Local,
        rules: Rules {
            promote_from: None,
            branches: vec![],
            approvals: 0,
            log_retention_days: 1,
            deletion_protection: false,
            spot_percent: 0,
        },
        shared: vec![],
        services: BTreeMap::new(),
        jobs: BTreeMap::new(),
        sites: BTreeMap::new(),
    }
}

fn service(name: &str, image: ImageSource) -> Service {
    Service {
        name: name.parse().unwrap(),
        path: ".".into(),
        image,
        command: vec!["./api".into()],
        port: None,
        cpu: 256,
        memory: 512,
        count: 1,
        route: None,
        health: None,
        rollout: RolloutPolicy {
            min_healthy: 100,
            max: 200,
            timeout: Seconds(60),
        },
        scaling: None,
        before: vec![],
        uses: vec![],
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        drain: Seconds(0),
        stop_timeout: Seconds(0),
        independent: false,
    }
}

fn bundle(build: Option<&str>, files: &[&str]) -> ImageSource {
    ImageSource::Bundle(Bundle {
        build: build.map(str::to_owned),
        files: files.iter().map(ToString::to_string).collect(),
    })
}

struct Workshop {
    place: tempfile::TempDir,
    bundler: Bundler,
    store: ImageStore,
}

impl Workshop {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let store = ImageStore::open(place.path().join("images")).unwrap();
        let root = place.path().join("project");
        fs::create_dir(&root).unwrap();
        let bundler = Bundler::new(&root, store.clone()).unwrap();
        Self {
            place,
            bundler,
            store,
        }
    }

    fn write(&self, relative: &str, content: &str, mode: u32) {
        let path = self.place.path().join("project").join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn age(&self, relative: &str, by: Duration) {
        let file = File::open(self.place.path().join("project").join(relative)).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }

    async fn build(&self, name: &str, image: ImageSource) -> Result<Built, PortError> {
        let environment = environment(Platform::Local);
        let service = service(name, image);
        self.bundler.build(&environment, &service, &Deaf).await
    }

    fn manifest(&self, digest: &Digest) -> ImageManifest {
        let bytes = self.store.read(digest).unwrap().expect("is in the store");
        ImageManifest::from_reader(bytes.as_slice()).unwrap()
    }

    fn blob(&self, digest: &oci_spec::image::Digest) -> Vec<u8> {
        let digest = digest.to_string().parse().unwrap();
        self.store.read(&digest).unwrap().expect("is in the store")
    }
}

/// Path, mode, and content or target of every entry of a compressed layer, in order.
fn entries(layer: &[u8]) -> Vec<(String, u32, String)> {
    let mut archive = tar::Archive::new(GzDecoder::new(layer));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let fixed = (
            header.mtime().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
        );
        assert_eq!(fixed, (0, 0, 0));
        let mode = header.mode().unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = String::new();
        if let Some(target) = entry.link_name().unwrap() {
            content = format!("-> {}", target.display());
        }
        entry.read_to_string(&mut content).unwrap();
        (path, mode, content)
    });
    entries.collect()
}

#[tokio::test]
async fn an_image_holds_the_files_and_nothing_of_the_machine() {
    let workshop = Workshop::new();
    workshop.write("target/api", "binary", 0o711);
    workshop.write("web/index.html", "page", 0o640);
    let long = format!("web/{}.txt", "n".repeat(150));
    workshop.write(&long, "long", 0o600);
    std::os::unix::fs::symlink(
        "index.html",
        workshop.place.path().join("project/web/start"),
    )
    .unwrap();
    let built = workshop
        .build("api", bundle(None, &["web", "target/api"]))
        .await
        .unwrap();
    assert_eq!(built.image.repository, "registry.seaway.internal/shop/api");
    assert_eq!(built.files, 3);

    let manifest = workshop.manifest(&built.image.digest);
    let layer = &manifest.layers()[0];
    assert_eq!(built.bytes, layer.size());
    let layer = workshop.blob(layer.digest());
    assert_eq!(
        layer[4..10],
        [0, 0, 0, 0, 0, 255],
        "time, flags, operating system"
    );
    let expected = [
        ("app/", 0o755, ""),
        ("app/api", 0o755, "binary"),
        ("app/web/", 0o755, ""),
        ("app/web/index.html", 0o644, "page"),
        (&format!("app/{long}"), 0o644, "long"),
        ("app/web/start", 0o777, "-> index.html"),
    ]
    .map(|(path, mode, content)| (path.to_owned(), mode, content.to_owned()));
    assert_eq!(entries(&layer), expected);

    let config = workshop.blob(manifest.config().digest());
    assert!(!String::from_utf8_lossy(&config).contains("created"));
    let config = ImageConfiguration::from_reader(config.as_slice()).unwrap();
    let working_directory = config.config().as_ref().unwrap().working_dir().clone();
    assert_eq!(working_directory.as_deref(), Some("/app"));
    let mut archive = Vec::new();
    GzDecoder::new(layer.as_slice())
        .read_to_end(&mut archive)
        .unwrap();
    assert_eq!(
        *config.rootfs().diff_ids(),
        [Digest::of(&archive).to_string()]
    );
}

#[tokio::test]
async fn the_same_files_give_the_same_digest() {
    let (one, other) = (Workshop::new(), Workshop::new());
    let names = ["d/b", "d/a", "d/sub/c", "run"];
    for name in names {
        one.write(name, name, 0o644);
    }
    for name in names.iter().rev() {
        // Another order of writing, another umask, another day.
        other.write(name, name, 0o600);
        other.age(name, Duration::from_secs(90_000));
    }
    one.write("run", "run", 0o755);
    other.write("run", "run", 0o700);
    let files = ["d", "run"];
    let first = one.build("api", bundle(None, &files)).await.unwrap();
    let second = other
        .build("api", bundle(None, &["run", "d"]))
        .await
        .unwrap();
    assert_eq!(first, second);

    other.write("run", "run", 0o600);
    let third = other.build("api", bundle(None, &files)).await.unwrap();
    assert_ne!(
        first.image.digest, third.image.digest,
        "it is no longer executable"
    );
}

#[tokio::test]
async fn services_with_the_same_files_share_everything_but_the_name() {
    let workshop = Workshop::new();
    workshop.write("run", "x", 0o755);
    let one = workshop.build("api", bundle(None, &["run"])).await.unwrap();
    let other = workshop.build("web", bundle(None, &["run"])).await.unwrap();
    assert_eq!(one.image.digest, other.image.digest);
    assert_eq!(other.image.repository, "registry.seaway.internal/shop/web");
}

#[tokio::test]
async fn the_same_files_are_packed_once_until_one_changes() {
    let workshop = Workshop::new();
    workshop.write("run", "one", 0o755);
    let image = || bundle(None, &["run"]);
    let first = workshop.build("api", image()).await.unwrap();
    // A second packing would write the layer again.
    let manifest = workshop.manifest(&first.image.digest);
    let layer = manifest.layers()[0].digest().to_string();
    let layer = workshop.store.path(&layer.parse().unwrap());
    fs::remove_file(&layer).unwrap();
    let second = workshop.build("api", image()).await.unwrap();
    assert_eq!((&first, layer.exists()), (&second, false));

    workshop.write("run", "two", 0o755);
    let third = workshop.build("api", image()).await.unwrap();
    assert_ne!(first.image.digest, third.image.digest);
}

#[tokio::test]
async fn a_shared_build_runs_once_and_its_files_are_bundled() {
    let workshop = Workshop::new();
    let command = "mkdir -p out; echo x >> out/count";
    for name in ["api", "web"] {
        let image = bundle(Some(command), &["out"]);
        workshop.build(name, image).await.unwrap();
    }
    let count = workshop.place.path().join("project/out/count");
    assert_eq!(fs::read_to_string(count).unwrap(), "x\n");
}

#[tokio::test]
async fn a_failed_build_shows_its_last_lines_and_how_to_repeat_it() {
    let workshop = Workshop::new();
    let image = bundle(
        Some("echo 'error[E0433]: no such type' >&2; exit 101"),
        &["out"],
    );
    let error = workshop.build("api", image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "could not build the image of api: its build command exited with code 101; its last \
         lines:\n  error[E0433]: no such type"
    );
    assert!(error.hint.unwrap().contains("exit 101"));
}

#[tokio::test]
async fn what_this_version_cannot_build_is_said_with_the_next_step() {
    let workshop = Workshop::new();
    let image = ImageSource::Dockerfile {
        dockerfile: "Dockerfile".into(),
    };
    let error = workshop.build("api", image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert_eq!(
        error.message,
        "Dockerfile builds need a container engine; this version builds bundles only"
    );
    assert!(error.hint.is_some());

    let ecs = environment(Platform::Ecs(EcsTarget {
        region: "us-east-1".into(),
        account: "111122223333".into(),
        endpoint_url: None,
    }));
    let service = service("api", bundle(None, &["run"]));
    let built = workshop.bundler.build(&ecs, &service, &Deaf);
    let error = built.await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn a_refused_file_is_named_with_the_next_step() {
    let workshop = Workshop::new();
    let error = workshop
        .build("api", bundle(None, &["out/*"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert_eq!(error.message, "the bundle entry \"out/*\" matches no file");
    assert!(error.hint.is_some());
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let store = ImageStore::open(place.path()).unwrap();
    assert!(Bundler::new(Path::new("/nowhere/at/all"), store).is_err());
}
