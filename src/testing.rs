//! A mesh within a test: controller and nodes in memory, time that passes when the test says so, and links that break
//! on demand.
//!
//! Behind the feature `testing`, which is for `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! daffi = { version = "0.1", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```
//!
//! A [`Mesh`] needs no port, no file and no sleep. Its nodes are ordinary ones, so what is tested is what will run:
//! the same frames through the same code, but for the sockets. Code that connects by itself is given
//! [`mesh.url("name")`](Mesh::url). All the examples below are under `#[tokio::test(start_paused = true)]`.
//!
//! # A callback that takes too long
//!
//! Virtual time stands still while anything can happen, so a timeout of five minutes takes none, and comes at its time
//! to the millisecond.
//!
//! ```
//! use daffi::prelude::*;
//! use daffi::testing::Mesh;
//! use daffi::{Stage, callbacks};
//!
//! /// What is tested: it may take an hour.
//! #[callback]
//! async fn render(pages: u32) -> u32 {
//!     tokio::time::sleep(secs(60) * pages).await;
//!     pages
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> daffi::Result<()> {
//! let mesh = Mesh::new().await?;
//! let _printer = mesh.node("printer").registry(callbacks![render]).await?;
//! let caller = mesh.node("caller").registry(callbacks![]).await?;
//! let begun = tokio::time::Instant::now();
//!
//! let error = render::call(&caller, 60).timeout(secs(300)).await.expect_err("it has too little time");
//!
//! assert!(matches!(error, Error::Call(CallError::TimedOut { stage: Stage::Running, .. })));
//! assert_eq!(begun.elapsed().as_secs(), 300);
//! assert_eq!(render::call(&caller, 3).timeout(secs(300)).await?, 3);
//! # Ok(())
//! # }
//! ```
//!
//! # A broadcast while one node is cut off
//!
//! Its session is kept for the [grace](NewMesh::grace). If the link is [healed](Mesh::heal) within it the node answers
//! as if nothing had happened; else it ends as lost, and the others' results are there all the same.
//!
//! ```
//! use daffi::callbacks;
//! use daffi::prelude::*;
//! use daffi::testing::Mesh;
//!
//! #[callback]
//! async fn free_rooms() -> u32 {
//!     7
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> daffi::Result<()> {
//! let mesh = Mesh::new().await?;
//! let mut hotels = Vec::new();
//! for name in ["adler", "bristol", "central"] {
//!     hotels.push(mesh.node(name).registry(callbacks![free_rooms]).await?);
//! }
//! let guest = mesh.node("guest").registry(callbacks![]).await?;
//!
//! mesh.cut("bristol");
//! let replies = free_rooms::call(&guest).broadcast().await?;
//!
//! assert_eq!(replies.get("adler"), Some(&Ok(7)));
//! assert!(matches!(replies.get("bristol"), Some(Err(CallError::NodeLost { .. }))));
//!
//! mesh.heal("bristol");
//! mesh.connected("bristol").await?;
//! let replies = free_rooms::call(&guest).broadcast().await?;
//! assert_eq!(replies.all_ok()?.len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! # A call again after its node was killed
//!
//! [`settled`](Mesh::settled) returns when all has happened that can without time passing: the callback is running, so
//! its node can die in the midst of it.
//!
//! ```
//! use daffi::callbacks;
//! use daffi::prelude::*;
//! use daffi::testing::Mesh;
//!
//! #[callback]
//! async fn checksum(ctx: &Context, file: String) -> String {
//!     tokio::time::sleep(secs(10)).await;
//!     format!("{file}, by {}", ctx.node_name())
//! }
//!
//! /// What is tested: reading a file twice does no harm, so whether it ran before does not matter.
//! async fn checksum_surely(node: &Node, file: &str) -> daffi::Result<String> {
//!     match checksum::call(node, file.to_owned()).await {
//!         Err(error) if error.ran() != Ran::Yes => checksum::call(node, file.to_owned()).await,
//!         outcome => outcome,
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> daffi::Result<()> {
//! let mesh = Mesh::new().await?;
//! let caller = mesh.node("caller").registry(callbacks![]).await?;
//! let _first = mesh.node("first").registry(callbacks![checksum]).await?;
//! let call = tokio::spawn(async move { checksum_surely(&caller, "a.txt").await });
//! mesh.settled().await;
//!
//! let _second = mesh.node("second").registry(callbacks![checksum]).await?;
//! mesh.kill("first");
//!
//! assert_eq!(call.await.expect("it does not panic")?, "a.txt, by second");
//! # Ok(())
//! # }
//! ```

pub use daffi_core::testing::{Faults, Mesh, NewMesh};
