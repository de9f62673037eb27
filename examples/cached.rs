//! Results that are computed once for all nodes: first Pottery's document on `redis_cache`, line by line, then what it has
//! not: callers that wait for one another, errors that are not kept, copies nearby.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::time::Duration;

use daffi::prelude::*;

/// `@redis_cache(redis=redis, key='expensive-function-cache')`
#[cached(key = "expensive-function-cache")]
async fn expensive_function(n: u64) -> u64 {
    // An expensive computation or database lookup.
    tokio::time::sleep(Duration::from_millis(100)).await;
    n
}

/// `CacheInfo(hits=…, misses=…, currsize=…)`
async fn cache_info() -> daffi::Result<()> {
    let info = expensive_function::info().await?;
    println!("hits={}, misses={}, currsize={}", info.hits, info.misses, info.size);
    Ok(())
}

/// The document's transcript. Where it says `currsize=1` after two calls with different arguments it is in error.
async fn as_in_the_document() -> daffi::Result<()> {
    println!("{}", expensive_function(5).await); // 5
    cache_info().await?; // hits=0, misses=1, currsize=1
    println!("{}", expensive_function(5).await); // 5
    cache_info().await?; // hits=1, misses=1, currsize=1
    println!("{}", expensive_function(6).await); // 6
    cache_info().await?; // hits=1, misses=2, currsize=2

    // `__wrapped__`, and `__bypass__`, which is neither a hit nor a miss.
    println!("{}", expensive_function::uncached(7).await); // 7
    println!("{}", expensive_function::bypass(5).await); // 5
    cache_info().await?; // hits=1, misses=2, currsize=2

    expensive_function::clear().await?; // cache_clear()
    cache_info().await // hits=0, misses=0, currsize=0
}

/// Python's hash of -1 is that of -2, so that there one is taken for the other.
#[cached(ttl = "1m", sliding)]
fn square(n: i64) -> Result<i64, String> {
    n.checked_mul(n).ok_or_else(|| format!("{n} is too large"))
}

#[daffi::main(listen = "memory://cached")]
async fn main(node: Node) -> daffi::Result<()> {
    as_in_the_document().await?;

    // However many ask at a time, on however many nodes, one computes.
    let calls = (0..100).map(|_| expensive_function(8));
    let all = futures::future::join_all(calls).await;
    println!("{} results", all.len()); // 100 results
    cache_info().await?; // hits=99, misses=1, currsize=1
    println!("{}", expensive_function::forget(8).await?); // true

    println!("{:?} {:?}", square(-1).await, square(-2).await); // Ok(1) Ok(4)
    println!("{:?}", square(i64::MAX).await); // Err("9223372036854775807 is too large")
    println!("{} results", square::info().await?.size); // 2 results

    // A cache by itself, of any keys and values, and a copy of it that is read without a question.
    let lengths = node.cache::<String, usize>("lengths").near().await?;
    for word in ["tea", "tofu", "tea"] {
        println!("{word}: {}", lengths.get_or_compute(word, || async { word.len() }).await?);
    }

    // `CachedOrderedDict`: a hash of which this node has a copy.
    node.hash::<String, u64>("stock").set("tea", 3_u64).await?;
    let stock = node.cached_map::<String, u64>("stock").keys(["tea", "tofu"]).await?;
    println!("{:?}, but no {:?}", stock.peek("tea")?, stock.misses()?); // Some(Some(3)), but no ["tofu"]
    stock.set("tofu", 7_u64).await?;
    println!("{:?}", node.hash::<String, u64>("stock").get("tofu").await?); // Some(7)
    Ok(())
}
