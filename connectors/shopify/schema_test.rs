//! The operations that we send, checked against the official schema: every field, argument, enum
//! word and input key exists, nothing is deprecated, nothing required is missing.

use std::collections::{BTreeMap, BTreeSet};

use graphql_parser::{
    query::{Definition, Document, OperationDefinition, Selection, SelectionSet, TypeCondition},
    schema::{self, Field, InputValue, TypeDefinition},
};

type Type = schema::Type<'static, String>;
type Literal = schema::Value<'static, String>;
type Arguments = Vec<(String, Literal)>;

/// Every document, by name.
const DOCUMENTS: &[(&str, &str)] = &[
    ("probe", super::PROBE),
    ("orders", super::orders::ORDERS),
    ("orders_by_id", super::orders::ORDERS_BY_ID),
    ("rest", super::api::REST),
    ("listings", super::stock::LISTINGS),
    ("levels", super::stock::LEVELS),
    ("set_levels", super::stock::SET_LEVELS),
    ("open_fulfillment_orders", super::shipments::OPEN),
    ("ship", super::shipments::SHIP),
    ("cancel", super::refunds::CANCEL_DOCUMENT),
    ("capture_basis", super::captures::BASIS_DOCUMENT),
    ("capture", super::captures::CAPTURE_DOCUMENT),
    ("refund_basis", super::refunds::BASIS_DOCUMENT),
    ("refund", super::refunds::REFUND_DOCUMENT),
    ("hooks", super::webhook::HOOKS),
    ("create_hook", super::webhook::CREATE_HOOK),
];

pub(super) struct Schema {
    types: BTreeMap<String, TypeDefinition<'static, String>>,
    directives: BTreeMap<String, Vec<InputValue<'static, String>>>,
}

/// The schemas that the shared folder has, or nothing with a line that says so.
pub(super) fn schemas(test: &str) -> Vec<(&'static str, Schema)> {
    let Some(shared) = std::env::vars_os()
        .find(|(key, _)| key == "ONESHELF_SHARED")
        .map(|(_, folder)| std::path::PathBuf::from(folder))
    else {
        println!("skipped: {test}: ONESHELF_SHARED is not set");
        return Vec::new();
    };
    ["admin-2026-07.graphql", "admin-2026-10-rc.graphql"]
        .into_iter()
        .map(|file| {
            let path = shared.join("specs/shopify").join(file);
            let text = std::fs::read_to_string(&path).expect("the schema of the version");
            (file, Schema::parse(&text))
        })
        .collect()
}

impl Schema {
    fn parse(text: &str) -> Schema {
        let document = schema::parse_schema::<String>(text)
            .expect("an official schema")
            .into_static();
        let mut schema = Schema {
            types: BTreeMap::new(),
            directives: BTreeMap::new(),
        };
        for definition in document.definitions {
            match definition {
                schema::Definition::TypeDefinition(definition) => {
                    let name = match &definition {
                        TypeDefinition::Scalar(of) => &of.name,
                        TypeDefinition::Object(of) => &of.name,
                        TypeDefinition::Interface(of) => &of.name,
                        TypeDefinition::Union(of) => &of.name,
                        TypeDefinition::Enum(of) => &of.name,
                        TypeDefinition::InputObject(of) => &of.name,
                    };
                    schema.types.insert(name.clone(), definition);
                }
                schema::Definition::DirectiveDefinition(of) => {
                    schema.directives.insert(of.name, of.arguments);
                }
                schema::Definition::SchemaDefinition(_) | schema::Definition::TypeExtension(_) => {}
            }
        }
        schema
    }

    fn fields(&self, name: &str) -> Option<&[Field<'static, String>]> {
        match self.types.get(name)? {
            TypeDefinition::Object(of) => Some(&of.fields),
            TypeDefinition::Interface(of) => Some(&of.fields),
            TypeDefinition::Scalar(_)
            | TypeDefinition::Union(_)
            | TypeDefinition::Enum(_)
            | TypeDefinition::InputObject(_) => None,
        }
    }

    /// The words of an enum.
    pub(super) fn words(&self, name: &str) -> Vec<&str> {
        match self.types.get(name) {
            Some(TypeDefinition::Enum(of)) => {
                of.values.iter().map(|value| value.name.as_str()).collect()
            }
            _ => panic!("{name} is not an enum"),
        }
    }

