//! A type of one's own that the controller keeps: an auction in which the first bid of a price wins, whoever's process
//! is faster. No lock is needed: the controller runs one method at a time.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::collections::BTreeMap;

use daffi::hosted::{Hosted, Time, Turn};
use daffi::prelude::*;
use daffi::{DataError, Heard};
use serde::{Deserialize, Serialize};

/// An auction: plain data, and methods that tests can call without a controller.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Auction {
    bids: BTreeMap<u64, String>,
    ends: Option<Time>,
}

/// What watchers are told.
#[derive(Debug, Serialize, Deserialize)]
enum Change {
    Bid { price: u64, bidder: String },
    Over,
}

#[callback(hosted = "auction")]
impl Auction {
    /// Opens it for so many seconds.
    pub fn open(&mut self, turn: &mut Turn<'_>, seconds: u64) {
        self.ends = Some(turn.now().after(secs(seconds)));
    }

    /// Bids, and says whether this is the highest bid now. The price must be a new one.
    pub fn bid(&mut self, turn: &mut Turn<'_>, bidder: String, price: u64) -> Result<bool, DataError> {
        if self.ends.is_none() {
            return Err(DataError::invalid("the auction is not open"));
        }
        if let Some(first) = self.bids.get(&price) {
            return Err(DataError::invalid(format!("{first} has bid {price} already")));
        }
        turn.tell(&Change::Bid { price, bidder: bidder.clone() })?;
        self.bids.insert(price, bidder);
        Ok(self.bids.last_key_value().is_some_and(|(highest, _)| *highest == price))
    }

    /// The highest bid and who made it.
    pub fn best(&self) -> Option<(u64, String)> {
        self.bids.last_key_value().map(|(price, bidder)| (*price, bidder.clone()))
    }
}

impl Hosted for Auction {
    fn next_expiry(&self) -> Option<Time> {
        self.ends
    }

    // The controller calls it when the time has come, also while nobody bids.
    fn expire(&mut self, turn: &mut Turn<'_>) {
        self.ends = None;
        turn.tell(&Change::Over).ok();
    }

    fn bytes(&self) -> usize {
        self.bids.values().map(|bidder| bidder.len() + 40).sum()
    }
}

/// Bids three times, from a node of its own.
async fn bid(name: &str) -> daffi::Result<()> {
    let node = daffi::connect("memory://house").name(name).await?;
    let painting = node.object::<Auction>("painting");
    for price in [100, 120, 140] {
        match painting.bid(name.into(), price).await {
            Ok(is_highest) => {
                println!("{name} bids {price}: {}", if is_highest { "leads" } else { "too low" })
            }
            Err(DataError::Invalid { what }) => println!("{name} bids {price}: {what}"),
            Err(other) => return Err(other.into()),
        }
    }
    node.stop().await
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    // The type is linked into this program, so the controller in it hosts it.
    let house = daffi::connect("memory://house").name("house").with_controller().await?;
    let auction = house.object::<Auction>("painting");
    let mut changes = auction.watch::<Change>(None).await?;
    auction.open(1).await?;

    let bidders = ["ada", "bob", "cy"].map(bid);
    for done in futures::future::join_all(bidders).await {
        done?;
    }

    while let Some(Heard::Item(change)) = changes.try_next().await? {
        match change.value {
            Change::Bid { price, bidder } => println!("revision {}: {bidder} for {price}", change.revision),
            Change::Over => break,
        }
    }
    println!("sold: {:?}", auction.best().await?.map(|(price, _)| price));
    house.stop().await
}
