//! Answers whatever a read brings with one write.

use std::io;

use tokio::task::JoinSet;

use super::link::Link;
use crate::floor::frame::{Kind, put};
use crate::process;
use crate::task::Task;

pub(super) async fn run(task: &Task) -> io::Result<()> {
    let mut serving = JoinSet::new();
    for _ in 0..task.item.shape().callees {
        let mut link = Link::open(task).await?;
        put(&mut link.out, Kind::Serve, 0, 0, &[]);
        link.flush().await?;
        while link.inbox.next().is_none() {
            if !link.read().await {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        serving.spawn(serve(link));
    }
    process::ready()?;
    while let Some(ended) = serving.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn serve(mut link: Link) -> io::Result<()> {
    while link.read().await {
        while let Some(mut frame) = link.inbox.next() {
            match frame.kind()? {
                Kind::Call => frame.set_kind(Kind::Reply),
                Kind::Broadcast => frame.set_kind(Kind::Part),
                Kind::OneWay => continue,
                Kind::Serve | Kind::Reply | Kind::Part | Kind::Direct => {
                    return Err(io::Error::other("a callee is sent calls only"));
                }
            }
            link.out.extend_from_slice(frame.bytes());
        }
        link.flush().await?;
    }
    Ok(())
}
