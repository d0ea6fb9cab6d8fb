//! What is told to buyers and programs.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
    ("Messages", "messages: MessageWay[]"),
    ("MessageWay", "name: text, way: 'mail'|'webhook'"),
    ("NewMessage", "message: text"),
    ("Dropped", "by?: text?"),
];