    /// Everything that is wrong with a document and, where they are given, its variables.
    pub(super) fn check(&self, text: &str, variables: Option<&serde_json::Value>) -> Vec<String> {
        let document: Document<'static, String> = match graphql_parser::parse_query::<String>(text)
        {
            Ok(document) => document.into_static(),
            Err(error) => return vec![error.to_string()],
        };
        let mut check = Check {
            schema: self,
            fragments: BTreeMap::new(),
            variables: BTreeMap::new(),
            used: BTreeSet::new(),
            problems: Vec::new(),
        };
        let mut root = None;
        for definition in &document.definitions {
            match definition {
                Definition::Fragment(of) => {
                    let TypeCondition::On(on) = &of.type_condition;
                    check
                        .fragments
                        .insert(&of.name, (on.clone(), &of.selection_set));
                }
                Definition::Operation(OperationDefinition::Query(of)) => {
                    check.declare(&of.variable_definitions);
                    root = Some(("QueryRoot", &of.selection_set));
                }
                Definition::Operation(OperationDefinition::Mutation(of)) => {
                    check.declare(&of.variable_definitions);
                    root = Some(("Mutation", &of.selection_set));
                }
                Definition::Operation(
                    OperationDefinition::SelectionSet(_) | OperationDefinition::Subscription(_),
                ) => check.problem("an operation without a name".to_owned()),
            }
        }
        match root {
            Some((name, selections)) => check.selections(name, selections),
            None => check.problem("there is no operation".to_owned()),
        }
        check.unused();
        if let Some(variables) = variables {
            check.given(variables);
        }
        check.problems
    }
}

