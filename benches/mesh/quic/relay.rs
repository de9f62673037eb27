//! Stands in the middle: a reader for each link that routes all it has read, a writer that writes all there is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::mem;
use std::rc::Rc;

use quinn::{Connection, SendStream};
use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::link;
use crate::floor::frame::{Frame, Inbox, Kind, put};
use crate::process;
use crate::task::Task;

pub(super) async fn run(task: &Task) -> io::Result<()> {
    let endpoint = link::listen(task)?;
    process::ready()?;
    let (hub, local) = (Rc::new(RefCell::new(Hub::default())), LocalSet::new());
    local
        .run_until(async {
            while let Some(incoming) = endpoint.accept().await {
                let connection = incoming.await?;
                tokio::task::spawn_local(serve(connection, Rc::clone(&hub)));
            }
            Ok(())
        })
        .await
}

async fn serve(connection: Connection, hub: Rc<RefCell<Hub>>) -> io::Result<()> {
    let (send, mut read) = connection.accept_bi().await?;
    let output = Rc::new(Output::default());
    let key = hub.borrow_mut().add(Rc::clone(&output));
    tokio::task::spawn_local(write(send, output));
    let mut inbox = Inbox::new();
    while link::fill(&mut read, &mut inbox).await {
        let mut hub = hub.borrow_mut();
        while let Some(frame) = inbox.next() {
            hub.route(key, frame)?;
        }
        hub.flush();
    }
    Ok(())
}

async fn write(mut send: SendStream, output: Rc<Output>) {
    let mut bytes = Vec::new();
    loop {
        output.wake.notified().await;
        mem::swap(&mut bytes, &mut *output.bytes.borrow_mut());
        if send.write_all(&bytes).await.is_err() {
            return;
        }
        bytes.clear();
    }
}

/// What one link is to be sent.
#[derive(Default)]
struct Output {
    bytes: RefCell<Vec<u8>>,
    wake: Notify,
}

/// Who is connected, and what goes where.
#[derive(Default)]
struct Hub {
    outputs: Vec<Rc<Output>>,
    callees: Vec<usize>,
    touched: Vec<usize>,
    /// Broadcasts in flight, by the caller's link and their id.
    broadcasts: HashMap<(u16, u64), (usize, Vec<u8>)>,
}

impl Hub {
    fn add(&mut self, output: Rc<Output>) -> usize {
        self.outputs.push(output);
        self.outputs.len() - 1
    }

    fn route(&mut self, from: usize, mut frame: Frame<'_>) -> io::Result<()> {
        match frame.kind()? {
            Kind::Serve => {
                self.callees.push(from);
                self.send(from, frame.bytes());
            }
            Kind::Call | Kind::OneWay => {
                frame.set_link(u16::try_from(from).map_err(io::Error::other)?);
                let callee = self.callees.first().ok_or_else(|| io::Error::other("nobody serves"))?;
                self.send(*callee, frame.bytes());
            }
            Kind::Reply => self.send(usize::from(frame.link()), frame.bytes()),
            Kind::Broadcast => {
                frame.set_link(u16::try_from(from).map_err(io::Error::other)?);
                self.broadcasts.insert((frame.link(), frame.id()), (self.callees.len(), Vec::new()));
                for callee in self.callees.clone() {
                    self.send(callee, frame.bytes());
                }
            }
            Kind::Direct => {
                frame.set_kind(Kind::Reply);
                self.send(from, frame.bytes());
            }
            Kind::Part => self.gather(&frame),
        }
        Ok(())
    }

    fn gather(&mut self, part: &Frame<'_>) {
        let key = (part.link(), part.id());
        let Some((missing, payload)) = self.broadcasts.get_mut(&key) else { return };
        payload.extend_from_slice(part.payload());
        *missing -= 1;
        if *missing == 0 {
            let (_, payload) = self.broadcasts.remove(&key).expect("it was there");
            let mut reply = Vec::new();
            put(&mut reply, Kind::Reply, key.0, key.1, &payload);
            self.send(usize::from(key.0), &reply);
        }
    }

    fn send(&mut self, to: usize, bytes: &[u8]) {
        let mut waiting = self.outputs[to].bytes.borrow_mut();
        if waiting.is_empty() {
            self.touched.push(to);
        }
        waiting.extend_from_slice(bytes);
    }

    fn flush(&mut self) {
        for to in self.touched.drain(..) {
            self.outputs[to].wake.notify_one();
        }
    }
}
