//! Routes for people who may sign in to the dashboard.

use axum::routing::delete;

use super::{Gives, Route, posts, reads};
use crate::admin::{saved_views, users};

pub(super) fn routes() -> Vec<Route> {
    let mut all = about_users();
    all.extend(about_views());
    all
}

fn about_views() -> Vec<Route> {
    const PATH: &str = "/api/v1/users/{user}/views";
    vec![
        reads(
            PATH,
            "List the views of the list of orders that somebody saved, by name.",
            Gives::Page("SavedView"),
            saved_views::list,
        ),
        posts(
            PATH,
            "Save a view of the list of orders for somebody, or change the one of that name.",
            Gives::One("SavedView"),
            saved_views::save,
        )
        .takes("NewSavedView")
        .status(201),
        Route::new(
            "DELETE",
            PATH,
            "Take a saved view away; says which are left.",
            Gives::Page("SavedView"),
            delete(saved_views::take_away),
        )
        .asks(&["name"]),
    ]
}

fn about_users() -> Vec<Route> {
    const USER: Gives = Gives::One("User");
    vec![
        reads(
            "/api/v1/users",
            "List who may sign in to the dashboard.",
            Gives::Page("User"),
            users::list,
        ),
        posts(
            "/api/v1/users",
            "Add somebody who may sign in once they set a password.",
            USER,
            users::add,
        )
        .takes("NewUser")
        .status(201),
        posts(
            "/api/v1/users/{user}/role",
            "Let somebody do more or less.",
            USER,
            users::set_role,
        )
        .takes("SetRole"),
        posts(
            "/api/v1/users/{user}/disable",
            "Let somebody in no more; their sessions end at once.",
            USER,
            users::disable,
        )
        .takes("Signed"),
        posts(
            "/api/v1/users/{user}/enable",
            "Let somebody in again.",
            USER,
            users::enable,
        )
        .takes("Signed"),
        posts(
            "/api/v1/users/{user}/link",
            "Make a link with which somebody sets a password, once. It is told here only; those of before are \
             good no more.",
            Gives::One("SignInLink"),
            users::link,
        )
        .takes("Signed")
        .status(201),
        reads(
            "/api/v1/audit",
            "List what was done to users and by them in the dashboard, the oldest or the newest first.",
            Gives::Page("AuditEntry"),
            users::log,
        )
        .asks(&["newest_first", "cursor", "limit"]),
    ]
}
