//! Shared queues: in order, by priority, without doubles; and workers that borrow what they work on, so that nothing
//! is lost when one of them dies.
#![expect(clippy::print_stdout, reason = "that is what the example does")]
use daffi::UniquePriorityQueue;
use daffi::datatypes::QueueSettings;
use daffi::prelude::*;

/// Howler's example of a `NamedQueue`.
async fn named(node: &Node) -> daffi::Result<()> {
    let nq = node.queue::<u32>("test-named-queue");
    for x in 0..5 {
        nq.push(x).await?;
    }
    println!("{:?}", nq.pop_batch(100).await?); // [0, 1, 2, 3, 4]
    Ok(())
}

/// Howler's example of a `PriorityQueue`. Python's lists take anything; here numbers and letters are both texts.
async fn by_priority(node: &Node) -> daffi::Result<()> {
    let pq = node.priority_queue::<String>("test-priority-queue");
    for x in 0..10 {
        pq.push(100, x.to_string()).await?;
    }
    let a = pq.push(101, "a").await?;
    let z = pq.push(99, "z").await?;
    println!("{:?}", pq.rank(&a).await?); // Some(0)
    println!("{:?}", pq.rank(&z).await?); // Some(11): a position, though Howler's document calls it the priority
    println!("{:?}", pq.pop().await?); // Some("a")
    Ok(())
}

/// Howler's example of a `UniquePriorityQueue`, with one: its document makes a `PriorityQueue`, which prints 20 in
/// the end.
async fn unique(node: &Node) -> daffi::Result<()> {
    let pq: UniquePriorityQueue<u32> = node.priority_queue("test-unique-queue").unique();
    for x in 0..10 {
        pq.push(100, x).await?;
    }
    println!("{}", pq.len().await?); // 10
    // These were added in the loop before, so they are not added again.
    for x in 0..10 {
        pq.push(100, x).await?;
    }
    println!("{}", pq.len().await?); // 10
    Ok(())
}

/// Takes mails until none has come for a while. Each stays the queue's until it is sent.
async fn work(node: &Node) -> daffi::Result<()> {
    let mails = node.queue::<String>("mails");
    while let Ok(mail) = mails.lease(secs(30)).timeout(millis(200)).await {
        if mail.contains('@') {
            println!("{} sends {} (delivery {})", node.name(), *mail, mail.deliveries());
            mail.ack().await?;
        } else {
            mail.nack(millis(10)).await?; // it may go better later
        }
    }
    Ok(())
}

#[daffi::main(listen = "memory://queues")]
async fn main(node: Node) -> daffi::Result<()> {
    named(&node).await?;
    by_priority(&node).await?;
    unique(&node).await?;

    let mails = node.queue::<String>("mails");
    mails.configure(QueueSettings::default().deliveries(3)).await?;
    mails.extend(["ann@example.org", "nobody", "bob@example.org"]).await?;

    // The first worker leaves in the middle of the first mail, which is back at once, before the others.
    let hasty = daffi::connect("memory://queues").name("hasty").registry(Registry::new()).await?;
    let begun = hasty.queue::<String>("mails").lease(secs(30)).await?;
    println!("hasty begins {}", *begun);
    hasty.stop().await?;

    work(&node).await?;
    for letter in mails.dead(10).await? {
        println!("dead after {} deliveries: {}", letter.deliveries, letter.value);
    }
    node.stop().await
}
