//! Types and traits whose methods are callbacks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daffi::callbacks::Effect;
use daffi::prelude::*;
use daffi::{CallError, Client, Error, Incoming, RegisterError, Remote, Stream};
use daffi_core::callback::{OnCancel, Options};
use futures::stream;
use serde::{Deserialize, Serialize};

use crate::support::{HOUR, Mesh, NoteOnDrop, failure, fresh_probe, guarded, on_each_transport, probe};

#[derive(Debug, Default)]
struct Orders {
    seen: AtomicU64,
    _dropped: Option<NoteOnDrop>,
}

#[callback]
impl Orders {
    /// Takes an order, returns its number.
    pub async fn place(&self, ctx: &Context, item: String, quantity: u32) -> Result<u64, String> {
        if quantity == 0 {
            return Err(format!("{} asked for no {item}", ctx.caller()));
        }
        Ok(self.seen.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    pub fn version() -> String {
        "1.0".into()
    }

    pub async fn later(seconds: u64) -> u64 {
        std::future::ready(seconds).await
    }

    pub fn broken(&self) {
        panic!("no {} orders", self.count());
    }

    pub async fn waiting(&self, probe_name: String) -> u64 {
        let probe = probe(&probe_name);
        probe.note("begun");
        probe.opened().await;
        self.count()
    }

    #[local]
    pub fn not_remote(&self) -> u64 {
        self.private()
    }

    fn private(&self) -> u64 {
        self.count()
    }
}

#[derive(Debug, Default)]
struct Ticker {
    step: u64,
}

#[callback(prefix = "classes.ticker")]
impl Ticker {
    pub async fn ticks(&self, n: u64) -> impl Stream<Item = u64> {
        stream::iter(0..n).map(|number| number * self.step)
    }

    pub fn failing(&self) -> impl Stream<Item = Result<u64, String>> {
        stream::iter([Ok(self.step), Err("no more".to_owned())])
    }

    #[callback(name = "total")]
    pub async fn sum(&self, mut items: Incoming<u64>, start: u64) -> Result<u64, CallError> {
        let mut sum = start;
        while let Some(item) = items.next().await {
            sum += item? * self.step;
        }
        Ok(sum)
    }

    /// Of the same name as that of `Orders`.
    pub fn count(&self) -> u64 {
        self.step
    }
}

/// Its names have no prefix, and it can be sent itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
}

#[callback(prefix = "")]
impl Note {
    #[callback(timeout = "1.5s", concurrency = 4, idempotent, on_cancel = "finish", blocking)]
    pub async fn classes_note(&self) -> Self {
        self.clone()
    }

    #[cfg(not(test))]
    pub fn classes_absent(&self) {}

    #[cfg(test)]
    pub fn classes_present(&self, other: Self) -> bool {
        *self == other
    }

    #[callback(inline)]
    pub async fn classes_inline(r#type: Option<Self>) -> bool {
        r#type.is_none()
    }
}

/// All that two processes need to know of each other.
#[remote(prefix = "classes.shop")]
trait Shop {
    /// Takes an order, returns its number.
    async fn place(&self, item: String, quantity: u32) -> Result<u64, String>;

    #[remote(name = "stock", idempotent)]
    fn in_stock(&self, ctx: &Context, item: String) -> Option<u32>;

    fn items(&self) -> impl Stream<Item = String>;

    async fn restock(&self, items: Incoming<String>) -> usize;

    /// What no server needs to write.
    async fn is_open(&self) -> bool {
        self.hours() > 0
    }

    #[local]
    fn hours(&self) -> u32;
}

#[derive(Debug, Default)]
struct Corner {
    stock: Mutex<BTreeMap<String, u32>>,
}

#[callback]
impl Shop for Corner {
    #[callback(timeout = "1m", concurrency = 2)]
    async fn place(&self, item: String, quantity: u32) -> Result<u64, String> {
        let mut stock = self.stock.lock().unwrap();
        let left = stock.get_mut(&item).ok_or_else(|| format!("no {item} here"))?;
        *left = left.checked_sub(quantity).ok_or_else(|| format!("not so much {item}"))?;
        Ok(u64::from(*left))
    }

