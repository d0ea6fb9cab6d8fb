//! Routes that say what sold and how long it took.

use super::{Gives, Route, reads};
use crate::admin::insight;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/insight",
            "Show what sold by day and account, how long each stretch took, and what sells best and worst.",
            Gives::One("Insight"),
            insight::show,
        )
        .asks(&["account", "days"]),
        reads(
            "/api/v1/insight/days",
            "Give the sums of each day and account as a table.",
            Gives::Text("text/csv"),
            insight::table,
        )
        .asks(&["account", "days"]),
    ]
}
