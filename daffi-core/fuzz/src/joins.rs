//! What a person or a file gives to join a mesh with, addresses, and patterns of names.

use daffi_core::identity::{JoinString, Pattern, Secret};
use daffi_core::transport::Address;

/// Reads `bytes` as each of them.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<JoinString>() {
        Ok(join) => {
            let again: JoinString = join.reveal().parse().expect("what it says of itself");
            assert_eq!(again, join);
            assert!(join.url().parse::<Address>().is_ok(), "a join string leads somewhere: {}", join.url());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(address) = text.parse::<Address>() {
        let again: Address = address.to_string().parse().expect("an address prints as one");
        // How a UNIX socket is shared is for whoever listens, and not shown.
        assert!(again == address || matches!(address, Address::Unix(_)));
    }
    drop(Secret::new(text));
    drop(Pattern::new(text));
}

/// Join strings that are whole, and addresses of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let keys = "A".repeat(86);
    let texts = [
        format!("daffi1.t1.{keys}@host:4433"),
        format!("daffi1.0a-b.{keys}@[::1]:1"),
        "quic://localhost:0".to_owned(),
        "quic://[fe80::1]:4433".to_owned(),
        "unix:///run/daffi.sock?mode=0660&group=users".to_owned(),
        "memory://mesh".to_owned(),
        "shop.*".to_owned(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}