    fn in_stock(&self, ctx: &Context, item: String) -> Option<u32> {
        (ctx.node_name() == "corner").then(|| self.stock.lock().unwrap().get(&item).copied()).flatten()
    }

    fn items(&self) -> impl Stream<Item = String> {
        stream::iter(self.stock.lock().unwrap().keys().cloned().collect::<Vec<_>>())
    }

    async fn restock(&self, mut items: Incoming<String>) -> usize {
        let mut count = 0;
        while let Some(Ok(item)) = items.next().await {
            *self.stock.lock().unwrap().entry(item).or_default() += 1;
            count += 1;
        }
        count
    }

    fn hours(&self) -> u32 {
        7
    }
}

/// A type with a block of its own and a trait's.
#[callback]
impl Corner {
    pub fn street(&self) -> String {
        "Main".into()
    }
}

macro_rules! shops {
    ($name:ident, $shop:path, $ty:ty, $hours:expr, $prefix:literal, $limit:literal, $calls:expr) => {
        struct $name;

        #[callback(prefix = $prefix)]
        impl $name {
            #[callback(name = $prefix, timeout = $limit, concurrency = $calls)]
            pub fn double(&self, value: $ty) -> Vec<$ty> {
                vec![value; 2]
            }
        }

        #[callback]
        impl $shop for $name {
            fn open(&self) -> u32 {
                $hours
            }
        }
    };
}

/// A trait that a macro has implemented.
#[remote(prefix = "classes.hours")]
trait Hours {
    fn open(&self) -> u32;

    /// What no `dyn Hours` can have, the types that serve it can.
    #[local]
    fn is_open_as_long(&self, other: &Self, told: impl FnOnce(bool)) {
        told(self.open() == other.open());
    }
}

shops!(Kiosk, Hours, u16, 7, "kiosk", "5s", 4);

/// One of a family of types.
struct Shelf<const N: usize>([u8; N]);

impl Shelf<2> {
    const WIDTH: usize = 2;
}

#[callback(prefix = "classes.shelf")]
impl Shelf<2> {
    //! An attribute of the block may stand in it.

