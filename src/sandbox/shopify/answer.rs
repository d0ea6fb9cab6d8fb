//! Carrying out a request: what it costs, and the selected part of a graph of JSON.
//!
//! The graph is what the shop has to say of a thing, in whole; an answer holds the selected fields of
//! it and nothing else. In the graph a connection is an array and is cut into pages here. Where things
//! name each other in a circle the graph holds a [`later`], which is looked up when it is selected.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::{
    document::{Document, Field, FieldDefinition, Operation, Selection, Type, TypeDefinition},
    schema::{Schema, root_type},
};

/// The largest page, and the largest list that may be given.
pub(super) const PAGE_MAX: u64 = 250;
/// What a list without a stated size is charged as, whatever is in it.
const LIST_SIZE: u64 = 1;
/// What changing something costs beside what it answers.
const MUTATION_COST: u64 = 10;

/// One request, checked.
pub(super) struct Request<'a> {
    pub(super) schema: &'a Schema,
    pub(super) document: &'a Document,
    pub(super) operation: &'a Operation,
    pub(super) variables: Map<String, Value>,
}

/// Finds what a global id names.
pub(super) type Nodes<'a> = &'a dyn Fn(&Value) -> Value;

/// A thing that is looked up by its global id when it is selected.
pub(super) fn later(gid: &str) -> Value {
    json!({ LATER: gid })
}

/// No field has such a name.
const LATER: &str = "=>";
/// Nor this one: the cursors of a page.
const CURSORS: &str = "=cursors";

/// Points grow with the logarithm of a page's size; the real curve is not published.
fn weight(size: u64) -> u64 {
    u64::from(u64::BITS - size.leading_zeros())
}

