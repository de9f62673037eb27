//! See `daffi_fuzz::messages`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: daffi_fuzz::plant("messages"), |bytes: &[u8]| daffi_fuzz::messages::run(bytes));
