//! Routes about the rules of orders.

use super::{Gives, Route, posts, reads};
use crate::admin::rules;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/rules",
            "List the rules of orders, in the order in which they run.",
            Gives::One("OrderRules"),
            rules::list,
        ),
        posts(
            "/api/v1/rules/test",
            "Say which past orders rules would match, and why: those in force, or others. It changes nothing.",
            Gives::One("RuleTrial"),
            rules::test,
        )
        .takes("NewRuleTrial"),
    ]
}
