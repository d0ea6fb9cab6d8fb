//! People who may sign in to the dashboard.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    (
        "User",
        "name: text, role: 'viewer'|'packer'|'operator'|'admin', added_at: time, disabled_at: time?, \
         has_password: flag, signed_in_at: time?, sessions: whole",
    ),
    (
        "NewUser",
        "name: text, role: 'viewer'|'packer'|'operator'|'admin', by?: text?",
    ),
    (
        "SetRole",
        "role: 'viewer'|'packer'|'operator'|'admin', by?: text?",
    ),
    ("SavedView", "name: text, query: text, filters: text{}"),
    ("NewSavedView", "name: text, query: text"),
    ("SignInLink", "user: text, path: text, until: time"),
    ("AuditEntry", "at: time, user: text, by: text, text: text"),
];
