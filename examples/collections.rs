//! Lists, deques and multisets that all nodes share: the transcripts of Pottery's document, with the same results, and what
//! its `RedisDeque` and `RedisCounter` were meant to do.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::datatypes::{Slice, SortOrder, Tallies};
use daffi::prelude::*;

/// `RedisList`: what it prints is what the document says.
async fn lyrics(node: &Node) -> daffi::Result<()> {
    let lyrics = node.list::<String>("lyrics");
    lyrics.push("everything").await?; // lyrics.append('everything')
    lyrics.extend(["in", "its", "right", "..."]).await?;
    println!("{:?}", lyrics.to_vec().await?); // ["everything", "in", "its", "right", "..."]
    println!("{}", lyrics.len().await?); // 5
    println!("{:?}", lyrics.get(0).await?.unwrap_or_default()); // "everything"
    lyrics.set(4, "place").await?; // lyrics[4] = 'place'
    println!("{:?}", lyrics.to_vec().await?); // ["everything", "in", "its", "right", "place"]

    // Slices are Python's, also where something is put in their place.
    println!("{:?}", lyrics.slice((1, -1)).await?); // ["in", "its", "right"]
    println!("{:?}", lyrics.slice(Slice::from(..).step(-2)).await?); // ["place", "its", "everything"]
    lyrics.set_slice(1..3, ["is", "in", "the"]).await?; // lyrics[1:3] = […]: one more than there were
    println!("{}", lyrics.to_vec().await?.join(" ")); // everything is in the right place
    lyrics.sort(SortOrder::Descending).await?;
    println!("{:?}", lyrics.index("the").await?); // Some(0)
    lyrics.clear().await?;
    Ok(())
}

/// `RedisDeque`: its bound is kept by the controller, and holds for all who use it.
async fn latest(node: &Node) -> daffi::Result<()> {
    let latest = node.deque::<u32>("latest").bounded(3); // RedisDeque(maxlen=3)
    latest.extend(1..6).await?;
    println!("{:?}", latest.to_vec().await?); // [3, 4, 5]
    node.deque::<u32>("latest").push_front(2).await?; // appendleft by one who does not know of the bound
    println!("{:?}", latest.to_vec().await?); // [2, 3, 4]
    latest.rotate(4).await?; // Pottery left it as it was
    println!("{:?}", latest.to_vec().await?); // [4, 2, 3]
    latest.rotate(-4).await?; // Pottery lost one
    println!("{:?}", latest.to_vec().await?); // [2, 3, 4]
    latest.extend_left([1, 0]).await?; // one after the other
    println!("{:?}", latest.to_vec().await?); // [0, 1, 2]
    println!("{:?}", latest.insert(1, 9).await.map_err(|error| error.to_string()));
    // Err("full: the deque has reached its maxlen, 3")

    let other = node.deque::<u32>("latest").bounded(5).open().await;
    println!("{:?}", other.map_err(|error| error.to_string()));
    // Err("expected a deque of maxlen 5, found one of maxlen 3")
    latest.object().destroy().await?;
    Ok(())
}

/// `RedisCounter`, with the examples of Python's own manual.
async fn counts(node: &Node) -> daffi::Result<()> {
    let (c, d) = (node.multiset::<String>("c"), node.multiset::<String>("d"));
    c.update_counts(Tallies::of([("a", 3), ("b", 1)])).await?; // Counter(a=3, b=1)
    d.update_counts(Tallies::of([("a", 1), ("b", 2)])).await?; // Counter(a=1, b=2)
    println!("{:?}", c.plus(&d).await?); // {"a": 4, "b": 3}
    println!("{:?}", c.minus(&d).await?); // {"a": 2}
    println!("{:?}", c.intersection(&d).await?); // {"a": 1, "b": 1}
    println!("{:?}", c.union(&d).await?); // {"a": 3, "b": 2}

    c.subtract_counts(&d).await?; // what falls below 0 stays
    println!("{:?} {}", c.to_map().await?, c.total().await?); // {"a": 2, "b": -1} 1
    println!("{:?}", c.elements().try_collect::<Vec<_>>().await?); // ["a", "a"]
    c.keep_positive().await?;
    println!("{:?}", c.to_map().await?); // {"a": 2}

    let letters = node.multiset::<char>("letters");
    letters.update("abracadabra".chars()).await?;
    println!("{:?}", letters.most_common(3).await?); // [('a', 5), ('b', 2), ('r', 2)]
    Ok(())
}

async fn hit(node: &Node) -> daffi::Result<()> {
    let hits = node.multiset::<String>("hits");
    for _ in 0..400 {
        hits.increment("home", 1).await?; // Pottery's `hits['home'] += 1` lost most of them
    }
    Ok(())
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://collections";
    let _controller = Controller::bind(url).await?;
    let one = daffi::connect(url).name("one").registry(Registry::new()).await?;
    let other = daffi::connect(url).name("other").registry(Registry::new()).await?;

    lyrics(&one).await?;
    latest(&one).await?;
    counts(&one).await?;
    futures::try_join!(hit(&one), hit(&other))?;
    println!("{}", other.multiset::<String>("hits").get("home").await?); // 800

    one.stop().await?;
    other.stop().await
}
