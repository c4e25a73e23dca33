//! JSON schemas of the types that the public API shows by their text, so that each stands beside its reader.

/// Gives a type a schema that is written out wherever the type is used.
#[macro_export]
macro_rules! inline_schema {
    ($name:ty, $schema:expr) => {
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }
    };
}

/// Makes the schema of the texts that match a pattern.
#[must_use]
pub fn matching(pattern: &str) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "pattern": pattern})
}
