//! JSON schemas of values that are text in a file. Editors use them to check a file while it is
//! written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::Parsed;

impl<T: JsonSchema> JsonSchema for Parsed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A span of time, such as `5m` or `7days`.
#[derive(Debug)]
pub struct Duration;

/// A number of bytes, such as `512MiB`.
#[derive(Debug)]
pub struct Bytes;

macro_rules! text {
    ($name:ty, $schema:expr) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

text!(
    Duration,
    json_schema!({
        "type": "string",
        "format": "duration, such as 5m or 7days",
        "pattern": "^([0-9]+ ?[a-zA-Zµ]+ ?)+$",
    })
);
text!(
    Bytes,
    json_schema!({"type": "string", "format": "size, such as 512MiB", "pattern": "^[0-9]+(KiB|MiB|GiB|TiB)$"})
);
