//! Searches of spaces: page by page from one moment, in order, and no longer than they are read.

use std::future::IntoFuture;

use daffi::config::{SPACE_INDEXING_PAUSE, SPACE_SEARCH_LEASE};
use daffi::datatypes::space::{Action, Alteration, Check, DynSpace, Found, Predicate, Through, Value, Write};
use daffi::{DataError, SpaceError, obj};
use daffi_core::testing::Mesh;
use futures::{StreamExt, TryStreamExt};

const OBJECTS: i64 = 2_500;

async fn staff(indices: &str) -> (Mesh, DynSpace) {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let text = format!("space staff key int id attributes int pay, string team{indices}");
    let staff = node.add_space(text).await.unwrap();
    let puts = (0..OBJECTS).map(|id| staff.put(id, obj! { pay: (id * 7) % 100, team: "a" }).into_future());
    futures::stream::iter(puts).buffer_unordered(64).try_collect::<Vec<bool>>().await.unwrap();
    (mesh, staff)
}

fn keys(found: &[Found]) -> Vec<Value> {
    found.iter().map(|found| found.key.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_found_comes_page_by_page_as_it_was_when_the_search_began() {
    let (_mesh, staff) = staff("").await;

    let mut results = staff.search(obj! { team: "a" }).await.unwrap();
    let first: Vec<Found> = results.by_ref().take(700).try_collect().await.unwrap();
    assert_eq!(staff.group_del(Predicate::always()).await.unwrap(), OBJECTS as u64);
    let cursor = results.keep().unwrap();
    let rest: Vec<Found> = staff.resume(cursor.clone()).try_collect().await.unwrap();

    let ids = keys(&[first, rest].concat());
    assert_eq!(ids, (0..OBJECTS).map(Value::from).collect::<Vec<_>>());
    assert_eq!(staff.count(Predicate::always()).await.unwrap(), 0);
    let gone = staff.resume(cursor).try_collect::<Vec<_>>().await;
    assert!(matches!(gone, Err(DataError::Space(SpaceError::SearchGone))));
}

#[tokio::test(start_paused = true)]
async fn the_first_are_the_same_with_an_index_and_without() {
    for indices in ["", " index pay"] {
        let (_mesh, staff) = staff(indices).await;
        let some = Predicate::is("id", Check::Less(2_000.into()));

        let lowest = staff.sorted_search(some.clone(), "pay", 3, false).await.unwrap();
        let highest = staff.sorted_search(some.clone(), "pay", 1_200, true).await.unwrap();
        let lowest: Vec<Found> = lowest.try_collect().await.unwrap();
        let highest: Vec<Found> = highest.try_collect().await.unwrap();

        assert_eq!(keys(&lowest), [0, 100, 200].map(Value::from), "{indices}");
        let mut wanted: Vec<(i64, i64)> = (0..2_000).map(|id| ((id * 7) % 100, id)).collect();
        wanted.sort_unstable_by(|one, other| other.cmp(one));
        let wanted: Vec<Value> = wanted[..1_200].iter().map(|(_, id)| Value::from(*id)).collect();
        assert_eq!(keys(&highest), wanted, "{indices}");
        assert_eq!(staff.count(some).await.unwrap(), 2_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_that_is_not_read_for_too_long_is_gone_and_says_so() {
    let (mesh, staff) = staff("").await;

    let mut results = staff.search_partial(Predicate::always(), ["pay"]).await.unwrap();
    assert_eq!(results.next().await.unwrap().unwrap().fields, obj! { pay: 0 });
    mesh.advance(SPACE_SEARCH_LEASE * 2).await;

    let rest: Vec<Result<Found, DataError>> = results.by_ref().collect().await;
    let last = rest.last().unwrap();
    assert!(matches!(last, Err(DataError::Space(SpaceError::SearchGone))), "{last:?}");
    assert!(results.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_group_of_any_size_is_written_part_by_part_and_reported() {
    for indices in ["", " index pay"] {
        let (_mesh, staff) = staff(indices).await;
        staff.put(7, obj! { pay: i64::MAX }).await.unwrap();
        let paid = || Predicate::is("pay", Check::Greater(0.into()));
        let raise = Write::new().change("pay", Action::Add(1_000.into()));

        let raised = staff.group_write_in_parts(paid(), raise).await.unwrap();
        let (all, none) = (OBJECTS as u64, OBJECTS as u64 / 100);
        assert_eq!((raised.matched, raised.written, raised.next), (all - none, all - none - 1, None));
        assert!(matches!(&raised.failures[..], [(key, SpaceError::Overflow { attribute, .. })]
            if *key == 7.into() && attribute == "pay"));
        let removed = staff.group_write_in_parts(paid(), Write::erase()).await.unwrap();
        assert_eq!((removed.written, staff.len().await.unwrap()), (all - none, none));
        let wrong = staff.group_write_in_parts(obj! { x: 1 }, Write::erase()).await;
        assert!(
            matches!(wrong, Err(DataError::Space(SpaceError::UnknownAttribute { attribute })) if attribute == "x")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_added_is_used_once_it_has_all_objects() {
    let (mesh, staff) = staff("").await;
    let some = || Predicate::equals("pay", 3);

    let staff = staff.alter(Alteration::AddIndex("pay".into())).await.unwrap();
    assert_eq!(staff.describe().await.unwrap().unmade_indices, ["pay"]);
    assert_eq!(staff.search_describe(some()).await.unwrap().through, [Through::All]);
    mesh.advance(SPACE_INDEXING_PAUSE * 4).await;

    assert!(staff.describe().await.unwrap().unmade_indices.is_empty());
    assert_eq!(staff.search_describe(some()).await.unwrap().through, [Through::Index("pay".into(), 1)]);
    assert_eq!(staff.count(some()).await.unwrap(), OBJECTS as u64 / 100);
}
