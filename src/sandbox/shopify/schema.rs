//! What a request may say: every field, argument and variable of it, held against the schema before
//! anything is carried out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::document::{
    Document, Field, Fragment, Literal, Operation, Selection, Slot, Type, TypeDefinition,
};

/// Fragments that name each other in a circle are cut here.
const DEPTH_MAX: usize = 40;
/// Fragments that name each other over and over are cut here.
const VISITS_MAX: usize = 20_000;

/// The types that this shop knows.
pub(super) struct Schema {
    pub(super) types: BTreeMap<String, TypeDefinition>,
    directives: BTreeMap<String, Vec<Slot>>,
}

impl Schema {
    pub(super) fn new() -> Schema {
        let definitions = super::reader::read_schema(include_str!("schema.graphql"))
            .expect("the schema beside this file can be read, as a test shows");
        Schema {
            types: definitions.types,
            directives: definitions.directives,
        }
    }

    /// Everything that is wrong with an operation, as `errors` of an answer.
    pub(super) fn check(&self, document: &Document, operation: &Operation) -> Vec<Value> {
        let mut check = Check {
            schema: self,
            document,
            operation,
            used_variables: BTreeSet::new(),
            used_fragments: BTreeSet::new(),
            visits: 0,
            errors: Vec::new(),
        };
        check.selections(root_type(operation), &operation.selections, 0);
        check.unused();
        check.errors
    }

    /// The variables of a request by their declared types, with defaults.
    pub(super) fn variables(
        &self,
        operation: &Operation,
        given: &Value,
    ) -> Result<Map<String, Value>, Value> {
        let mut variables = Map::new();
        for slot in &operation.variables {
            let value = match given.get(&slot.name) {
                Some(value) => Some(value.clone()),
                None => slot
                    .default
                    .as_ref()
                    .map(|literal| literal.value(&Map::new())),
            };
            let read = self.coerce(&slot.kind, value.as_ref()).map_err(|(at, why)| {
                let at = at.trim_start_matches('.');
                let place = if at.is_empty() { String::new() } else { format!(" for {at} ({why})") };
                json!({
                    "message": format!(
                        "Variable ${} of type {} was provided invalid value{place}",
                        slot.name, slot.kind
                    ),
                    "extensions": {
                        "code": "INVALID_VARIABLE",
                        "value": value,
                        "problems": [{ "path": at.split('.').collect::<Vec<_>>(), "explanation": why }],
                    },
                })
            })?;
            if let Some(value) = read {
                variables.insert(slot.name.clone(), value);
            }
        }
        Ok(variables)
    }

    /// A value as its type has it, or where and why it is not. Nothing stays nothing.
    fn coerce(
        &self,
        kind: &Type,
        value: Option<&Value>,
    ) -> Result<Option<Value>, (String, String)> {
        let wrong = |why: String| Err((String::new(), why));
        match (kind, value) {
            (Type::Required(_), None | Some(Value::Null)) => {
                wrong("Expected value to not be null".to_owned())
            }
            (Type::Required(inner), value) => self.coerce(inner, value),
            (_, None) => Ok(None),
            (_, Some(Value::Null)) => Ok(Some(Value::Null)),
            (Type::List(inner), Some(Value::Array(values))) => {
                let mut list = Vec::with_capacity(values.len());
                for (at, value) in values.iter().enumerate() {
                    let read = self
                        .coerce(inner, Some(value))
                        .map_err(|(path, why)| (format!(".{at}{path}"), why))?;
                    list.push(read.unwrap_or(Value::Null));
                }
                Ok(Some(Value::Array(list)))
            }
            (Type::List(inner), Some(value)) => {
                let read = self.coerce(inner, Some(value))?;
                Ok(Some(json!([read])))
            }
            (Type::Named(name), Some(value)) => match (self.types.get(name), value) {
                (Some(TypeDefinition::Input(slots)), Value::Object(entries)) => {
                    self.coerce_input(name, slots, entries).map(Some)
                }
                (Some(TypeDefinition::Enum(words)), Value::String(word)) => {
                    match words.contains(word) {
                        true => Ok(Some(value.clone())),
                        false => wrong(format!(
                            "Expected \"{word}\" to be one of: {}",
                            words.join(", ")
                        )),
                    }
                }
                (None, value) if is_scalar(name, value) => Ok(Some(value.clone())),
                (None, Value::String(id)) if name == "ID" => {
                    wrong(format!("Invalid global id '{id}'"))
                }
                _ => wrong(format!("Could not coerce value {value} to {name}")),
            },
        }
    }

