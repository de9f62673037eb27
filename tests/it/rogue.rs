//! A peer that speaks the wire format itself, and so can say what no node would; and two honest nodes beside it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use daffi::Node;
use daffi_core::config;
use daffi_core::identity::{Credentials, Source};
use daffi_core::name::{CallbackName, NodeName};
use daffi_core::session::Inbound;
use daffi_core::transport::{Address, Connection, DialOptions, dial};
use daffi_core::wire::{
    CallId, Effect, Extension, Flags, Header, Hello, Kind, Offered, Register, Signature, Versions, encode,
    put_frame,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::offers::add;
use crate::support::{Mesh, secret};

/// A link on which anything may be said.
pub(crate) struct Rogue {
    connection: Arc<dyn Connection>,
    inbound: Inbound,
}

/// A frame that the controller sent.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) header: Header,
    pub(crate) body: Vec<u8>,
}

impl Rogue {
    /// A link on which nothing has been said.
    pub(crate) async fn dial(url: &str) -> Self {
        let address: Address = url.parse().unwrap();
        let credentials = Credentials::new(Source::Secret(secret())).unwrap();
        let connection = dial(&address, &DialOptions { tls: Some(credentials.tls()) }).await.unwrap();
        let inbound = Inbound::new(Arc::clone(&connection), config::FRAME_BYTES_MAX);
        Self { connection, inbound }
    }

    /// A node that the controller has taken in, with these callbacks.
    pub(crate) async fn join(url: &str, name: &str, callbacks: &[&str]) -> Self {
        let mut rogue = Self::dial(url).await;
        assert!(rogue.send(Header::new(Kind::Hello), &hello(name)).await);
        assert_eq!(rogue.until(Kind::Welcome).await.header.kind, Kind::Welcome);
        rogue.register(callbacks.iter().enumerate().map(|(at, name)| offered(at, name)).collect()).await;
        rogue
    }

    /// Offers callbacks; the controller's answer.
    pub(crate) async fn register(&mut self, callbacks: Vec<Offered>) -> Received {
        self.register_encoded(&Register { callbacks, ready: true }.encode()).await
    }

    pub(crate) async fn register_encoded(&mut self, body: &[u8]) -> Received {
        assert!(self.send(Header { call: REGISTER, ..Header::new(Kind::Register) }, body).await);
        self.reply(REGISTER).await
    }

    /// Writes bytes; `false` if the controller has closed the connection.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match self.connection.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if poll_fn(|cx| self.connection.poll_writable(cx)).await.is_err() {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
        true
    }

    pub(crate) async fn send(&self, header: Header, body: &[u8]) -> bool {
        self.write(&frame(header, &[], body)).await
    }

    /// The next frame; `None` once the controller has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        loop {
            if let Some(frame) = self.inbound.next().unwrap() {
                return Some(Received { header: frame.header, body: frame.body.to_vec() });
            }
            if !self.inbound.fill().await.unwrap_or(false) {
                return None;
            }
        }
    }

    /// The next frame of this kind.
    pub(crate) async fn until(&mut self, kind: Kind) -> Received {
        loop {
            let received = self.next().await.unwrap_or_else(|| panic!("the link ended before {kind:?}"));
            if received.header.kind == kind {
                return received;
            }
        }
    }

    /// The reply to a call.
    pub(crate) async fn reply(&mut self, call: u64) -> Received {
        loop {
            let received = self.until(Kind::Reply).await;
            if received.header.call == call {
                return received;
            }
        }
    }

    /// Waits until the controller has closed the connection.
    pub(crate) async fn ended(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Whether all that was sent so far was taken: the controller answers a ping.
    pub(crate) async fn is_heard(&mut self) -> bool {
        if !self.send(Header { call: 77, ..Header::new(Kind::Ping) }, &[]).await {
            return false;
        }
        loop {
            match self.next().await {
                Some(received) if received.header.kind == Kind::Pong => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }
}

/// The number that registrations are answered under.
const REGISTER: u64 = u64::MAX;

pub(crate) fn frame(header: Header, extension: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(28 + extension.len() + body.len());
    put_frame(&mut bytes, header, extension, body);
    bytes
}

pub(crate) fn hello(name: &str) -> Vec<u8> {
    let hello = Hello {
        versions: Versions::OURS,
        node: NodeName::new(name).unwrap(),
        incarnation: 1,
        concurrency: 1_024,
        take_over: false,
        hidden: false,
        software: "rogue".into(),
        resume: None,
    };
    hello.encode()
}

pub(crate) fn offered(at: usize, name: &str) -> Offered {
    let signature = Signature {
        name: CallbackName::new(name).unwrap(),
        parameters: Vec::new(),
        result: "()".into(),
        doc: String::new(),
        effect: Effect::Once,
        variadic: true,
    };
    Offered { id: u32::try_from(at).unwrap() + 1, signature }
}

/// A call of a callback by name, whole.
pub(crate) fn call(slot: u32, flags: Flags, name: &str, body: &[u8]) -> Vec<u8> {
    let extension = Extension { name: Some(name.into()), ..Extension::NONE }.encode();
    let call = CallId { slot, generation: 0 }.to_bits();
    frame(Header { flags: flags.with(Flags::NAMED), call, ..Header::new(Kind::Call) }, &extension, body)
}

/// No arguments.
pub(crate) fn nothing() -> Vec<u8> {
    encode(&()).unwrap()
}

/// Two nodes that keep calling while others do harm.
#[derive(Debug)]
pub(crate) struct Honest {
    pub(crate) node: Node,
    _callee: Node,
    stop: watch::Sender<bool>,
    calls: JoinHandle<i64>,
}

impl Honest {
    pub(crate) async fn beside(mesh: &Mesh) -> Self {
        let callee = mesh.node("honest-callee", daffi::callbacks![add]).await;
        let node = mesh.node("honest-caller", Vec::new()).await;
        let (stop, stopped) = watch::channel(false);
        let caller = node.clone();
        let calls = tokio::spawn(async move {
            let mut calls = 0;
            while !*stopped.borrow() {
                assert_eq!(add::call(&caller, calls, 1).await.unwrap(), calls + 1);
                calls += 1;
            }
            calls
        });
        Self { node, _callee: callee, stop, calls }
    }

    /// Stops calling: not one call has failed.
    pub(crate) async fn went_on(self) {
        // One more, after all the harm.
        assert_eq!(add::call(&self.node, 40, 2).await.unwrap(), 42);
        self.stop.send_replace(true);
        assert!(self.calls.await.unwrap() > 0);
    }
}
