//! See `daffi_fuzz::walk`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: daffi_fuzz::plant("walk"), |bytes: &[u8]| daffi_fuzz::walk::run(bytes));
