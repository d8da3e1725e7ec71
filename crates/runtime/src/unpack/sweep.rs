//! Removes what nobody needs any more: halves of killed predecessors, images nobody wants.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use super::error::UnpackError;
use super::{Sha256Digest, Unpacker, remove_file, tree, try_lock};

impl Unpacker {
    /// Removes what killed predecessors left half done, and the images that are not `wanted`;
    /// tells how many images went. One that somebody is unpacking stays.
    ///
    /// An image that is removed is unpacked again when it is needed, but processes that run from
    /// it would miss it: those are wanted.
    pub fn sweep(&self, wanted: impl Fn(&Sha256Digest) -> bool) -> Result<usize, UnpackError> {
        let mut removed = 0;
        for image in self.images()? {
            let place = self.place(&image);
            let Some(_lock) = try_lock(&place.lock)? else {
                continue;
            };
            tree::remove(&place.draft)?;
            remove_file(&place.record_draft)?;
            let is_whole = place.record.exists();
            if is_whole && wanted(&image) {
                continue;
            }
            remove_file(&place.record)?;
            tree::remove(&place.tree)?;
            removed += usize::from(is_whole);
        }
        Ok(removed)
    }

    /// The images that something is there of, whole or not.
    fn images(&self) -> Result<BTreeSet<Sha256Digest>, UnpackError> {
        let failed = |source| UnpackError::Write {
            path: self.root.clone(),
            source,
        };
        let names = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            names => names.map_err(failed)?,
        };
        let mut images = BTreeSet::new();
        for entry in names {
            let name = entry.map_err(failed)?.file_name();
            let digits = name.to_str().and_then(|name| name.split('.').next());
            // What has no such name is not ours.
            images.extend(
                digits.and_then(|digits| format!("sha256:{digits}").parse::<Sha256Digest>().ok()),
            );
        }
        Ok(images)
    }
}
