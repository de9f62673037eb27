//! Dicts and sets as Python has them: first the transcripts of Pottery's document, then what is one step for all nodes.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::collections::BTreeMap;

use daffi::datatypes::Operand;
use daffi::prelude::*;
use serde_json::{Value as Json, json};

/// `raj = RedisDict(redis=redis, key='raj')`
async fn dicts(node: &Node) -> daffi::Result<()> {
    let raj = node.dict::<String, Json>("raj");
    raj.set("hobby", json!("music")).await?; // raj['hobby'] = 'music'
    raj.set("vegetarian", json!(true)).await?; // raj['vegetarian'] = True
    println!("Dict{}", json!(raj.to_map().await?)); // Dict{"hobby":"music","vegetarian":true}
    println!("{}", raj.len().await?); // 2
    println!("{:?}", raj.get("vegetarian").await?); // Some(Bool(true))

    // What `RedisDict` inherits from Python takes two requests there, between which others may come. Here it is one.
    println!("{}", raj.get_or_insert("hobby", json!("chess")).await?); // "music": `setdefault`
    println!("{:?}", raj.pop("vegetarian").await?); // Some(Bool(true))
    raj.update([("hobby", json!("dance")), ("age", json!(7))]).await?;
    let expected = BTreeMap::from([("age".to_owned(), json!(7)), ("hobby".to_owned(), json!("dance"))]);
    println!("{}", raj.equals(&expected).await?); // true: `raj == {'hobby': 'dance', 'age': 7}`

    // However large it is, it is read page by page.
    let mut entries = raj.iter();
    while let Some(entry) = entries.next().await {
        let (key, value) = entry?;
        println!("{key}: {value}"); // age: 7, then hobby: "dance"
    }
    Ok(())
}

/// `edible = RedisSet(redis=redis, key='edible')`
async fn sets(node: &Node) -> daffi::Result<()> {
    let edible = node.set::<String>("edible");
    edible.add("eggs").await?;
    edible.extend(["beans", "tofu", "avocado"]).await?;
    println!("Set{:?}", sorted(edible.members().await?)); // Set["avocado", "beans", "eggs", "tofu"]
    println!("{}", edible.len().await?); // 4
    println!("{}", edible.contains("bacon").await?); // false
    println!("{:?}", edible.contains_many(["eggs", "bacon"]).await?); // [true, false]
    Ok(())
}

/// `edible | plants` and its like: the controller combines what it has, and what is told it.
async fn algebra(one: &Node, other: &Node) -> daffi::Result<()> {
    let (edible, plants) = (one.set::<String>("edible"), other.set::<String>("plants"));
    plants.extend(["beans", "avocado", "ivy"]).await?;

    println!("{:?}", sorted(edible.union([&plants]).await?)); // ["avocado", "beans", "eggs", "ivy", "tofu"]
    println!("{:?}", sorted(edible.intersection([&plants]).await?)); // ["avocado", "beans"]
    println!("{:?}", sorted(edible.difference([&plants]).await?)); // ["eggs", "tofu"]
    println!("{:?}", sorted(edible.symmetric_difference([&plants]).await?)); // ["eggs", "ivy", "tofu"]
    println!("{}", plants.is_superset(Operand::of(["ivy"])).await?); // true
    println!("{}", plants.is_disjoint(&edible).await?); // false

    let dinner = one.set::<String>("dinner");
    println!("{}", edible.intersection_into(&dinner, [&plants]).await?); // 2
    println!("{}", dinner.update([Operand::of(["rice"]), Operand::from(&plants)]).await?); // 2
    println!("{}", dinner.difference_update([Operand::of(["ivy"])]).await?); // 1
    println!("{:?}", sorted(dinner.members().await?)); // ["avocado", "beans", "rice"]
    Ok(())
}

/// Pottery's `update` and `+=` fail or lose sums when others write too. Here nobody comes between.
async fn count(node: &Node) -> daffi::Result<()> {
    let votes = node.dict::<String, i64>("votes");
    for _ in 0..100 {
        votes.increment("tea", 1).await?;
    }
    Ok(())
}

/// Sets have no order.
fn sorted(mut members: Vec<String>) -> Vec<String> {
    members.sort();
    members
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://collections-dict-set";
    let _controller = Controller::bind(url).await?;
    let one = daffi::connect(url).name("one").registry(Registry::new()).await?;
    let other = daffi::connect(url).name("other").registry(Registry::new()).await?;

    dicts(&one).await?;
    sets(&one).await?;
    algebra(&one, &other).await?;
    futures::try_join!(count(&one), count(&other))?;
    println!("{:?}", one.dict::<String, i64>("votes").get("tea").await?); // Some(200)

    one.stop().await?;
    other.stop().await
}
