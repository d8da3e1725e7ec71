#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| seaway_local::fuzzing::registry_manifest(input));
