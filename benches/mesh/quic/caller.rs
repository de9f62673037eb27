//! Keeps an item's calls outstanding, and measures them.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use tokio::task::{JoinSet, LocalSet};

use super::link::Link;
use crate::floor::frame::{Kind, put};
use crate::item::{CHUNK_MESSAGES, Item};
use crate::meter::{Measurement, Meter};
use crate::task::Task;

pub(super) async fn run(task: &Task) -> io::Result<Measurement> {
    let mut links = Vec::new();
    for _ in 0..task.item.shape().connections {
        links.push(Link::open(task).await?);
    }
    let payload = Rc::new(vec![7; task.item.payload_bytes(task.payload_bytes)]);
    let meter = Rc::new(RefCell::new(Meter::start(task)?));
    let (item, local) = (task.item, LocalSet::new());
    let mut calling = JoinSet::new();
    for link in links {
        calling.spawn_local_on(call(link, item, Rc::clone(&payload), Rc::clone(&meter)), &local);
    }
    local
        .run_until(async {
            while let Some(ended) = calling.join_next().await {
                ended.map_err(io::Error::other)??;
            }
            Ok::<_, io::Error>(())
        })
        .await?;
    Rc::into_inner(meter).expect("all tasks have ended").into_inner().finish()
}

async fn call(mut link: Link, item: Item, payload: Rc<Vec<u8>>, meter: Rc<RefCell<Meter>>) -> io::Result<()> {
    let begun = meter.borrow().nanoseconds(Instant::now());
    for _ in 0..item.shape().outstanding {
        put_request(&mut link.out, item, begun, &payload);
    }
    link.flush().await?;
    loop {
        if !link.read().await {
            return Err(io::Error::other("the relay went away"));
        }
        let now = Instant::now();
        {
            let mut meter = meter.borrow_mut();
            if !meter.goes_on(now)? {
                return Ok(());
            }
            let now = meter.nanoseconds(now);
            while let Some(reply) = link.inbox.next() {
                let operations = if item == Item::W6 { CHUNK_MESSAGES as u64 } else { 1 };
                meter.record(now - reply.id(), operations);
                put_request(&mut link.out, item, now, &payload);
            }
        }
        link.flush().await?;
    }
}

/// What one reply answers.
fn put_request(out: &mut Vec<u8>, item: Item, now: u64, payload: &[u8]) {
    match item {
        Item::W5 => put(out, Kind::Broadcast, 0, now, payload),
        Item::W6 => {
            for _ in 0..CHUNK_MESSAGES {
                put(out, Kind::OneWay, 0, now, payload);
            }
            put(out, Kind::Call, 0, now, &[]);
        }
        item if item.is_hosted() => put(out, Kind::Direct, 0, now, payload),
        _ => put(out, Kind::Call, 0, now, payload),
    }
}
