//! See `daffi_fuzz::controller`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: daffi_fuzz::plant("controller"), |bytes: &[u8]| daffi_fuzz::controller::run(bytes));
