//! See `daffi_fuzz::joins`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: daffi_fuzz::plant("joins"), |bytes: &[u8]| daffi_fuzz::joins::run(bytes));
