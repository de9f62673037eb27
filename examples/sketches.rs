//! Sets too large to be kept: how many different elements there were, and which. First the transcripts of Pottery's document,
//! with the same results, then what they leave out.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::DataError;
use daffi::datatypes::HllSketch;
use daffi::prelude::*;

/// `HyperLogLog(redis=redis, key='google-searches')`
async fn hyperloglog(node: &Node) -> daffi::Result<()> {
    let google_searches = node.hyperloglog("google-searches");
    google_searches.add("sonic the hedgehog video game").await?;
    println!("{}", google_searches.len().await?); // 1

    google_searches
        .extend([
            "google in 1998",
            "minesweeper",
            "joey tribbiani",
            "wizard of oz",
            "rgb to hex",
            "pac-man",
            "breathing exercise",
            "do a barrel roll",
            "snake",
        ])
        .await?;
    println!("{}", google_searches.len().await?); // 10

    google_searches.clear().await?;
    println!("{}", google_searches.len().await?); // 0
    Ok(())
}

/// `BloomFilter(num_values=100, false_positives=0.01, redis=redis, key='dilberts')`
async fn bloom_filter(node: &Node) -> daffi::Result<()> {
    let dilberts = node.bloom("dilberts").expect(100).false_positives(0.01).await?;
    dilberts.add("rajiv").await?;
    for name in ["rajiv", "raj", "dan"] {
        println!("{}", dilberts.contains(name).await?); // true, false, false
    }
    println!("{}", dilberts.len().await?); // 1

    dilberts.extend(["raj", "dan"]).await?;
    println!("{}", dilberts.len().await?); // 3
    dilberts.clear().await?;
    println!("{}", dilberts.len().await?); // 0
    Ok(())
}

/// Many elements cost little: what is sent of them are 12 KiB, and sketches can be made where nobody is connected.
async fn many(one: &Node, other: &Node) -> daffi::Result<()> {
    let (monday, tuesday) = (one.hyperloglog("monday"), other.hyperloglog("tuesday"));
    monday.extend((0..60_000).map(|number| format!("visitor {number}"))).await?;
    let mut offline = HllSketch::new();
    for number in 40_000..100_000 {
        offline.insert(&format!("visitor {number}"))?;
    }
    tuesday.merge_sketch(offline).await?;

    // 0.81 % is the standard error of each of these.
    println!("about {} on monday, {} on tuesday", monday.len().await?, tuesday.len().await?);
    println!("about {} on either day", monday.union_len([&tuesday]).await?);
    let week = one.hyperloglog("week");
    week.merge([&monday, &tuesday]).await?;
    println!("about {} in the week", week.len().await?);
    Ok(())
}

/// A filter knows what it was made for: who opens it with something else is refused, and not told lies.
async fn parameters(one: &Node, other: &Node) -> daffi::Result<()> {
    let seen = one.bloom("seen").expect(10_000).await?; // with 1 % of false positives, if nothing is said
    println!("{} bits, {} for each element", seen.parameters().bits(), seen.parameters().hashes());
    seen.extend(0..10_000).await?;

    match other.bloom("seen").expect(5_000).await {
        Err(refused @ DataError::WrongValue { .. }) => println!("{refused}"),
        opened => println!("{opened:?}"),
    }
    let theirs = other.bloom("seen").await?; // as it is
    let wrong = theirs.contains_many(10_000..20_000).await?.into_iter().filter(|seems| *seems).count();
    println!("{wrong} of 10000 others seem to have been seen");
    Ok(())
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://sketches";
    let _controller = Controller::bind(url).await?;
    let one = daffi::connect(url).name("one").registry(Registry::new()).await?;
    let other = daffi::connect(url).name("other").registry(Registry::new()).await?;

    hyperloglog(&one).await?;
    bloom_filter(&one).await?;
    many(&one, &other).await?;
    parameters(&one, &other).await?;

    one.stop().await?;
    other.stop().await
}
