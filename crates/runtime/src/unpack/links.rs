//! Symbolic links that stay within the image, also through each other.

use std::fs;
use std::path::Path;

use super::error::{Refusal, UnpackError};
use super::tree;

/// As many links as the kernel follows for one path.
const HOPS: usize = 40;

/// What the text of a link tells by itself. `depth` is that of the directory it lies in.
pub(super) fn check_text(depth: usize, target: &str) -> Result<(), Refusal> {
    if target.starts_with('/') {
        return Err(Refusal::AbsoluteTarget {
            target: shown(target),
        });
    }
    let mut depth = depth;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => {
                    return Err(Refusal::TargetOutside {
                        target: shown(target),
                    });
                }
            },
            _ => depth += 1,
        }
    }
    Ok(())
}

/// Follows every link of the finished tree: `a/..` is not where it seems to be if `a` is a link.
pub(super) fn check_all(root: &Path) -> Result<(), UnpackError> {
    let mut links = Vec::new();
    tree::walk(root, &mut |relative, metadata| {
        if metadata.is_symlink() {
            links.push(relative.to_owned());
        }
        Ok(())
    })?;
    for link in links {
        let entry = || link.display().to_string();
        let text = link.to_str().unwrap_or_default();
        follow(root, text).map_err(|refusal| UnpackError::Link {
            entry: entry(),
            refusal,
        })?;
    }
    Ok(())
}

/// Walks a path as the kernel would, but notices when it rises above the root.
fn follow(root: &Path, path: &str) -> Result<(), Refusal> {
    let mut todo: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut done: Vec<String> = Vec::new();
    let mut hops = 0;
    while let Some(part) = todo.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                if done.pop().is_none() {
                    return Err(Refusal::TargetOutside {
                        target: shown(path),
                    });
                }
                continue;
            }
            _ => done.push(part),
        }
        let here = done
            .iter()
            .fold(root.to_owned(), |path, part| path.join(part));
        let Ok(target) = fs::read_link(&here) else {
            continue;
        };
        let target = target.to_string_lossy().into_owned();
        hops += 1;
        if hops > HOPS {
            return Err(Refusal::LinkLoop { target });
        }
        if target.starts_with('/') {
            return Err(Refusal::AbsoluteTarget {
                target: shown(&target),
            });
        }
        done.pop();
        todo.extend(target.split('/').rev().map(str::to_owned));
    }
    Ok(())
}

fn shown(target: &str) -> String {
    target.escape_debug().to_string()
}