    fn coerce_input(
        &self,
        name: &str,
        slots: &[Slot],
        entries: &Map<String, Value>,
    ) -> Result<Value, (String, String)> {
        if let Some(key) = entries
            .keys()
            .find(|key| !slots.iter().any(|slot| slot.name == **key))
        {
            return Err((format!(".{key}"), format!("Field is not defined on {name}")));
        }
        let mut input = Map::new();
        for slot in slots {
            let default = slot
                .default
                .as_ref()
                .map(|literal| literal.value(&Map::new()));
            let value = entries.get(&slot.name).cloned().or(default);
            let read = self
                .coerce(&slot.kind, value.as_ref())
                .map_err(|(path, why)| (format!(".{}{path}", slot.name), why))?;
            if let Some(value) = read {
                input.insert(slot.name.clone(), value);
            }
        }
        Ok(Value::Object(input))
    }

    /// The arguments of a field with variables and defaults put in.
    pub(super) fn arguments(
        &self,
        on: &str,
        field: &Field,
        variables: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut arguments = Map::new();
        let Some(TypeDefinition::Object { fields, .. }) = self.types.get(on) else {
            return arguments;
        };
        let slots = fields
            .get(&field.name)
            .map(|field| field.arguments.as_slice());
        for slot in slots.unwrap_or_default() {
            let given = field.arguments.iter().find(|(name, _)| *name == slot.name);
            let value = match given {
                Some((_, Literal::Variable(name))) => variables.get(name).cloned(),
                Some((_, literal)) => Some(literal.value(variables)),
                None => None,
            };
            let default = || {
                slot.default
                    .as_ref()
                    .map(|literal| literal.value(variables))
            };
            if let Some(value) = value.or_else(default) {
                arguments.insert(slot.name.clone(), value);
            }
        }
        arguments
    }

    /// Whether something of type `name` is selected by a fragment on `on`.
    pub(super) fn is_a(&self, name: &str, on: &str) -> bool {
        name == on
            || match self.types.get(name) {
                Some(TypeDefinition::Object { implements, .. }) => {
                    implements.iter().any(|interface| interface == on)
                }
                Some(TypeDefinition::Input(_) | TypeDefinition::Enum(_)) | None => false,
            }
    }
}

pub(super) fn root_type(operation: &Operation) -> &'static str {
    if operation.is_mutation {
        "Mutation"
    } else {
        "QueryRoot"
    }
}

/// Scalars have no definition of their own here: numbers, truths and global ids are checked, all
/// others travel as text, amounts also as numbers.
fn is_scalar(name: &str, value: &Value) -> bool {
    match name {
        "Int" => value.as_i64().is_some_and(|int| i32::try_from(int).is_ok()),
        "Boolean" => value.is_boolean(),
        "ID" => value
            .as_str()
            .is_some_and(|id| id.starts_with("gid://shopify/")),
        "Decimal" | "Money" | "UnsignedInt64" => value.is_string() || value.is_number(),
        _ => value.is_string(),
    }
}