impl Request<'_> {
    /// The root fields in their order, with their arguments.
    pub(super) fn roots(&self) -> Vec<(&Field, Map<String, Value>)> {
        let mut fields = Vec::new();
        self.flatten(
            root_type(self.operation),
            &self.operation.selections,
            &mut fields,
        );
        fields
            .into_iter()
            .map(|field| {
                let on = root_type(self.operation);
                let arguments = self.schema.arguments(on, field, &self.variables);
                (field, arguments)
            })
            .collect()
    }

    /// The fields that apply to a type, fragments laid out.
    fn flatten<'s>(&'s self, on: &str, selections: &'s [Selection], fields: &mut Vec<&'s Field>) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    if self.is_included(field) {
                        fields.push(field);
                    }
                }
                Selection::Spread(name) => {
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.schema.is_a(on, &fragment.on)
                    {
                        self.flatten(on, &fragment.selections, fields);
                    }
                }
                Selection::Inline {
                    on: inner,
                    selections,
                } => {
                    if inner
                        .as_deref()
                        .is_none_or(|inner| self.schema.is_a(on, inner))
                    {
                        self.flatten(on, selections, fields);
                    }
                }
            }
        }
    }

    /// What `@include` and `@skip` say of a field.
    fn is_included(&self, field: &Field) -> bool {
        field.directives.iter().all(|directive| {
            let condition = directive.arguments.iter().find(|(name, _)| name == "if");
            let condition = condition.map(|(_, literal)| literal.value(&self.variables));
            match directive.name.as_str() {
                "include" => condition == Some(json!(true)),
                "skip" => condition != Some(json!(true)),
                _ => true,
            }
        })
    }

    /// What it may cost at most, charged before it is carried out; or what is wrong with its pages.
    pub(super) fn requested_cost(&self) -> Result<u64, String> {
        let base = if self.operation.is_mutation {
            MUTATION_COST
        } else {
            0
        };
        let cost =
            self.selections_cost(root_type(self.operation), &self.operation.selections, 1)?;
        Ok(base.saturating_add(cost))
    }

    /// What it cost in the end.
    pub(super) fn actual_cost(&self, data: &Value) -> u64 {
        let base = if self.operation.is_mutation {
            MUTATION_COST
        } else {
            0
        };
        base.saturating_add(cost_of(data))
    }

    /// The dearest of the types that a fragment may select, for every field on its own.
    fn selections_cost(
        &self,
        on: &str,
        selections: &[Selection],
        page: u64,
    ) -> Result<u64, String> {
        let mut cost: u64 = 0;
        for selection in selections {
            let part = match selection {
                Selection::Field(field) => self.field_cost(on, field, page)?,
                Selection::Spread(name) => match self.document.fragments.get(name) {
                    Some(fragment) => {
                        self.selections_cost(&fragment.on, &fragment.selections, page)?
                    }
                    None => 0,
                },
                Selection::Inline {
                    on: inner,
                    selections,
                } => self.selections_cost(inner.as_deref().unwrap_or(on), selections, page)?,
            };
            cost = cost.saturating_add(part);
        }
        Ok(cost)
    }

    fn field_cost(&self, on: &str, field: &Field, page: u64) -> Result<u64, String> {
        let Some(TypeDefinition::Object { fields, .. }) = self.schema.types.get(on) else {
            return Ok(0);
        };
        let Some(definition) = fields.get(&field.name) else {
            return Ok(0);
        };
        let inner = definition.kind.name();
        if !matches!(
            self.schema.types.get(inner),
            Some(TypeDefinition::Object { .. })
        ) {
            return Ok(0);
        }
        let arguments = self.schema.arguments(on, field, &self.variables);
        if inner.ends_with("Connection") {
            let size = page_size(&arguments)?
                .ok_or_else(|| "you must provide one of first or last".to_owned())?;
            return Ok(1 + self.selections_cost(inner, &field.selections, size)?);
        }
        let child = 1 + self.selections_cost(inner, &field.selections, 1)?;
        let is_list = matches!(strip(&definition.kind), Type::List(_));
        let size = match (is_list, on.ends_with("Connection")) {
            (false, _) => return Ok(child),
            (true, true) => page,
            (true, false) => match arguments.get("ids").or(arguments.get("names")) {
                Some(Value::Array(list)) => list.len() as u64,
                Some(_) | None => page_size(&arguments)?.unwrap_or(LIST_SIZE),
            },
        };
        Ok(weight(size).saturating_mul(child))
    }

    /// The selected part of what a root field has to say.
    pub(super) fn project_root(
        &self,
        field: &Field,
        value: &Value,
        nodes: Nodes<'_>,
    ) -> Result<Value, String> {
        match self.definition(root_type(self.operation), &field.name) {
            Some(definition) => self.complete(&definition.kind, field, &Map::new(), value, nodes),
            None => Ok(Value::Null),
        }
    }

    fn project(
        &self,
        on: &str,
        field: &Field,
        value: &Value,
        nodes: Nodes<'_>,
    ) -> Result<Value, String> {
        // What is selected as an interface knows its own type.
        let on = value["__typename"].as_str().unwrap_or(on);
        let mut fields = Vec::new();
        self.flatten(on, &field.selections, &mut fields);
        let mut object = Map::new();
        for field in fields {
            if field.name == "__typename" {
                object.insert(field.key.clone(), json!(on));
                continue;
            }
            let Some(definition) = self.definition(on, &field.name) else {
                continue;
            };
            let arguments = self.schema.arguments(on, field, &self.variables);
            let part = &value[&field.name];
            let part = self.complete(&definition.kind, field, &arguments, part, nodes)?;
            merge(&mut object, &field.key, part);
        }
        Ok(Value::Object(object))
    }

    /// The selected part of a connection: its things as nodes, as edges, or both.
    fn project_page(
        &self,
        on: &str,
        field: &Field,
        page: &Page<'_>,
        nodes: Nodes<'_>,
    ) -> Result<Value, String> {
        let mut selected = Vec::new();
        self.flatten(on, &field.selections, &mut selected);
        let mut object = Map::new();
        for field in selected {
            let Some(definition) = self.definition(on, &field.name) else {
                if field.name == "__typename" {
                    object.insert(field.key.clone(), json!(on));
                }
                continue;
            };
            let kind = &definition.kind;
            let part = match field.name.as_str() {
                "nodes" => page.each(|_, node| {
                    self.complete(element(kind), field, &Map::new(), node, nodes)
                })?,
                "edges" => page.each(|cursor, node| {
                    self.project_edge(element(kind).name(), field, (cursor, node), nodes)
                })?,
                "pageInfo" => self.complete(kind, field, &Map::new(), &page.info, nodes)?,
                _ => Value::Null,
            };
            merge(&mut object, &field.key, part);
        }
        Ok(Value::Object(object))
    }

    fn project_edge(
        &self,
        on: &str,
        field: &Field,
        (cursor, node): (&str, &Value),
        nodes: Nodes<'_>,
    ) -> Result<Value, String> {
        let mut selected = Vec::new();
        self.flatten(on, &field.selections, &mut selected);
        let mut object = Map::new();
        for field in selected {
            let part = match (field.name.as_str(), self.definition(on, &field.name)) {
                ("node", Some(definition)) => {
                    self.complete(&definition.kind, field, &Map::new(), node, nodes)?
                }
                ("cursor", _) => json!(cursor),
                ("__typename", _) => json!(on),
                (_, _) => continue,
            };
            merge(&mut object, &field.key, part);
        }
        Ok(Value::Object(object))
    }

    fn definition(&self, on: &str, field: &str) -> Option<&FieldDefinition> {
        match self.schema.types.get(on) {
            Some(TypeDefinition::Object { fields, .. }) => fields.get(field),
            Some(TypeDefinition::Input(_) | TypeDefinition::Enum(_)) | None => None,
        }
    }

    fn complete(
        &self,
        kind: &Type,
        field: &Field,
        arguments: &Map<String, Value>,
        value: &Value,
        nodes: Nodes<'_>,
    ) -> Result<Value, String> {
        if let Some(gid) = value.get(LATER) {
            return self.complete(kind, field, arguments, &nodes(gid), nodes);
        }
        match (kind, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Type::Required(inner), value) => self.complete(inner, field, arguments, value, nodes),
            (Type::List(inner), Value::Array(values)) => {
                let names = arguments.get("names").or(arguments.get("quantityNames"));
                let names = names.and_then(Value::as_array);
                let size = page_size(arguments)?.unwrap_or(u64::MAX);
                values
                    .iter()
                    .filter(|value| names.is_none_or(|names| names.contains(&value["name"])))
                    .take(usize::try_from(size).unwrap_or(usize::MAX))
                    .map(|value| self.complete(inner, field, arguments, value, nodes))
                    .collect::<Result<Vec<_>, _>>()
                    .map(Value::Array)
            }
            (Type::Named(name), Value::Array(values)) if name.ends_with("Connection") => {
                self.project_page(name, field, &Page::cut(values, arguments)?, nodes)
            }
            // The root fields cut their own pages.
            (Type::Named(name), Value::Object(cut)) if cut.contains_key(CURSORS) => {
                self.project_page(name, field, &Page::read(value), nodes)
            }
            (Type::Named(name), value) => {
                if !matches!(
                    self.schema.types.get(name),
                    Some(TypeDefinition::Object { .. })
                ) {
                    return Ok(value.clone());
                }
                // A thing that is asked for by location is kept by location.
                let place = arguments.get("locationId");
                let place = place.or(arguments.get("inventoryItemId"));
                match place.and_then(Value::as_str) {
                    Some(location) => match value.get(location) {
                        Some(value) => self.complete(kind, field, &Map::new(), value, nodes),
                        None => Ok(Value::Null),
                    },
                    None => self.project(name, field, value, nodes),
                }
            }
            (Type::List(_), value) => Ok(value.clone()),
        }
    }
}

