//! HyperDex's chapter on asynchronous and atomic operations as programs: what it prints, this prints.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::datatypes::space::{Action, Check, DynSpace, Predicate, Value, Write};
use daffi::prelude::*;
use daffi::{DataError, SpaceError, obj};
use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};

/// As Python prints it.
fn truth(done: bool) -> &'static str {
    if done { "True" } else { "False" }
}

/// `c.put(…)`, and `c.async_put(…)`, which is `.send()`.
async fn friends(c: &DynSpace) -> daffi::Result<()> {
    println!("{}", truth(c.put("jsmith1", obj! { first: "John", last: "Smith" }).await?));
    println!("{}", truth(c.put("jd", obj! { first: "John", last: "Doe" }).await?));
    println!("{}", truth(c.put("bjones1", obj! { first: "Brian", last: "Jones" }).await?));

    let d = c.put("jj", obj! { first: "John", last: "Jackson" }).send();
    // do some work
    println!("{}", truth(d.await?));
    let d = c.get("jj").send();
    println!("{:?}", d.await?.map(|found| found.fields));

    let d1 = c.set_add("jj", obj! { friends: "jsmith1" }).send();
    let d2 = c.set_add("jsmith1", obj! { friends: "jj" }).send();
    println!("{}\n{}", truth(d1.await?), truth(d2.await?));
    let d1 = c.set_add("jsmith1", obj! { friends: "bjones1" }).send();
    let d2 = c.set_add("bjones1", obj! { friends: "jsmith1" }).send();
    let d3 = c.set_add("jsmith1", obj! { friends: "jd" }).send();
    let d4 = c.set_add("jd", obj! { friends: "jsmith1" }).send();
    for d in [d1, d2, d3, d4] {
        println!("{}", truth(d.await?));
    }
    Ok(())
}

/// `while outstanding: d = c.loop()`
async fn first_names(c: &DynSpace) -> daffi::Result<()> {
    let john = c.get("jsmith1").await?.ok_or_else(|| SpaceError::NotFound { key: "jsmith1".into() });
    let Value::Set(usernames) = john.map_err(DataError::from)?["friends"].clone() else { return Ok(()) };
    let mut outstanding: FuturesUnordered<_> =
        usernames.keys().map(|username| c.get(username.clone()).send()).collect();
    let mut friends = Vec::new();
    while let Some(d) = outstanding.next().await {
        friends.extend(d?.map(|friend| friend["first"].clone()));
    }
    friends.sort();
    println!("{friends:?}");
    Ok(())
}

/// The window that the chapter advises: no more than so many on their way.
async fn many(c: &DynSpace) -> daffi::Result<()> {
    let puts = stream::iter(0..5_000).map(|at| c.put(format!("user{at}"), obj! { last: "Many" }).send());
    let mut done = puts.buffer_unordered(256);
    while let Some(put) = done.next().await {
        put?;
    }
    println!("{}", c.group_del(obj! { last: "Many" }).await?);
    Ok(())
}

/// `cond_put`.
async fn conditions(c: &DynSpace) -> daffi::Result<()> {
    for _ in 0..2 {
        let put = c.cond_put("jsmith1", obj! { first: "John", last: "Smith" }, obj! { first: "Jon" });
        println!("{}", truth(put.await?));
    }
    let friends = Value::Set(["bjones1", "jd", "jj"].map(Value::from).into_iter().collect());
    println!("{}", truth(c.cond_put("jsmith1", obj! { friends: friends }, obj! { first: "John" }).await?));
    println!("{:?}", c.get("jsmith1").await?.map(|found| found.fields));
    Ok(())
}

/// `lock(client, user)` and `unlock(client, user)`. `node.lock(name)` waits in line, and survives who held it.
async fn lock(node: &Node) -> daffi::Result<()> {
    let locks = node.add_space("space userlocks key username").await?;
    println!("{}", truth(locks.put_if_not_exist("jsmith1", obj! {}).await?));
    println!("{}", truth(locks.put_if_not_exist("jsmith1", obj! {}).await?));
    println!("{}", truth(locks.delete("jsmith1").await?));
    Ok(())
}

/// The race of the chapter's introduction: a tax and an award, neither of which is lost.
async fn salaries(node: &Node) -> daffi::Result<()> {
    let staff = node.add_space("space staff key name attributes float salary").await?;
    staff.put("john", obj! { salary: 50_000.0 }).await?;
    let tax = staff.atomic_mul("john", obj! { salary: 1.0 - 0.36 }).send();
    tax.await?;
    let award = staff.atomic_add("john", obj! { salary: 1_500.0 }).send();
    award.await?;
    println!("{:?}", staff.get("john").await?.map(|found| found["salary"].clone()));

    // Two objects in one step, if there is enough.
    staff.put("ann", obj! { salary: 0.0 }).await?;
    let enough = Predicate::is("salary", Check::GreaterEqual(20_000.0.into()));
    for _ in 0..2 {
        let mut gift = node.batch();
        let take = Write::new().change("salary", Action::Sub(20_000.0.into())).when(enough.clone());
        gift.add(staff.write("john", take));
        gift.add(staff.atomic_add("ann", obj! { salary: 20_000.0 }));
        match gift.await {
            Ok(_) => println!("given"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}

#[daffi::main(name = "spaces", listen = "memory://spaces")]
async fn main(node: Node) -> daffi::Result<()> {
    let c = node
        .add_space(
            "
            space friendlists
            key username
            attributes
               string first,
               string last,
               set(string) friends
            ",
        )
        .await?;
    friends(&c).await?;
    first_names(&c).await?;
    conditions(&c).await?;
    many(&c).await?;
    lock(&node).await?;
    salaries(&node).await
}
