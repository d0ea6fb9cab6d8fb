//! Reading GraphQL: requests as clients send them, and this shop's own schema.
//!
//! It reads the language as its specification has it, as far as requests and type definitions go
//! (block texts and subscriptions are left out), and carries nothing out.

use std::{collections::BTreeMap, iter::Peekable, vec::IntoIter};

use super::{
    document::{
        Definitions, Directive, Document, Field, FieldDefinition, Fragment, Literal, Operation,
        Selection, Slot, SyntaxError, Type, TypeDefinition,
    },
    lexer::{Token, tokens},
};

/// Deeper nesting is an attack.
const DEPTH_MAX: usize = 40;

/// Reads a request.
pub(super) fn read_document(source: &str) -> Result<Document, SyntaxError> {
    let mut reader = Reader::new(source)?;
    let mut document = Document::default();
    while let Some(token) = reader.tokens.peek().map(|(token, _)| token.clone()) {
        match token {
            Token::Name(word) if word == "fragment" => {
                reader.skip();
                let name = reader.name()?;
                reader.word("on")?;
                let on = reader.name()?;
                let selections = reader.selections(0)?;
                document.fragments.insert(name, Fragment { on, selections });
            }
            Token::Name(word) if word == "query" || word == "mutation" => {
                reader.skip();
                document
                    .operations
                    .push(reader.operation(word == "mutation")?);
            }
            Token::Sign('{') => document.operations.push(Operation {
                name: None,
                is_mutation: false,
                variables: Vec::new(),
                selections: reader.selections(0)?,
            }),
            _ => return Err(reader.unexpected()),
        }
    }
    Ok(document)
}

/// Reads a schema.
pub(super) fn read_schema(source: &str) -> Result<Definitions, SyntaxError> {
    let mut reader = Reader::new(source)?;
    let mut definitions = Definitions::default();
    let Definitions { types, directives } = &mut definitions;
    while reader.tokens.peek().is_some() {
        match reader.name()?.as_str() {
            "directive" => {
                reader.sign('@')?;
                let name = reader.name()?;
                directives.insert(name, reader.slots('(', ')')?);
                reader.word("on")?;
                reader.name()?;
            }
            "type" | "interface" => {
                let name = reader.name()?;
                let definition = reader.object()?;
                types.insert(name, definition);
            }
            "input" => {
                let name = reader.name()?;
                types.insert(name, TypeDefinition::Input(reader.slots('{', '}')?));
            }
            "enum" => {
                let name = reader.name()?;
                reader.sign('{')?;
                let mut words = Vec::new();
                while !reader.take('}') {
                    words.push(reader.name()?);
                }
                types.insert(name, TypeDefinition::Enum(words));
            }
            _ => return Err(reader.unexpected()),
        }
    }
    Ok(definitions)
}

struct Reader {
    tokens: Peekable<IntoIter<(Token, usize)>>,
    line: usize,
}

impl Reader {
    fn new(source: &str) -> Result<Reader, SyntaxError> {
        Ok(Reader {
            tokens: tokens(source)?.into_iter().peekable(),
            line: 1,
        })
    }

    fn skip(&mut self) -> Option<Token> {
        let (token, line) = self.tokens.next()?;
        self.line = line;
        Some(token)
    }

