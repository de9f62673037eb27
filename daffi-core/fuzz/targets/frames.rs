//! See `daffi_fuzz::frames`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: daffi_fuzz::plant("frames"), |bytes: &[u8]| daffi_fuzz::frames::run(bytes));