    pub fn put(&self, items: [u8; Self::WIDTH]) -> [u8; Self::WIDTH] {
        [self.0[0] + items[0], self.0[1] + items[1]]
    }
}

/// Serves a trait whatever it holds.
struct Around<T> {
    hours: T,
}

#[callback]
impl<T> Hours for Around<T>
where
    T: Into<u32> + Copy + Send + Sync + 'static,
{
    #[callback(concurrency = 1)]
    fn open(&self) -> u32 {
        self.hours.into()
    }
}

/// Serves `Hours` as well, and its own block has a name of that.
struct Twofold;

#[callback(prefix = "classes.hours")]
impl Twofold {
    pub fn open(&self) -> u32 {
        8
    }
}

#[callback]
impl Hours for Twofold {
    fn open(&self) -> u32 {
        9
    }
}

fn registered<T: std::fmt::Debug>(result: daffi::Result<T>) -> RegisterError {
    match result {
        Err(Error::Register(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

async fn methods_run_on_the_instance_that_was_registered(mesh: Mesh) {
    let callee = mesh.node("callee", vec![]).await;
    let caller = mesh.caller().await;
    let orders = Arc::new(Orders::default());
    let registration = callee.register(Arc::clone(&orders)).await.unwrap();

    let client = caller.remote::<Orders>();

    assert_eq!(client.place("tea".into(), 2).await.unwrap(), 1);
    assert_eq!(client.place("tea".into(), 1).timeout(Duration::from_secs(9)).await.unwrap(), 2);
    assert_eq!(client.count().await.unwrap(), 2);
    assert_eq!((orders.count(), orders.not_remote()), (2, 2));
    assert_eq!(caller.call::<u64>("Orders.place", args!("tea", quantity = 1)).await.unwrap(), 3);
    let error = failure(client.place("tea".into(), 0).await);
    let CallError::Remote { message, .. } = &error else { panic!("{error:?}") };
    assert_eq!(message, &format!("{} asked for no tea", caller.name()));
    let names: Vec<&str> = registration.names().iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["Orders.place", "Orders.count", "Orders.broken", "Orders.waiting"]);
}

async fn associated_functions_need_no_instance(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![Orders, Note]).await;
    let caller = mesh.caller().await;

    let client = caller.remote::<Orders>();

    assert_eq!(client.version().await.unwrap(), "1.0");
    assert_eq!(client.later(3).await.unwrap(), 3);
    assert!(caller.remote::<Note>().classes_inline(None).await.unwrap());
    let error = failure(client.count().await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

async fn a_registration_that_is_dropped_takes_all_its_names_along(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![Orders]).await;
    let caller = mesh.caller().await;
    let client = caller.remote::<Orders>();
    let (probe_name, probe) = fresh_probe();
    let dropped = Some(probe.note_on_drop("dropped"));
    let registration = callee.register(Orders { _dropped: dropped, ..Orders::default() }).await.unwrap();
    let running = client.waiting(probe_name).bg();
    probe.wait_for("begun").await;

    drop(registration);

    for call in [client.count(), client.place("tea".into(), 1)] {
        let error = failure(call.await);
        assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    }
    assert_eq!(client.version().await.unwrap(), "1.0");
    assert_eq!(probe.count("dropped"), 0, "a call still runs on it");
    probe.open();
    assert_eq!(running.await.unwrap(), 0);
    probe.wait_for("dropped").await;
    callee.register(Orders::default()).await.unwrap().keep();
    assert_eq!(client.place("tea".into(), 1).await.unwrap(), 1);
}

async fn one_name_of_an_instance_can_be_withdrawn_alone(mesh: Mesh) {
    let callee = mesh.node("callee", vec![]).await;
    let caller = mesh.caller().await;
    let client = caller.remote::<Orders>();
    let registration = callee.register(Orders::default()).await.unwrap();

    assert!(callee.unregister("Orders.count").await.unwrap());

    assert!(matches!(failure(client.count().await), CallError::NoSuchCallback { .. }));
    assert_eq!(client.place("tea".into(), 1).await.unwrap(), 1);
    drop(registration);
    assert!(matches!(failure(client.place("tea".into(), 1).await), CallError::NoSuchCallback { .. }));
}

async fn a_second_instance_is_refused_and_the_first_goes_on(mesh: Mesh) {
    let callee = mesh.node("callee", vec![]).await;
    let caller = mesh.caller().await;
    let _first = callee.register(Orders::default()).await.unwrap();

    let error = registered(callee.register(Orders::default()).await);

    let RegisterError::SecondInstance { of, name } = &error else { panic!("{error:?}") };
    assert!(of.ends_with("classes::Orders"), "{of}");
    assert_eq!(name, "Orders.place");
    assert_eq!(caller.remote::<Orders>().place("tea".into(), 1).await.unwrap(), 1);
    let other = mesh.node("other", vec![]).await;
    other.register(Orders::default()).await.unwrap().keep();
    assert_eq!(caller.remote::<Orders>().place("tea".into(), 1).on("other").await.unwrap(), 1);
}

async fn none_of_an_instance_is_offered_if_one_name_is_taken(mesh: Mesh) {
    /// Has a name of the type's.
    #[callback(name = "Orders.waiting")]
    fn taken() {}

    let callee = mesh.node("callee", callbacks![taken]).await;
    let caller = mesh.caller().await;

    let error = registered(callee.register(Orders::default()).await);

    let RegisterError::Duplicate { name, first, second } = &error else { panic!("{error:?}") };
    assert_eq!(name, "Orders.waiting");
    assert!(first.contains("classes.rs:") && second.contains("classes.rs:"), "{first} {second}");
    let error = failure(caller.remote::<Orders>().count().await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

async fn two_types_may_have_methods_of_one_name(mesh: Mesh) {
    let callee = mesh.node("callee", vec![]).await;
    let caller = mesh.caller().await;
    let _orders = callee.register(Orders::default()).await.unwrap();
    let _ticker = callee.register(Ticker { step: 5 }).await.unwrap();

    assert_eq!(caller.remote::<Orders>().count().await.unwrap(), 0);
    assert_eq!(caller.remote::<Ticker>().count().await.unwrap(), 5);
    assert_eq!(caller.call::<u64>("classes.ticker.count", ()).await.unwrap(), 5);
}

async fn what_is_local_or_private_is_not_offered(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![Orders]).await;
    let caller = mesh.caller().await;
    let _orders = callee.register(Orders::default()).await.unwrap();

    for name in ["Orders.not_remote", "Orders.private", "not_remote", "private"] {
        let error = failure(caller.call::<u64>(name, ()).await);
        assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    }
}

async fn streams_pass_through_methods(mesh: Mesh) {
    let callee = mesh.node("callee", vec![]).await;
    let caller = mesh.caller().await;
    let _ticker = callee.register(Ticker { step: 3 }).await.unwrap();
    let ticker = caller.remote::<Ticker>();

    let ticks: Vec<u64> = ticker.ticks(4).stream().try_collect().await.unwrap();
    let failing: Vec<Result<u64, CallError>> = ticker.failing().stream().collect().await;
    let sum = ticker.sum(stream::iter([1, 2, 3]), 100).await.unwrap();

    assert_eq!(ticks, [0, 3, 6, 9]);
    assert_eq!(failing.len(), 2);
    assert!(failing[1].as_ref().unwrap_err().to_string().contains("no more"));
    assert_eq!(sum, 118);
}

async fn a_panic_in_a_method_is_an_error_and_the_instance_lives_on(mesh: Mesh) {
    let callee = mesh.node("callee", vec![]).await;
    let caller = mesh.caller().await;
    let _orders = callee.register(Orders::default()).await.unwrap();
    let client = caller.remote::<Orders>();

    let error = failure(client.broken().await);

    let CallError::Panicked { message, .. } = &error else { panic!("{error:?}") };
    assert_eq!(message, "no 0 orders");
    assert_eq!(client.place("tea".into(), 1).await.unwrap(), 1);
}

async fn a_trait_is_all_that_caller_and_server_share(mesh: Mesh) {
    let corner = mesh.node("corner", vec![]).await;
    let caller = mesh.caller().await;
    let registration = corner.register::<dyn Shop>(Corner::default()).await.unwrap();

    let shop = caller.remote::<dyn Shop>();

    assert_eq!(shop.restock(stream::iter(["tea", "tea", "jam"].map(String::from))).await.unwrap(), 3);
    assert_eq!(shop.place("tea".into(), 1).await.unwrap(), 1);
    assert_eq!(shop.in_stock("jam".into()).await.unwrap(), Some(1));
    assert_eq!(shop.in_stock("ham".into()).await.unwrap(), None);
    assert_eq!(shop.items().stream().try_collect::<Vec<String>>().await.unwrap(), ["jam", "tea"]);
    assert!(shop.is_open().await.unwrap(), "a body of the trait's own runs too");
    let error = failure(shop.place("ham".into(), 1).await);
    assert!(error.to_string().contains("no ham here"), "{error}");
    let names: Vec<&str> = registration.names().iter().map(|name| name.as_str()).collect();
    let expected = ["place", "stock", "items", "restock", "is_open"];
    assert_eq!(names, expected.map(|name| format!("classes.shop.{name}")));
    drop(registration);
    assert!(matches!(failure(shop.is_open().await), CallError::NoSuchCallback { .. }));
}

async fn a_type_can_be_offered_by_each_of_its_blocks(mesh: Mesh) {
    let callee = mesh.node("corner", vec![]).await;
    let caller = mesh.caller().await;
    let corner = Arc::new(Corner::default());

    let own = callee.register::<Corner>(Arc::clone(&corner)).await.unwrap();
    let of_trait = callee.register::<dyn Shop>(corner).await.unwrap();

    assert_eq!(caller.remote::<Corner>().street().await.unwrap(), "Main");
    assert!(caller.remote::<dyn Shop>().is_open().await.unwrap());
    drop(own);
    assert!(caller.remote::<dyn Shop>().is_open().await.unwrap());
    assert!(matches!(failure(caller.remote::<Corner>().street().await), CallError::NoSuchCallback { .. }));
    drop(of_trait);
}

on_each_transport!(
    methods_run_on_the_instance_that_was_registered,
    associated_functions_need_no_instance,
    a_registration_that_is_dropped_takes_all_its_names_along,
    one_name_of_an_instance_can_be_withdrawn_alone,
    a_second_instance_is_refused_and_the_first_goes_on,
    none_of_an_instance_is_offered_if_one_name_is_taken,
    two_types_may_have_methods_of_one_name,
    what_is_local_or_private_is_not_offered,
    streams_pass_through_methods,
    a_panic_in_a_method_is_an_error_and_the_instance_lives_on,
    a_trait_is_all_that_caller_and_server_share,
    a_type_can_be_offered_by_each_of_its_blocks,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_offered_again_when_the_controller_is_back() {
    guarded(async {
        let mut mesh = Mesh::over_unix().await;
        let callee = mesh.connect("callee", vec![]).outlive_controller().await.unwrap();
        let _orders = callee.register(Orders::default()).await.unwrap();
        callee.remote::<Orders>().place("tea".into(), 1).await.unwrap();

        mesh.take_controller().drain(HOUR).await;
        mesh.start_controller().await;

        let caller = mesh.caller().await;
        caller.wait_callback("Orders.count").await.unwrap();
        assert_eq!(caller.remote::<Orders>().count().await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn options_of_methods_reach_the_node() {
    let callbacks = <Note as daffi::Offer<Note>>::callbacks(Arc::default());
    let expected = Options {
        timeout: Some(Duration::from_millis(1_500)),
        concurrency: std::num::NonZeroU32::new(4),
        idempotent: true,
        on_cancel: OnCancel::Finish,
        blocking: true,
        ..Options::default()
    };

    let names: Vec<&str> = callbacks.iter().map(|callback| callback.name().as_str()).collect();
    assert_eq!(names, ["classes_note", "classes_present"]);
    assert_eq!(callbacks[0].options(), expected);
    assert_eq!(callbacks[0].signature().effect, Effect::Idempotent);
    assert_eq!(callbacks[0].signature().to_string(), "classes_note() -> Note");
    assert_eq!(callbacks[1].signature().to_string(), "classes_present(other: Note) -> bool");
    assert_eq!(callbacks[1].options(), Options::default());
    assert_eq!(callbacks![Note][0].options(), Options { inline: true, ..Options::default() });
}

#[test]
fn of_a_trait_each_side_says_what_is_its_own() {
    let callbacks = <Corner as daffi::Offer<dyn Shop>>::callbacks(Arc::default());
    let [place, stock, ..] = &callbacks[..] else { panic!("{callbacks:?}") };

    let line = |callback: &daffi::Callback| {
        let line = callback.place().rsplit(':').next().unwrap().parse::<usize>().unwrap();
        include_str!("classes.rs").lines().nth(line - 1).unwrap().trim().to_owned()
    };

    assert_eq!(place.options().timeout, Some(Duration::from_secs(60)));
    assert_eq!(place.options().concurrency, std::num::NonZeroU32::new(2));
    assert_eq!(stock.options(), Options { sees_context: true, idempotent: true, ..Options::default() });
    assert_eq!(place.signature().doc, "Takes an order, returns its number.");
    assert_eq!(place.signature().to_string(), "classes.shop.place(item: String, quantity: u32) -> u64");
    assert!(line(place).starts_with("async fn place(&self"), "it is the server's line");
    assert_eq!(line(&callbacks[4]), "async fn is_open(&self) -> bool {", "no server wrote it");
}

#[test]
fn a_program_has_its_associated_functions_at_once() {
    let registry = Registry::from_inventory().unwrap();

    for name in ["Orders.version", "Orders.later", "classes_inline"] {
        assert!(registry.find(name).is_some(), "{name}");
    }
    assert!(registry.find("Orders.place").is_none());
}

#[tokio::test]
async fn a_macro_may_write_types_and_traits() {
    let mesh = Mesh::in_memory().await;
    let node = mesh.caller().await;
    node.register::<Kiosk>(Kiosk).await.unwrap().keep();
    node.register::<dyn Hours>(Kiosk).await.unwrap().keep();

    assert_eq!(node.remote::<Kiosk>().double(4).await.unwrap(), [4, 4]);
    assert_eq!(node.remote::<dyn Hours>().open().await.unwrap(), 7);
    let callback = &<Kiosk as daffi::Offer<Kiosk>>::callbacks(Arc::new(Kiosk))[0];
    assert_eq!(callback.name(), "kiosk.kiosk");
    let Options { timeout, concurrency, .. } = callback.options();
    assert_eq!((timeout, concurrency), (Some(Duration::from_secs(5)), std::num::NonZeroU32::new(4)));
}

#[tokio::test]
async fn a_type_may_have_arguments_and_name_itself_by_self() {
    let mesh = Mesh::in_memory().await;
    let node = mesh.caller().await;
    node.register(Shelf([1, 2])).await.unwrap().keep();

    assert_eq!(node.remote::<Shelf<2>>().put([3, 4]).await.unwrap(), [4, 6]);
}

#[tokio::test]
async fn two_blocks_of_a_type_that_have_one_name_are_told_apart() {
    let mesh = Mesh::in_memory().await;
    let node = mesh.caller().await;
    let twofold = Arc::new(Twofold);
    let _own = node.register::<Twofold>(Arc::clone(&twofold)).await.unwrap();

    let error = registered(node.register::<dyn Hours>(twofold).await);

    let RegisterError::Duplicate { name, first, second } = &error else { panic!("{error:?}") };
    assert_eq!(name, "classes.hours.open");
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_generic_type_serves_a_trait_once() {
    let mesh = Mesh::in_memory().await;
    let node = mesh.caller().await;
    let _around = node.register(Around { hours: 5u8 }).await.unwrap();

    assert_eq!(node.remote::<dyn Hours>().open().await.unwrap(), 5);
    let error = registered(node.register(Around { hours: 6u16 }).await);
    let RegisterError::SecondInstance { of, name } = &error else { panic!("{error:?}") };
    assert!(of.ends_with("Around<u8>"), "{of}");
    assert_eq!(name, "classes.hours.open");
}

#[test]
fn what_a_trait_keeps_local_may_be_beyond_any_dyn() {
    let mut told = None;

    Kiosk.is_open_as_long(&Kiosk, |is_same| told = Some(is_same));

    assert_eq!(told, Some(true));
}

#[tokio::test]
async fn a_client_has_a_type_with_a_name() {
    #[derive(Debug, Clone)]
    struct Both {
        orders: Client<Orders>,
        shop: Client<dyn Shop>,
    }

    fn shown<T: Remote + ?Sized>(node: &Node) -> Client<T> {
        node.remote::<T>()
    }

    let mesh = Mesh::in_memory().await;
    let node = mesh.caller().await;
    let both = Both { orders: shown::<Orders>(&node), shop: node.remote::<dyn Shop>() };

    let shown = format!("{:?}", both.clone());
    assert!(shown.contains("Client<Orders>") && shown.contains("Client<Shop>"), "{shown}");
    drop((both.orders, both.shop));
}
