//! Calls that are made once more: who runs them, and who does not.

use std::time::Duration;

use super::harness::{Mesh, Reply};
use crate::error::{CallError, Ran};
use crate::wire::{CallId, Extension, Flags};

/// What says that a call is not for the node that runs `other`.
fn apart(other: CallId) -> Extension {
    Extension { again: true, apart: Some(other.to_bits()), ..Extension::default() }
}

/// Why the only call of this node was refused.
fn refusal(mesh: &mut Mesh, caller: usize) -> CallError {
    let replies = mesh.replies(caller);
    let [(_, Reply::Error(error))] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!(error.ran(), Ran::No);
    error.clone()
}

#[test]
fn a_second_run_of_a_call_is_on_another_node() {
    for seed in 0..20 {
        let mut mesh = Mesh::new(seed);
        let caller = mesh.join("caller", &[]);
        let nodes = [mesh.join("a", &["again.f"]), mesh.join("b", &["again.f"])];
        let first = mesh.call(caller, "again.f", Flags::NONE, &Extension::default(), None);
        let is_at_a = mesh.node(nodes[0]).running.len();

        mesh.call(caller, "again.f", Flags::NONE, &apart(first), None);
        mesh.call(caller, "again.f", Flags::NONE, &apart(first), None);

        let running = nodes.map(|node| mesh.node(node).running.len());
        assert_eq!(running, if is_at_a == 1 { [1, 2] } else { [2, 1] });
    }
}

#[test]
fn without_another_node_a_second_run_is_refused() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["again.f"]));
    let first = mesh.call(caller, "again.f", Flags::NONE, &Extension::default(), None);

    mesh.call(caller, "again.f", Flags::NONE, &apart(first), None);

    assert!(matches!(refusal(&mut mesh, caller), CallError::Busy { .. }));
    assert_eq!(mesh.node(callee).running.len(), 1);
}

#[test]
fn a_second_run_of_a_call_that_is_over_is_refused() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    let nodes = [mesh.join("a", &["again.f"]), mesh.join("b", &["again.f"])];
    let first = mesh.call(caller, "again.f", Flags::NONE, &Extension::default(), None);
    for node in nodes {
        if let Some(run) = mesh.node(node).running.first().copied() {
            mesh.answer(node, run, b"\x03");
        }
    }
    assert_eq!(mesh.replies(caller).len(), 1);

    mesh.call(caller, "again.f", Flags::NONE, &apart(first), None);

    assert!(matches!(refusal(&mut mesh, caller), CallError::Cancelled { .. }));
    mesh.check_empty();
}

#[test]
fn what_waited_for_its_eta_is_still_for_nodes_that_offer_it_as_idempotent() {
    let again = Extension { again: true, eta_ms: Some(1_000), ..Extension::default() };
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f", "again.f"]));
    mesh.call(caller, "f", Flags::NONE, &again, None);
    mesh.call(caller, "again.f", Flags::NONE, &again, None);

    mesh.advance(Duration::from_secs(2));

    assert!(matches!(refusal(&mut mesh, caller), CallError::Busy { .. }));
    assert_eq!(mesh.node(callee).running.len(), 1);
}

#[test]
fn what_may_have_run_is_for_nodes_that_offer_it_as_idempotent() {
    let again = Extension { again: true, ..Extension::default() };
    let pinned = Extension { on: Some("callee".into()), ..again.clone() };
    let keyed = Extension { key: Some("k".into()), ..again.clone() };
    for extension in [again, pinned, keyed] {
        let mut mesh = Mesh::new(1);
        let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f", "again.f"]));

        mesh.call(caller, "f", Flags::NONE, &extension, None);
        assert!(matches!(refusal(&mut mesh, caller), CallError::Busy { .. }));
        mesh.call(caller, "again.f", Flags::NONE, &extension, None);

        assert_eq!(mesh.node(callee).running.len(), 1);
    }
}
