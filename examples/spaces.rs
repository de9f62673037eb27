//! HyperDex's chapter on asynchronous and atomic operations as programs: what it prints, this prints, and a little more.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::datatypes::space::{Action, Check, DynSpace, Fields, Predicate, Value, Write};
use daffi::prelude::*;
use daffi::{DataError, SpaceError, obj};
use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};

/// As Python prints it.
fn truth(done: bool) -> &'static str {
    if done { "True" } else { "False" }
}

/// `get(client, space, key)` as the chapter defines it, by `async_get` and `wait`.
async fn get(c: &DynSpace, key: &str) -> daffi::Result<Option<Fields>> {
    let d = c.get(key).send();
    Ok(d.await?.map(|found| found.fields))
}

/// `c.put(…)`, and `c.async_put(…)`, which is `.send()`.
async fn friends(c: &DynSpace) -> daffi::Result<()> {
    println!("{}", truth(c.put("jsmith1", obj! { first: "John", last: "Smith" }).await?));
    println!("{}", truth(c.put("jd", obj! { first: "John", last: "Doe" }).await?));
    println!("{}", truth(c.put("bjones1", obj! { first: "Brian", last: "Jones" }).await?));

    let d = c.put("jj", obj! { first: "John", last: "Jackson" }).send();
    // do some work
    println!("{}", truth(d.await?));
    println!("{:?}", get(c, "jj").await?);

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
        println!("{:?}", get(c, "jsmith1").await?);
        let put = c.cond_put("jsmith1", obj! { first: "John", last: "Smith" }, obj! { first: "Jon" });
        println!("{}", truth(put.await?));
    }
    let friends = Value::Set(["bjones1", "jd", "jj"].map(Value::from).into_iter().collect());
    println!("{}", truth(c.cond_put("jsmith1", obj! { friends: friends }, obj! { first: "John" }).await?));
    println!("{:?}", get(c, "jsmith1").await?);
    Ok(())
}

/// `lock(client, user)`, which asks until nobody else holds it. `node.lock(name)` waits in line, and survives who held it.
async fn lock(locks: &DynSpace, user: &str) -> daffi::Result<()> {
    while !locks.put_if_not_exist(user, obj! {}).await? {}
    Ok(())
}

/// `unlock(client, user)`.
async fn unlock(locks: &DynSpace, user: &str) -> daffi::Result<()> {
    locks.delete(user).await?;
    Ok(())
}

/// `put_if_not_exist`, of which locks can be made.
async fn locks(node: &Node) -> daffi::Result<()> {
    let c = node.add_space("space userlocks key username").await?;
    println!("{}", truth(c.put_if_not_exist("jsmith1", obj! {}).await?));
    println!("{:?}", get(&c, "jsmith1").await?);
    println!("{}", truth(c.put_if_not_exist("jsmith1", obj! {}).await?));
    println!("{}", truth(c.delete("jsmith1").await?));

    // As many as want it have it, one after the other.
    let counted = node.add_space("space counted key k attributes int n").await?;
    counted.put("jsmith1", obj! { n: 0 }).await?;
    let mut holders: FuturesUnordered<_> = (0..3)
        .map(async |_| {
            lock(&c, "jsmith1").await?;
            let Some(found) = counted.get("jsmith1").await? else { return Ok(()) };
            if let Value::Int(n) = found["n"] {
                counted.put("jsmith1", obj! { n: n + 1 }).await?;
            }
            unlock(&c, "jsmith1").await
        })
        .collect();
    while let Some(done) = holders.next().await {
        done?;
    }
    println!("{:?}", get(&counted, "jsmith1").await?);
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

/// The chapter's walk through what is atomic on each type. None of it is begun before it is awaited.
async fn walk(node: &Node) -> daffi::Result<()> {
    let description = "space alldatatypes key k attributes string s, int i, float f, list(string) ls, set(string) ss, \
                       map(string, string) mss, map(string, int) msi";
    let (c, key) = (node.add_space(description).await?, "somekey");
    let some = Value::Set(["A", "B", "C"].map(Value::from).into_iter().collect());
    let others = Value::Set(["A", "B", "Z"].map(Value::from).into_iter().collect());
    let steps = [
        c.put_if_not_exist(key, obj! { s: "initial value" }),
        c.put_if_not_exist(key, obj! { s: "initial value" }),
        c.cond_put(key, obj! { s: "initial value" }, obj! { s: "some string" }),
        c.cond_put(key, obj! { s: "initial value" }, obj! { s: "some string" }),
        c.atomic_add(key, obj! { i: 1, f: 0.25 }),
        c.atomic_sub(key, obj! { i: 2, f: 0.5 }),
        c.atomic_mul(key, obj! { i: 2, f: 4.0 }),
        c.atomic_div(key, obj! { i: 2, f: 4.0 }),
        c.put(key, obj! { i: 0xdead_beef_cafe_i64 }),
        c.atomic_and(key, obj! { i: 0xffff_ffff_0000_i64 }),
        c.atomic_or(key, obj! { i: 0x0000_0000_cafe }),
        c.atomic_xor(key, obj! { i: 0xdea5_a040_3af3_i64 }),
        c.string_prepend(key, obj! { s: "->" }),
        c.string_append(key, obj! { s: "<-" }),
        c.put(key, obj! { ls: ["B"] }),
        c.list_lpush(key, obj! { ls: "A" }),
        c.list_rpush(key, obj! { ls: "C" }),
        c.set_add(key, obj! { ss: "C" }),
        c.set_remove(key, obj! { ss: "C" }),
        c.set_union(key, obj! { ss: some }),
        c.set_intersect(key, obj! { ss: others }),
        c.map_add(key, obj! { mss: obj! { mapkey: "mapvalue" }, msi: obj! { mapkey: 16 } }),
        c.map_add(key, obj! { mss: obj! { tmp: "delete me" } }),
        c.map_remove(key, obj! { mss: obj! { tmp: "X" } }),
        c.map_atomic_add(key, obj! { msi: obj! { mapkey: 16 } }),
        c.map_atomic_sub(key, obj! { msi: obj! { mapkey: -32 } }),
        c.map_atomic_mul(key, obj! { msi: obj! { mapkey: 4 } }),
        c.map_atomic_div(key, obj! { msi: obj! { mapkey: 64 } }),
        c.map_atomic_and(key, obj! { msi: obj! { mapkey: 2 } }),
        c.map_atomic_or(key, obj! { msi: obj! { mapkey: 5 } }),
        c.map_atomic_xor(key, obj! { msi: obj! { mapkey: 7 } }),
        c.map_string_prepend(key, obj! { mss: obj! { mapkey: "->" } }),
        c.map_string_append(key, obj! { mss: obj! { mapkey: "<-" } }),
    ];
    for step in steps {
        println!("{}\n{:?}", truth(step.await?), get(&c, key).await?);
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
    locks(&node).await?;
    salaries(&node).await?;
    walk(&node).await
}
