use crate::GgufError;
use crate::cursor::Cursor;

/// A metadata value, with the file's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    F32(f32),
    F64(f64),
    Bool(bool),
    String(String),
    Array(Array),
}

/// A metadata array. Arrays of arrays, which no known model uses, are rejected.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    String(Vec<String>),
}

impl Value {
    /// Returns any non-negative integer.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(value) => Some(value.into()),
            Self::U16(value) => Some(value.into()),
            Self::U32(value) => Some(value.into()),
            Self::U64(value) => Some(value),
            Self::I8(value) => value.try_into().ok(),
            Self::I16(value) => value.try_into().ok(),
            Self::I32(value) => value.try_into().ok(),
            Self::I64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// Returns any float.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::F32(value) => Some(value.into()),
            Self::F64(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = *self { Some(value) } else { None }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }

    pub fn as_array(&self) -> Option<&Array> {
        if let Self::Array(value) = self { Some(value) } else { None }
    }

    pub fn as_strings(&self) -> Option<&[String]> {
        if let Self::Array(Array::String(values)) = self { Some(values) } else { None }
    }

    /// Returns a number or bool, or the type of any other value, for error messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::String(_) => "a string".to_owned(),
            Self::Array(_) => "an array".to_owned(),
            Self::Bool(value) => value.to_string(),
            other => other.as_u64().map_or_else(|| format!("{other:?}"), |value| value.to_string()),
        }
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>, key: &str) -> Result<Self, GgufError> {
        const WHAT: &str = "a value";
        Ok(match cursor.u32("a value's type")? {
            0 => Self::U8(u8::from_le_bytes(cursor.array(WHAT)?)),
            1 => Self::I8(i8::from_le_bytes(cursor.array(WHAT)?)),
            2 => Self::U16(u16::from_le_bytes(cursor.array(WHAT)?)),
            3 => Self::I16(i16::from_le_bytes(cursor.array(WHAT)?)),
            4 => Self::U32(u32::from_le_bytes(cursor.array(WHAT)?)),
            5 => Self::I32(i32::from_le_bytes(cursor.array(WHAT)?)),
            6 => Self::F32(f32::from_le_bytes(cursor.array(WHAT)?)),
            7 => Self::Bool(bool_of(cursor, key)?),
            8 => Self::String(cursor.string("a string value")?.to_owned()),
            9 => Self::Array(Array::read(cursor, key)?),
            10 => Self::U64(cursor.u64(WHAT)?),
            11 => Self::I64(i64::from_le_bytes(cursor.array(WHAT)?)),
            12 => Self::F64(f64::from_le_bytes(cursor.array(WHAT)?)),
            kind => return Err(GgufError::UnknownValue { key: key.to_owned(), kind }),
        })
    }
}

impl Array {
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::String(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(cursor: &mut Cursor<'_>, key: &str) -> Result<Self, GgufError> {
        const WHAT: &str = "an array";
        Ok(match cursor.u32("an array's type")? {
            0 => Self::U8(numbers(cursor, u8::from_le_bytes)?),
            1 => Self::I8(numbers(cursor, i8::from_le_bytes)?),
            2 => Self::U16(numbers(cursor, u16::from_le_bytes)?),
            3 => Self::I16(numbers(cursor, i16::from_le_bytes)?),
            4 => Self::U32(numbers(cursor, u32::from_le_bytes)?),
            5 => Self::I32(numbers(cursor, i32::from_le_bytes)?),
            6 => Self::F32(numbers(cursor, f32::from_le_bytes)?),
            7 => {
                let count = cursor.count(1, WHAT)?;
                Self::Bool((0..count).map(|_| bool_of(cursor, key)).collect::<Result<_, _>>()?)
            }
            8 => {
                let count = cursor.count(8, WHAT)?;
                let mut strings = Vec::with_capacity(count);
                for _ in 0..count {
                    strings.push(cursor.string("an array's string")?.to_owned());
                }
                Self::String(strings)
            }
            9 => return Err(GgufError::NestedArray { key: key.to_owned() }),
            10 => Self::U64(numbers(cursor, u64::from_le_bytes)?),
            11 => Self::I64(numbers(cursor, i64::from_le_bytes)?),
            12 => Self::F64(numbers(cursor, f64::from_le_bytes)?),
            kind => return Err(GgufError::UnknownValue { key: key.to_owned(), kind }),
        })
    }
}

fn numbers<const N: usize, T>(cursor: &mut Cursor<'_>, read: fn([u8; N]) -> T) -> Result<Vec<T>, GgufError> {
    let count = cursor.count(N as u64, "an array")?;
    let bytes = cursor.take((count * N) as u64, "an array")?;
    Ok(bytes.as_chunks().0.iter().copied().map(read).collect())
}

fn bool_of(cursor: &mut Cursor<'_>, key: &str) -> Result<bool, GgufError> {
    match cursor.array("a bool")? {
        [0] => Ok(false),
        [1] => Ok(true),
        [value] => Err(GgufError::NotBool { key: key.to_owned(), value }),
    }
}
