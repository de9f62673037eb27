//! A stream of frames as it is read from a connection: lengths, headers, extension maps, bodies by kind.

use daffi_core::config;
use daffi_core::wire::{
    Event, Extension, Failure, Frame, Goodbye, Hello, Kind, Parts, Register, Unregister, Welcome,
};
use daffi_core::wire::{Flags, Header, put_frame, split};

use super::sample;

/// Splits `bytes` into frames, from both bounds, and reads each.
pub fn run(bytes: &[u8]) {
    for bytes_max in [config::HANDSHAKE_BYTES_MAX, config::FRAME_BYTES_MAX] {
        let mut rest = bytes;
        while let Ok(Some(frame)) = split(rest, bytes_max) {
            assert!(frame.bytes() <= rest.len() && frame.bytes() <= bytes_max + 4);
            check_same(rest, frame);
            read(frame);
            rest = &rest[frame.bytes()..];
        }
    }
}

/// What was read is what was sent: nothing of a frame is lost on its way through the controller.
fn check_same(bytes: &[u8], frame: Frame<'_>) {
    let mut again = Vec::new();
    put_frame(&mut again, frame.header, frame.extension, frame.body);
    assert_eq!(again, bytes[..frame.bytes()]);
}

fn read(frame: Frame<'_>) {
    assert!(frame.extension.len() <= config::EXTENSION_BYTES_MAX);
    if let Ok(extension) = frame.extension() {
        drop((extension.eta(), extension.for_callee()));
    }
    let Header { kind, flags, .. } = frame.header;
    assert_eq!(frame.header.with_remaining(frame.header.remaining()), frame.header);
    match kind {
        Kind::Hello => drop(Hello::decode(frame.body)),
        Kind::Welcome => drop(Welcome::decode(frame.body)),
        Kind::Register => drop(Register::decode(frame.body)),
        Kind::Unregister => drop(Unregister::decode(frame.body)),
        Kind::Event => drop(Event::decode(frame.body)),
        Kind::Goodbye => drop(Goodbye::decode(frame.body)),
        Kind::Reply if flags.has(Flags::BROADCAST) => {
            for part in Parts::new(frame.body).flatten() {
                drop(Failure::decode(part.body));
            }
        }
        _ => drop(Failure::decode(frame.body)),
    }
}

/// A whole conversation, frame by frame and in one piece.
pub fn seeds() -> Vec<Vec<u8>> {
    let extension = Extension { name: Some("f".into()), eta_ms: Some(5), ..Extension::NONE }.encode();
    let call = Header { flags: Flags::NAMED, call: 7, ..Header::new(Kind::Call) };
    let parts = Header { flags: Flags::BROADCAST.with(Flags::MORE), call: 7, ..Header::new(Kind::Reply) };
    let failed = Header { flags: Flags::FAILED, call: 7, ..Header::new(Kind::Reply) };
    let frames = [
        (Header::new(Kind::Hello), Vec::new(), sample::hello("n0").encode()),
        (Header::new(Kind::Register), Vec::new(), sample::register(&["f", "g"]).encode()),
        (call, extension, vec![0x92, 1, 2]),
        (parts, Vec::new(), sample::parts()),
        (failed, Vec::new(), sample::failure().encode()),
        (Header::new(Kind::Event), Vec::new(), sample::events()[0].encode()),
        (Header { flags: Flags::MORE, call: 7, ..Header::new(Kind::Chunk) }, Vec::new(), vec![1; 40]),
        (
            Header { flags: Flags::WINDOW, call: 7, name: 9, ..Header::new(Kind::Credit) },
            Vec::new(),
            Vec::new(),
        ),
        (Header::new(Kind::Unknown(99)), Vec::new(), vec![1, 2, 3]),
        (Header::new(Kind::Goodbye), Vec::new(), Goodbye { reason: "done".into() }.encode()),
    ];
    let mut whole = Vec::new();
    let mut seeds = Vec::new();
    for (header, extension, body) in frames {
        let start = whole.len();
        put_frame(&mut whole, header, &extension, &body);
        seeds.push(whole[start..].to_vec());
    }
    seeds.push(whole);
    seeds
}
