//! Buffers that tune themselves, as the API shows them.

use serde_json::Value;

use super::api::Reader;

/// A buffer tunes itself by what is sold elsewhere.
pub(super) async fn tuned(reader: &mut Reader) {
    use domain::rules::{Buffer, OfferRules, ScopedRule};
    let engine = std::sync::Arc::clone(&reader.rig.engine);
    let before = engine.decider.policy();
    let mut policy = (*before).clone();
    let rule = ScopedRule {
        buffer: Some(Buffer::Auto),
        buffer_max: Some(domain::Quantity::of(1)),
        oversell_risk: Some(domain::rules::Ratio {
            numerator: 1,
            denominator: 1_000_000,
        }),
        ..ScopedRule::default()
    };
    policy.rules = OfferRules { rules: vec![rule] };
    engine.decider.set_policy(policy);
    for account in ["shop", "quiet"] {
        reader.rig.stock(account, "FAST", 9).await;
    }
    let told = reader.get("/api/v1/stock/FAST/explain").await.to_string();
    assert!(told.contains("nothing was measured yet"), "{told}");
    reader.rig.order("shop", "F1", &[("FAST", 2)]).await;
    engine.tune_buffers().await.expect("it is measured");
    let listings = reader.get("/api/v1/listings?sku=FAST").await;
    let of = |account: &str| -> Value {
        let all = listings["items"].as_array().expect("a list");
        let found = all.iter().find(|listing| listing["account"] == account);
        found.expect("it is listed").clone()
    };
    assert_eq!(of("quiet")["tuned"]["buffer"], 1);
    assert_eq!(of("quiet")["tuned"]["units_sold"], 2);
    assert_eq!(of("quiet")["tuned"]["within"], 4);
    assert_eq!(of("quiet")["offer"]["quantity"], 7);
    assert_eq!(of("shop")["tuned"]["buffer"], 0);
    assert_eq!(of("shop")["tuned"]["sales_here"], 1);
    assert_eq!(of("shop")["offer"]["quantity"], 7);
    let told = reader.get("/api/v1/stock/FAST/explain").await.to_string();
    let sentence = "of 2.0 units each elsewhere × 60 s lag (assumed, because too few pushes were \
                    measured yet), risk 1 in 1000000, between 0 and 1.";
    assert!(told.contains(sentence), "{told}");
    let sentence = "It is held while no more than 4 can be sold";
    assert!(told.contains(sentence), "{told}");
    // The other account is only watched, so there is nobody to keep the last units from.
    assert!(
        !told.contains("so the last units are kept for it"),
        "{told}"
    );
    // Only now there is so little that it is held.
    reader.rig.order("shop", "F2", &[("FAST", 4)]).await;
    let listings = reader.get("/api/v1/listings?sku=FAST").await;
    let offered = |account: &str| -> Value {
        let all = listings["items"].as_array().expect("a list");
        let found = all.iter().find(|listing| listing["account"] == account);
        found.expect("it is listed")["offer"]["quantity"].clone()
    };
    assert_eq!((offered("quiet"), offered("shop")), (2.into(), 3.into()));
    engine.decider.set_policy((*before).clone());
}
