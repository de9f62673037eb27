//! Events for all who watch, and messages to all who listen: Howler's event senders and watchers, and its CommsQueue.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;
use daffi::{Event, Heard};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    payload: u32,
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://events";
    let _controller = Controller::bind(url).await?;
    let one = daffi::connect(url).name("one").await?;
    let other = daffi::connect(url).name("other").await?;

    // One container registers a callback for the test event in the event group …
    let (done, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let events = other.events("event.");
    let watcher = events.on("test", move |heard: Heard<Event<Payload>>| {
        if let Heard::Item(event) = heard {
            println!("{} {:?} from {}", event.name, event.data, event.from);
        } else {
            println!("some events were missed: look at how things are now");
        }
        // Nobody waits for it any more once the example is over.
        done.send(()).ok();
    });
    let watcher = watcher.await?;
    // … and another sends one.
    one.events("event.").send("test", Payload { payload: 100 }).await?;
    seen.recv().await;
    drop(watcher);

    // The same as a stream, for more than one event at a time.
    let mut watch = other.events("shop.").watch::<u32>("*.[pq]*").await?;
    for (name, n) in [("tea.placed", 4), ("tea.sent", 4), ("coffee.queried", 7)] {
        one.events("shop.").send(name, n).await?;
    }
    for _ in 0..2 {
        if let Some(Heard::Item(event)) = watch.try_next().await? {
            println!("{} {}", event.name, event.data);
        }
    }

    // A message receiver …
    let queue = other.comms::<String>("test-comms-queue");
    let mut inbox = queue.listen().await?;
    let receiver = tokio::spawn(async move {
        while let Some(heard) = inbox.try_next().await? {
            match heard.item() {
                Some(message) if message.body == "stop" => break,
                Some(message) => println!("{}", message.body),
                None => println!("some messages were missed"),
            }
        }
        Ok::<_, Error>(())
    });
    // … and a message sender, which tells it to stop in the end.
    let queue = one.comms::<String>("test-comms-queue");
    queue.publish("This is my message!").await?;
    queue.publish("stop").await?;
    receiver.await.expect("it does not panic")?;
    Ok(())
}
