//! What a fuzzer drives (`cargo xtask prove fuzz`): what the platform reads of what others wrote.
//! Each function panics where a promise is broken, and only there.

use crate::{registry, services};

/// A filter pattern of CloudWatch Logs, a line break, a message to try it on.
pub fn filter_pattern(input: &[u8]) {
    services::logs::pattern_fuzzing::pattern_and_message(input);
}

/// A Content-Type, a line break, the bytes of a manifest.
pub fn registry_manifest(input: &[u8]) {
    registry::fuzzing::manifest(input);
}

/// Path and query of a request to the registry, and after line breaks its Range and Content-Range;
/// the first line is also read as the name of an image.
pub fn registry_path(input: &[u8]) {
    registry::fuzzing::path(input);
}

/// A part of the input up to a line break, and what follows that.
pub(crate) fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    end.map_or((input, b""), |end| (&input[..end], &input[end + 1..]))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The inputs that a fuzzer found worth keeping.
    fn corpus(name: &str) -> Vec<Vec<u8>> {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        let files = fs::read_dir(place.join(name)).unwrap();
        let inputs: Vec<_> = files
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .collect();
        assert!(inputs.len() > 10, "only {} inputs", inputs.len());
        inputs
    }

    #[test]
    fn the_corpus_breaks_no_promise() {
        corpus("filter_pattern")
            .iter()
            .for_each(|it| filter_pattern(it));
        corpus("registry_manifest")
            .iter()
            .for_each(|it| registry_manifest(it));
        corpus("registry_path")
            .iter()
            .for_each(|it| registry_path(it));
    }
}
