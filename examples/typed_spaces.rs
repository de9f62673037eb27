//! A space whose objects are values of a type: what does not fit does not compile. Written, searched, altered and watched.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::collections::{BTreeMap, BTreeSet};

use daffi::datatypes::space::{Alteration, Type, TypedSpace};
use daffi::prelude::*;
use daffi::{DataError, Heard, Space};

/// `space profile key username attributes string first, string last, int views, … index last`
#[derive(Debug, Clone, PartialEq, Space)]
#[space(index(last))]
struct Profile {
    #[key]
    username: String,
    first: String,
    last: String,
    views: i64,
    friends: BTreeSet<String>,
    votes: BTreeMap<String, i64>,
}

fn profile(username: &str, first: &str, last: &str, views: i64) -> Profile {
    let name = str::to_owned;
    let (friends, votes) = (BTreeSet::new(), BTreeMap::new());
    Profile { username: name(username), first: name(first), last: name(last), views, friends, votes }
}

/// Each of these is one step: wholly, or not at all.
async fn write(profiles: &TypedSpace<Profile>) -> daffi::Result<()> {
    for john in [profile("jsmith1", "John", "Smith", 7), profile("jd", "John", "Doe", 0)] {
        println!("{}", profiles.insert(&john).await?); // true: nothing was there
    }
    println!("{}", profiles.fetch("jd", Profile::views().add(1)).await?); // 1
    println!("{}", profiles.fetch("jd", Profile::votes().at("post-7").add(3)).await?); // 3
    println!("{}", profiles.fetch("jd", Profile::friends().insert("jsmith1")).await?); // 1 friend

    let renamed = profiles
        .update("jsmith1", Profile::first().set("Jon").then(Profile::last().set("Smythe")))
        .when(Profile::first().eq("John") & Profile::views().gt(5))
        .returning_after();
    println!("{:?}", renamed.await?.after.map(|after| after.first)); // Some("Jon")
    let again = profiles.update("jsmith1", Profile::views().mul(2)).when(Profile::first().eq("John"));
    println!("{}", again.await.expect_err("he is Jon now"));
    // `Profile::first().add(1)` does not compile.
    Ok(())
}

/// What is found is found by an index where there is one, and is what there was when the search began.
async fn search(profiles: &TypedSpace<Profile>) -> daffi::Result<()> {
    let does = || Profile::last().one_of(["Doe", "Smythe"]) & !Profile::views().eq(0);
    println!("{}", profiles.count(does()).await?); // 2
    let plan = profiles.search_describe(Profile::last().eq("Doe")).await?;
    println!("{:?}", plan.through); // the index of `last`, with one object
    let mut found = profiles.sorted_search(does(), Profile::views().descending(), 10).await?;
    while let Some(profile) = found.try_next().await? {
        println!("{} {}: {}", profile.first, profile.last, profile.views); // Jon Smythe: 7, John Doe: 1
    }
    println!("{}", profiles.update_all(Profile::views().lt(5), Profile::views().set(5)).await?); // 1
    Ok(())
}

/// Whoever watches hears of what changes, in order.
async fn watch(node: &Node, profiles: &TypedSpace<Profile>) -> daffi::Result<()> {
    let space = profiles.dynamic().map_err(DataError::from)?;
    let mut changes = space.watch("jd").await?;
    println!("{}", profiles.delete_when("jd", Profile::views().eq(5)).await?); // true
    if let Some(Heard::Item(change)) = changes.try_next().await? {
        println!("{:?}", change.value); // Erased, with what it was
    }
    // A description may be altered under its objects; who knows the space by name alone learns of it.
    let altered = space.alter(Alteration::Add { name: "karma".into(), of: Type::Int }).await?;
    println!("{}", altered.schema());
    println!("{:?}", node.dyn_space("profile").await?.get("jsmith1").await?.map(|jon| jon["karma"].clone()));
    Ok(())
}

#[daffi::main(name = "typed_spaces", listen = "memory://typed-spaces")]
async fn main(node: Node) -> daffi::Result<()> {
    let profiles = node.space::<Profile>();
    println!("{}", profiles.ensure().await?); // true: it was not there
    write(&profiles).await?;
    search(&profiles).await?;
    watch(&node, &profiles).await
}