/// Part of a connection. Its things stay where they are: a page of orders is large, and most of what an
/// order has to say nobody selects.
struct Page<'v> {
    cursors: Vec<String>,
    nodes: Vec<&'v Value>,
    info: Value,
}

impl<'v> Page<'v> {
    /// One page of an array, by the places of its elements.
    fn cut(values: &'v [Value], arguments: &Map<String, Value>) -> Result<Page<'v>, String> {
        let size = page_size(arguments)?.unwrap_or(LIST_SIZE);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut places: Vec<usize> = (0..values.len()).collect();
        if arguments.get("reverse") == Some(&json!(true)) {
            places.reverse();
        }
        if let Some(after) = arguments.get("after").and_then(Value::as_str) {
            let after: usize = uncursor(after)
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| "Invalid cursor for current pagination sort.".to_owned())?;
            places.retain(|place| *place > after);
        }
        let is_last = arguments.get("first").is_none_or(Value::is_null);
        let has_more = places.len() > size;
        match is_last {
            true => places = places.split_off(places.len().saturating_sub(size)),
            false => places.truncate(size),
        }
        let cursors: Vec<String> = places.iter().map(|p| cursor(&p.to_string())).collect();
        Ok(Page {
            info: page_info(&cursors, has_more && !is_last),
            nodes: places.into_iter().map(|place| &values[place]).collect(),
            cursors,
        })
    }

