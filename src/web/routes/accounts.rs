//! Routes about accounts: how they are, what they may do, and taking them over.

use super::{Gives, Route, posts, reads};
use crate::admin::{accounts, adoption, pausing};

pub(super) fn routes() -> Vec<Route> {
    let mut all = about_accounts();
    all.extend(done_to_accounts());
    all.extend(about_adoption());
    all
}

fn about_accounts() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/accounts",
            "List all accounts.",
            Gives::Page("Account"),
            accounts::list,
        ),
        reads(
            "/api/v1/accounts/{account}",
            "Show one account.",
            Gives::One("Account"),
            accounts::detail,
        ),
        posts(
            "/api/v1/accounts/{account}/mode",
            "Set what an account may do; null goes back to the configuration. With dry_run, say what \
             would be written.",
            Gives::One("AccountChange"),
            accounts::set_mode,
        )
        .takes("SetMode")
        .asks(&["dry_run"]),
        posts(
            "/api/v1/accounts/{account}/freeze",
            "Stop writing to an account. With dry_run, say what would be held back.",
            Gives::One("AccountChange"),
            accounts::freeze,
        )
        .takes("Signed")
        .asks(&["dry_run"]),
        posts(
            "/api/v1/accounts/{account}/unfreeze",
            "Let writing go on. With dry_run, say what would be written.",
            Gives::One("AccountChange"),
            accounts::unfreeze,
        )
        .takes("Signed")
        .asks(&["dry_run"]),
        reads(
            "/api/v1/accounts/{account}/freeze-preview",
            "Say what is to be written to an account, or held back while it is frozen.",
            Gives::One("WritePreview"),
            accounts::preview,
        ),
    ]
}

fn done_to_accounts() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/accounts/{account}/pause",
            "Pause reading orders, writing levels or telling of parcels; all of it when nothing is named.",
            Gives::One("AccountChange"),
            pausing::pause,
        )
        .takes("Flows"),
        posts(
            "/api/v1/accounts/{account}/resume",
            "Let what was paused go on; all of it when nothing is named.",
            Gives::One("AccountChange"),
            pausing::resume,
        )
        .takes("Flows"),
        posts(
            "/api/v1/accounts/{account}/poll",
            "Read an account's orders and listings now.",
            Gives::One("Begun"),
            accounts::poll,
        )
        .takes("Nothing")
        .status(202),
        posts(
            "/api/v1/accounts/{account}/backfill",
            "Read an account's orders again that changed since a time.",
            Gives::One("Begun"),
            pausing::backfill,
        )
        .takes("ReadBack")
        .status(202),
        posts(
            "/api/v1/accounts/{account}/reconcile",
            "Compare all levels of an account now.",
            Gives::One("Begun"),
            accounts::reconcile,
        )
        .takes("Nothing")
        .status(202),
    ]
}

fn about_adoption() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/adoption",
            "Show how far taking over the shops has come: matching, levels, opening stock, first writes, \
             and what to do next.",
            Gives::One("Adoption"),
            adoption::overview,
        ),
        reads(
            "/api/v1/adoption/report",
            "Say what watching accounts has shown that writing to them would have prevented; of the last \
             seven days, when nothing is said.",
            Gives::One("ShadowReport"),
            adoption::report,
        )
        .asks(&["account", "since"]),
        reads(
            "/api/v1/adoption/{account}/opening",
            "Say what taking opening stock from an account would count, and what it would leave out.",
            Gives::One("Opening"),
            adoption::opening,
        ),
        posts(
            "/api/v1/adoption/{account}/opening",
            "Take opening stock from an account: only items that were never counted.",
            Gives::One("Begun"),
            adoption::take_opening,
        )
        .takes("Nothing")
        .status(202),
        posts(
            "/api/v1/adoption/{account}/preview",
            "Show every first write to an account, and note that it was shown.",
            Gives::One("FirstWrites"),
            adoption::preview,
        )
        .takes("Nothing"),
        posts(
            "/api/v1/adoption/{account}/arm",
            "Arm an account that is observed: what was shown in its last preview is confirmed, and written.",
            Gives::One("AccountChange"),
            adoption::arm,
        )
        .takes("Arm"),
    ]
}