impl Literal {
    /// As JSON, with variables put in; a variable that was not given is null.
    pub(super) fn value(&self, variables: &Map<String, Value>) -> Value {
        match self {
            Literal::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
            Literal::Int(int) => json!(int),
            Literal::Float(text) | Literal::Text(text) | Literal::Word(text) => json!(text),
            Literal::Boolean(truth) => json!(truth),
            Literal::Null => Value::Null,
            Literal::List(values) => {
                Value::Array(values.iter().map(|value| value.value(variables)).collect())
            }
            Literal::Object(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(name, value)| (name.clone(), value.value(variables)))
                    .collect(),
            ),
        }
    }
}

struct Check<'a> {
    schema: &'a Schema,
    document: &'a Document,
    operation: &'a Operation,
    used_variables: BTreeSet<String>,
    used_fragments: BTreeSet<String>,
    visits: usize,
    errors: Vec<Value>,
}

impl<'a> Check<'a> {
    fn error(&mut self, message: String, code: &str, line: usize) {
        self.errors.push(json!({
            "message": message,
            "locations": [{ "line": line, "column": 1 }],
            "extensions": { "code": code },
        }));
    }

    fn unused(&mut self) {
        let operation = self.operation.name.as_deref().unwrap_or("anonymous query");
        for slot in &self.operation.variables {
            if !self.used_variables.contains(&slot.name) {
                let message = format!(
                    "Variable ${} is declared by {operation} but not used",
                    slot.name
                );
                self.error(message, "variableNotUsed", 1);
            }
        }
        for name in self.document.fragments.keys() {
            if !self.used_fragments.contains(name) {
                let message = format!("Fragment {name} was defined, but not used");
                self.error(message, "useAndDefineFragment", 1);
            }
        }
    }

