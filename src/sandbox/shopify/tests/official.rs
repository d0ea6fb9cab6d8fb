//! The shop against the official descriptions.

use std::collections::BTreeMap;

use domain::ExternalId;
use serde_json::Value;

use super::Counter;
use crate::Act;

fn shared() -> Option<std::path::PathBuf> {
    let vars: BTreeMap<_, _> = std::env::vars_os().collect();
    vars.get(std::ffi::OsStr::new("ONESHELF_SHARED"))
        .map(std::path::PathBuf::from)
}

/// Fields, arguments and words of a schema, one a line.
fn facts(text: &str) -> std::collections::BTreeSet<String> {
    use graphql_parser::schema::{Definition, TypeDefinition, parse_schema};
    let document = parse_schema::<String>(text).expect("a schema");
    let mut facts = std::collections::BTreeSet::new();
    let mut fields = |of: &str, fields: &[graphql_parser::schema::Field<'_, String>]| {
        for field in fields {
            facts.insert(format!("{of}.{}: {}", field.name, field.field_type));
            for argument in &field.arguments {
                let default = argument.default_value.as_ref().map(ToString::to_string);
                facts.insert(format!(
                    "{of}.{}({}: {} = {default:?})",
                    field.name, argument.name, argument.value_type
                ));
            }
        }
    };
    for definition in &document.definitions {
        match definition {
            Definition::TypeDefinition(TypeDefinition::Object(of)) => fields(&of.name, &of.fields),
            Definition::TypeDefinition(TypeDefinition::Interface(of)) => {
                fields(&of.name, &of.fields);
            }
            _ => {}
        }
    }
    for definition in &document.definitions {
        match definition {
            Definition::TypeDefinition(TypeDefinition::InputObject(of)) => {
                facts.extend(
                    of.fields
                        .iter()
                        .map(|field| format!("{}.{}: {}", of.name, field.name, field.value_type)),
                );
            }
            Definition::TypeDefinition(TypeDefinition::Enum(of)) => {
                facts.extend(
                    of.values
                        .iter()
                        .map(|word| format!("{}: {}", of.name, word.name)),
                );
            }
            _ => {}
        }
    }
    facts
}

#[test]
fn the_schema_of_this_shop_is_a_part_of_the_official_one() {
    let Some(shared) = shared() else {
        println!(
            "skipped: the_schema_of_this_shop_is_a_part_of_the_official_one: ONESHELF_SHARED is not set"
        );
        return;
    };
    let ours = facts(include_str!("../schema.graphql"));
    assert!(ours.len() > 250, "{}", ours.len());
    for file in ["admin-2026-07.graphql", "admin-2026-10-rc.graphql"] {
        let path = shared.join("specs/shopify").join(file);
        let theirs = facts(&std::fs::read_to_string(path).expect("the official schema"));
        let invented: Vec<_> = ours.difference(&theirs).collect();
        assert!(invented.is_empty(), "{file}: {invented:#?}");
    }
}

#[test]
fn the_bodies_of_hooks_have_documented_keys_only() {
    let Some(shared) = shared() else {
        println!(
            "skipped: the_bodies_of_hooks_have_documented_keys_only: ONESHELF_SHARED is not set"
        );
        return;
    };
    let path = shared.join("specs/shopify/webhook-payload-schemas-2026-07.json");
    let text = std::fs::read_to_string(path).expect("the schemas of bodies");
    let schemas: Value = serde_json::from_str(&text).expect("JSON");
    let mut counter = Counter::open(1);
    let id = counter.buy(&[("MUG", 3), ("PLATE", 1)], true);
    let order = ExternalId::new(id.to_string());
    for act in [Act::Ship(order.clone()), Act::Refund(order)] {
        counter.twin.act(&act, counter.now).expect("done");
    }
    let unpaid = counter.buy(&[("MUG", 1)], false);
    counter
        .twin
        .act(
            &Act::Cancel(ExternalId::new(unpaid.to_string())),
            counter.now,
        )
        .expect("done");
    counter.wait(1_000);
    let mut topics = std::collections::BTreeSet::new();
    for delivery in counter.twin.take_deliveries(counter.now) {
        let topic = delivery.request.headers()["x-shopify-topic"]
            .to_str()
            .expect("a text")
            .to_owned();
        let schema = match topic.as_str() {
            "orders/updated" | "orders/paid" | "orders/cancelled" => "orders/create",
            topic => topic,
        };
        let body: Value = serde_json::from_slice(delivery.request.body()).expect("JSON");
        let known = schemas[schema]["properties"]
            .as_object()
            .expect("properties");
        for key in body.as_object().expect("an object").keys() {
            assert!(known.contains_key(key), "{topic}: {key}");
        }
        topics.insert(topic);
    }
    assert_eq!(topics.len(), 7, "{topics:?}");
}
