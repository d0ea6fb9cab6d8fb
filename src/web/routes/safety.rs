//! Routes about what went wrong, or was kept from going wrong: incidents, drift, breakers, freezes.

use super::{Gives, Route, posts, reads};
use crate::admin::{incidents, safety};

pub(super) fn routes() -> Vec<Route> {
    let mut all = about_incidents();
    all.extend(about_safety());
    all
}

fn about_incidents() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/incidents",
            "List units that were sold and are not there, the oldest first.",
            Gives::Page("Incident"),
            incidents::list,
        )
        .asks(&["open", "cursor", "limit"]),
        reads(
            "/api/v1/incidents/{incident}",
            "Show one incident: what explains it, who else was promised the units, and the ways out.",
            Gives::One("IncidentDetail"),
            incidents::detail,
        ),
        reads(
            "/api/v1/incidents/{incident}/export",
            "Export what led to an incident, without names, as a case that `oneshelf replay` plays again.",
            Gives::One("Case"),
            incidents::export,
        )
        .asks(&["hide_skus", "hide_accounts"]),
        posts(
            "/api/v1/incidents/{incident}/resolve",
            "Choose a way out of an incident; what it takes on the channel is done.",
            Gives::One("Receipt"),
            incidents::resolve,
        )
        .takes("Resolve"),
    ]
}

fn about_safety() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/drift",
            "List levels that changed and that no order explains, the oldest first; open ones by account.",
            Gives::Page("Drift"),
            safety::drifts,
        )
        .asks(&["open", "account", "cursor", "limit"]),
        reads(
            "/api/v1/drift/{drift}",
            "Show a case of drift with its evidence.",
            Gives::One("Drift"),
            safety::drift,
        ),
        posts(
            "/api/v1/drift/{drift}/settle",
            "Say whose number is right: theirs becomes a movement, ours is written.",
            Gives::One("Receipt"),
            safety::settle,
        )
        .takes("Settle"),
        reads(
            "/api/v1/accounts/{account}/breaker",
            "Show whether too much happened at once, and which listings are held because of it.",
            Gives::One("Breaker"),
            safety::breaker,
        ),
        posts(
            "/api/v1/accounts/{account}/breaker/lift",
            "Let go what a side of the breaker holds, and lift it.",
            Gives::One("Receipt"),
            safety::lift,
        )
        .takes("LiftBreaker"),
        reads(
            "/api/v1/freeze",
            "Show what the last freeze did.",
            Gives::One("Freeze"),
            safety::last_freeze,
        ),
        posts(
            "/api/v1/freeze",
            "Stop writing to several accounts at once, to all when none is named.",
            Gives::One("Freeze"),
            safety::freeze,
        )
        .takes("Which"),
        posts(
            "/api/v1/freeze/undo",
            "Take the last freeze back: the accounts that it froze are written to again.",
            Gives::One("Freeze"),
            safety::undo_freeze,
        )
        .takes("Signed"),
    ]
}
