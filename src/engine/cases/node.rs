//! A value as a tree in which each text knows what it is: one of our words, a channel's id, or free text.
//!
//! Taking names out goes by type and not by the names of keys: what is not known to be harmless is free
//! text, so a field that is added later is taken out until somebody says otherwise. Start reading at
//! [`Node::of`].

use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
        SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::{Map, Number, Value};

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A number, a time, an id of ours, a word of an enum: it is kept.
    Plain,
    /// An account, by the admin's word.
    Account,
    /// A SKU.
    Sku,
    /// A channel's own id of an order, a line or a shipment.
    External,
    /// A channel's own id of a listing.
    Listing,
    /// Anything.
    Free,
}

impl Kind {
    /// The kind of the texts of a type, by its name.
    fn of_type(name: &str) -> Option<Kind> {
        Some(match name {
            "AccountId" => Kind::Account,
            "Sku" => Kind::Sku,
            "ExternalId" => Kind::External,
            "ListingId" => Kind::Listing,
            // Words of the admin, numbers, and what we made ourselves.
            "LocationId" | "ChannelId" | "Time" | "Decimal" | "Amount" | "Currency"
            | "FormulaRef" | "ConditionRef" | "OrderId" | "MovementId" | "ClaimChangeId"
            | "IntentId" | "ShipmentId" | "IncidentId" | "ArrivalId" | "CountId" | "DriftId"
            | "RefundId" | "PaymentId" | "ReturnId" | "TaskId" | "DocumentId" | "SellerId"
            | "SeriesId" | "DocumentNumber" | "NumberFormat" | "Day" => Kind::Plain,
            _ => return None,
        })
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Nothing, a truth, a number.
    Bare(Value),
    /// A text.
    Text(Kind, String),
    /// Several.
    List(Vec<Node>),
    /// By name; the name of a field is [`Kind::Plain`].
    Map(Vec<(Node, Node)>),
}

/// Why a value is no tree.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotATree(String);

impl serde::ser::Error for NotATree {
    fn custom<T: std::fmt::Display>(message: T) -> NotATree {
        NotATree(message.to_string())
    }
}

impl Node {
    /// The tree of a value.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Node, NotATree> {
        value.serialize(Planter(None))
    }

    /// The JSON of it, with each text as `say` wants it.
    pub(crate) fn json(&self, say: &mut dyn FnMut(Kind, &str) -> String) -> Value {
        match self {
            Node::Bare(value) => value.clone(),
            Node::Text(kind, text) => Value::String(say(*kind, text)),
            Node::List(nodes) => nodes.iter().map(|node| node.json(say)).collect(),
            Node::Map(entries) => {
                let mut map = Map::new();
                for (name, node) in entries {
                    let name = match name {
                        Node::Text(kind, text) => say(*kind, text),
                        Node::Bare(bare) => bare.to_string(),
                        Node::List(_) | Node::Map(_) => continue,
                    };
                    map.insert(name, node.json(say));
                }
                Value::Object(map)
            }
        }
    }

    /// Each text of it.
    pub(crate) fn each(&self, see: &mut dyn FnMut(Kind, &str)) {
        match self {
            Node::Bare(_) => {}
            Node::Text(kind, text) => see(*kind, text),
            Node::List(nodes) => nodes.iter().for_each(|node| node.each(see)),
            Node::Map(entries) => {
                for (name, node) in entries {
                    name.each(see);
                    node.each(see);
                }
            }
        }
    }

    /// Whether two trees differ in nothing but texts that may be taken out.
    pub(crate) fn is_like(&self, other: &Node) -> bool {
        match (self, other) {
            (Node::Text(Kind::Plain, one), Node::Text(Kind::Plain, two)) => one == two,
            (Node::Text(one, _), Node::Text(two, _)) => one == two,
            (Node::Bare(one), Node::Bare(two)) => one == two,
            (Node::List(one), Node::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_like(two))
            }
            (Node::Map(one), Node::Map(two)) => {
                let mut pairs = one.iter().zip(two);
                one.len() == two.len()
                    && pairs.all(|(one, two)| one.0.is_like(&two.0) && one.1.is_like(&two.1))
            }
            (Node::Bare(_) | Node::Text(..) | Node::List(_) | Node::Map(_), _) => false,
        }
    }
}

/// Makes the tree of one value; it may have been told the type of the text.
struct Planter(Option<Kind>);

/// Makes the tree of a value with parts.
struct Grower {
    variant: Option<&'static str>,
    list: Vec<Node>,
    map: Vec<(Node, Node)>,
    name: Option<Node>,
}

fn field(name: &str) -> Node {
    Node::Text(Kind::Plain, name.to_owned())
}

fn within(variant: Option<&'static str>, node: Node) -> Node {
    match variant {
        Some(variant) => Node::Map(vec![(field(variant), node)]),
        None => node,
    }
}

impl Grower {
    fn new(variant: Option<&'static str>) -> Grower {
        Grower {
            variant,
            list: Vec::new(),
            map: Vec::new(),
            name: None,
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotATree> {
        self.list.push(Node::of(value)?);
        Ok(())
    }

    fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), NotATree> {
        self.map.push((field(key), Node::of(value)?));
        Ok(())
    }

    fn list(self) -> Node {
        within(self.variant, Node::List(self.list))
    }

    fn map(self) -> Node {
        within(self.variant, Node::Map(self.map))
    }
}

fn number(number: impl Into<Number>) -> Result<Node, NotATree> {
    Ok(Node::Bare(Value::Number(number.into())))
}

impl Serializer for Planter {
    type Ok = Node;
    type Error = NotATree;
    type SerializeSeq = Grower;
    type SerializeTuple = Grower;
    type SerializeTupleStruct = Grower;
    type SerializeTupleVariant = Grower;
    type SerializeMap = Grower;
    type SerializeStruct = Grower;
    type SerializeStructVariant = Grower;

