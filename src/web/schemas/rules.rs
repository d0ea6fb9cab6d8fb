//! What rules of orders are, and what they would say.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    ("OrderRules", "rules: OrderRule[]"),
    (
        "OrderRule",
        "name: text, on: text, when: text?, hold: text?, hold_for_s: whole?, keeps_claim: flag, tag: text[], \
         route: text?, priority: whole?, ask?: text, notify?: text[]",
    ),
    (
        "NewOrderRule",
        "name: text, on: text, when?: text?, hold?: text?, hold_for_s?: whole?, keeps_claim?: flag, tag?: text[], \
         route?: text?, priority?: whole?, ask?: text?, notify?: text[]",
    ),
    (
        "NewRuleTrial",
        "rules?: NewOrderRule[]?, rule?: text?, order?: id?, since?: time?, limit?: whole?",
    ),
    (
        "RuleTrial",
        "looked_at: whole, is_cut_off: flag, rules: RuleTally[], orders: TriedOrder[]",
    ),
    (
        "RuleTally",
        "rule: text, on: text, matched: whole, failed: whole",
    ),
    (
        "TriedOrder",
        "order: id, number: text, account: text, placed_at: time, runs: RuleRun[]",
    ),
];
