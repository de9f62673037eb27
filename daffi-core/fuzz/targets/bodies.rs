//! See `daffi_fuzz::bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: daffi_fuzz::plant("bodies"), |bytes: &[u8]| daffi_fuzz::bodies::run(bytes));