    fn serialize_bool(self, value: bool) -> Result<Node, NotATree> {
        Ok(Node::Bare(Value::Bool(value)))
    }
    fn serialize_i8(self, value: i8) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_i16(self, value: i16) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_i32(self, value: i32) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_i64(self, value: i64) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_u8(self, value: u8) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_u16(self, value: u16) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_u32(self, value: u32) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_u64(self, value: u64) -> Result<Node, NotATree> {
        number(value)
    }
    fn serialize_f32(self, _: f32) -> Result<Node, NotATree> {
        Err(NotATree::custom("no number of ours is a float"))
    }
    fn serialize_f64(self, _: f64) -> Result<Node, NotATree> {
        Err(NotATree::custom("no number of ours is a float"))
    }
    fn serialize_char(self, value: char) -> Result<Node, NotATree> {
        self.serialize_str(&value.to_string())
    }
    fn serialize_str(self, value: &str) -> Result<Node, NotATree> {
        let kind = self.0.unwrap_or(Kind::Free);
        Ok(Node::Text(kind, value.to_owned()))
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<Node, NotATree> {
        Err(NotATree::custom("bytes may hold anything"))
    }
    fn serialize_none(self) -> Result<Node, NotATree> {
        Ok(Node::Bare(Value::Null))
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, NotATree> {
        Node::of(value)
    }
    fn serialize_unit(self) -> Result<Node, NotATree> {
        Ok(Node::Bare(Value::Null))
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, NotATree> {
        Ok(Node::Bare(Value::Null))
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Node, NotATree> {
        Ok(field(variant))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Node, NotATree> {
        value.serialize(Planter(Kind::of_type(name)))
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, NotATree> {
        Ok(within(Some(variant), Node::of(value)?))
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Grower, NotATree> {
        Ok(Grower::new(None))
    }
    fn serialize_tuple(self, _: usize) -> Result<Grower, NotATree> {
        Ok(Grower::new(None))
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Grower, NotATree> {
        Ok(Grower::new(None))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Grower, NotATree> {
        Ok(Grower::new(Some(variant)))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Grower, NotATree> {
        Ok(Grower::new(None))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Grower, NotATree> {
        Ok(Grower::new(None))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Grower, NotATree> {
        Ok(Grower::new(Some(variant)))
    }
}

macro_rules! grows_list {
    ($trait:ident, $method:ident) => {
        impl $trait for Grower {
            type Ok = Node;
            type Error = NotATree;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotATree> {
                self.push(value)
            }
            fn end(self) -> Result<Node, NotATree> {
                Ok(self.list())
            }
        }
    };
}

grows_list!(SerializeSeq, serialize_element);
grows_list!(SerializeTuple, serialize_element);
grows_list!(SerializeTupleStruct, serialize_field);
grows_list!(SerializeTupleVariant, serialize_field);

macro_rules! grows_map {
    ($trait:ident) => {
        impl $trait for Grower {
            type Ok = Node;
            type Error = NotATree;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), NotATree> {
                self.set(key, value)
            }
            fn end(self) -> Result<Node, NotATree> {
                Ok(self.map())
            }
        }
    };
}

grows_map!(SerializeStruct);
grows_map!(SerializeStructVariant);

impl SerializeMap for Grower {
    type Ok = Node;
    type Error = NotATree;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotATree> {
        self.name = Some(Node::of(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotATree> {
        let name = self
            .name
            .take()
            .ok_or_else(|| NotATree::custom("a value without a key"))?;
        self.map.push((name, Node::of(value)?));
        Ok(())
    }

    fn end(self) -> Result<Node, NotATree> {
        Ok(self.map())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AccountId, ExternalId, Money, Sku, Time};
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    enum Word {
        Known,
        Unknown(String),
    }

    #[derive(Serialize)]
    struct Sample {
        account: AccountId,
        order: Option<ExternalId>,
        words: BTreeMap<String, String>,
        stock: BTreeMap<Sku, i64>,
        at: Time,
        price: Money,
        state: Vec<Word>,
    }

    #[test]
    fn each_text_knows_what_it_is() {
        let sample = Sample {
            account: AccountId::new("shop"),
            order: Some(ExternalId::new("17")),
            words: BTreeMap::from([("status".to_owned(), "Anna waits".to_owned())]),
            stock: BTreeMap::from([("MUG".parse().expect("a SKU"), 3)]),
            at: Time::EPOCH,
            price: Money::zero(domain::Currency::new("EUR").expect("euro")),
            state: vec![Word::Known, Word::Unknown("49151".to_owned())],
        };
        let node = Node::of(&sample).expect("a tree");
        let mut seen = Vec::new();
        node.each(&mut |kind, text| {
            if kind != Kind::Plain {
                seen.push((kind, text.to_owned()));
            }
        });
        let text = |kind, text: &str| (kind, text.to_owned());
        assert_eq!(
            seen,
            [
                text(Kind::Account, "shop"),
                text(Kind::External, "17"),
                text(Kind::Free, "status"),
                text(Kind::Free, "Anna waits"),
                text(Kind::Sku, "MUG"),
                text(Kind::Free, "49151"),
            ]
        );
        let same = node.json(&mut |_, text| text.to_owned());
        assert_eq!(same, serde_json::to_value(&sample).expect("JSON"));
        let hidden = node.json(&mut |kind, text| match kind {
            Kind::Free => "x".to_owned(),
            _ => text.to_owned(),
        });
        assert_eq!(hidden["words"]["x"], "x");
    }
}
