//! What the sources of a pure crate use of the outside world: a scan of their text, not a parser.
//! It knows comments, `use` trees and items under `#[cfg(test)]` as rustfmt lays them out, which is
//! enough to notice a mistake; nobody is meant to get around it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Parts of the standard library, and of the time crate, that look at the world or change it.
const OUTSIDE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::time::Instant",
    "std::time::SystemTime",
    "Timestamp::now",
    "Zoned::now",
];

/// A source file cannot be read.
#[derive(Debug, Error)]
#[error("failed to read {path}")]
pub(crate) struct SourcesError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A use of the outside world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) path: PathBuf,
    /// From 1.
    pub(super) line: usize,
    pub(super) what: String,
}

/// Looks through the sources below `directory`, tests excepted.
pub(super) fn scan(directory: &Path) -> Result<Vec<Used>, SourcesError> {
    let mut used = Vec::new();
    for path in rust_files(directory)? {
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        used.extend(uses(&text).into_iter().map(|(line, what)| Used {
            path: path.clone(),
            line,
            what,
        }));
    }
    Ok(used)
}

fn rust_files(directory: &Path) -> Result<Vec<PathBuf>, SourcesError> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).map_err(at(&directory))? {
            let path = entry.map_err(at(&directory))?.path();
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default();
            if stem == "tests" || stem.ends_with("_tests") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn at(path: &Path) -> impl Fn(io::Error) -> SourcesError {
    let path = path.to_owned();
    move |source| SourcesError {
        path: path.clone(),
        source,
    }
}

/// Lines and names of what a source text uses.
pub(super) fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let code = without_comment(line);
        if code.trim_start().starts_with("#[cfg(test)]") {
            skip_item(&mut lines, indentation(line));
            continue;
        }
        let Some(tree) = use_tree(code) else {
            found.extend(named(code).map(|what| (number, what.to_owned())));
            continue;
        };
        let mut statement = tree.to_owned();
        while !statement.contains(';') {
            let Some((_, more)) = lines.next() else { break };
            statement.push_str(without_comment(more).trim());
        }
        let paths = expand(statement.trim_end_matches(';'));
        for path in &paths {
            found.extend(named(path).map(|what| (number, what.to_owned())));
        }
    }
    found
}

/// Skips the item that follows: up to its closing brace, or up to `;` on its first line.
fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, indentation_of_item: usize) {
    for (_, line) in lines {
        if indentation(line) != indentation_of_item || line.trim_start().starts_with("#[") {
            continue;
        }
        let end = line.trim_end();
        if end.ends_with(';') || end.ends_with('}') {
            return;
        }
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// What follows `use`, if the line begins such a statement.
fn use_tree(code: &str) -> Option<&str> {
    let code = code.trim_start();
    let visible = code.strip_prefix("pub ").unwrap_or(code);
    visible.strip_prefix("use ")
}

fn named(code: &str) -> impl Iterator<Item = &'static str> {
    OUTSIDE.iter().copied().filter(move |what| {
        let mut rest = code;
        while let Some(start) = rest.find(what) {
            let after = rest[start + what.len()..].chars().next();
            if !after.is_some_and(|next| next.is_alphanumeric() || next == '_') {
                return true;
            }
            rest = &rest[start + what.len()..];
        }
        false
    })
}

/// The paths of a use tree: `std::{fs, io::{self, Read}}` is `std::fs`, `std::io::self`, ...
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, group)) = tree.split_once('{') else {
        return vec![tree.to_owned()];
    };
    let group = group.strip_suffix('}').unwrap_or(group);
    let mut paths = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (position, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                paths.push(&group[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    paths.push(&group[start..]);
    let whole = paths
        .into_iter()
        .map(str::trim)
        .filter(|path| !path.is_empty());
    whole
        .flat_map(expand)
        .map(|path| {
            format!("{prefix}{path}")
                .trim_end_matches("::self")
                .to_owned()
        })
        .collect()
}