    fn selections(&mut self, on: &str, selections: &'a [Selection], depth: usize) {
        self.visits += 1;
        if self.visits > VISITS_MAX {
            return;
        }
        if depth > DEPTH_MAX || self.visits == VISITS_MAX {
            return self.error(
                "the query is nested too deeply".to_owned(),
                "fragmentsAreFinite",
                1,
            );
        }
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(on, field, depth),
                Selection::Spread(name) => {
                    self.used_fragments.insert(name.clone());
                    match self.document.fragments.get(name) {
                        Some(Fragment { on, selections }) => {
                            self.selections(on, selections, depth + 1);
                        }
                        None => {
                            let message = format!("Fragment {name} was used, but not defined");
                            self.error(message, "useAndDefineFragment", 1);
                        }
                    }
                }
                Selection::Inline {
                    on: inner,
                    selections,
                } => {
                    self.selections(inner.as_deref().unwrap_or(on), selections, depth + 1);
                }
            }
        }
    }

    fn field(&mut self, on: &str, field: &'a Field, depth: usize) {
        if field.name == "__typename" {
            return;
        }
        let Some(TypeDefinition::Object { fields, .. }) = self.schema.types.get(on) else {
            return self.error(format!("No such type {on}"), "undefinedType", field.line);
        };
        let Some(definition) = fields.get(&field.name) else {
            let message = format!("Field '{}' doesn't exist on type '{on}'", field.name);
            return self.error(message, "undefinedField", field.line);
        };
        self.slots(
            &format!("Field '{}'", field.name),
            &definition.arguments,
            &field.arguments,
            field.line,
        );
        for directive in &field.directives {
            match self.schema.directives.get(&directive.name) {
                Some(slots) => self.slots(
                    &format!("Directive '{}'", directive.name),
                    slots,
                    &directive.arguments,
                    field.line,
                ),
                None => {
                    let message = format!("Directive @{} is not defined", directive.name);
                    self.error(message, "undefinedDirective", field.line);
                }
            }
        }
        let inner = definition.kind.name();
        let is_object = matches!(
            self.schema.types.get(inner),
            Some(TypeDefinition::Object { .. })
        );
        if is_object == field.selections.is_empty() {
            let message = match is_object {
                true => format!(
                    "Field must have selections (field '{}' returns {inner} but has no selections)",
                    field.name
                ),
                false => format!(
                    "Selections can't be made on scalars (field '{}' returns {inner})",
                    field.name
                ),
            };
            self.error(message, "selectionMismatch", field.line);
        }
        self.selections(inner, &field.selections, depth + 1);
    }

    fn slots(&mut self, owner: &str, slots: &'a [Slot], given: &[(String, Literal)], line: usize) {
        for (name, literal) in given {
            match slots.iter().find(|slot| slot.name == *name) {
                Some(slot) => {
                    self.literal(owner, &slot.kind, slot.default.is_some(), literal, line)
                }
                None => {
                    let message = format!("{owner} doesn't accept argument '{name}'");
                    self.error(message, "argumentNotAccepted", line);
                }
            }
        }
        for slot in slots {
            let is_given = given.iter().any(|(name, _)| *name == slot.name);
            if matches!(slot.kind, Type::Required(_)) && slot.default.is_none() && !is_given {
                let message = format!("{owner} is missing required arguments: {}", slot.name);
                self.error(message, "missingRequiredArguments", line);
            }
        }
    }

    fn literal(
        &mut self,
        owner: &str,
        kind: &Type,
        has_default: bool,
        literal: &Literal,
        line: usize,
    ) {
        if let Literal::Variable(name) = literal {
            self.used_variables.insert(name.clone());
            let declared = self
                .operation
                .variables
                .iter()
                .find(|slot| slot.name == *name);
            let (message, code) = match declared {
                None => (
                    format!("Variable ${name} is not declared"),
                    "variableNotDefined",
                ),
                Some(slot) if fits(&slot.kind, kind, has_default || slot.default.is_some()) => {
                    return;
                }
                Some(slot) => (
                    format!("Type mismatch on variable ${name} ({} / {kind})", slot.kind),
                    "variableMismatch",
                ),
            };
            return self.error(message, code, line);
        }
        match (kind, literal) {
            (Type::Required(inner), literal) if *literal != Literal::Null => {
                self.literal(owner, inner, false, literal, line);
            }
            (Type::List(inner), Literal::List(values)) => {
                for value in values {
                    self.literal(owner, inner, false, value, line);
                }
            }
            (Type::Named(name), Literal::Object(entries)) => match self.schema.types.get(name) {
                Some(TypeDefinition::Input(slots)) => {
                    self.slots(&format!("InputObject '{name}'"), slots, entries, line);
                }
                Some(TypeDefinition::Object { .. } | TypeDefinition::Enum(_)) | None => {
                    self.error(
                        format!("{owner} has an invalid value"),
                        "argumentLiteralsIncompatible",
                        line,
                    );
                }
            },
            (kind, literal) => {
                let value = literal.value(&Map::new());
                let is_word = matches!(literal, Literal::Word(_));
                let is_enum = matches!(
                    self.schema.types.get(kind.name()),
                    Some(TypeDefinition::Enum(_))
                );
                let is_right = self.schema.coerce(kind, Some(&value)).is_ok();
                if !is_right || (is_word != is_enum && *literal != Literal::Null) {
                    let message =
                        format!("{owner} has an invalid value ({value}). Expected type '{kind}'.");
                    self.error(message, "argumentLiteralsIncompatible", line);
                }
            }
        }
    }
}

/// Whether a variable of one type may stand where another is expected.
fn fits(declared: &Type, expected: &Type, has_default: bool) -> bool {
    match (declared, expected) {
        (Type::Required(declared), Type::Required(expected)) => fits(declared, expected, false),
        (Type::Required(declared), expected) => fits(declared, expected, false),
        (declared, Type::Required(expected)) => has_default && fits(declared, expected, false),
        (Type::List(declared), Type::List(expected)) => fits(declared, expected, false),
        (Type::Named(declared), Type::Named(expected)) => declared == expected,
        (Type::List(_), Type::Named(_)) | (Type::Named(_), Type::List(_)) => false,
    }
}