    /// What [`connection`] made.
    fn read(connection: &'v Value) -> Page<'v> {
        let all = |name| connection[name].as_array().into_iter().flatten();
        let cursors = all(CURSORS).filter_map(Value::as_str);
        Page {
            cursors: cursors.map(str::to_owned).collect(),
            nodes: all("nodes").collect(),
            info: connection["pageInfo"].clone(),
        }
    }

    fn each(
        &self,
        mut part: impl FnMut(&str, &Value) -> Result<Value, String>,
    ) -> Result<Value, String> {
        let things = self.cursors.iter().zip(&self.nodes);
        things.map(|(cursor, node)| part(cursor, node)).collect()
    }
}

fn page_info(cursors: &[String], has_next: bool) -> Value {
    json!({
        "hasNextPage": has_next,
        "hasPreviousPage": false,
        "startCursor": cursors.first(),
        "endCursor": cursors.last(),
    })
}

/// What a list is of.
fn element(kind: &Type) -> &Type {
    match strip(kind) {
        Type::List(inner) => inner,
        kind => kind,
    }
}

fn strip(kind: &Type) -> &Type {
    match kind {
        Type::Required(inner) => inner,
        Type::Named(_) | Type::List(_) => kind,
    }
}

/// Fields that are selected twice are selected together.
pub(super) fn merge(object: &mut Map<String, Value>, key: &str, part: Value) {
    match (object.get_mut(key), part) {
        (Some(Value::Object(before)), Value::Object(part)) => {
            for (key, value) in part {
                merge(before, &key, value);
            }
        }
        (_, part) => {
            object.insert(key.to_owned(), part);
        }
    }
}

/// The size of a page that is asked for.
pub(super) fn page_size(arguments: &Map<String, Value>) -> Result<Option<u64>, String> {
    let size = arguments.get("first").or(arguments.get("last"));
    match size.filter(|size| !size.is_null()) {
        None => Ok(None),
        Some(size) => match size.as_u64().filter(|size| *size <= PAGE_MAX) {
            Some(size) => Ok(Some(size)),
            None => Err(format!(
                "{size} is not a page size between 0 and {PAGE_MAX}"
            )),
        },
    }
}

/// A page as the graph has it once it is cut; [`Page::read`] reads it.
pub(super) fn connection(page: Vec<(String, Value)>, has_next: bool) -> Value {
    let (cursors, nodes): (Vec<String>, Vec<Value>) = page.into_iter().unzip();
    object([
        ("pageInfo", page_info(&cursors, has_next)),
        ("nodes", Value::Array(nodes)),
        (CURSORS, cursors.into()),
    ])
}

/// An object of what is there already: the macro would copy all of it.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter();
    Value::Object(
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// A cursor is opaque to whoever gets it.
pub(super) fn cursor(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

/// What a cursor of ours says.
pub(super) fn uncursor(cursor: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(cursor).ok()?).ok()
}

fn cost_of(data: &Value) -> u64 {
    match data {
        Value::Object(fields) => fields.values().fold(0_u64, |cost, field| {
            let part = match field {
                Value::Object(_) => 1 + cost_of(field),
                Value::Array(elements) => {
                    let objects = elements.iter().filter(|element| element.is_object());
                    let dearest = objects.map(|element| 1 + cost_of(element)).max();
                    weight(elements.len() as u64).saturating_mul(dearest.unwrap_or(0))
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
            };
            cost.saturating_add(part)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => 0,
    }
}
