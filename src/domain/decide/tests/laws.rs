//! Laws that hold whatever happens in whatever order.

use proptest::prelude::*;

use super::world::World;

fn any_act() -> impl Strategy<Value = String> {
    let account = prop::sample::select(vec!["web", "market", "till"]);
    let name = prop::sample::select(vec!["#1", "#2", "#3"]);
    let item = prop::sample::select(vec!["MUG", "PLATE", "SET", "WRAP"]);
    let good = prop::sample::select(vec!["MUG", "PLATE"]);
    let state = prop::sample::select(vec!["", "unpaid", "canceled", "draft", "deleted"]);
    prop_oneof![
        (good.clone(), 0..6_u8).prop_map(|(good, units)| format!("count {good} {units}")),
        (good, -3..4_i8).prop_map(|(good, units)| format!("adjust {good} {units}")),
        (
            account,
            name.clone(),
            1..5_u8,
            state,
            item,
            1..4_u8,
            0..4_u8
        )
            .prop_map(|(account, name, version, state, item, units, shipped)| {
                let shipped = shipped.min(units);
                // An order lives on one account: its name says which.
                let account = match name {
                    "#1" => account,
                    "#2" => "web",
                    _ => "market",
                };
                let name = if name == "#1" {
                    format!("#{account}")
                } else {
                    name.to_owned()
                };
                format!("order {account} {name} v{version} {state} {item}:{units}/shipped{shipped}")
            }),
        name.prop_map(|name| format!("known {name}")),
    ]
}

/// A view of an order as words: how much of what, and how it stands.
fn any_view() -> impl Strategy<Value = String> {
    let state = prop::sample::select(vec!["", "unpaid", "canceled", "deleted"]);
    (state, 1..6_u8, any::<bool>()).prop_map(|(state, units, has_plate)| {
        let plate = if has_plate { " PLATE:1" } else { "" };
        format!("{state} MUG:{units}{plate}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// No sequence of sales, edits, cancellations, counts, shipments, holds and expiries promises
    /// what is not there, or lets a sum differ from what it sums. `World::decide` checks both.
    #[test]
    fn no_sequence_breaks_the_laws(acts in prop::collection::vec(any_act(), 1..40)) {
        let mut world = World::new();
        for (step, act) in acts.iter().enumerate() {
            if let Some(name) = act.strip_prefix("known ") {
                if !world.names.contains_key(name) {
                    continue;
                }
                let what = ["ship", "expire", "hold", "release", "cancel", "close"][step % 6];
                let tail = if what == "hold" { " drop" } else { "" };
                world.act(&format!("{what} {name}{tail}"));
            } else {
                world.act(act);
            }
        }
    }

    /// Views of one order that arrive in any order, each once or more, by hook or from a list, end
    /// where the newest one alone would have led: one order, and one claim of what is still to ship.
    #[test]
    fn any_order_of_views_ends_at_the_newest(
        views in prop::collection::vec(any_view(), 1..5),
        arrivals in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..8),
        sources in prop::collection::vec(any::<bool>(), 4),
        shuffled in any::<u64>(),
    ) {
        let view = |place: usize, is_listed: bool| {
            let source = if is_listed { "list" } else { "hook" };
            format!("order web #1 v{} {source} {}", place + 1, views[place])
        };
        let mut acts: Vec<String> = (0..views.len()).map(|at| view(at, sources[at])).collect();
        acts.extend(arrivals.iter().map(|(at, listed)| view(at.index(views.len()), *listed)));
        // Chance without a generator: sorted by a hash that the case chooses.
        acts.sort_by_cached_key(|act| {
            act.bytes().fold(shuffled, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
        });
        let mut world = World::new();
        let mut direct = World::new();
        for count in ["count MUG 10", "count PLATE 10"] {
            world.act(count);
            direct.act(count);
        }
        for act in &acts {
            world.act(act);
        }
        direct.act(&view(views.len() - 1, false));
        prop_assert_eq!(world.book.orders.len(), 1, "{:?}", acts);
        prop_assert_eq!(world.summary(), direct.summary(), "{:?}", acts);
    }
}
