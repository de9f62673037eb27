//! See `daffi_fuzz::items`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: daffi_fuzz::plant("items"), |bytes: &[u8]| daffi_fuzz::items::run(bytes));
