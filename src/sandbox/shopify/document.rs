//! What a request and a schema are made of, once they are read.

use std::collections::BTreeMap;

/// A literal, or a variable in the place of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Variable(String),
    Int(i64),
    Float(String),
    Text(String),
    Boolean(bool),
    Null,
    Word(String),
    List(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}

/// A type as it is written: `[ID!]!`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Named(String),
    List(Box<Type>),
    Required(Box<Type>),
}

#[derive(Debug, Clone)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Literal)>,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The name in the answer.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Literal)>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) line: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Selection {
    Field(Field),
    Spread(String),
    Inline {
        on: Option<String>,
        selections: Vec<Selection>,
    },
}

/// A declared argument, variable or key of an input.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) default: Option<Literal>,
}

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: Option<String>,
    pub(super) is_mutation: bool,
    pub(super) variables: Vec<Slot>,
    pub(super) selections: Vec<Selection>,
}

#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) on: String,
    pub(super) selections: Vec<Selection>,
}

#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: BTreeMap<String, Fragment>,
}

#[derive(Debug)]
pub(super) struct FieldDefinition {
    pub(super) arguments: Vec<Slot>,
    pub(super) kind: Type,
}

#[derive(Debug)]
pub(super) enum TypeDefinition {
    Object {
        implements: Vec<String>,
        fields: BTreeMap<String, FieldDefinition>,
    },
    Input(Vec<Slot>),
    Enum(Vec<String>),
}

/// Why a text is not GraphQL, and in which line.
#[derive(Debug, PartialEq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) line: usize,
}

impl Type {
    /// The name at the core of it.
    pub(super) fn name(&self) -> &str {
        match self {
            Type::Named(name) => name,
            Type::List(inner) | Type::Required(inner) => inner.name(),
        }
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Type::Named(name) => f.write_str(name),
            Type::List(inner) => write!(f, "[{inner}]"),
            Type::Required(inner) => write!(f, "{inner}!"),
        }
    }
}

/// A schema: types by name, and the arguments of directives.
#[derive(Default)]
pub(super) struct Definitions {
    pub(super) types: BTreeMap<String, TypeDefinition>,
    pub(super) directives: BTreeMap<String, Vec<Slot>>,
}