    fn unexpected(&mut self) -> SyntaxError {
        let (found, line) = match self.tokens.peek() {
            Some((token, line)) => (format!("{token:?}"), *line),
            None => ("end of file".to_owned(), self.line),
        };
        SyntaxError {
            message: format!("syntax error, unexpected {found}"),
            line,
        }
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        match self.tokens.peek() {
            Some((Token::Name(name), _)) => {
                let name = name.clone();
                self.skip();
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), SyntaxError> {
        match self.tokens.peek() {
            Some((Token::Name(name), _)) if name == word => {
                self.skip();
                Ok(())
            }
            _ => Err(self.unexpected()),
        }
    }

    fn take(&mut self, sign: char) -> bool {
        let is_next = matches!(self.tokens.peek(), Some((Token::Sign(c), _)) if *c == sign);
        if is_next {
            self.skip();
        }
        is_next
    }

    fn sign(&mut self, sign: char) -> Result<(), SyntaxError> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn operation(&mut self, is_mutation: bool) -> Result<Operation, SyntaxError> {
        let name = self.name().ok();
        let mut variables = Vec::new();
        if self.take('(') {
            while !self.take(')') {
                self.sign('$')?;
                variables.push(self.slot()?);
            }
        }
        Ok(Operation {
            name,
            is_mutation,
            variables,
            selections: self.selections(0)?,
        })
    }

    fn selections(&mut self, depth: usize) -> Result<Vec<Selection>, SyntaxError> {
        if depth > DEPTH_MAX {
            return Err(SyntaxError {
                message: "the query is nested too deeply".to_owned(),
                line: self.line,
            });
        }
        self.sign('{')?;
        let mut selections = Vec::new();
        while !self.take('}') {
            let selection = match self.tokens.peek() {
                Some((Token::Spread, _)) => {
                    self.skip();
                    self.spread(depth)?
                }
                _ => Selection::Field(self.field(depth)?),
            };
            selections.push(selection);
        }
        Ok(selections)
    }

    fn spread(&mut self, depth: usize) -> Result<Selection, SyntaxError> {
        let name = self.name().ok();
        match name.as_deref() {
            Some("on") => Ok(Selection::Inline {
                on: Some(self.name()?),
                selections: self.selections(depth + 1)?,
            }),
            Some(name) => Ok(Selection::Spread(name.to_owned())),
            None => Ok(Selection::Inline {
                on: None,
                selections: self.selections(depth + 1)?,
            }),
        }
    }

    fn field(&mut self, depth: usize) -> Result<Field, SyntaxError> {
        let first = self.name()?;
        let line = self.line;
        let name = match self.take(':') {
            true => self.name()?,
            false => first.clone(),
        };
        let arguments = self.arguments()?;
        let mut directives = Vec::new();
        while self.take('@') {
            directives.push(Directive {
                name: self.name()?,
                arguments: self.arguments()?,
            });
        }
        let selections = match self.tokens.peek() {
            Some((Token::Sign('{'), _)) => self.selections(depth + 1)?,
            _ => Vec::new(),
        };
        Ok(Field {
            key: first,
            name,
            arguments,
            directives,
            selections,
            line,
        })
    }

    fn arguments(&mut self) -> Result<Vec<(String, Literal)>, SyntaxError> {
        let mut arguments = Vec::new();
        if self.take('(') {
            while !self.take(')') {
                let name = self.name()?;
                self.sign(':')?;
                arguments.push((name, self.literal(0)?));
            }
        }
        Ok(arguments)
    }

    fn literal(&mut self, depth: usize) -> Result<Literal, SyntaxError> {
        if depth > DEPTH_MAX {
            return Err(self.unexpected());
        }
        if self.take('$') {
            return Ok(Literal::Variable(self.name()?));
        }
        if self.take('[') {
            let mut values = Vec::new();
            while !self.take(']') {
                values.push(self.literal(depth + 1)?);
            }
            return Ok(Literal::List(values));
        }
        if self.take('{') {
            let mut entries = Vec::new();
            while !self.take('}') {
                let name = self.name()?;
                self.sign(':')?;
                entries.push((name, self.literal(depth + 1)?));
            }
            return Ok(Literal::Object(entries));
        }
        match self.tokens.peek().map(|(token, _)| token.clone()) {
            Some(Token::Number(digits)) => {
                self.skip();
                Ok(digits.parse().map_or(Literal::Float(digits), Literal::Int))
            }
            Some(Token::Text(text)) => {
                self.skip();
                Ok(Literal::Text(text))
            }
            Some(Token::Name(word)) => {
                self.skip();
                Ok(match word.as_str() {
                    "true" => Literal::Boolean(true),
                    "false" => Literal::Boolean(false),
                    "null" => Literal::Null,
                    _ => Literal::Word(word),
                })
            }
            Some(Token::Sign(_) | Token::Spread) | None => Err(self.unexpected()),
        }
    }

    fn kind(&mut self) -> Result<Type, SyntaxError> {
        let mut lists = 0;
        while lists < DEPTH_MAX && self.take('[') {
            lists += 1;
        }
        let mut kind = Type::Named(self.name()?);
        if self.take('!') {
            kind = Type::Required(Box::new(kind));
        }
        for _ in 0..lists {
            self.sign(']')?;
            kind = Type::List(Box::new(kind));
            if self.take('!') {
                kind = Type::Required(Box::new(kind));
            }
        }
        Ok(kind)
    }

    fn slot(&mut self) -> Result<Slot, SyntaxError> {
        let name = self.name()?;
        self.sign(':')?;
        Ok(Slot {
            name,
            kind: self.kind()?,
            default: match self.take('=') {
                true => Some(self.literal(0)?),
                false => None,
            },
        })
    }

    fn slots(&mut self, open: char, close: char) -> Result<Vec<Slot>, SyntaxError> {
        let mut slots = Vec::new();
        if self.take(open) {
            while !self.take(close) {
                slots.push(self.slot()?);
            }
        }
        Ok(slots)
    }

    fn object(&mut self) -> Result<TypeDefinition, SyntaxError> {
        let mut implements = Vec::new();
        if self.word("implements").is_ok() {
            implements.push(self.name()?);
            while self.take('&') {
                implements.push(self.name()?);
            }
        }
        self.sign('{')?;
        let mut fields = BTreeMap::new();
        while !self.take('}') {
            let name = self.name()?;
            let arguments = self.slots('(', ')')?;
            self.sign(':')?;
            let kind = self.kind()?;
            fields.insert(name, FieldDefinition { arguments, kind });
        }
        Ok(TypeDefinition::Object { implements, fields })
    }
}
