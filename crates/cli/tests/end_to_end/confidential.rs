//! A planted secret value is found nowhere: in no file of the platform, in no output.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::project::{Project, WEB};

/// Long enough that nothing else looks like it.
const CORE: &str = "q7Zr2mXv9LkT4wYc8HsN";

#[test]
fn a_secret_value_is_found_nowhere() {
    // With signs that JSON, URLs and shells write differently.
    let value = format!("say \"{CORE}\\\u{fc}\" & 100% {CORE}");
    let manifest = WEB.replace(
        "drain   =",
        "secrets = { TOKEN = \"plain\", DATABASE_URL = \"database#url\" }\ndrain   =",
    );
    let project = Project::new(&manifest);
    for secret in ["plain", "database#url"] {
        project
            .seaway_with(&["secrets", "set", "local", secret, "-v"], &value)
            .with_code(0);
    }
    project.seaway(&["up", "-v"]).with_code(0);
    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    project
        .seaway(&["deploy", "local", "--output", "json"])
        .with_code(0);
    project.edit("VERSION = \"2\"", "VERSION = \"3\", FAULT = \"crash\"");
    project.seaway(&["plan", "local"]).with_code(0);
    project
        .seaway(&["plan", "local", "--output", "json"])
        .with_code(0);
    project.seaway(&["deploy", "local", "-v"]).with_code(1);
    project
        .seaway(&["run", "local", "web", "./service", "exit", "3"])
        .with_code(3);
    for words in [
        &["status", "local"][..],
        &["status", "local", "--output", "json"],
        &["history", "local"],
        &["history", "local", "--output", "json"],
        &["history", "local", "r3"],
        &["history", "local", "r3", "--output", "json"],
        &["logs", "local"],
        &["logs", "local", "--output", "json"],
        &["secrets", "list", "local"],
        &["secrets", "list", "local", "--output", "json"],
        &["secrets", "check", "local"],
        &["secrets", "check", "local", "--output", "json"],
        &["check", "--show", "local"],
        &["local", "status"],
        &["local", "status", "--output", "json"],
        &["local", "env"],
    ] {
        project.seaway(words).with_code(0);
    }

    let needles = needles(&value);
    let mut searched = 0;
    for directory in [project.state(), project.data(), project.root()] {
        for file in files(&directory) {
            // A file may go while its directory is read.
            let Ok(bytes) = fs::read(&file) else { continue };
            searched += 1;
            assert_free_of(&needles, &bytes, &file.display().to_string());
        }
    }
    assert!(
        project.state().join("store.db").exists() && searched > 20,
        "the platform's files are searched"
    );
    for shown in project.everything_shown() {
        assert_free_of(&needles, &shown.stdout, &shown.command);
        assert_free_of(&needles, &shown.stderr, &shown.command);
    }
}

/// The search itself finds what it should.
#[test]
fn a_value_is_found_however_it_is_written() {
    let needles = needles(CORE);
    for before in ["", "a", "ab", "abc"] {
        let document = format!("{before}{CORE} and more");
        for written in [
            document.clone(),
            STANDARD_NO_PAD.encode(&document),
            URL_SAFE_NO_PAD.encode(&document),
            hex(document.as_bytes()),
        ] {
            let found = needles
                .iter()
                .any(|needle| contains(written.as_bytes(), needle));
            assert!(found, "{written}");
        }
    }
}

/// Ways to write a value. The core is searched for alone, too: it is the same in JSON, in URLs and
/// in shells, and a part of it survives base64 wherever it begins.
fn needles(value: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(value).expect("a string is JSON");
    let percent = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let mut needles = vec![
        value.into(),
        json.trim_matches('"').into(),
        percent.into_bytes(),
        CORE.into(),
        hex(CORE.as_bytes()).into_bytes(),
    ];
    for text in [value, CORE] {
        for offset in 0..3 {
            let moved = [&b"\0\0"[..offset], text.as_bytes()].concat();
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                // Without the signs at both ends, which the neighbours have a part in.
                let encoded = engine.encode(&moved).into_bytes();
                let end = encoded.len() - if moved.len() % 3 == 0 { 0 } else { 1 };
                let start = if offset == 0 { 0 } else { offset + 1 };
                needles.push(encoded[start..end].to_vec());
            }
        }
    }
    needles
}

fn assert_free_of(needles: &[Vec<u8>], bytes: &[u8], place: &str) {
    for needle in needles {
        let text = String::from_utf8_lossy(needle);
        assert!(
            !contains(bytes, needle),
            "{place} has the secret value, written as {text}"
        );
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    bytes
        .windows(needle.len())
        .any(|window| window[0] == first && window == needle)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every regular file below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return vec![];
    };
    entries
        .flatten()
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            Ok(kind) if kind.is_file() => vec![entry.path()],
            _ => vec![],
        })
        .collect()
}
