//! Maps and sets that all nodes share: first the examples of Howler's document, then what expires, and what is one step.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::fmt;

use daffi::datatypes::LimitedAdd;
use daffi::prelude::*;
use serde::{Deserialize, Serialize};

/// What Python mixes in one set.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Item {
    Text(String),
    Number(i64),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// `with Hash('test-hashmap') as h: …`
async fn hash(node: &Node) -> daffi::Result<()> {
    let h = node.hash::<String, String>("test-hashmap");
    h.add("key", "value").await?;
    println!("{}", h.exists("key").await?);
    println!("{:?}", h.get("key").await?.unwrap_or_default());
    println!("{:?}", h.items().await?);
    // Howler removes it at the end of `with`. Here others may go on with it, unless somebody says so.
    h.clear().await?;
    Ok(())
}

/// `with Set('test-set') as s: …`
async fn set(node: &Node) -> daffi::Result<()> {
    let s = node.set::<Item>("test-set");
    s.extend([Item::Text("a".into()), Item::Text("b".into()), Item::Number(1), Item::Number(2)]).await?;
    println!("{}", s.contains(Item::Text("b".into())).await?);
    if let Some(item) = s.pop().await? {
        println!("{item}");
    }
    println!("{}", s.len().await?);
    s.clear().await?;
    Ok(())
}

/// `ExpiringHash`, and entries that expire one by one.
async fn what_expires(node: &Node) -> daffi::Result<()> {
    let seen = node.hash::<String, u64>("seen").ttl(secs(24 * 3600)); // as long as nobody writes for a day
    seen.increment("10.0.0.7", 1).await?;
    seen.set_for("10.0.0.8", 1, millis(20)).await?;
    tokio::time::sleep(millis(40)).await;
    println!("seen: {:?}", seen.items().await?);
    Ok(())
}

async fn count(node: &Node) -> daffi::Result<()> {
    let sums = node.hash::<String, i64>("sums");
    for _ in 0..100 {
        sums.increment("sum", 1).await?;
    }
    Ok(())
}

/// Every operation is one step, whoever else is at it.
async fn one_step(one: &Node, other: &Node) -> daffi::Result<()> {
    futures::try_join!(count(one), count(other))?;
    println!("sum: {:?}", one.hash::<String, i64>("sums").get("sum").await?);

    let seats = one.set::<String>("seats");
    for guest in ["Ada", "Grace", "Ada", "Edsger", "Barbara"] {
        match seats.limited_add(guest, 3).await? {
            LimitedAdd::Added => println!("{guest} has a seat"),
            LimitedAdd::Exists => println!("{guest} had one"),
            LimitedAdd::Full => println!("no seat for {guest}"),
        }
    }

    // However large it is, it is read page by page.
    let mut members = seats.iter();
    let mut count = 0;
    while let Some(guest) = members.next().await {
        guest?;
        count += 1;
    }
    println!("{count} guests");
    Ok(())
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://hash-and-set";
    let _controller = Controller::bind(url).await?;
    let one = daffi::connect(url).name("one").registry(Registry::new()).await?;
    let other = daffi::connect(url).name("other").registry(Registry::new()).await?;

    hash(&one).await?;
    set(&one).await?;
    what_expires(&one).await?;
    one_step(&one, &other).await?;

    one.stop().await?;
    other.stop().await
}
