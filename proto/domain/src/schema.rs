//! JSON schemas of types that the public API shows as text, so that each is defined beside its
//! parser.

/// Defines a type's schema, which is inlined wherever the type is used.
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

/// Returns the schema of texts that match a pattern.
#[must_use]
pub fn matching(pattern: &str) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "pattern": pattern})
}