struct Check<'a> {
    schema: &'a Schema,
    fragments: BTreeMap<&'a str, (String, &'a SelectionSet<'static, String>)>,
    variables: BTreeMap<String, Type>,
    used: BTreeSet<String>,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn declare(
        &mut self,
        definitions: &[graphql_parser::query::VariableDefinition<'static, String>],
    ) {
        for definition in definitions {
            self.variables
                .insert(definition.name.clone(), definition.var_type.clone());
        }
    }

    fn unused(&mut self) {
        let names = self.variables.keys().map(|name| format!("${name}"));
        let names = names.chain(self.fragments.keys().map(|name| (*name).to_owned()));
        let unused: Vec<String> = names.filter(|name| !self.used.contains(name)).collect();
        self.problems
            .extend(unused.iter().map(|name| format!("{name} is never used")));
    }

    fn selections(&mut self, on: &str, selections: &'a SelectionSet<'static, String>) {
        for selection in &selections.items {
            match selection {
                Selection::Field(field) => self.field(on, field),
                Selection::FragmentSpread(spread) => {
                    self.used.insert(spread.fragment_name.clone());
                    match self.fragments.get(spread.fragment_name.as_str()).cloned() {
                        Some((on, selections)) => self.selections(&on, selections),
                        None => self.problem(format!("no fragment {}", spread.fragment_name)),
                    }
                }
                Selection::InlineFragment(inline) => {
                    let on = match &inline.type_condition {
                        Some(TypeCondition::On(on)) => on.clone(),
                        None => on.to_owned(),
                    };
                    self.selections(&on, &inline.selection_set);
                }
            }
        }
    }

    fn field(&mut self, on: &str, field: &'a graphql_parser::query::Field<'static, String>) {
        let fields = self.schema.fields(on).unwrap_or_default();
        let Some(known) = fields.iter().find(|known| known.name == field.name) else {
            return self.problem(format!("{on} has no field {}", field.name));
        };
        let at = format!("{on}.{}", field.name);
        if known.directives.iter().any(|of| of.name == "deprecated") {
            self.problem(format!("{at} is deprecated"));
        }
        self.arguments(&at, &known.arguments, &field.arguments);
        for directive in &field.directives {
            match self.schema.directives.get(&directive.name) {
                Some(known) => {
                    self.arguments(&format!("@{}", directive.name), known, &directive.arguments);
                }
                None => self.problem(format!("{at} has an unknown directive")),
            }
        }
        let inner = innermost(&known.field_type);
        let is_composite = self.schema.fields(inner).is_some();
        if is_composite == field.selection_set.items.is_empty() {
            self.problem(format!("{at} selects wrongly from {inner}"));
        }
        self.selections(inner, &field.selection_set);
    }

    fn arguments(&mut self, at: &str, known: &[InputValue<'static, String>], given: &Arguments) {
        for (name, value) in given {
            match known.iter().find(|known| known.name == *name) {
                Some(known) => self.value(&format!("{at}({name}:)"), &known.value_type, value),
                None => self.problem(format!("{at} has no argument {name}")),
            }
        }
        for missing in known.iter().filter(|known| {
            matches!(known.value_type, schema::Type::NonNullType(_))
                && known.default_value.is_none()
                && !given.iter().any(|(name, _)| *name == known.name)
        }) {
            self.problem(format!("{at} needs {}", missing.name));
        }
    }

    fn value(&mut self, at: &str, expected: &Type, value: &Literal) {
        match (expected, value) {
            (_, schema::Value::Variable(name)) => {
                self.used.insert(format!("${name}"));
                match self.variables.get(name) {
                    Some(declared) if fits(declared, expected) => {}
                    Some(declared) => {
                        self.problem(format!("{at}: ${name} is {declared}, not {expected}"));
                    }
                    None => self.problem(format!("{at}: ${name} is not declared")),
                }
            }
            (schema::Type::NonNullType(inner), _) => self.value(at, inner, value),
            (schema::Type::ListType(inner), schema::Value::List(values)) => {
                for value in values {
                    self.value(at, inner, value);
                }
            }
            (schema::Type::NamedType(name), value) => match (self.schema.types.get(name), value) {
                (Some(TypeDefinition::Enum(of)), schema::Value::Enum(word)) => {
                    if !of.values.iter().any(|known| known.name == *word) {
                        self.problem(format!("{at}: {name} has no {word}"));
                    }
                }
                (Some(TypeDefinition::InputObject(of)), schema::Value::Object(given)) => {
                    let given: Arguments = given.clone().into_iter().collect();
                    self.arguments(at, &of.fields, &given);
                }
                (
                    Some(TypeDefinition::Scalar(_)) | None,
                    schema::Value::Int(_) | schema::Value::String(_) | schema::Value::Boolean(_),
                ) => {}
                _ => self.problem(format!("{at}: {value} is not a {name}")),
            },
            _ => self.problem(format!("{at}: {value} is not {expected}")),
        }
    }

    /// The variables of a real call, against their declared types.
    fn given(&mut self, variables: &serde_json::Value) {
        let given = variables.as_object().cloned().unwrap_or_default();
        for (name, declared) in self.variables.clone() {
            let value = given.get(&name).unwrap_or(&serde_json::Value::Null);
            self.json(&format!("${name}"), &declared, value);
        }
        for name in given
            .keys()
            .filter(|name| !self.variables.contains_key(*name))
        {
            self.problems.push(format!("${name} is not declared"));
        }
    }

    fn json(&mut self, at: &str, expected: &Type, value: &serde_json::Value) {
        match expected {
            schema::Type::NonNullType(_) if value.is_null() => {
                self.problem(format!("{at} must not be null"));
            }
            schema::Type::NonNullType(inner) => self.json(at, inner, value),
            _ if value.is_null() => {}
            schema::Type::ListType(inner) => match value.as_array() {
                Some(values) => values.iter().for_each(|value| self.json(at, inner, value)),
                None => self.problem(format!("{at} is not a list")),
            },
            schema::Type::NamedType(name) => self.named(at, name, value),
        }
    }

    fn named(&mut self, at: &str, name: &str, value: &serde_json::Value) {
        match (name, self.schema.types.get(name)) {
            (_, Some(TypeDefinition::Enum(of))) => {
                if !of.values.iter().any(|known| value == known.name.as_str()) {
                    self.problem(format!("{at}: {value} is not a {name}"));
                }
            }
            (_, Some(TypeDefinition::InputObject(of))) => {
                let given = value.as_object().cloned().unwrap_or_default();
                for key in given.keys() {
                    if !of.fields.iter().any(|field| field.name == *key) {
                        self.problem(format!("{at}: {name} has no {key}"));
                    }
                }
                for field in &of.fields {
                    let at = format!("{at}.{}", field.name);
                    match given.get(&field.name) {
                        Some(value) => self.json(&at, &field.value_type, value),
                        None if field.default_value.is_none() => {
                            self.json(&at, &field.value_type, &serde_json::Value::Null);
                        }
                        None => {}
                    }
                }
            }
            ("Int", _) if value.is_i64() => {}
            ("Boolean", _) if value.is_boolean() => {}
            ("Int" | "Boolean", _) => self.problem(format!("{at}: {value} is not {name}")),
            // All other scalars travel as text: ids, money, times, addresses.
            _ if value.is_string() => {}
            _ => self.problem(format!("{at}: {value} is not {name}")),
        }
    }
}

fn innermost(of: &Type) -> &str {
    match of {
        schema::Type::NamedType(name) => name,
        schema::Type::ListType(inner) | schema::Type::NonNullType(inner) => innermost(inner),
    }
}

/// Whether a variable of one type may stand where another is expected.
fn fits(declared: &Type, expected: &Type) -> bool {
    match (declared, expected) {
        (schema::Type::NonNullType(declared), schema::Type::NonNullType(expected)) => {
            fits(declared, expected)
        }
        (schema::Type::NonNullType(declared), expected) => fits(declared, expected),
        (schema::Type::ListType(declared), schema::Type::ListType(expected)) => {
            fits(declared, expected)
        }
        (schema::Type::NamedType(declared), schema::Type::NamedType(expected)) => {
            declared == expected
        }
        _ => false,
    }
}

#[test]
fn every_document_fits_the_schema() {
    for (version, schema) in schemas("every_document_fits_the_schema") {
        for (name, text) in DOCUMENTS {
            let problems = schema.check(text, None);
            assert!(problems.is_empty(), "{version}, {name}: {problems:#?}");
        }
    }
}

const SMALL_SCHEMA: &str = "
    directive @once(key: String!) on FIELD
    type QueryRoot { order(id: ID!, sort: Sort): Order old: Int @deprecated }
    type Order { id: ID! lines(first: Int): [Order!]! }
    type Mutation { set(input: In!): Order }
    enum Sort { UP }
    input In { n: Int! word: Sort }";

/// Documents, and what is wrong with them.
#[rustfmt::skip]
const DOCUMENTS_WITH_MISTAKES: &[(&str, &str)] = &[
    ("query A { order(id: \"1\") { id } }", ""),
    ("query A { order(id: \"1\", sort: UP) { lines(first: 2) { id } } }", ""),
    ("query A { order(id: \"1\") { name } }", "Order has no field name"),
    ("query A { order { id } }", "QueryRoot.order needs id"),
    ("query A { order(id: \"1\") }", "QueryRoot.order selects wrongly from Order"),
    ("query A { order(id: \"1\", sort: DOWN) { id } }", "Sort has no DOWN"),
    ("query A { order(id: \"1\", up: 1) { id } }", "has no argument up"),
    ("query A($i: Int) { order(id: $i) { id } }", "$i is Int, not ID!"),
    ("query A($i: ID!) { order(id: \"1\") { id } }", "$i is never used"),
    ("query A { old }", "QueryRoot.old is deprecated"),
    ("mutation A { set(input: { n: 1 }) @once(key: \"k\") { id } }", ""),
    ("mutation A { set(input: { m: 1, n: 1 }) { id } }", "has no argument m"),
    ("mutation A { set(input: {}) { id } }", "needs n"),
    ("mutation A { set(input: { n: 1 }) @once { id } }", "@once needs key"),
];

/// Variables, and what is wrong with them.
#[rustfmt::skip]
const VARIABLES_WITH_MISTAKES: &[(&str, &str)] = &[
    (r#"{ "in": { "n": 1, "word": "UP" } }"#, ""),
    (r#"{ "in": { "n": "1" } }"#, "is not Int"),
    (r#"{ "in": { "n": 1, "m": 1 } }"#, "In has no m"),
    (r#"{ "in": {} }"#, "$in.n must not be null"),
    (r#"{}"#, "$in must not be null"),
    (r#"{ "in": { "n": 1 }, "out": 1 }"#, "$out is not declared"),
];

#[test]
fn the_check_finds_mistakes() {
    let schema = Schema::parse(SMALL_SCHEMA);
    let judge = |subject: &str, problems: Vec<String>, expected: &str| {
        let problems = problems.join("; ");
        assert_eq!(
            problems.is_empty(),
            expected.is_empty(),
            "{subject}: {problems}"
        );
        assert!(problems.contains(expected), "{subject}: {problems}");
    };
    for (document, expected) in DOCUMENTS_WITH_MISTAKES {
        judge(document, schema.check(document, None), expected);
    }
    let document = "mutation A($in: In!) { set(input: $in) { id } }";
    for (variables, expected) in VARIABLES_WITH_MISTAKES {
        let given = serde_json::from_str(variables).expect("variables");
        judge(variables, schema.check(document, Some(&given)), expected);
    }
}
