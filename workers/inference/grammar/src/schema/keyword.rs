/// Keywords that affect validity. Others are annotations.
const KNOWN: [&str; 46] = [
    "type",
    "const",
    "enum",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "$ref",
    "$recursiveRef",
    "$dynamicRef",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "prefixItems",
    "items",
    "contains",
    "uniqueItems",
    "unevaluatedItems",
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "required",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "extends",
    "disallow",
    "divisibleBy",
    // Read along with another keyword.
    "additionalItems",
    "then",
    "else",
    "minContains",
    "maxContains",
];

/// Keywords that only have a meaning along with another one, which reads them.
const COMPANIONS: [&str; 5] = ["additionalItems", "then", "else", "minContains", "maxContains"];

const DRAFT_3: [&str; 3] = ["extends", "disallow", "divisibleBy"];

/// The keyword, if it determines on its own which values are valid.
pub(super) fn known(name: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| *known == name).filter(|known| !COMPANIONS.contains(known))
}

/// Whether only draft 3 has the keyword.
pub(super) fn is_of_draft_3(keyword: &str) -> bool {
    DRAFT_3.contains(&keyword)
}
