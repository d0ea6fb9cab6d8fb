//! Kits and services.

use serde_json::Value;

use crate::kit::{
    goods::{KIT, SERVICE},
    world::{Plan, SHOPS, World},
};

async fn promised(world: &World, code: &str) -> Value {
    let stock = world.api.get(&format!("/api/v1/stock/{code}")).await;
    let of = |name: &str| stock[name].as_i64().unwrap_or_else(|| panic!("{stock}"));
    (of("allocated") + of("pending")).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kit_claims_its_components_and_moves_every_offer_that_shares_them() {
    let world = World::open(Plan::default()).await;
    let _daemon = world.adopt().await;
    let id = world.buy("market", &[(KIT.0, 3)]);
    world.expect_order("market", &id).await;
    assert_eq!(promised(&world, "BOWL").await, 6);
    assert_eq!(promised(&world, "SPOON").await, 3);
    assert_eq!(promised(&world, "MUG-S").await, 0);
    for (account, _) in SHOPS {
        world.expect_level(account, "BOWL", 80 - 6).await;
        world.expect_level(account, "SPOON", 90 - 3).await;
        world.expect_level(account, KIT.0, (80 - 6) / 2).await;
        world.expect_level(account, "MUG-S", 60).await;
    }
    // And the other way round: a bowl that is sold alone is a kit less.
    let id = world.buy("web-shop", &[("BOWL", 1)]);
    world.expect_order("web-shop", &id).await;
    for (account, _) in SHOPS {
        world.expect_level(account, "BOWL", 73).await;
        world.expect_level(account, KIT.0, 36).await;
        world.expect_level(account, "SPOON", 87).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_claims_nothing_and_moves_no_offer() {
    let world = World::open(Plan::default()).await;
    let _daemon = world.adopt().await;
    world.settle().await;
    let writes = || -> Vec<_> {
        let shops = world.shops.iter();
        shops.map(|shop| shop.truth().level_writes).collect()
    };
    let before = writes();
    let id = world.buy("web-shop", &[(SERVICE, 2)]);
    let order = world.expect_order("web-shop", &id).await;
    assert_eq!(order["lines"][0]["sku"], SERVICE, "{order}");
    assert_eq!(order["lines"][0]["claimed"], 0, "{order}");
    assert_eq!(order["lines"][0]["missing"], 0, "{order}");
    assert_eq!(order["phase"], "ready", "{order}");
    world.settle().await;
    assert_eq!(writes(), before);
    let stock = world.api.get(&format!("/api/v1/stock/{SERVICE}")).await;
    assert_eq!(stock["sellable"], Value::Null, "{stock}");
}
