#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| seaway_aws_wire::fuzzing::cbor_request(input));
