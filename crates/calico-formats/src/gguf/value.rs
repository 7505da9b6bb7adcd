/// A value of the metadata, as it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// An unsigned integer of 32 bits: what nearly all sizes and ids are written as.
    U32(u32),
    /// An integer of 32 bits.
    I32(i32),
    /// An unsigned integer of 64 bits.
    U64(u64),
    /// A float of 32 bits.
    F32(f32),
    /// A float of 64 bits.
    F64(f64),
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// Several floats of 32 bits.
    Floats(Vec<f32>),
    /// Several integers of 32 bits.
    Ints(Vec<i32>),
}

/// The type of a value in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    List,
    U64,
    I64,
    F64,
}

impl Kind {
    /// In the order of their numbers.
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Text,
        Self::List,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    /// The type with a number.
    pub(super) fn of(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// Bytes that the shortest value takes.
    pub(super) fn least_bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            // The length of a text, or the type and the number of a list's values.
            Self::Text | Self::U64 | Self::I64 | Self::F64 => 8,
            Self::List => 12,
        }
    }
}

impl Value {
    /// Adds the type and the value to a header.
    pub(super) fn write(&self, header: &mut Vec<u8>) {
        let mut kind = |kind: Kind| header.extend((kind as u32).to_le_bytes());
        match self {
            Self::Bool(value) => {
                kind(Kind::Bool);
                header.push((*value).into());
            }
            Self::U32(value) => {
                kind(Kind::U32);
                header.extend(value.to_le_bytes());
            }
            Self::I32(value) => {
                kind(Kind::I32);
                header.extend(value.to_le_bytes());
            }
            Self::U64(value) => {
                kind(Kind::U64);
                header.extend(value.to_le_bytes());
            }
            Self::F32(value) => {
                kind(Kind::F32);
                header.extend(value.to_le_bytes());
            }
            Self::F64(value) => {
                kind(Kind::F64);
                header.extend(value.to_le_bytes());
            }
            Self::Text(value) => {
                kind(Kind::Text);
                write_text(value, header);
            }
            Self::Texts(values) => {
                write_list(Kind::Text, values.len(), header);
                for value in values {
                    write_text(value, header);
                }
            }
            Self::Floats(values) => {
                write_list(Kind::F32, values.len(), header);
                header.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::Ints(values) => {
                write_list(Kind::I32, values.len(), header);
                header.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
}

/// The beginning of a list.
fn write_list(of: Kind, count: usize, header: &mut Vec<u8>) {
    header.extend((Kind::List as u32).to_le_bytes());
    header.extend((of as u32).to_le_bytes());
    header.extend((count as u64).to_le_bytes());
}

/// A length and as many bytes.
pub(super) fn write_text(text: &str, header: &mut Vec<u8>) {
    header.extend((text.len() as u64).to_le_bytes());
    header.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_the_one_with_its_number() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number, "{kind:?}");
            assert_eq!(Kind::of(number as u32), Some(kind));
        }
        assert_eq!(Kind::of(13), None);
    }
}
